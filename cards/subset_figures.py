"""Figures of the subsets of a release: label quality, margins, sources, and the map of topics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.font_manager import findfont, get_font

from cards.drawing import BLUE, GREEN, GREY, ORANGE, VERMILION, make_figure, save_figure
from cards.facts import SubsetFacts

__all__ = ["draw_map", "draw_margins", "draw_quality", "draw_sources"]

WIDTH = 8  # inches
COLOURS: Final = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", VERMILION, "black")  # Okabe and Ito
REST_COLOUR = "#BBBBBB"
MEASURES: Final = {
    "subset_precision_rewarded": ("pairs with the value in the rewarded reply", "#56B4E9"),
    "subset_precision": ("pairs with it in the rewarded reply alone", BLUE),
    "precision": ("replies labelled with it that express it", ORANGE),
    "average_precision": ("average precision over replies", GREEN),
}
# Source: arXiv 2605.07925: precision of the paper's subsets as Llama-3.3-70B-Instruct judges them,
# and of random pairs.
PAPER: Final = {"random pairs in the paper (0.06)": 0.0589, "subsets in the paper (0.81)": 0.8095}
N_BINS = 20


def draw_quality(evidence: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draws how right the labels of each value are, with 95 % intervals.

    Args:
        evidence: Value to its evidence in the manifest.
        path: PNG or SVG to write.
    """
    shown = [
        name for name in MEASURES if any(name in told["measured"] for told in evidence.values())
    ]
    figure = make_figure(WIDTH, 1.7 + 0.28 * len(evidence) * (len(shown) + 0.6))
    axes = figure.add_subplot()
    step = 1 / (len(shown) + 0.6)
    for place, name in enumerate(shown):
        label, colour = MEASURES[name]
        rows = [
            (row + (place - (len(shown) - 1) / 2) * step, told["measured"][name])
            for row, told in enumerate(evidence.values())
            if name in told["measured"] and told["measured"][name]["value"] is not None
        ]
        _draw_bars(axes, rows, {"color": colour, "label": label, "height": 0.9 * step})
    for (label, share), style in zip(PAPER.items(), (":", "--"), strict=True):
        axes.axvline(share, color=GREY, linewidth=1.2, linestyle=style, label=label, zorder=0)
    axes.set_yticks(range(len(evidence)), list(evidence))
    axes.set_ylim(len(evidence) - 0.4, -0.6)
    axes.set_xlim(0, 1.08)
    axes.set_xticks(np.arange(0, 1.01, 0.2))
    axes.set_xlabel(
        "share, with 95 % intervals, on labelled pairs whose prompts were not trained on"
    )
    _tidy(axes)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False
    )
    save_figure(figure, path)


def draw_margins(subsets: Mapping[str, SubsetFacts], path: Path) -> None:
    """Draws the distribution of the margin in each subset, flipped pairs on the others.

    Args:
        subsets: Value to what is known of its subset.
        path: PNG or SVG to write.
    """
    n_columns = min(2, len(subsets))
    n_rows = -(-len(subsets) // n_columns)
    figure = make_figure(WIDTH, 1.0 + 1.9 * n_rows)
    grid = figure.subplots(n_rows, n_columns, sharex=True, squeeze=False)
    low = min(float(facts.margin.min()) for facts in subsets.values())
    bins = np.linspace(min(0.0, low), 1.0, N_BINS + 1)
    for axes, (value, facts) in zip(grid.flat, subsets.items(), strict=False):
        axes.hist(
            [facts.margin[~facts.flipped], facts.margin[facts.flipped]],
            bins=bins,
            stacked=True,
            color=[BLUE, ORANGE],
            label=["as annotated", "flipped"],
        )
        axes.set_title(value, loc="left", fontsize="medium", fontweight="bold")
        axes.set_ylabel("pairs")
        axes.tick_params(labelbottom=True)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid.flat[len(subsets) :]:
        axes.set_visible(False)
    for axes in grid.flat[max(0, len(subsets) - n_columns) : len(subsets)]:
        axes.set_xlabel("margin, rewarded less other")
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False
    )
    save_figure(figure, path)


def draw_sources(subsets: Mapping[str, SubsetFacts], path: Path) -> None:
    """Draws which share of each split comes from which source.

    The largest sources have a colour of their own, the others share one.

    Args:
        subsets: Value to what is known of its subset.
        path: PNG or SVG to write.
    """
    names, counts = np.unique(
        np.concatenate([facts.source for facts in subsets.values()]).astype(str),
        return_counts=True,
    )
    ranked = names[np.lexsort((names, -counts))].tolist()
    named = ranked[: len(COLOURS)]
    rows = [
        (value, split, facts.count_sources(split))
        for value, facts in subsets.items()
        for split in dict.fromkeys(facts.split.tolist())
    ]
    figure = make_figure(WIDTH, 1.3 + 0.3 * len(rows))
    axes = figure.add_subplot()
    totals = np.array([sum(found.values()) for _, _, found in rows])
    left = np.zeros(len(rows))
    for name, colour in zip(named, COLOURS, strict=False):
        share = np.array([found.get(name, 0) for _, _, found in rows]) / totals
        label = _label(name, f"source {ranked.index(name) + 1}")
        axes.barh(range(len(rows)), share, left=left, color=colour, label=label, height=0.75)
        left += share
    if len(ranked) > len(named):
        label = f"{len(ranked) - len(named)} other sources"
        axes.barh(
            range(len(rows)), 1 - left, left=left, color=REST_COLOUR, label=label, height=0.75
        )
    for row, total in enumerate(totals.tolist()):
        axes.text(1.01, row, f"{total:,}", va="center")
    axes.set_yticks(range(len(rows)), [f"{value}: {split}" for value, split, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1.08)
    axes.set_xticks(np.arange(0, 1.01, 0.2))
    axes.set_xlabel("share of the pairs of a split (at the end: its pairs)")
    _tidy(axes)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper left", ncols=4, frameon=False
    )
    save_figure(figure, path)


def draw_map(facts: SubsetFacts, path: Path) -> None:
    """Draws the pairs of a subset by topic, on the plane in which the topics lie furthest apart.

    The largest topics have a colour and a number, the others are grey.

    Args:
        facts: What is known of the subset.
        path: PNG or SVG to write.
    """
    named = facts.topics[: len(COLOURS)]
    figure = make_figure(WIDTH, 4.6 + 0.22 * -(-(len(named) + 1) // 2))
    axes = figure.add_subplot()
    size = float(np.clip(4000 / len(facts.split), 7, 40))
    style: dict[str, Any] = {"s": size, "linewidth": 0}
    for number, (topic, colour) in enumerate(zip(named, COLOURS, strict=False), start=1):
        places = facts.place[facts.cluster == topic.name]
        name = _label(topic.name, f"topic {number}")
        axes.scatter(
            *places.T, color=colour, label=f"{number}  {name} ({topic.n_pairs:,})", **style
        )
    rest = ~np.isin(facts.cluster, [topic.name for topic in named])
    if rest.any():
        label = f"{len(facts.topics) - len(named)} smaller topics ({rest.sum():,})"
        axes.scatter(*facts.place[rest].T, color=REST_COLOUR, label=label, zorder=0, **style)
    for number, topic in enumerate(named, start=1):
        x, y = np.median(facts.place[facts.cluster == topic.name], axis=0)
        ring = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": "black"}
        axes.text(x, y, str(number), ha="center", va="center", fontweight="bold", bbox=ring)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("#CCCCCC")
    legend = figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower left", ncols=2, frameon=False
    )
    for handle in legend.legend_handles:
        assert isinstance(handle, PathCollection)  # noqa: S101 - of scatter
        handle.set_sizes([40])
    save_figure(figure, path)


def _draw_bars(
    axes: Axes, rows: list[tuple[float, Mapping[str, float]]], style: Mapping[str, Any]
) -> None:
    """Bars with intervals, each with its number in it."""
    places = [place for place, _ in rows]
    axes.barh(places, [found["value"] for _, found in rows], alpha=0.85, **style)
    for place, found in rows:
        if found["low"] is not None:
            axes.hlines(place, found["low"], found["high"], color="black", linewidth=1.4)
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axes.text(0.012, place, f"{found['value']:.2f}", va="center", fontsize="small", bbox=ground)


def _tidy(axes: Axes) -> None:
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _label(name: str, instead: str) -> str:
    """A name from the data as a legend may have it; `instead` where the font lacks a character."""
    font = get_font(findfont("DejaVu Sans"))
    drawable = all(font.get_char_index(ord(character)) for character in name)
    # matplotlib leaves out what begins with an underscore, and reads formulas between dollar signs
    return name.replace("$", r"\$") if drawable and not name.startswith("_") else instead
