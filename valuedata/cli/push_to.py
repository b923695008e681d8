"""build --push-to: what is asked before a build rather than after it, and the push."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.hub import be_quiet, confirm_harm, push_release, show_pushed
from valuedata.errors import HubError, RecipeError
from valuedata.hub.settings import PushSettings

if TYPE_CHECKING:
    from valuedata.recipe import Recipe
    from valuedata.release.folder import Release

__all__ = ["Destination", "check_destination", "push_built", "push_options", "read_destination"]

Command = Callable[..., object]


@dataclass(frozen=True)
class Destination:
    """Where a release that is built goes.

    Attributes:
        name: ORG/NAME of the data set.
        settings: How it is pushed.
        yes: Ask nothing.
    """

    name: str
    settings: PushSettings
    yes: bool


def push_options(command: Command) -> Command:
    """Adds --push-to and what of `valuedata push` it needs."""
    for option in (
        click.option("--yes", is_flag=True, help="With --push-to, ask nothing, for scripts."),
        click.option(
            "--license",
            "licence",
            metavar="ID",
            help="With --push-to, licence of the data set, where none follows from its sources.",
        ),
        click.option(
            "--push-to",
            metavar="ORG/NAME",
            help="Put the release on the Hugging Face Hub, as `valuedata push` does.",
        ),
    ):
        command = option(command)
    return command


def read_destination(options: dict[str, Any]) -> Destination | None:
    """Takes the options of `push_options` out of those of a command; None where none was given.

    Raises:
        RecipeError: If one of them stands without --push-to, or is wrong.
    """
    name, licence, yes = (options.pop(key) for key in ("push_to", "licence", "yes"))
    if name is not None:
        return Destination(name, PushSettings(licence=licence), yes)
    if yes or licence is not None:
        raise RecipeError(
            "--license and --yes say how a release is pushed; give --push-to, too, or leave them "
            "away."
        )
    return None


def check_destination(destination: Destination, recipe: "Recipe") -> tuple[str, ...]:
    """Refuses before a build what would be refused after it, and asks what would be asked.

    Args:
        destination: Where the release goes.
        recipe: What is to be built.

    Returns:
        The values that were asked about.

    Raises:
        HubError: If the name, the token or the licence is wrong, or the answer is no.
    """
    from valuedata.hub.connection import check_login, connect
    from valuedata.hub.push import check_name

    check_name(destination.name)
    _check_licence(recipe, destination.settings.licence)
    check_login(connect())
    harmful = _list_harmful(recipe)
    if harmful and not destination.yes:
        confirm_harm(harmful, destination.name, "Nothing was built or pushed")
    return harmful


def _check_licence(recipe: "Recipe", licence: str | None) -> None:
    """Checks the licence against the sources', where all of them can be known by now."""
    from valuedata.hub.content import choose_licence
    from valuedata.intake.naming import resolve_source

    sources = [resolve_source(text, recipe.format) for text in recipe.sources]
    if any(source.licence is None and source.repository for source in sources):
        return  # the page of a data set on the Hub may have one
    named = [(source.name, source.licence) for source in sources]
    choose_licence("What these sources give", named, licence)


def _list_harmful(recipe: "Recipe") -> tuple[str, ...]:
    """The packaged values of negative valence that the recipe may build."""
    from valuedata.labelling.values import load_values
    from valuedata.recipe import ALL_VALUES

    negative = [name for name, told in load_values().items() if told.valence == "negative"]
    is_all = ALL_VALUES in recipe.values
    return tuple(name for name in negative if is_all or name in recipe.values)


def push_built(
    release: "Release", destination: Destination, asked: Sequence[str], *, quiet: bool
) -> None:
    """Pushes a release that was built just now.

    Args:
        release: The release.
        destination: Where it goes.
        asked: Values that `check_destination` asked about.
        quiet: Print only warnings and errors.

    Raises:
        HubError: If it could not be pushed; the release is whole all the same.
    """
    name = destination.name
    yes = destination.yes or set(release.harmful) <= set(asked)
    be_quiet(quiet=quiet)
    try:
        pushed = push_release(release, name, destination.settings, yes=yes)
    except HubError as error:
        raise HubError(
            f"{str(error).rstrip('.')}; the release in {release.folder} is whole, and `valuedata "
            f"push {release.folder} {name}` takes it there."
        ) from error
    if not quiet:
        click.echo()
        show_pushed(pushed)
