"""The option --plot: a figure beside what a command prints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click

from valuedata.errors import RecipeError

__all__ = ["check_plot", "draw_plot", "make_plot_option"]

PLOT_SUFFIXES = (".png", ".svg")


def make_plot_option(shows: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option; its help says what the figure shows, such as "the table"."""
    return click.option(
        "--plot",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"Draw {shows} as .png or .svg.",
    )


def check_plot(plot: Path | None) -> None:
    """Refuses a figure that could not be written, before anything is computed.

    Raises:
        RecipeError: If its suffix is no kind of figure, or its folder is missing.
    """
    if plot is None:
        return
    if plot.suffix not in PLOT_SUFFIXES:
        raise RecipeError(
            f"Plot {plot} has the suffix {plot.suffix!r}; give one that ends in "
            f"{' or '.join(PLOT_SUFFIXES)}."
        )
    if not plot.parent.is_dir():
        raise RecipeError(f"Folder {plot.parent} is missing; make it or give another --plot.")


def draw_plot(draw: Callable[[Path], None], plot: Path) -> None:
    """Draws a figure.

    Args:
        draw: Writes it to the path that it is given.
        plot: Where it goes.

    Raises:
        RecipeError: If the file cannot be written.
    """
    try:
        draw(plot)
    except OSError as error:
        raise RecipeError(
            f"Plot {plot} cannot be written ({error.strerror or error}); give another --plot."
        ) from error
