"""Options that say where filters, markers and encoder run."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    from valuedata.engine import Engine

__all__ = ["choose_engine", "engine_options"]

OPTIONS = (
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Where filters, markers and classifier run: on this machine, or on a Ray cluster.",
    ),
    click.option(
        "--ray-address",
        metavar="HOST:PORT",
        help="Cluster that this machine is a node of, or 'auto'.  Without it, --engine ray starts "
        "a process for each core of this machine.",
    ),
)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options, in their order."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def choose_engine(options: dict[str, Any]) -> AbstractContextManager["Engine"]:
    """The engine that the options name, to be entered once there is something for it to do.

    Args:
        options: Value of each option of a command by its name; those of the engine are taken out.

    Raises:
        RecipeError: If an address is given to an engine that has none.
    """
    from valuedata.engine import LOCAL
    from valuedata.errors import RecipeError
    from valuedata.ray_engine import open_ray

    name, address = options.pop("engine"), options.pop("ray_address")
    if name == "ray":
        return open_ray(address)
    if address is not None:
        raise RecipeError(
            "--ray-address says where the engine ray runs; give --engine ray, too, or leave it "
            "away."
        )
    return nullcontext(LOCAL)
