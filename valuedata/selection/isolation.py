"""The subset, or the weights, in which the side effects of a value cancel.

Of the candidate pairs of a value, as many are chosen as leave the mean of every difference
rewarded - other within a tolerance. Training on all of them moves whatever else differs between
the sides; the chosen ones have little of that to teach.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from valuedata.accounting import KEPT, Verdict
from valuedata.errors import IsolationError
from valuedata.selection.candidates import Candidates, Limits, measure_means
from valuedata.selection.rounding import WHOLE, Objective, choose_rows
from valuedata.selection.weighting import count_effective, weigh_by_margin, weigh_evenly

__all__ = [
    "FRONTIER",
    "Audit",
    "FrontierPoint",
    "Isolated",
    "Mode",
    "Objective",
    "audit",
    "isolate",
    "trace_frontier",
]

Mode = Literal["subset", "weights"]

FRONTIER: Final = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0)  # times the tolerance


@dataclass(frozen=True)
class Isolated:
    """What isolation chose of n candidates.

    Attributes:
        rows: (m,) int64 rows chosen, ascending.
        weights: (m,) float64 above 0 with mean 1; all 1 in mode "subset".
        bound: What no subset exceeds: pairs for the objective "size", the sum of their margins for
            "margin". None for weights, and where a sum of margins was not bounded.
        banned: (n,) bool, as in the candidates.
    """

    rows: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    bound: float | None
    banned: npt.NDArray[np.bool_]

    @property
    def effective_size(self) -> float:
        """Pairs chosen, or for weights the effective sample size (Kish 1965)."""
        return count_effective(self.weights)

    @property
    def verdict(self) -> Verdict:
        """Why each of the n candidates stays or goes."""
        reasons = np.full(len(self.banned), "left out for balance", dtype=object)
        reasons[self.banned] = "unsafe rewarded reply"
        reasons[self.rows] = KEPT
        return Verdict("isolation", reasons)


@dataclass(frozen=True)
class FrontierPoint:
    """How much is left at a wider tolerance.

    Attributes:
        factor: Times the tolerance asked for; infinite for no tolerance at all.
        size: Pairs of the largest set found, or the largest effective sample size; 0 for none.
        worst: Largest |mean difference| of that set in standard deviations; NaN for none.
    """

    factor: float
    size: float
    worst: float


@dataclass(frozen=True)
class Audit:
    """Mean differences before and after isolation, on any columns.

    Attributes:
        names: The k columns.
        before: (k,) float64 means over the plain subset; NaN without a row.
        n_before: (k,) int64 rows that have the column.
        after: (k,) float64 weighted means over the rows chosen.
        n_after: (k,) int64 of these, rows that have the column.
    """

    names: tuple[str, ...]
    before: npt.NDArray[np.float64]
    n_before: npt.NDArray[np.int64]
    after: npt.NDArray[np.float64]
    n_after: npt.NDArray[np.int64]

    def to_json(self) -> dict[str, dict[str, float | int | None]]:
        """Name to means and counts as JSON types; a mean over no row is null."""
        columns = (self.before, self.n_before, self.after, self.n_after)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        keys = ("before", "n_before", "after", "n_after")
        return {
            name: {key: None if x != x else x for key, x in zip(keys, row, strict=True)}
            for name, row in zip(self.names, rows, strict=True)
        }


def isolate(candidates: Candidates, limits: Limits, mode: Mode, objective: Objective) -> Isolated:
    """Chooses the pairs, or their weights, that hold the limits and are most.

    Mode "subset" takes whole pairs: of the objective "size" the most, and among sets as large
    those of larger margins; of "margin" those of the largest sum of margins. Beyond 64 pairs the
    optimum is approached, and `bound` says how nearly. Mode "weights" keeps every pair that it can:
    of "size" the largest effective sample size, of "margin" the largest weighted mean margin with
    an effective sample size of `min_pairs`. What is returned was checked against every limit.

    Args:
        candidates: The n candidate pairs of a value.
        limits: What to hold.
        mode: Whole pairs or weights.
        objective: What is largest.

    Raises:
        IsolationError: If nothing found holds the limits with `min_pairs`; it carries the frontier.
        ValueError: If mode "weights" has a largest set.
    """
    if mode == "weights" and limits.max_pairs is not None:
        raise ValueError("Weights keep every pair that they can: leave max_pairs out.")
    available = np.flatnonzero(~candidates.banned)
    allowed = candidates.take(available)
    weights, bound = _solve(allowed, limits, mode, objective)
    if mode == "subset" and not _is_enough(weights, limits):
        other: Objective = "margin" if objective == "size" else "size"
        weights, _ = _solve(allowed, limits, mode, other)  # rounding may just have missed the size
    if not _is_enough(weights, limits):
        raise _explain(trace_frontier(candidates, limits, mode), len(available), limits)
    kept = np.flatnonzero(weights)
    return Isolated(
        rows=available[kept],
        weights=weights[kept] / weights[kept].mean(),
        bound=bound,
        banned=candidates.banned,
    )


def trace_frontier(candidates: Candidates, limits: Limits, mode: Mode) -> tuple[FrontierPoint, ...]:
    """Finds the largest size at wider tolerances, up to the first that reaches `min_pairs`.

    Args:
        candidates: The n candidate pairs of a value.
        limits: What to hold; the smallest size is not held.
        mode: Whole pairs or weights.

    Returns:
        A point a factor of `FRONTIER`, and one for no tolerance where none of them sufficed.
    """
    allowed = candidates.take(np.flatnonzero(~candidates.banned))
    points: list[FrontierPoint] = []
    for factor in (*FRONTIER, np.inf):
        if np.isinf(factor):
            plain = replace(allowed, names=(), differences=np.empty((len(allowed), 0)))
            weights, _ = _solve(plain, replace(limits, tolerance=1.0), mode, "size")
        else:
            weights, _ = _solve(allowed, limits.scaled(factor), mode, "size")
        means, _ = measure_means(allowed.differences, weights)
        known = np.abs(means[np.isfinite(means)])
        worst = float(known.max()) if len(known) else np.nan
        points.append(FrontierPoint(factor, count_effective(weights), worst))
        if _is_enough(weights, limits):
            break
    return tuple(points)


def audit(
    names: tuple[str, ...],
    differences: npt.NDArray[np.float64],
    plain: npt.NDArray[np.bool_],
    isolated: Isolated,
) -> Audit:
    """Compares mean differences before and after, above all on columns that were not balanced.

    Balancing a few columns can worsen others, so this should see columns that isolation did not.

    Args:
        names: k columns.
        differences: (n, k) float64 of all n candidates, in standard deviations; NaN where a pair
            has no such measure.
        plain: (n,) bool: what would be chosen of them without isolation.
        isolated: What was chosen of them.
    """
    weights = np.zeros(len(isolated.banned))
    weights[isolated.rows] = isolated.weights
    before, n_before = measure_means(differences, plain.astype(np.float64))
    after, n_after = measure_means(differences, weights)
    return Audit(names, before, n_before, after, n_after)


def _is_enough(weights: npt.NDArray[np.float64], limits: Limits) -> bool:
    return count_effective(weights) >= limits.min_pairs - WHOLE


def _solve(
    allowed: Candidates, limits: Limits, mode: Mode, objective: Objective
) -> tuple[npt.NDArray[np.float64], float | None]:
    """The (n,) weights of rows of which none is banned, all 0 where nothing was found; a bound."""
    found: npt.NDArray[np.float64] | None = None
    bound: float | None = None
    if len(allowed) == 0:
        return np.zeros(0), bound
    with threadpool_limits(limits=1):  # sums in one order, however many threads there are
        if mode == "weights":
            weigh = weigh_evenly if objective == "size" else weigh_by_margin
            found = weigh(allowed, limits)
        else:
            chosen = choose_rows(allowed, limits, objective)
            if chosen is not None:
                found, bound = chosen.mask.astype(np.float64), chosen.bound
    return (np.zeros(len(allowed)) if found is None else found), bound


def _explain(
    frontier: tuple[FrontierPoint, ...], n_available: int, limits: Limits
) -> IsolationError:
    """One sentence with the frontier in it."""
    tolerances = np.unique(limits.tolerance)
    points = [
        f"{np.floor(point.size + WHOLE):.0f} "
        + (
            "without a tolerance"
            if np.isinf(point.factor)
            else f"at {tolerances[0] * point.factor:.3g}"
            if len(tolerances) == 1
            else f"at {point.factor:g} times the tolerances"
        )
        for point in frontier
    ]
    return IsolationError(
        f"No {limits.min_pairs} of {n_available} pairs keep every side effect within the "
        f"tolerance; the most found are {', '.join(points)}: raise --tolerance, lower --min-share, "
        "hold less with --hold, or add a --source.",
        tuple((point.factor, point.size, point.worst) for point in frontier),
    )
