"""Where the marks of a report's plots stand: numbers to shares of a plot's width.

A row is an SVG of its own that is as wide as the page gives it, so text keeps its size on a phone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from evaluation.report.view import MeasureView, Range

__all__ = [
    "Bar",
    "Plot",
    "Strip",
    "choose_shade",
    "draw_effects",
    "draw_lengths",
    "format_gap",
    "format_mean",
]

MINUS: Final = "\N{MINUS SIGN}"
N_TICKS: Final = 5
MARGIN: Final = 0.05  # of the width, on both sides
LARGE: Final = 1_000  # from where on digits behind the point say nothing
N_SHADES: Final = 5
"""Shades of a matrix to each side of white."""
SHARE, MULTIPLE = "in points of percent", "in multiples of the smallest effect that would matter"


@dataclass(frozen=True)
class Bar:
    """An interval with its estimate, in percent of the width; None where undefined."""

    point: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Strip:
    """One row of a plot.

    Attributes:
        measure: What it shows.
        bars: The difference; in the length panel also the one at equal length.
        zone: Start and width of where no difference would matter; None where none was stated.
        controls: Where the control arms are.
    """

    measure: MeasureView
    bars: tuple[Bar, ...]
    zone: tuple[float, float] | None
    controls: tuple[float, ...]


@dataclass(frozen=True)
class Plot:
    """Rows on one axis.

    Attributes:
        unit: What the axis measures.
        zero: Where no difference is.
        ticks: Place and text of each.
        strips: The rows.
    """

    unit: str
    zero: float
    ticks: tuple[tuple[float, str], ...]
    strips: tuple[Strip, ...]


def draw_effects(measures: Sequence[MeasureView]) -> list[Plot]:
    """The forest plot: shares on one axis, all else on another, for it has many units."""
    shares = [measure for measure in measures if measure.is_share]
    others = [measure for measure in measures if not measure.is_share and measure.smallest_effect]
    return [
        _draw(group, unit, with_lengths=False)
        for group, unit in ((shares, SHARE), (others, MULTIPLE))
        if group
    ]


def draw_lengths(measures: Sequence[MeasureView]) -> list[Plot]:
    """The length panel: every difference beside the one that is left at equal length."""
    adjusted = [measure for measure in measures if measure.at_equal_length is not None]
    shares = [measure for measure in adjusted if measure.is_share]
    others = [measure for measure in adjusted if not measure.is_share and measure.smallest_effect]
    return [
        _draw(group, unit, with_lengths=True)
        for group, unit in ((shares, SHARE), (others, MULTIPLE))
        if group
    ]


def choose_shade(number: float | None, colours_end: float) -> int:
    """The shade of a cell, from -5 to 5; 0 is no colour."""
    if number is None:
        return 0
    shade = round(N_SHADES * number / colours_end)
    return max(-N_SHADES, min(N_SHADES, shade))


def format_gap(number: float | None, *, is_share: bool, unit: bool = True) -> str:
    """A difference with its sign, in points of percent where it is one of shares."""
    if number is None:
        return "undefined"
    if is_share:
        text = f"{100 * number:+z.1f}"
    else:
        text = f"{number:+,.0f}" if abs(number) >= LARGE else f"{number:+z.3g}"
    return text.replace("-", MINUS) + (" points" if is_share and unit else "")


def format_mean(number: float | None, *, is_share: bool) -> str:
    """A mean, in percent where it is a share."""
    if number is None:
        return "undefined"
    if is_share:
        text = f"{100 * number:z.1f} %"
    else:
        text = f"{number:,.0f}" if abs(number) >= LARGE else f"{number:z.3g}"
    return text.replace("-", MINUS)


def _draw(measures: Sequence[MeasureView], unit: str, *, with_lengths: bool) -> Plot:
    scales = [100.0 if m.is_share else 1 / (m.smallest_effect or 1.0) for m in measures]
    numbers = [
        scale * number
        for measure, scale in zip(measures, scales, strict=True)
        for number in _list_numbers(measure, with_lengths=with_lengths)
    ]
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    if low == high:
        low, high = -1.0, 1.0
    pad = MARGIN * (high - low)
    low, high = low - pad, high + pad

    def place(number: float) -> float:
        return round(100 * (number - low) / (high - low), 2)

    strips = []
    for measure, scale in zip(measures, scales, strict=True):
        ranges = [measure.difference]
        if with_lengths and measure.at_equal_length is not None:
            ranges.append(measure.at_equal_length)
        zone = None
        if measure.smallest_effect:
            start = place(-scale * measure.smallest_effect)
            zone = (start, round(place(scale * measure.smallest_effect) - start, 2))
        effects = [] if with_lengths else [one.effect for one in measure.controls]
        strips.append(
            Strip(
                measure,
                tuple(
                    Bar(*(None if x is None else place(scale * x) for x in _unpack(found)))
                    for found in ranges
                ),
                zone,
                tuple(place(scale * effect) for effect in effects if effect is not None),
            )
        )
    ticks = tuple((place(tick), _write_tick(tick)) for tick in _choose_ticks(low, high))
    return Plot(unit, place(0), ticks, tuple(strips))


def _unpack(found: Range) -> tuple[float | None, float | None, float | None]:
    return found.estimate, found.low, found.high


def _list_numbers(measure: MeasureView, *, with_lengths: bool) -> Iterable[float]:
    found = list(_unpack(measure.difference))
    if with_lengths and measure.at_equal_length is not None:
        found += _unpack(measure.at_equal_length)
    if not with_lengths:
        found += [one.effect for one in measure.controls]
    if measure.smallest_effect:
        found += [measure.smallest_effect, -measure.smallest_effect]
    return [number for number in found if number is not None]


def _choose_ticks(low: float, high: float) -> list[float]:
    """Round numbers, at most `N_TICKS`, zero among them."""
    rough = (high - low) / N_TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _write_tick(tick: float) -> str:
    return f"{tick:+.6g}".replace("-", MINUS) if tick else "0"
