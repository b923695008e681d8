"""Figures of how good labels are, and of how far two extractors agree."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from cards.drawing import BLUE, GREEN, GREY, ORANGE, make_figure, save_figure

__all__ = ["draw_agreement", "draw_scores"]

REPLIES = {"precision": BLUE, "recall": ORANGE, "average_precision": GREEN}
SUBSETS = {"subset_precision_rewarded": BLUE, "subset_precision": ORANGE, "subset_recall": GREEN}
CALLED = {
    "precision": "precision",
    "recall": "recall",
    "average_precision": "average precision",
    "subset_precision_rewarded": "in the rewarded reply",
    "subset_precision": "in it alone",
    "subset_recall": "recall",
}
BAR = 0.26
N_COLUMNS = 6


def draw_scores(content: Mapping[str, Any], path: Path) -> None:
    """Draws the measures of each name with their intervals, and one reliability panel a name.

    Args:
        content: What `Scores.to_json` gives.
        path: PNG or SVG to write.
    """
    names = content["names"]
    n_rows = -(-len(names) // N_COLUMNS)
    heights = (1.3 + 0.42 * len(names), 0.7 + 2.0 * n_rows)
    figure = make_figure(12, sum(heights))
    above, below = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    left, right = above.subplots(1, 2, sharey=True)
    _draw_bars(left, names, REPLIES, "Replies")
    _draw_bars(right, names, SUBSETS, "Subsets after XOR and flip")
    _draw_reliability(below, names, n_rows)
    save_figure(figure, path)


def draw_agreement(content: Mapping[str, Any], path: Path) -> None:
    """Draws the kappa of each name with its interval.

    Args:
        content: What `Agreement.to_json` gives.
        path: PNG or SVG to write.
    """
    names = content["names"]
    figure = make_figure(8, 1.1 + 0.32 * len(names))
    axes = figure.add_subplot()
    _draw_measure(axes, [found["kappa"] for found in names.values()], 0.0, BLUE)
    axes.set_xlabel(f"Cohen's kappa, with 95 % intervals over {content['clusters']}")
    _arrange_names(axes, list(names))
    axes.set_xlim(right=1)
    axes.axvline(0, color=GREY, linewidth=0.8)
    save_figure(figure, path)


def _draw_bars(
    axes: Axes, names: Mapping[str, Any], measures: Mapping[str, str], title: str
) -> None:
    for number, (measure, colour) in enumerate(measures.items()):
        found = [entry[measure] for entry in names.values()]
        _draw_measure(axes, found, (number - 1) * BAR, colour, CALLED[measure])
    axes.set_title(title, loc="left", pad=28)
    axes.set_xlim(0, 1)
    axes.set_xlabel("with 95 % intervals; no bar where undefined")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderpad=0.2, fontsize=9
    )
    _arrange_names(axes, list(names))


def _draw_measure(
    axes: Axes,
    found: Sequence[Mapping[str, Any]],
    offset: float,
    colour: str,
    label: str | None = None,
) -> None:
    """Bars at their names, which run downwards; those without a value stay empty."""
    defined = [(k, entry) for k, entry in enumerate(found) if entry["value"] is not None]
    places = [k + offset for k, _ in defined]
    values = [entry["value"] for _, entry in defined]
    height = BAR if label else 2 * BAR
    axes.barh(places, values, height=height, color=colour, label=label)
    bounded = [(k, entry) for k, entry in defined if entry["low"] is not None]
    axes.hlines(
        [k + offset for k, _ in bounded],
        [entry["low"] for _, entry in bounded],
        [entry["high"] for _, entry in bounded],
        color="black",
        linewidth=1,
    )


def _arrange_names(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_reliability(figure: SubFigure, names: Mapping[str, Any], n_rows: int) -> None:
    """Observed share against mean probability a bin; a dot's area follows its replies."""
    figure.suptitle("Reliability: share observed against mean probability", x=0.01, ha="left")
    panels = figure.subplots(n_rows, N_COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (name, found) in zip(panels, names.items(), strict=False):
        bins = [entry for entry in found["reliability"] if entry["n_replies"]]
        x = [entry["mean_probability"] for entry in bins]
        y = [entry["observed"] for entry in bins]
        sizes = [8 + 6 * entry["n_replies"] ** 0.35 for entry in bins]
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
        axes.plot(x, y, color=BLUE, linewidth=1)
        axes.scatter(x, y, s=sizes, color=BLUE, zorder=3)
        ece = found["ece"]["value"]
        axes.set_title(
            name if ece is None else f"{name}, ECE {ece:.3f}", fontsize="small", loc="left"
        )
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
