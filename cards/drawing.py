"""What all figures share: their colours, and how they are made and written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "VERMILION",
    "make_figure",
    "name_rows",
    "save_figure",
]

# Source: Okabe and Ito's colour-blind safe palette, 2008.
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILION: Final = "#D55E00"
GREY: Final = "#666666"
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
