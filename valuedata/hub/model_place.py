"""What is on the Hub by the name of a model: its files, which model it is, and its licence."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from huggingface_hub import HfApi, ModelInfo, RepoFile
from huggingface_hub.errors import RepositoryNotFoundError

from valuedata.errors import HubError
from valuedata.hub.connection import connect, keep_trying, name_failures
from valuedata.hub.model_content import RECORD, can_be_sent, identify_model
from valuedata.hub.plan import ATTRIBUTES
from valuedata.hub.settings import RETRY_SECONDS
from valuedata.release.damage import join_problems

__all__ = [
    "check_audience",
    "check_identity",
    "check_others",
    "check_place",
    "find_licence",
    "list_files",
]

MODEL: Final = "model"
OTHER: Final = "other"


def check_place(
    name: str,
    identity: Mapping[str, str],
    *,
    stages: Sequence[str],
    public: bool = False,
    replace: bool = False,
    api: HfApi | None = None,
) -> None:
    """Refuses a place that holds another model, or more than any run leaves, or that all may read.

    Args:
        name: ORG/NAME of the model.
        identity: Which model is to be there, as `identify_model` says.
        stages: Its trainings.
        public: Whether it is to be published.
        replace: Let it take the place of another.
        api: Client of the Hub; without it, one with the token of the environment or of the login.

    Raises:
        HubError: If another model is there, or something that is none; if a public one is and this
            one is not to be published.
    """
    client = api or connect()

    def attempt() -> None:
        info, files = list_files(client, name)
        if info is not None and not replace:
            check_identity(client, name, str(info.sha), files, identity)
            check_others(name, [path for path in files if not can_be_sent(path, stages)])
        if info is not None:
            check_audience(name, info, public=public)

    keep_trying(attempt, RETRY_SECONDS)


def find_licence(name: str, revision: str | None = None, api: HfApi | None = None) -> str | None:
    """The licence that the card of a model on the Hub gives, by its own name where it is "other".

    Args:
        name: Name of the model.
        revision: Branch, tag or commit; None for the main branch.
        api: Client of the Hub; without it, one with the token of the environment or of the login.

    Returns:
        None where there is no such model, or its card gives none.

    Raises:
        HubError: If the Hub refuses.
    """
    client = api or connect()

    def attempt() -> str | None:
        with name_failures(client, name, f"read the card of {name}"):
            try:
                card = client.model_info(name, revision=revision).card_data
            except RepositoryNotFoundError:
                return None
        told = {} if card is None else vars(card)
        own = told.get("license_name") if told.get("license") == OTHER else None
        licence = own or told.get("license")
        return licence if isinstance(licence, str) else None

    return keep_trying(attempt, RETRY_SECONDS)


def list_files(api: HfApi, name: str) -> tuple[ModelInfo | None, dict[str, RepoFile]]:
    """What is on the Hub by a name, and its files but the one that the Hub writes.

    Args:
        api: The client.
        name: ORG/NAME of the model.

    Raises:
        HubError: If the Hub refuses.
    """
    with name_failures(api, name, f"read {name}"):
        try:
            info = api.model_info(name)
        except RepositoryNotFoundError:
            return None, {}
        tree = api.list_repo_tree(name, repo_type=MODEL, revision=info.sha, recursive=True)
        files = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    files.pop(ATTRIBUTES, None)
    return info, files


def check_others(name: str, others: Sequence[str]) -> None:
    """Refuses files beside those of a run.

    Args:
        name: ORG/NAME of the model.
        others: Paths of files there that the run has not.

    Raises:
        HubError: If there are any.
    """
    if others:
        raise HubError(
            f"{name} holds files that this run has not ({join_problems(sorted(others))}); delete "
            "them there, give --replace, or give another name."
        )


def check_audience(name: str, info: ModelInfo, *, public: bool) -> None:
    """Refuses to publish what was not asked to be public.

    Args:
        name: ORG/NAME of the model.
        info: What the Hub says of it.
        public: Whether it is to be published.

    Raises:
        HubError: If it is public there, and not to be.
    """
    if not info.private and not public:
        raise HubError(f"{name} is public; give --public to publish the model there, or another.")


def check_identity(
    api: HfApi,
    name: str,
    commit: str,
    files: Mapping[str, RepoFile],
    identity: Mapping[str, str],
) -> None:
    """Refuses to write over a model that is another, or that nobody can tell apart.

    Args:
        api: The client.
        name: ORG/NAME of the model.
        commit: What is there.
        files: Its files.
        identity: Which model is to be there, as `identify_model` says.

    Raises:
        HubError: If another is there.
    """
    if not files:
        return
    found = _read_identity(api, name, commit) if RECORD in files else None
    if found is None:
        raise HubError(
            f"{name} holds files ({join_problems(sorted(files))}) and no run.json that says which "
            "model they are; give --replace to put this one in their place, or another name."
        )
    differing = [key for key in identity if found[key] != identity[key]]
    if differing:
        raise HubError(
            f"{name} holds another model (its {' and '.join(differing)} differ); give --replace "
            "to put this one in its place, or another name."
        )


def _read_identity(api: HfApi, name: str, commit: str) -> dict[str, str] | None:
    """Which model a commit holds; None where its run.json does not say."""
    with name_failures(api, name, f"read {name}"):
        file = api.hf_hub_download(name, RECORD, revision=commit)
    try:
        return identify_model(json.loads(Path(file).read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError):
        return None
