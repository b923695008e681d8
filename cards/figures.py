"""Figures of a release and of a survey, readable on light and dark pages."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cards.drawing import BLUE, ORANGE, make_figure, save_figure

__all__ = ["draw_sides", "draw_survey"]

FLOOR_COLOUR = "#333333"


def draw_sides(counts: dict[str, dict[str, int]], built: tuple[str, ...], path: Path) -> None:
    """Draws, for each value, the pairs that have it on exactly one side.

    Args:
        counts: Value to its `chosen_only` and `rejected_only` pairs.
        built: Values with a subset in the release, marked by bold names.
        path: PNG to write.
    """
    figure = _make_figure(len(counts))
    axes = figure.add_subplot()
    _draw_bars(axes, counts, {name: f"{n['one_sided']:,}" for name, n in counts.items()}, built)
    axes.legend(loc="lower right", frameon=False)
    save_figure(figure, path)


def draw_survey(
    panels: Mapping[str, Mapping[str, Mapping[str, Any]]], floor: int, path: Path
) -> None:
    """Draws the one-sided pairs of each value, and the share of prompts that have one.

    Args:
        panels: Title to value to what `ValueCounts.to_json` gives; one panel below another.
        floor: Pairs that the paper asks of a value, marked by a line.
        path: PNG or SVG to write.
    """
    figure = _make_figure(*(len(counts) for counts in panels.values()))
    heights = [len(counts) + 3 for counts in panels.values()]
    rows = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (title, counts) in zip(rows, panels.items(), strict=True):
        labels = {
            name: f"{n['one_sided']:,}  ({n['positive_prompt_share']:.1%})"
            for name, n in counts.items()
        }
        reached = {name for name, n in counts.items() if n["one_sided"] >= floor}
        _draw_bars(axes, counts, labels, reached)
        line = axes.axvline(floor, color=FLOOR_COLOUR, linewidth=1.2, linestyle="--", zorder=0)
        line.set_label(f"{floor:,} pairs, the paper's least (bold: reached)")
        axes.margins(x=0.2)
        axes.set_title(title, loc="left")
        # opaque, for the line may run behind it
        axes.legend(loc="lower right", edgecolor="none", facecolor="white", framealpha=1)
    rows[-1].set_xlabel(
        "pairs with the value on exactly one side (in brackets: share of prompts with such a pair)"
    )
    save_figure(figure, path)


def _make_figure(*n_bars: int) -> Figure:
    return make_figure(8, sum(0.8 + 0.32 * n for n in n_bars))


def _draw_bars(
    axes: Axes,
    counts: Mapping[str, Mapping[str, Any]],
    labels: Mapping[str, str],
    bold: Collection[str],
) -> None:
    """Stacked bars, the longest on top, each with its label at its end."""
    names = sorted(counts, key=lambda name: counts[name]["one_sided"])
    chosen = [counts[name]["chosen_only"] for name in names]
    rejected = [counts[name]["rejected_only"] for name in names]
    axes.barh(names, chosen, color=BLUE, label="in the chosen reply only")
    bars = axes.barh(
        names,
        rejected,
        left=chosen,
        color=ORANGE,
        label="in the rejected reply only (flipped)",
    )
    # on white, so that a line behind them leaves the numbers readable
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    axes.bar_label(bars, labels=[labels[name] for name in names], padding=4, bbox=ground)
    axes.set_xlabel("pairs with the value on exactly one side")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.1)
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_fontweight("bold" if name in bold else "normal")
