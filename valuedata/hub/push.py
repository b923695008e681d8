"""A release to the Hub, in one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from huggingface_hub import (
    CommitInfo,
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
)

from valuedata.errors import HubError, HubUnreachableError
from valuedata.hub.connection import DATASET, check_login, connect, keep_trying, name_failures
from valuedata.hub.content import prepare_content
from valuedata.hub.names import parse_name
from valuedata.hub.plan import Plan, Remote, make_plan
from valuedata.hub.settings import MAIN, Gate, PushSettings
from valuedata.release.folder import Release

__all__ = ["Pushed", "check_name", "plan_push", "push"]

HASH_WIDTH = 12
DEFAULTS = PushSettings()
MADE = "was made, private"


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
        plan: What was there before, and what has changed.
        commit: Commit that holds the release.
        url: Page of the data set, or of the pull request.
        loading: Line of Python that loads the first subset.
    """

    plan: Plan
    commit: str
    url: str
    loading: str


def plan_push(
    release: Release, name: str, settings: PushSettings = DEFAULTS, api: HfApi | None = None
) -> Plan:
    """Says what `push` would do, without a request that writes.

    Raises:
        ReleaseError: If the release is damaged.
        HubError: If it could not be pushed.
    """
    name = check_name(name)
    content = prepare_content(release, name, settings.licence)
    api = api or connect()

    def attempt() -> Plan:
        check_login(api)
        return make_plan(api, name, content, settings)

    return keep_trying(attempt, settings.retry_seconds)


def push(
    release: Release, name: str, settings: PushSettings = DEFAULTS, api: HfApi | None = None
) -> Pushed:
    """Puts a release on the Hub in one commit; a failure leaves the old release or the new, whole.

    A failure may also leave a new data set private and empty, a gate or a branch, and says so. What
    stopped it, the same call goes on: files that arrived are not sent again, and a release
    that is there already makes no commit.

    Args:
        release: The release, whose every hash is verified first.
        name: ORG/NAME of the data set.
        settings: How it is pushed.
        api: Client of the Hub; without it, one with the token of the environment or of the login.

    Raises:
        ReleaseError: If the release is damaged.
        HubUnreachableError: If the Hub did not answer in time.
        HubError: If the Hub refuses, or the push would do what was not asked for.
    """
    client = api or connect()
    plan = plan_push(release, name, settings, client)
    content = plan.content
    planned = [plan]
    base: list[str | None] = []  # the head that the first commit was asked to follow

    def attempt() -> Pushed:
        current = planned.pop() if planned else make_plan(client, plan.name, content, settings)
        if base and not current.is_empty and current.remote.head != base[0]:
            raise HubError(
                f"{plan.name} was changed by someone else meanwhile; look at it and push again."
            )
        done = _compare_remotes(plan.remote, current.remote)
        current = _prepare_place(client, current, done)
        base[:] = [current.remote.head]
        return _finish(client, plan, current, done)

    return keep_trying(attempt, settings.retry_seconds)


def check_name(text: str) -> str:
    """The name of a data set to push to.

    Raises:
        HubError: If it is no such name, or names a revision, too.
    """
    name, revision = parse_name(text)
    if revision is not None:
        raise HubError(f"{text!r} names a revision; give {name} and --revision {revision}.")
    return name


def _compare_remotes(before: Remote, now: Remote) -> list[str]:
    """What earlier attempts made, even where the answer to them was lost."""
    done = [MADE] if now.exists and not before.exists else []
    if now.gated != before.gated:
        done.append(_tell_gate(now.gated))
    return done


def _tell_gate(gate: Gate) -> str:
    return "is no longer gated" if gate == "no" else f"is gated now ({gate})"


def _prepare_place(api: HfApi, plan: Plan, done: list[str]) -> Plan:
    """Makes what is missing of the data set and its branch, and gates it before anything comes.

    Args:
        api: The client.
        plan: What is to be.
        done: What is true by now, to which each step adds.
    """
    name, settings = plan.name, plan.settings
    if not plan.remote.exists:
        with name_failures(api, name, f"create {name}", done):
            api.create_repo(name, repo_type=DATASET, private=True)
        done.append(MADE)
    if plan.gate is not None:
        with name_failures(api, name, f"gate {name}", done):
            gated = False if plan.gate == "no" else plan.gate
            api.update_repo_settings(name, repo_type=DATASET, gated=gated)
        done.append(_tell_gate(plan.gate))
    if settings.revision != MAIN and plan.remote.head is None:
        with name_failures(api, name, f"make the branch {settings.revision} of {name}", done):
            api.create_branch(name, repo_type=DATASET, branch=settings.revision, exist_ok=True)
        done.append(f"has the branch {settings.revision}")
    if plan.remote.head is not None:
        return plan
    return make_plan(api, name, plan.content, settings)


def _finish(api: HfApi, plan: Plan, current: Plan, done: list[str]) -> Pushed:
    """Commits, tags and publishes, in this order; what is done already is left out."""
    name, settings, remote = plan.name, plan.settings, current.remote
    made = None if current.is_empty else _commit(api, current, done)
    commit = str(made.oid if made else remote.head)
    done.append(f"holds the release at commit {commit[:HASH_WIDTH]}")
    if settings.tag is not None and settings.tag not in remote.tags:
        with name_failures(api, name, f"tag {commit[:HASH_WIDTH]} of {name}", done):
            api.create_tag(name, repo_type=DATASET, tag=settings.tag, revision=commit)
        done.append(f"has the tag {settings.tag}")
    if settings.public and remote.private and not settings.create_pr:
        with name_failures(api, name, f"make {name} public", done):
            api.update_repo_settings(name, repo_type=DATASET, private=False)
    page = f"{api.endpoint}/datasets/{name}"
    revision = settings.tag or (settings.revision if settings.revision != MAIN else None)
    if made and made.pr_url:
        page, revision = made.pr_url, made.pr_revision
    elif revision:
        page = f"{page}/tree/{revision}"
    value = plan.content.release.values[0]
    return Pushed(plan, commit, page, _write_loading(name, value, revision))


def _commit(api: HfApi, plan: Plan, done: Sequence[str]) -> CommitInfo:
    """One commit of all that differs, which the Hub makes only where the head is still the same."""
    settings, release = plan.settings, plan.content.release
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        *(CommitOperationAdd(item.path, item.source) for item in (*plan.new, *plan.changed)),
        *(CommitOperationDelete(path, is_folder=False) for path in plan.deleted),
    ]
    try:
        with name_failures(api, plan.name, f"write to {plan.name}", done):
            return api.create_commit(
                plan.name,
                operations,
                commit_message=f"Release of {', '.join(release.values)}",
                commit_description=(
                    f"Content {release.content_hash}, by valuedata {version('valuedata')}."
                ),
                repo_type=DATASET,
                revision=settings.revision,
                create_pr=settings.create_pr,
                parent_commit=plan.remote.head,
            )
    except HubUnreachableError as error:
        if not settings.create_pr:
            raise
        # a second request would open a second pull request where only the answer was lost
        raise HubError(
            f"{str(error).partition(';')[0]}; look whether {plan.name} has the pull request "
            "already, and push again where it has none."
        ) from error


def _write_loading(name: str, value: str, revision: str | None) -> str:
    at = f', revision="{revision}"' if revision else ""
    return f'datasets.load_dataset("{name}", "{value}"{at})'
