"""A trained model to the Hub, in one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from valuedata.errors import HubError
from valuedata.hub.connection import check_login, connect, keep_trying, name_failures
from valuedata.hub.content import Item
from valuedata.hub.model_content import ModelContent
from valuedata.hub.model_place import check_audience, check_identity, check_others, list_files
from valuedata.hub.names import is_hub_name
from valuedata.hub.plan import check_card, compare_item
from valuedata.hub.settings import MAIN, RETRY_SECONDS

__all__ = [
    "ModelPlan",
    "PushedModel",
    "check_model_name",
    "plan_model",
    "push_model",
]

MODEL = "model"
GATE: Final = "auto"


@dataclass(frozen=True)
class ModelPlan:
    """What a push of a model would change.

    Attributes:
        name: ORG/NAME of the model.
        content: What is to be there.
        harmful: The value that the model was trained for, where that does harm.
        public: Publish it.
        replace: Put it in the place of another model.
        exists: Whether there is the model.
        private: Whether only its owner may see it.
        gated: Whether others must ask.
        head: Commit of the main branch; None where there is no model.
        new: Files that are not there yet.
        changed: Files that are there with other content.
        unchanged: Files that are there as they are.
        deleted: Files of another model, which this one takes the place of.
    """

    name: str
    content: ModelContent
    harmful: str | None
    public: bool
    replace: bool
    exists: bool
    private: bool
    gated: bool
    head: str | None
    new: tuple[Item, ...]
    changed: tuple[Item, ...]
    unchanged: tuple[Item, ...]
    deleted: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether exactly this model is there already."""
        return self.exists and not (self.new or self.changed or self.deleted)

    @property
    def audience(self) -> str:
        """Who may read the model after the push."""
        told = "private" if self.private and not self.public else "public"
        return told + (f", gated: {GATE}" if self.gated or self.harmful else "")


@dataclass(frozen=True)
class PushedModel:
    """What a push did.

    Attributes:
        plan: What was there before, and what has changed.
        commit: Commit that holds the model.
        url: Its page.
    """

    plan: ModelPlan
    commit: str
    url: str


def check_model_name(text: str) -> str:
    """The name of a model to push to.

    Raises:
        HubError: If it is no such name.
    """
    if not is_hub_name(text) or "@" in text:
        raise HubError(
            f"{text!r} is no name of a model on the Hub; give ORG/NAME, such as my-name/empathy."
        )
    return text


def plan_model(
    content: ModelContent,
    name: str,
    *,
    harmful: str | None = None,
    public: bool = False,
    replace: bool = False,
    api: HfApi | None = None,
) -> ModelPlan:
    """Says what `push_model` would do, without a request that writes.

    Args:
        content: What is to be there.
        name: ORG/NAME of the model.
        harmful: The value that it was trained for, where that does harm; others must then ask.
        public: Publish it; otherwise it must be, or becomes, private.
        replace: Put it in the place of another model, whose files are deleted.
        api: Client of the Hub; without it, one with the token of the environment or of the login.

    Raises:
        HubError: If it could not be pushed.
    """
    check_model_name(name)
    client = api or connect()

    def attempt() -> ModelPlan:
        check_login(client)
        return _compare(client, content, name, harmful=harmful, public=public, replace=replace)

    return keep_trying(attempt, RETRY_SECONDS)


def push_model(plan: ModelPlan, api: HfApi | None = None) -> PushedModel:
    """Puts a model on the Hub in one commit; the same call goes on with what stopped it.

    Args:
        plan: What `plan_model` found.
        api: Client of the Hub; without it, one with the token of the environment or of the login.

    Raises:
        HubUnreachableError: If the Hub did not answer in time.
        HubError: If the Hub refuses.
    """
    client = api or connect()
    done: list[str] = []

    def attempt() -> PushedModel:
        now = _compare_again(client, plan)
        if plan.head is not None and now.head != plan.head and not now.is_empty:
            raise HubError(
                f"{plan.name} was changed by someone else meanwhile; look at it and push again."
            )
        return _finish(client, plan, _prepare_place(client, now, done), done)

    return keep_trying(attempt, RETRY_SECONDS)


def _compare_again(api: HfApi, plan: ModelPlan) -> ModelPlan:
    return _compare(
        api,
        plan.content,
        plan.name,
        harmful=plan.harmful,
        public=plan.public,
        replace=plan.replace,
    )


def _compare(
    api: HfApi,
    content: ModelContent,
    name: str,
    *,
    harmful: str | None,
    public: bool,
    replace: bool,
) -> ModelPlan:
    states: dict[str, list[Item]] = {"new": [], "changed": [], "unchanged": []}
    info, files = list_files(api, name)
    if info is not None and not replace:
        check_identity(api, name, str(info.sha), files, content.identity)
    for item in content.items:
        states[compare_item(item, files.get(item.path))].append(item)
    others = sorted(set(files) - {item.path for item in content.items})
    if not replace:
        check_others(name, others)
    if info is not None:
        check_audience(name, info, public=public)
    if info is None or states["new"] or states["changed"]:
        with name_failures(api, name, f"take the card for {name}"):
            check_card(api, content.card, MODEL)
    return ModelPlan(
        name,
        content,
        harmful,
        public,
        replace,
        exists=info is not None,
        private=info is None or bool(info.private),
        gated=info is not None and bool(info.gated),
        head=None if info is None else info.sha,
        **{state: tuple(items) for state, items in states.items()},
        deleted=tuple(others),
    )


def _prepare_place(api: HfApi, plan: ModelPlan, done: list[str]) -> ModelPlan:
    """Makes what is missing of the model, and gates it before anything comes."""
    name = plan.name
    if not plan.exists:
        with name_failures(api, name, f"create {name}", done):
            api.create_repo(name, repo_type=MODEL, private=True)
        done.append("was made, private")
        plan = _compare_again(api, plan)
    if plan.harmful is not None and not plan.gated:
        with name_failures(api, name, f"gate {name}", done):
            api.update_repo_settings(name, repo_type=MODEL, gated=GATE)
        done.append(f"is gated now ({GATE})")
    return plan


def _finish(api: HfApi, before: ModelPlan, now: ModelPlan, done: Sequence[str]) -> PushedModel:
    """Commits and publishes, in this order; what is done already is left out."""
    name, commit = now.name, str(now.head)
    if not now.is_empty:
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            *(CommitOperationAdd(item.path, item.source) for item in (*now.new, *now.changed)),
            *(CommitOperationDelete(path, is_folder=False) for path in now.deleted),
        ]
        with name_failures(api, name, f"write to {name}", done):
            made = api.create_commit(
                name,
                operations,
                commit_message="A model trained on a value subset",
                commit_description=f"By valuedata {version('valuedata')}.",
                repo_type=MODEL,
                revision=MAIN,
                parent_commit=now.head,
            )
        commit = str(made.oid)
    if now.public and now.private:
        with name_failures(api, name, f"make {name} public", done):
            api.update_repo_settings(name, repo_type=MODEL, private=False)
    return PushedModel(before, commit, f"{api.endpoint}/{name}")
