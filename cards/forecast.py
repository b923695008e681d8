"""Figures of what subsets push: a Love plot a value, and the crosstalk of several."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from cards.drawing import (
    BLUE,
    DIVERGING,
    GREY,
    ORANGE,
    make_figure,
    name_rows,
    save_figure,
    write_number,
)

__all__ = ["draw_crosstalk", "draw_love"]

KINDS = {"value": "Values", "behaviour": "Behaviours", "marker": "Markers"}
NOTICEABLE = 0.1  # Source: Austin 2009, Statistics in Medicine 28, of covariates out of balance
COLOURS_END = 1.0
ROW_INCHES = 0.27


def draw_love(content: Mapping[str, Any], value: str, path: Path) -> None:
    """Draws the differences of every feature in the subset of a value, beside the whole source's.

    The target has an axis of its own, for it is meant to lie far out.

    Args:
        content: What `Forecast.to_json` gives.
        value: Which subset.
        path: PNG or SVG to write.

    Source: Love plots, Austin 2009, "Balance diagnostics", Statistics in Medicine 28.
    """
    found = content["values"][value]
    rate = f"{content['false_discovery_rate']:.0%}".replace("%", " %")
    rows = list(_arrange(found["others"])) or ["None is defined"]
    target = found["target"]
    heights = [1.0 if target else 0.0, len(rows) + 0.5]
    figure = make_figure(8, 2.2 + ROW_INCHES * sum(heights))
    above, below = figure.subplots(2, 1, height_ratios=[max(heights[0], 0.01), heights[1]])
    if target:
        _draw_rows(above, [target], rate)
        above.set_title(f"The target, {value}", loc="left", fontsize="medium", fontweight="bold")
        above.set_xlim(left=min(0.0, above.get_xlim()[0]))
    else:
        above.set_visible(False)
    _draw_rows(below, rows, rate)
    for side in (-NOTICEABLE, NOTICEABLE):
        below.axvline(side, color=GREY, linewidth=0.8, linestyle=":")
    below.set_xlabel(
        "standardised mean difference, with 95 % intervals\n"
        "(rewarded minus other; in the whole source chosen minus rejected; dotted at ±0.1)"
    )
    figure.legend(*below.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    save_figure(figure, path)


def draw_crosstalk(content: Mapping[str, Any], path: Path) -> None:
    """Draws what the subset of each value pushes of every value and behaviour.

    Args:
        content: What `Forecast.to_json` gives.
        path: PNG or SVG to write.
    """
    crosstalk = content["crosstalk"]
    names = list(next(iter(crosstalk.values())))
    numbers = np.array(
        [
            [np.nan if row[name] is None else row[name] for name in names]
            for row in crosstalk.values()
        ]
    )
    figure = make_figure(8, 2.6 + 0.34 * len(crosstalk))
    axes = figure.add_subplot()
    image = axes.imshow(numbers, cmap=DIVERGING, vmin=-COLOURS_END, vmax=COLOURS_END, aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(crosstalk)), list(crosstalk))
    axes.set_ylabel("subset of")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for row, value in enumerate(crosstalk):
        shown = {value} | {
            effect["name"] for effect in content["values"][value]["others"] if effect["is_found"]
        }
        for column, name in enumerate(names):
            if name in shown and not np.isnan(numbers[row, column]):
                number = numbers[row, column]
                text = f"{number:+z.1f}"
                write_number(axes, (row, column), text, number, in_frame=name == value)
    bar = figure.colorbar(image, ax=axes, location="bottom", extend="both", aspect=40, pad=0.02)
    bar.set_label(
        "standardised mean difference, rewarded minus other; colours end at ±1\n"
        "numbers where it is found at a false discovery rate of "
        f"{100 * content['false_discovery_rate']:.0f} %; the target in a frame"
    )
    save_figure(figure, path)


def _arrange(effects: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any] | str]:
    """Kinds as headings; below each its features, the largest differences first."""
    for kind, heading in KINDS.items():
        own = [
            effect
            for effect in effects
            if effect["kind"] == kind and effect["difference"]["value"] is not None
        ]
        if own:
            yield heading
            yield from sorted(own, key=lambda effect: -abs(effect["difference"]["value"]))


def _draw_rows(axes: Axes, rows: Sequence[Mapping[str, Any] | str], rate: str) -> None:
    """Subset and source of each feature, downwards; a text is a heading."""
    effects = {row: entry for row, entry in enumerate(rows) if not isinstance(entry, str)}
    found = [row for row in effects if effects[row]["is_found"] or effects[row]["q"] is None]
    missed = [row for row in effects if row not in found]
    for shown, label, fill in (
        (found, f"this subset, difference found at {rate}", BLUE),
        (missed, "this subset, none found", "white"),
    ):
        entries = [(row - 0.12, effects[row]["difference"]) for row in shown]
        _draw_points(axes, entries, BLUE, {"marker": "o", "facecolor": fill, "label": label})
    entries = [(row + 0.2, effect["in_source"]) for row, effect in effects.items()]
    _draw_points(
        axes,
        entries,
        ORANGE,
        {"marker": "D", "facecolor": ORANGE, "s": 14, "label": "whole source"},
    )
    axes.axvline(0, color="black", linewidth=0.8)
    name_rows(axes, rows)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)


def _draw_points(
    axes: Axes,
    entries: Sequence[tuple[float, Mapping[str, Any]]],
    colour: str,
    style: Mapping[str, Any],
) -> None:
    bounded = [(y, found) for y, found in entries if found["low"] is not None]
    lows, highs = ([found[end] for _, found in bounded] for end in ("low", "high"))
    axes.hlines([y for y, _ in bounded], lows, highs, color=colour, linewidth=1.4)
    defined = [(y, found["value"]) for y, found in entries if found["value"] is not None]
    x, y = [value for _, value in defined], [place for place, _ in defined]
    axes.scatter(x, y, edgecolor=colour, zorder=3, **{"s": 34, "linewidth": 1.4, **style})
