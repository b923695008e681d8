"""How far inducing one value moved every other, and how much of that the data explain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.crosstalk.regression import Explained, explain
from evaluation.statistics.differences import (
    Interval,
    average_samples,
    find_p_value,
    pair_differences,
)
from evaluation.statistics.multiplicity import benjamini_hochberg
from evaluation.statistics.placebo import MIN_CONTROLS, rank_among_controls
from evaluation.statistics.small_samples import difference_interval
from valuedata.effects.discovery import FALSE_DISCOVERY_RATE

__all__ = ["Cell", "Crosstalk", "Induction", "measure_crosstalk"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DIGITS: Final = 6
FIRST: Final = (None, 1)
"""Ranks among the control arms that speak for a change; None where they cannot tell."""
DIGITS_OF_P: Final = 3


@dataclass(frozen=True, eq=False)
class Induction:
    """What inducing one value did: scores of the tuned arm and of its controls.

    Attributes:
        value: The value that was induced.
        clusters: (n,) family of each prompt.
        tuned: (v, n, k) scores of v values on k replies to each prompt, NaN where not judged.
        controls: (c, v, n, k) the same of c control arms.
    """

    value: str
    clusters: Ints
    tuned: Floats
    controls: Floats


@dataclass(frozen=True)
class Cell:
    """How far inducing one value moved another.

    Attributes:
        induced: The value that was induced.
        value: The value that was measured.
        tuned: Share of the tuned arm's replies that express it.
        control: The same of the control arms.
        change: Tuned minus control.
        rank: Rank of the tuned arm among the control arms, 1 the farthest from the others; None
            with fewer control arms than a spread takes.
        p: Two-sided, of no change.
        q: The smallest false discovery rate at which it is found among all cells.
        data: Standardised difference of the value in the subset; NaN where undefined.
        predicted: Change that the regression on the data expects; NaN of the target itself.
        q_beyond: The smallest false discovery rate at which the change is another than that.
        rank_beyond: As `rank`, of what the change has beyond that.
    """

    induced: str
    value: str
    tuned: float
    control: float
    change: Interval
    rank: int | None
    p: float
    q: float
    data: float
    predicted: float
    q_beyond: float
    rank_beyond: int | None

    @property
    def is_target(self) -> bool:
        """Whether it is the value that was induced."""
        return self.induced == self.value

    @property
    def is_found(self) -> bool:
        """Whether there is a change at the false discovery rate held that no control arm has."""
        return self.q <= FALSE_DISCOVERY_RATE and self.rank in FIRST

    @property
    def is_beyond_data(self) -> bool:
        """Whether the change is another than the data would have it, by the same two criteria."""
        return self.q_beyond <= FALSE_DISCOVERY_RATE and self.rank_beyond in FIRST

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types; None where undefined."""
        change = self.change
        return {
            "tuned": _round(self.tuned),
            "control": _round(self.control),
            "change": _round(change.estimate),
            "low": _round(change.low),
            "high": _round(change.high),
            "se": _round(change.se),
            "n_prompts": change.n,
            "n_families": change.n_clusters,
            "p": _round_p(self.p),
            "q": _round_p(self.q),
            "is_found": self.is_found,
            "rank": self.rank,
            "data": _round(self.data),
            "predicted": _round(self.predicted),
            "beyond_data": _round(change.estimate - self.predicted),
            "q_beyond_data": _round_p(self.q_beyond),
            "rank_beyond_data": self.rank_beyond,
            "is_beyond_data": self.is_beyond_data,
        }


@dataclass(frozen=True)
class Crosstalk:
    """The matrix of what was measured, beside that of the data.

    Attributes:
        induced: Rows: the values that were induced.
        values: Columns: the values that were measured.
        cells: One tuple a row.
        explained: The regression on the data; None where no data were given.
    """

    induced: tuple[str, ...]
    values: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    explained: Explained | None

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types; None where undefined."""
        return {
            "induced": list(self.induced),
            "values": list(self.values),
            "false_discovery_rate": FALSE_DISCOVERY_RATE,
            "cells": {
                value: {cell.value: cell.to_json() for cell in row}
                for value, row in zip(self.induced, self.cells, strict=True)
            },
            "explained": None if self.explained is None else self.explained.to_json(),
        }


class _Compared(NamedTuple):
    tuned: float
    control: float
    change: Interval
    controls: Floats


def measure_crosstalk(
    inductions: Sequence[Induction],
    values: Sequence[str],
    data: Mapping[str, Mapping[str, float | None]] | None = None,
    seed: int = 0,
) -> Crosstalk:
    """Measures what inducing each value did to all of them.

    Args:
        inductions: One a value, all scored on the same values.
        values: The values that were measured, among them all that were induced.
        data: Induced value to the standardised difference of each value in its subset; None leaves
            the regression out.
        seed: Of the permutations, where there are too many to go through all.
    """
    rows = [[_compare(one, j) for j in range(len(values))] for one in inductions]
    induced = tuple(one.value for one in inductions)
    p = _test(rows, np.zeros((len(induced), len(values))))
    q = benjamini_hochberg(p)
    found = predicted = beyond = np.full(p.shape, np.nan)
    explained = None
    if data is not None:
        found = _align(data, induced, values)
        targets = np.array([list(values).index(value) for value in induced])
        explained = _explain(rows, found, targets, seed)
        predicted = explained.predict(found)
        predicted[np.arange(len(induced)), targets] = np.nan
        beyond = benjamini_hochberg(_test(rows, predicted))
    numbers = np.stack([p, q, found, predicted, beyond], axis=-1).tolist()
    cells = tuple(
        tuple(
            _make_cell((value, name), one, own)
            for name, one, own in zip(values, row, numbers[i], strict=True)
        )
        for i, (value, row) in enumerate(zip(induced, rows, strict=True))
    )
    return Crosstalk(induced, tuple(values), cells, explained)


def _compare(one: Induction, column: int) -> _Compared:
    """The tuned arm beside its controls on one value."""
    tuned, controls = one.tuned[column], one.controls[:, column]
    paired = pair_differences(tuned, np.hstack(list(controls)), one.clusters)
    change = difference_interval(paired.values, paired.clusters)
    means = [average_samples(arm)[paired.rows] for arm in controls]
    each = np.array([np.nanmean(arm) if len(arm) else np.nan for arm in means])
    return _Compared(paired.tuned_mean, paired.base_mean, change, each)


def _rank(one: _Compared, expected: float) -> int | None:
    """Rank among the controls of what the tuned arm has beyond an expected change."""
    if len(one.controls) < MIN_CONTROLS:
        return None
    placebo = rank_among_controls(one.tuned - expected, one.controls)
    return None if placebo is None else placebo.rank


def _make_cell(names: tuple[str, str], one: _Compared, numbers: Sequence[float]) -> Cell:
    p, q, data, predicted, q_beyond = numbers
    return Cell(
        *names,
        tuned=one.tuned,
        control=one.control,
        change=one.change,
        rank=_rank(one, 0.0),
        p=p,
        q=q,
        data=data,
        predicted=predicted,
        q_beyond=q_beyond,
        rank_beyond=_rank(one, predicted),
    )


def _test(rows: Sequence[Sequence[_Compared]], nulls: Floats) -> Floats:
    """Two-sided p of each change being another than a number."""
    return np.array(
        [
            [find_p_value(one.change, null) for one, null in zip(row, own, strict=True)]
            for row, own in zip(rows, nulls.tolist(), strict=True)
        ]
    )


def _explain(
    rows: Sequence[Sequence[_Compared]], data: Floats, targets: Ints, seed: int
) -> Explained:
    measured = np.array([[one.change.estimate for one in row] for row in rows])
    errors = np.array([[one.change.se for one in row] for row in rows])
    return explain(measured, errors, data, targets, seed)


def _align(
    data: Mapping[str, Mapping[str, float | None]], induced: Sequence[str], values: Sequence[str]
) -> Floats:
    """The numbers of the data in the order of the matrix; NaN where there is none."""
    rows = [[data[value].get(name) for name in values] for value in induced]
    return np.array([[np.nan if x is None else x for x in row] for row in rows], dtype=np.float64)


def _round(number: float) -> float | None:
    return None if np.isnan(number) else round(float(number), DIGITS)


def _round_p(p: float) -> float | None:
    return None if np.isnan(p) else float(f"{p:.{DIGITS_OF_P}g}")
