"""What all figures share: their colours, and how they are made and written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "DIVERGING",
    "GREEN",
    "GREY",
    "ORANGE",
    "VERMILION",
    "make_figure",
    "name_rows",
    "save_figure",
    "write_number",
]

# Source: Okabe and Ito's colour-blind safe palette, 2008.
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILION: Final = "#D55E00"
GREY: Final = "#666666"
DIVERGING: Final = LinearSegmentedColormap.from_list(
    "blue to vermilion", [BLUE, "white", VERMILION]
)
DARK_FROM = 0.8  # share of the way to the colours' end from where on white text reads better
DPI = 150


def make_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, readable on light and dark pages."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def name_rows(axes: Axes, rows: Sequence[Mapping[str, Any] | str]) -> None:
    """Names rows downwards at the left, each by its "name"; a text is a heading, in bold."""
    axes.set_yticks(
        range(len(rows)), [row if isinstance(row, str) else row["name"] for row in rows]
    )
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if isinstance(row, str) else "normal")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG or SVG; the same numbers give the same bytes.

    Args:
        figure: The figure.
        path: Where it goes; a missing folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # no date, version and random ids
    metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": "valuedata"}):
        figure.savefig(path, dpi=DPI, metadata=metadata)


def write_number(
    axes: Axes, cell: tuple[int, int], text: str, shade: float, *, in_frame: bool
) -> None:
    """Writes a number into a cell of a matrix.

    Args:
        axes: Where the matrix is.
        cell: Row and column.
        text: The number.
        shade: How far the cell's colour is on the way to the end of the colours, from -1 to 1.
        in_frame: Whether the cell is framed.
    """
    row, column = cell
    axes.text(
        column,
        row,
        text.replace("-", "\N{MINUS SIGN}"),
        ha="center",
        va="center",
        color="white" if abs(shade) >= DARK_FROM else "black",
        fontsize=8,
    )
    if in_frame:
        frame = mpl.patches.Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, linewidth=1.6)
        axes.add_patch(frame)
