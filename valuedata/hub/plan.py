"""What a push would change on the Hub; nothing here writes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub import HfApi, RepoFile
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils import (  # type: ignore[attr-defined] # public, though not by __all__
    build_hf_headers,
    get_session,
    hf_raise_for_status,
)

from valuedata.errors import HubError
from valuedata.hub.connection import DATASET, name_failures
from valuedata.hub.content import CARD, Content, Item
from valuedata.hub.settings import MAIN, Gate, PushSettings
from valuedata.release.damage import join_problems
from valuedata.release.folder import MANIFEST
from valuedata.release.hashing import hash_file

__all__ = ["ATTRIBUTES", "Plan", "Remote", "check_card", "compare_item", "make_plan"]

ATTRIBUTES = ".gitattributes"  # which the Hub writes into every data set
IGNORED = ".gitignore"


@dataclass(frozen=True)
class Remote:
    """What is on the Hub.

    Attributes:
        exists: Whether there is the data set.
        private: Whether only its owner may see it.
        gated: Who may read it otherwise, as in `PushSettings`.
        head: Commit of the branch; None where there is no such branch.
        base: The head, or the main branch's; None where there is no data set.
        files: Path to the entry of every file at the base.
        released: File of the release that is there to its SHA-256; empty where there is none.
        tags: Tag to commit.
    """

    exists: bool = False
    private: bool = True
    gated: Gate = "no"
    head: str | None = None
    base: str | None = None
    files: Mapping[str, RepoFile] = field(default_factory=dict)
    released: Mapping[str, object] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What a push would change.

    Attributes:
        name: ORG/NAME of the data set.
        content: What is to be there.
        settings: How it is pushed.
        remote: What is there.
        new: Files that are not there yet.
        changed: Files that are there with other content.
        unchanged: Files that are there as they are.
        deleted: Files of the release that is there, and not of this one.
        gate: Who may read the data set from now on; None where that stays.
        replaces_card: The card there is no release's, such as one that was edited by hand.
    """

    name: str
    content: Content
    settings: PushSettings
    remote: Remote
    new: tuple[Item, ...]
    changed: tuple[Item, ...]
    unchanged: tuple[Item, ...]
    deleted: tuple[str, ...]
    gate: Gate | None
    replaces_card: bool

    @property
    def is_empty(self) -> bool:
        """Whether the branch holds exactly this release already."""
        return self.remote.head is not None and not (self.new or self.changed or self.deleted)


def make_plan(api: HfApi, name: str, content: Content, settings: PushSettings) -> Plan:
    """Compares what is on the Hub with what is to be there.

    Raises:
        HubUnreachableError: If the Hub does not answer.
        HubError: If the push would publish what is not meant to be public, replace what is no
            release, or move a tag, or the Hub does not take the card.
    """
    states: dict[str, list[Item]] = {"new": [], "changed": [], "unchanged": []}
    with name_failures(api, name, f"read {name}"):
        remote = _read_remote(api, name, settings.revision)
        for item in content.items:
            states[compare_item(item, remote.files.get(item.path))].append(item)
        changed = {item.path for item in states["changed"]}
        replaces_card = CARD in changed and not _is_card_whole(api, name, remote)
    paths = {item.path for item in content.items}
    plan = Plan(
        name,
        content,
        settings,
        remote,
        **{state: tuple(items) for state, items in states.items()},
        deleted=tuple(sorted((set(remote.released) & set(remote.files)) - paths)),
        gate=_choose_gate(content, settings, remote),
        replaces_card=replaces_card,
    )
    _check_audience(plan)
    _check_place(plan)
    if any(item.path == CARD for item in (*plan.new, *plan.changed)):
        with name_failures(api, name, f"take the card for {name}"):
            check_card(api, content.card, DATASET)
    return plan


def check_card(api: HfApi, card: str, repo_type: str) -> None:
    """Asks the Hub what `create_commit` asks it only after everything else was prepared."""
    answer = get_session().post(
        f"{api.endpoint}/api/validate-yaml",
        json={"repoType": repo_type, "content": card},
        headers=build_hf_headers(token=api.token),
    )
    hf_raise_for_status(answer)


def _read_remote(api: HfApi, name: str, revision: str) -> Remote:
    try:
        info = api.dataset_info(name)
    except RepositoryNotFoundError:
        return Remote()
    refs = api.list_repo_refs(name, repo_type=DATASET)
    branches = {branch.name: branch.target_commit for branch in refs.branches}
    tags = {tag.name: tag.target_commit for tag in refs.tags}
    if revision in tags:
        raise HubError(
            f"{name} has a tag {revision!r}, which no commit can be added to; give --revision with "
            "a branch."
        )
    if revision.startswith("refs/"):
        head = api.dataset_info(name, revision=revision).sha
    else:
        head = branches.get(revision)
    base = head or branches[MAIN]
    tree = api.list_repo_tree(name, repo_type=DATASET, revision=base, recursive=True)
    files = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    return Remote(
        exists=True,
        private=bool(info.private),
        gated=_name_gate(info.gated),
        head=head,
        base=base,
        files=files,
        released=_list_released(api, name, base) if MANIFEST in files else {},
        tags=tags,
    )


def _name_gate(gated: object) -> Gate:
    return "auto" if gated == "auto" else "manual" if gated else "no"


def _list_released(api: HfApi, name: str, commit: str) -> dict[str, object]:
    """Files of the release at a commit with their hashes; none where it is none of valuedata."""
    file = api.hf_hub_download(name, MANIFEST, repo_type=DATASET, revision=commit)
    try:
        manifest = json.loads(Path(file).read_text(encoding="utf-8"))
    except ValueError:
        return {}
    listed = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(listed, dict) or "content_hash" not in manifest:
        return {}
    hashes = {
        path: told.get("sha256") if isinstance(told, dict) else None
        for path, told in listed.items()
    }
    return hashes | {MANIFEST: None}


def _is_card_whole(api: HfApi, name: str, remote: Remote) -> bool:
    """Whether the card that is there is the one that a push wrote."""
    file = api.hf_hub_download(name, CARD, repo_type=DATASET, revision=remote.base)
    return hash_file(Path(file)) == remote.released.get(CARD)


def compare_item(item: Item, entry: RepoFile | None) -> str:
    """Whether a file is "new", "changed" or "unchanged" beside what is there."""
    if entry is None:
        return "new"
    if entry.lfs is not None:
        same = entry.lfs.sha256 == item.sha256
    else:
        same = entry.size == item.size and entry.blob_id == _hash_blob(item.read())
    return "unchanged" if same else "changed"


def _hash_blob(content: bytes) -> str:
    """Git's own hash of a file.

    Source: Git Internals, Git Objects: the SHA-1 of "blob", the size, a zero byte and the content.
    """
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _choose_gate(content: Content, settings: PushSettings, remote: Remote) -> Gate | None:
    if settings.create_pr and remote.private:
        return None  # nobody else reads it, and its settings are its owner's
    if settings.gated is not None:
        return settings.gated if settings.gated != remote.gated else None
    return "auto" if content.release.harmful and remote.gated == "no" else None


def _check_audience(plan: Plan) -> None:
    """Refuses what would be read by more people than was said."""
    name, settings, remote = plan.name, plan.settings, plan.remote
    if remote.exists and not remote.private and not settings.public:
        raise HubError(
            f"{name} is public; give --public to publish the release there, or another name."
        )
    if settings.create_pr and not remote.private and plan.gate is not None:
        harmful = " and ".join(plan.content.release.harmful)
        raise HubError(
            f"{name} is not gated, which {harmful} should be, and a "
            "pull request cannot change that; let its owner gate it, or push without --create-pr."
        )


def _check_place(plan: Plan) -> None:
    """Refuses to replace what is no release, and to move a tag."""
    name, settings, remote = plan.name, plan.settings, plan.remote
    if settings.create_pr and remote.head is None:
        raise HubError(
            f"There is no branch {settings.revision} of {name} that a pull request could be made "
            "to; push without --create-pr to make it."
        )
    others = sorted(set(remote.files) - {ATTRIBUTES, CARD} - set(remote.released))
    if IGNORED in others or (others and not remote.released):
        raise HubError(
            f"{name} holds files that no release has ({join_problems(others)}); delete them "
            "there, or give another name."
        )
    tagged = remote.tags.get(settings.tag or "")
    if tagged is not None and not (plan.is_empty and tagged == remote.head):
        raise HubError(
            f"{name} has a tag {settings.tag!r} of another content; give a new --tag, such as the "
            "next version."
        )
