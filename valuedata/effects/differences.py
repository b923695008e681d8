"""Standardised mean differences between the sides of pairs, with intervals and p-values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from valuedata.labelling.scoring.intervals import Estimate, estimate

__all__ = ["Difference", "Rewarded", "Sides", "measure_differences", "pool_deviations"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_SIDES = 2
DEGENERATE = 1e-12  # of the mean square; a variance below it is the rounding of its sums
ROUNDING = 1e-9  # of the largest difference; what prompts differ by below it is rounding, too


@dataclass(frozen=True, eq=False)
class Sides:
    """k features of both replies of n pairs, as their source has them.

    Attributes:
        names: k names.
        chosen: (n, k) finite float64.
        rejected: (n, k) finite float64.
        groups: (n,) int64 numbers of the prompts, from 0 without a gap.
    """

    names: tuple[str, ...]
    chosen: Floats
    rejected: Floats
    groups: Ints

    @property
    def n_groups(self) -> int:
        """Prompts."""
        return int(self.groups.max()) + 1

    @cached_property
    def deviations(self) -> Floats:
        """(k,) float64: what `pool_deviations` gives."""
        return pool_deviations(self)


@dataclass(frozen=True, eq=False)
class Rewarded:
    """m of the pairs, and which reply each rewards.

    Attributes:
        rows: (m,) int64 rows of the pairs.
        flipped: (m,) bool: whether the rejected reply is the rewarded one.
        weights: (m,) float64 above 0: how much each counts; None where all count the same.
    """

    rows: Ints
    flipped: npt.NDArray[np.bool_]
    weights: Floats | None = None

    def subtract(self, sides: Sides) -> Floats:
        """(m, k) float64: each feature of the rewarded reply minus that of the other."""
        gaps: Floats = sides.chosen[self.rows] - sides.rejected[self.rows]
        return np.where(self.flipped[:, None], -gaps, gaps)


@dataclass(frozen=True)
class Difference:
    """How far a feature of the rewarded replies lies above that of the others.

    Attributes:
        estimate: In pooled standard deviations of the source.
        p: Two-sided p-value of no difference; NaN where undefined.
    """

    estimate: Estimate
    p: float


def measure_differences(
    sides: Sides, subsets: Sequence[Rewarded], n_resamples: int, rng: np.random.Generator
) -> list[tuple[Difference, ...]]:
    """Measures the standardised mean difference of each feature in each subset.

    It is mean(rewarded - other) over the subset's pairs, weighted where they have weights, divided
    by the standard deviation of the feature in the whole source: the root of the mean of the
    variances of its two sides. That unit is the same for every subset and for the source, so
    effects can be compared with each other; the deviation within a subset would change with what
    was selected, and that of the differences with how alike the two replies are.

    Intervals resample the prompts of the whole source, so they hold the error of the deviation too.
    A p-value is of a t-test of the mean difference whose error is robust to prompts of several
    pairs.

    Args:
        sides: Features of all n pairs of the source.
        subsets: Pairs whose difference is measured; what one gives does not depend on the others.
        n_resamples: Bootstrap resamples behind each interval.
        rng: Draws them.

    Returns:
        For each subset the differences of the k features.

    Source: Cohen 1988, "Statistical Power Analysis", section 2.2; Austin 2009, "Balance
    diagnostics", Statistics in Medicine 28, for its use on covariates; one deviation for all
    comparisons, Stuart 2010, "Matching methods", Statistical Science 25. The t-test: Cameron and
    Miller 2015, "A Practitioner's Guide to Cluster-Robust Inference", section II.
    """
    sums = [_sum_differences(sides, subset) for subset in subsets]
    p_values = [_test(part.sums) for part in sums]
    spread = _sum_sides(sides)  # the largest by far, so after what needs room of its own
    n_features = len(sides.names)
    n_clusters = {
        str(number): np.full(n_features, len(part.groups)) for number, part in enumerate(sums)
    }

    def measure(counts: Floats) -> dict[str, Floats]:
        deviations = _derive_deviations(counts @ spread)
        return {
            str(number): _take_means(counts[:, part.groups] @ part.sums) / deviations
            for number, part in enumerate(sums)
        }

    found = estimate(measure, sides.n_groups, n_resamples, rng, n_clusters=n_clusters)
    return [
        tuple(
            Difference(entry, np.nan if np.isnan(entry.value) else float(p))
            for entry, p in zip(found[str(number)], own, strict=True)
        )
        for number, own in enumerate(p_values)
    ]


def pool_deviations(sides: Sides) -> Floats:
    """(k,) float64: root of the mean of the two sides' variances; NaN where undefined."""
    deviations: Floats = _derive_deviations(_sum_sides(sides).sum(axis=0)[None])[0]
    return deviations


@dataclass(frozen=True, eq=False)
class _Sums:
    """Of a subset with g prompts: their numbers (g,), and (g, 1 + k) its pairs and differences.

    Where pairs have weights, these stand for the pairs, and the differences are weighted.
    """

    groups: Ints
    sums: Floats


def _sum_sides(sides: Sides) -> Floats:
    """(n_groups, 1 + 4 k) sums: pairs, then features and squares of each side."""
    first = sides.chosen[0]  # so that squares of large numbers lose no digits
    columns = chain(
        [np.ones(len(sides.groups))],
        (
            (side[:, feature] - first[feature]) ** power
            for side in (sides.chosen, sides.rejected)
            for power in (1, 2)
            for feature in range(len(first))
        ),
    )
    return _sum_groups(columns, 1 + 4 * len(first), sides.groups, sides.n_groups)


def _sum_differences(sides: Sides, subset: Rewarded) -> _Sums:
    rows, n_features = subset.rows, len(sides.names)
    weights = np.ones(len(rows)) if subset.weights is None else subset.weights
    signed = np.where(subset.flipped, -weights, weights)
    gaps = (sides.chosen[rows, k] - sides.rejected[rows, k] for k in range(n_features))
    columns = chain([weights], (gap * signed for gap in gaps))
    groups, numbers = np.unique(sides.groups[rows], return_inverse=True)
    return _Sums(groups, _sum_groups(columns, 1 + n_features, numbers, len(groups)))


def _sum_groups(columns: Iterable[Floats], n_columns: int, groups: Ints, n_groups: int) -> Floats:
    """(n_groups, n_columns) sums of the columns, of which one is held at a time."""
    sums = np.empty((n_groups, n_columns))
    for place, column in enumerate(columns):
        sums[:, place] = np.bincount(groups, column, minlength=n_groups)
    return sums


def _derive_deviations(sums: Floats) -> Floats:
    """(b, k) pooled deviations of (b, 1 + 4 k) sums; NaN where a feature does not vary."""
    n = sums[:, 0, None, None]
    totals, squares = np.moveaxis(sums[:, 1:].reshape(len(sums), N_SIDES, 2, -1), 2, 0)
    variances = (squares - totals**2 / n) / np.where(n > 1, n - 1, np.nan)
    pooled = variances.mean(axis=1)
    varies = pooled > DEGENERATE * (squares / n).mean(axis=1)
    deviations: Floats = np.sqrt(np.where(varies, pooled, np.nan))
    return deviations


def _take_means(sums: Floats) -> Floats:
    """(b, k) mean differences of (b, 1 + k) sums; NaN where there are no pairs."""
    n = sums[:, :1]
    means: Floats = sums[:, 1:] / np.where(n > 0, n, np.nan)
    return means


def _test(sums: Floats) -> Floats:
    """(k,) p-values of no mean difference, given the (g, 1 + k) sums of g prompts.

    Where all prompts differ by the same amount, t has no spread to go by; their signs alone are
    tested then, 2^(1 - g), Fisher 1935, "The Design of Experiments", section 21.
    """
    n_groups, total = len(sums), sums[:, 0].sum()
    means = _take_means(sums.sum(axis=0, keepdims=True))[0]
    residuals = sums[:, 1:] - means * sums[:, :1]
    if n_groups == 1:
        return np.full(len(means), np.nan)
    squares = (residuals**2).sum(axis=0)
    largest = np.maximum(sums[:, 1:].max(axis=0), -sums[:, 1:].min(axis=0))
    squares[squares <= n_groups * (ROUNDING * largest) ** 2] = 0.0
    errors = np.sqrt(n_groups / (n_groups - 1) * squares) / total
    t = np.divide(means, errors, out=np.zeros_like(means), where=errors > 0)
    same = (errors == 0) & (means != 0)
    p: Floats = np.where(same, 2.0 ** (1 - n_groups), 2 * stdtr(n_groups - 1, -np.abs(t)))
    return p
