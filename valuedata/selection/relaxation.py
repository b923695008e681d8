"""The linear program behind isolation: rows may be chosen in part, and every limit is linear.

With x the share of each row that is chosen, a limit e on the mean difference of a set of unknown
size reads |sum x d| <= e sum x, and a cap on a source reads sum of its x <= share sum x. Sums that
many limits need are variables of their own, which keeps the program sparse.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack, vstack

from valuedata.selection.candidates import Candidates, Limits

__all__ = ["INFEASIBLE", "OPTIMAL", "Constraints", "Relaxed", "make_constraints", "relax"]

FEASIBILITY: Final = (
    1e-9  # of a limit, in pairs times standard deviations; HiGHS takes 1e-7 by itself
)
SOLVER: Final = "highs-ds"  # the dual simplex method
OPTIMAL: Final = 0  # a status of scipy.optimize.linprog and milp
INFEASIBLE: Final = 2


@dataclass(frozen=True)
class Constraints:
    """The limits on n rows: `members @ x + limits @ (totals @ x) <= bounds`.

    Attributes:
        totals: (q, n) sparse: the number of rows, the sum of each difference, and the number of
            rows that have it where some do not.
        limits: (p, q) sparse part of each limit in the totals.
        members: (p, n) sparse part of each limit in the rows.
        bounds: (p,) float64, 0 but for the sizes.
    """

    totals: Any
    limits: Any
    members: Any
    bounds: npt.NDArray[np.float64]

    def excess(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(p,) float64: by how much (n,) x goes beyond each limit; at most 0 where it holds."""
        reached = self.members @ x + self.limits @ (self.totals @ x)
        beyond: npt.NDArray[np.float64] = reached - self.bounds
        return beyond

    def price(self, prices: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n,) float64: what each row costs where a unit of limit j costs `prices[j]`."""
        shared = self.totals.T @ (self.limits.T @ prices)
        cost: npt.NDArray[np.float64] = self.members.T @ prices + shared
        return cost

    def dense(
        self, limits: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """(len(limits), len(rows)) float64: what a whole row adds to a limit."""
        shared = self.limits[limits] @ self.totals[:, rows]
        added: npt.NDArray[np.float64] = (self.members[limits][:, rows] + shared).toarray()
        return added


@dataclass(frozen=True)
class Relaxed:
    """An optimum of the linear program.

    Attributes:
        shares: (n,) float64 in [0, 1]; at most as many rows are chosen in part as limits bind.
        bound: The objective, which no whole choice of rows exceeds.
        prices: (p,) float64, at least 0: what a unit more of each limit is worth.
        leanings: (n,) float64: what choosing a row wholly is worth at these prices.
    """

    shares: npt.NDArray[np.float64]
    bound: float
    prices: npt.NDArray[np.float64]
    leanings: npt.NDArray[np.float64]


def make_constraints(
    candidates: Candidates, limits: Limits, sizes: tuple[float | None, float | None]
) -> Constraints:
    """Writes the limits as linear constraints.

    Args:
        candidates: The n rows.
        limits: What to hold.
        sizes: The least and the most that the x sum to; None where nothing limits them.
    """
    n_rows, n_columns = candidates.differences.shape
    known = np.isfinite(candidates.differences)
    partial = np.flatnonzero(~known.all(axis=0))
    totals = csr_array(
        np.vstack(
            [
                np.ones((1, n_rows)),
                np.where(known, candidates.differences, 0.0).T,
                known[:, partial].T,
            ]
        )
    )
    over = np.zeros((n_columns, totals.shape[0]))  # sum x d - e * the rows that have d
    n_known = np.zeros(n_columns, dtype=np.int64)
    n_known[partial] = 1 + n_columns + np.arange(len(partial))
    columns = np.arange(n_columns)
    over[columns, n_known] = -np.broadcast_to(limits.tolerance, n_columns)
    under = over.copy()
    over[columns, 1 + columns] = 1.0
    under[columns, 1 + columns] = -1.0
    parts = [over, under]
    members = [csr_array((2 * n_columns, n_rows))]
    for groups, share in (
        (candidates.sources, limits.max_source_share),
        (candidates.clusters, limits.max_cluster_share),
    ):
        if share < 1:
            found, numbers = np.unique(groups, return_inverse=True)
            members.append(csr_array((np.ones(n_rows), (numbers, np.arange(n_rows)))))
            parts.append(_limit_count(-share, totals.shape[0], len(found)))
    bounds = np.zeros(sum(len(part) for part in parts))
    for sign, size in zip((-1.0, 1.0), sizes, strict=True):
        if size is not None:
            members.append(csr_array((1, n_rows)))
            parts.append(_limit_count(sign, totals.shape[0], 1))
            bounds = np.append(bounds, sign * size)
    return Constraints(totals, csr_array(np.vstack(parts)), vstack(members, format="csr"), bounds)


def _limit_count(factor: float, n_totals: int, n_limits: int) -> npt.NDArray[np.float64]:
    """Limits in the number of rows, the first of the totals, alone."""
    part = np.zeros((n_limits, n_totals))
    part[:, 0] = factor
    return part


def relax(
    gains: npt.NDArray[np.float64], constraints: Constraints, solver: str = SOLVER
) -> Relaxed | None:
    """Finds the shares of rows that hold the limits and whose gains sum to the most.

    Args:
        gains: (n,) float64: what each row is worth.
        constraints: The limits on these rows.
        solver: The method of `scipy.optimize.linprog`.

    Returns:
        An optimum at a vertex, or None where no shares hold the limits.

    Raises:
        RuntimeError: If the solver gives up.

    Source: dual simplex of HiGHS (Huangfu and Hall 2018), which is serial, so that the same input
        gives the same vertex. `benchmarks/isolation_scale.py` has its time beside that of the
        interior point method with crossover.
    """
    n_totals, n_rows = constraints.totals.shape
    bounds = np.zeros((n_rows + n_totals, 2))
    bounds[:n_rows, 1] = 1.0
    bounds[n_rows:] = (-np.inf, np.inf)
    solved = linprog(
        np.concatenate([-gains, np.zeros(n_totals)]),
        A_ub=hstack([constraints.members, constraints.limits], format="csc"),
        b_ub=constraints.bounds,
        A_eq=hstack([constraints.totals, -eye_array(n_totals)], format="csc"),
        b_eq=np.zeros(n_totals),
        bounds=bounds,
        method=solver,
        options={"primal_feasibility_tolerance": FEASIBILITY},
    )
    if solved.status == INFEASIBLE:
        return None
    if solved.status != OPTIMAL:
        raise RuntimeError(f"The linear program of isolation was not solved: {solved.message}")
    return Relaxed(
        shares=np.clip(solved.x[:n_rows], 0.0, 1.0),
        bound=-float(solved.fun),
        prices=np.maximum(-solved.ineqlin.marginals, 0.0),
        leanings=-(solved.lower.marginals + solved.upper.marginals)[:n_rows],
    )
