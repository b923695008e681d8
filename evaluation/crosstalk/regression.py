"""How much of the crosstalk the data explain: a regression over the cells beside the targets."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evaluation.statistics.differences import Interval, fit_clustered

__all__ = ["Explained", "explain"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_ORDERS: Final = 10_000
"""Orders of the rows up to which all are tried; of more, so many are drawn."""
TOLERANCE: Final = 1e-12  # sums of the same numbers in another order differ by less
MIN_CELLS: Final = 3
DIGITS: Final = 6


@dataclass(frozen=True)
class Explained:
    """The regression of what was measured on the data.

    Attributes:
        n_cells: Cells beside the targets with a number from both.
        slope: Change in share for each standard deviation of difference in the data; its interval
            is clustered by induced value.
        intercept: Change where the data do not differ.
        r_squared: Share of the variance of the changes that the data explain.
        noise: Share of that variance that the errors of the changes alone would make.
        p: Of no association, from orders of the rows; NaN with fewer than two rows.
        n_orders: How many orders it rests on; 1 / n_orders is the least p.
    """

    n_cells: int
    slope: Interval
    intercept: float
    r_squared: float
    noise: float
    p: float
    n_orders: int

    def predict(self, data: Floats) -> Floats:
        """The changes that the data would have; NaN where they are undefined."""
        return self.intercept + self.slope.estimate * data

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types; None where undefined."""
        numbers = {
            "slope": self.slope.estimate,
            "low": self.slope.low,
            "high": self.slope.high,
            "intercept": self.intercept,
            "r_squared": self.r_squared,
            "noise": self.noise,
            "p": self.p,
        }
        shown = {
            name: None if math.isnan(number) else round(number, DIGITS)
            for name, number in numbers.items()
        }
        return {"n_cells": self.n_cells, **shown, "n_orders": self.n_orders}


def explain(
    measured: Floats, errors: Floats, data: Floats, targets: Ints, seed: int = 0
) -> Explained:
    """Regresses what was measured on the data, the targets left out.

    Args:
        measured: (r, v) change of v values after inducing r of them.
        errors: (r, v) their standard errors.
        data: (r, v) standardised differences in the subsets; NaN where undefined.
        targets: (r,) column of each row's own value, all different.
        seed: Of the orders that are drawn, where there are too many to try all.

    Source: the permutation test of matrices, Mantel 1967, "The Detection of Disease Clustering and
    a Generalized Regression Approach"; for regressions, Krackhardt 1988, "Predicting with
    Networks". Rows change places with their own columns, so a target stays a target.
    """
    rows, columns = _find_cells(measured, data, targets)
    y, x = measured[rows, columns], data[rows, columns]
    n = len(y)
    if n < MIN_CELLS or np.ptp(x) == 0:
        nothing = Interval(np.nan, np.nan, np.nan, np.nan, np.nan, n, len(np.unique(rows)))
        return Explained(n, nothing, np.nan, np.nan, np.nan, np.nan, 0)
    design = np.column_stack([np.ones(n), x])
    (intercept, slope), *_ = np.linalg.lstsq(design, y)
    fitted = fit_clustered(y, design, rows)[1]
    interval = Interval(
        float(slope), fitted.low, fitted.high, fitted.se, fitted.df, n, fitted.n_clusters
    )
    total = float(np.sum((y - y.mean()) ** 2))
    left = float(np.sum((y - design @ [intercept, slope]) ** 2))
    p, n_orders = _permute(measured, data, targets, seed)
    return Explained(
        n_cells=n,
        slope=interval,
        intercept=float(intercept),
        r_squared=1 - left / total if total > 0 else np.nan,
        noise=float(np.sum(errors[rows, columns] ** 2) / total * (n - 1) / n)
        if total > 0
        else np.nan,
        p=p,
        n_orders=n_orders,
    )


def _find_cells(measured: Floats, data: Floats, targets: Ints) -> tuple[Ints, Ints]:
    """Rows and columns of the cells that both matrices define, the targets left out."""
    defined = ~np.isnan(measured + data)
    defined[np.arange(len(targets)), targets] = False
    rows, columns = np.nonzero(defined)
    return rows, columns


def _permute(measured: Floats, data: Floats, targets: Ints, seed: int) -> tuple[float, int]:
    """Two-sided p of the correlation, and how many orders it rests on."""
    if len(targets) < 2:
        return np.nan, 0
    observed = _correlate(measured, data, targets)
    found = []
    for order in _list_orders(len(targets), seed):
        columns = np.arange(data.shape[1])
        columns[targets] = targets[order]
        found.append(_correlate(measured, data[order][:, columns], targets))
    sizes = np.abs(found)
    if np.isnan(observed):
        return np.nan, 0
    # An order that leaves nothing to correlate says nothing against the one observed.
    as_far = np.isnan(sizes) | (sizes >= abs(observed) - TOLERANCE)
    return float(np.mean(as_far)), len(sizes)


def _list_orders(n: int, seed: int) -> Iterator[Ints]:
    """All orders of n rows, or the one there is and as many random ones."""
    if math.factorial(n) <= MAX_ORDERS:
        yield from (np.array(order) for order in permutations(range(n)))
        return
    rng = np.random.default_rng(seed)
    yield np.arange(n)
    for _ in range(MAX_ORDERS - 1):
        yield rng.permutation(n)


def _correlate(measured: Floats, data: Floats, targets: Ints) -> float:
    rows, columns = _find_cells(measured, data, targets)
    x, y = data[rows, columns], measured[rows, columns]
    if len(x) < MIN_CELLS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])
