"""push, pull: the commands that write a release to the Hub and bring one back."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import json_option, run_options
from valuedata.cli.output import clean_line, echo_json, echo_table
from valuedata.hub.settings import MAIN, PushSettings

if TYPE_CHECKING:
    from valuedata.hub.plan import Plan
    from valuedata.hub.push import Pushed
    from valuedata.release.folder import Release

__all__ = ["be_quiet", "confirm_harm", "pull", "push", "push_release", "show_pushed"]

HASH_WIDTH = 12


@click.command
@click.argument("release", metavar="RELEASE")
@click.argument("name", metavar="ORG/NAME")
@click.option("--public", is_flag=True, help="Publish it.  Without it, the data set is private.")
@click.option(
    "--revision",
    default=MAIN,
    show_default=True,
    metavar="BRANCH",
    help="Branch to commit to; it is made where it is missing.",
)
@click.option("--tag", metavar="NAME", help="Name for the commit, such as v1.0.")
@click.option("--create-pr", is_flag=True, help="Open a pull request instead of committing.")
@click.option(
    "--license",
    "licence",
    metavar="ID",
    help="Licence of the data set, where none follows from its sources.",
)
@click.option(
    "--gated",
    type=click.Choice(["auto", "manual", "no"]),
    help="Who may read it once it is public: who agrees to share a name, whom you let in, or "
    "anybody.  Without it, values of negative valence are 'auto' and all else stays.",
)
@click.option("--yes", is_flag=True, help="Ask nothing, for scripts.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what would go where, and show the card; nothing is written.",
)
@json_option
@run_options
def push(
    *,
    release: str,
    name: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - settings by their names
) -> None:
    """Put a release on the Hugging Face Hub: data, card and figures in one commit.

    Every hash is verified first.  What is there already is not sent again, files of an older
    release that this one lacks are deleted, and whatever stops it leaves the old release or the new
    one, whole; the same command then goes on.  The token is that of HF_TOKEN or 'hf auth login'.

    \b
    Examples:
    valuedata push empathy-release my-name/empathy-pairs --dry-run
    valuedata push empathy-release my-name/empathy-pairs --public --tag v1.0
    """
    settings = PushSettings(**options)
    from valuedata.hub.pull import open_release
    from valuedata.hub.push import plan_push

    be_quiet(quiet=quiet)
    opened = open_release(release)
    if dry_run:
        plan = plan_push(opened, name, settings)
        if as_json:
            echo_json(_summarise_plan(plan))
        else:
            _show_plan(plan)
        return
    pushed = push_release(opened, name, settings, yes=yes)
    if as_json:
        echo_json(
            {
                **_summarise_plan(pushed.plan),
                "commit": pushed.commit,
                "url": pushed.url,
                "loading": pushed.loading,
            }
        )
    elif not quiet:
        show_pushed(pushed)


@click.command
@click.argument("name", metavar="ORG/NAME")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where it goes, in place of an older release.  Without it, the folder NAME.",
)
@click.option("--revision", metavar="REVISION", help="Branch, tag or commit.")
@run_options
def pull(*, name: str, out: Path | None, revision: str | None, quiet: bool) -> None:
    """Bring a release of the Hugging Face Hub into a folder, with every hash verified.

    \b
    Examples:
    valuedata pull my-name/empathy-pairs
    valuedata pull my-name/empathy-pairs --revision v1.0 --out empathy-v1
    """
    from valuedata.hub.names import parse_name
    from valuedata.hub.pull import pull as bring

    be_quiet(quiet=quiet)
    folder = out or Path(parse_name(name)[0].partition("/")[2])
    release = bring(name, folder, revision)
    if not quiet:
        n_files = len(release.manifest["files"])
        click.echo(f"{n_files} files verified, content {release.content_hash[:HASH_WIDTH]}")
        click.echo(f"Release written to {folder}; load it with")
        click.echo(clean_line(f'    datasets.load_dataset("{folder}", "{release.values[0]}")'))


def push_release(release: "Release", name: str, settings: PushSettings, *, yes: bool) -> "Pushed":
    """Pushes a release, after a plain question where a value does harm.

    Raises:
        HubError: If it could not be pushed, or the answer is no.
    """
    from valuedata.hub.push import push as send

    if release.harmful and not yes:
        confirm_harm(release.harmful, name, "Nothing was pushed")
    return send(release, name, settings)


def confirm_harm(harmful: Sequence[str], name: str, refused: str) -> None:
    """Asks whether values that do harm are to be put on the Hub.

    Raises:
        HubError: If the answer is no, which begins with `refused`.
    """
    from valuedata.errors import HubError

    asked = (
        f"Rewarding {' and '.join(harmful)} does harm: whoever reads {name} can train a model to "
        "show it."
    )
    click.echo(clean_line(asked), err=True)
    try:
        agreed = click.confirm("Put it on the Hub?", err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise HubError(f"{refused}; answer y, or give --yes, to push it.")


def show_pushed(pushed: "Pushed") -> None:
    """Prints what a push did: how much was sent, where it is, and how to load it."""
    plan = pushed.plan
    commit = pushed.commit[:HASH_WIDTH]
    if plan.is_empty:
        click.echo(f"All {len(plan.unchanged)} files are there already, at commit {commit}")
    else:
        click.echo(f"{_count(plan)}: commit {commit}")
    click.echo(f"{pushed.url} ({_describe_audience(plan)})")
    click.echo(clean_line(f"    {pushed.loading}"))


def be_quiet(*, quiet: bool) -> None:
    """Leaves what the Hub's client prints to this program's own sentences."""
    from huggingface_hub.utils.tqdm import disable_progress_bars

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if quiet or not sys.stderr.isatty():
        disable_progress_bars()


def _summarise_plan(plan: "Plan") -> dict[str, Any]:
    """What a script is told, as JSON types."""
    return {
        "name": plan.name,
        "exists": plan.remote.exists,
        "audience": _describe_audience(plan),
        "revision": plan.settings.revision,
        "tag": plan.settings.tag,
        "create_pr": plan.settings.create_pr,
        "licence": plan.content.licence,
        "content_hash": plan.content.release.content_hash,
        "new": [item.path for item in plan.new],
        "changed": [item.path for item in plan.changed],
        "unchanged": [item.path for item in plan.unchanged],
        "deleted": list(plan.deleted),
        "replaces_card": plan.replaces_card,
    }


def _show_plan(plan: "Plan") -> None:
    settings = plan.settings
    place = "a pull request to" if settings.create_pr else "one commit to"
    tag = f", tagged {settings.tag}" if settings.tag else ""
    click.echo(f"{plan.name} ({_describe_audience(plan)}), licence {plan.content.licence}")
    click.echo(f"{place[0].upper()}{place[1:]} branch {settings.revision}{tag}\n")
    states = (("new", plan.new), ("changed", plan.changed), ("unchanged", plan.unchanged))
    echo_table(
        ("file", "bytes", "what"),
        (
            *((item.path, item.size, state) for state, items in states for item in items),
            *((path, plan.remote.files[path].size, "deleted") for path in plan.deleted),
        ),
    )
    if plan.replaces_card:
        click.echo("\nREADME.md: replaces a card that no release has, such as one edited by hand")
    click.echo(f"\n{_count(plan)}; nothing was written.  The card:\n")
    for line in plan.content.card.splitlines():
        click.echo(clean_line(line))


def _count(plan: "Plan") -> str:
    return (
        f"{len(plan.new)} files new, {len(plan.changed)} changed, {len(plan.unchanged)} "
        f"unchanged, {len(plan.deleted)} deleted"
    )


def _describe_audience(plan: "Plan") -> str:
    """Who may read the data set after the push."""
    is_public = plan.settings.public and not plan.settings.create_pr
    private = plan.remote.private and not is_public
    gate = plan.gate or plan.remote.gated
    return ("private" if private else "public") + (f", gated: {gate}" if gate != "no" else "")
