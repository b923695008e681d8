"""Weights that hold the limits: of least variance, or of the largest weighted margin."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from valuedata.selection.candidates import Candidates, Limits, holds_limits
from valuedata.selection.relaxation import Constraints, make_constraints, relax

__all__ = ["count_effective", "weigh_by_margin", "weigh_evenly"]

TIGHTER: Final = 1 - 1e-6  # of the tolerance, so that rounding a weight cannot break it
N_DIGITS: Final = 9  # of a weight; further ones hang on the order of sums
N_STEPS: Final = 200  # of Newton's method; 3 to 20 were seen
LEAST_RATE: Final = 1e-9  # of a step
FLAT: Final = 1e-12  # of the dual's value; smaller differences are the rounding of floats
CONVERGED: Final = 1e-11  # largest excess a row
RIDGE: Final = 1e-9  # of the mean curvature, where limits say the same


def count_effective(weights: npt.NDArray[np.float64]) -> float:
    """Effective sample size of weights, (sum w)^2 / sum w^2; 0 where all are 0.

    Source: Kish, Survey Sampling (1965), section 11.7.
    """
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def weigh_evenly(candidates: Candidates, limits: Limits) -> npt.NDArray[np.float64] | None:
    """Finds the weights that hold the limits with the largest effective sample size.

    They minimise sum (w - 1)^2 over 0 <= w <= `max_weight` with mean 1. The dual is maximised by
    projected Newton steps; where it passes the largest value that the primal can have, nothing
    holds the limits.

    Args:
        candidates: The n rows; none is banned.
        limits: What to hold.

    Returns:
        (n,) float64 weights of mean 1, or None where none were found.

    Source: stable balancing weights, Zubizarreta 2015, JASA 110(511), here with caps; the steps
        are Bertsekas 1982, SIAM J. Control Optim. 20(2).
    """
    constraints = make_constraints(candidates, limits.scaled(TIGHTER), (None, None))
    return _round(_ascend(constraints, limits.max_weight), candidates, limits)


def weigh_by_margin(candidates: Candidates, limits: Limits) -> npt.NDArray[np.float64] | None:
    """Finds the weights that hold the limits with the largest weighted mean margin.

    No weight exceeds n / `min_pairs`, which keeps the effective sample size at `min_pairs` or more:
    sum w^2 <= max(w) sum w = max(w) n.

    Args:
        candidates: The n rows; none is banned.
        limits: What to hold.

    Returns:
        (n,) float64 weights of mean 1, or None where none hold the limits.
    """
    n_rows = len(candidates)
    largest = min(limits.max_weight, n_rows / limits.min_pairs)
    if largest < 1:
        return None
    size = n_rows / largest
    constraints = make_constraints(candidates, limits.scaled(TIGHTER), (size, size))
    relaxed = relax(candidates.margins, constraints)
    return None if relaxed is None else _round(relaxed.shares * largest, candidates, limits)


def _round(
    weights: npt.NDArray[np.float64] | None, candidates: Candidates, limits: Limits
) -> npt.NDArray[np.float64] | None:
    """Rounds weights that hold the limits; None for others."""
    if weights is None:
        return None
    weights = np.round(weights, N_DIGITS)
    return weights if holds_limits(candidates, limits, weights) else None


@dataclass(frozen=True)
class _State:
    """A point of the dual: (p + 1,) prices, its value, slope there, and the (n,) best weights."""

    prices: npt.NDArray[np.float64]
    value: float
    slope: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]


def _ascend(constraints: Constraints, largest: float) -> npt.NDArray[np.float64] | None:
    """Maximises the dual of the least variance.

    Args:
        constraints: Limits whose bounds are 0, over n rows.
        largest: The largest weight.

    Returns:
        (n,) float64 weights, or None where none hold the limits or `N_STEPS` steps found none.
    """
    n_limits, n_rows = constraints.members.shape
    # sum (w - 1)^2 = sum w^2 - n <= (largest - 1) n, so half of it bounds the primal
    most = 0.5 * n_rows * (largest - 1) + 1e-6 * n_rows
    state = _look(constraints, largest, np.zeros(n_limits + 1))
    for _ in range(N_STEPS):
        if state.value > most:
            return None
        moving = (state.prices > 0) | (state.slope > 0)
        moving[-1] = True
        if np.abs(state.slope[moving]).max() <= CONVERGED * n_rows:
            return state.weights
        step = _find_step(constraints, largest, state, np.flatnonzero(moving))
        state = _climb(constraints, largest, state, step)
    return None


def _look(constraints: Constraints, largest: float, prices: npt.NDArray[np.float64]) -> _State:
    """The dual at prices l >= 0 of the limits A w <= 0 and, last, m of the mean.

    The best weights are w = clip(1 + m - A'l, 0, largest), the value is
    sum (w - 1)^2 / 2 + l'A w - m (sum w - n).
    """
    weights = np.clip(1.0 + prices[-1] - constraints.price(prices[:-1]), 0.0, largest)
    slope = np.append(constraints.excess(weights), len(weights) - weights.sum())
    value = 0.5 * float(np.square(weights - 1.0).sum()) + float(prices @ slope)
    return _State(prices, value, slope, weights)


def _find_step(
    constraints: Constraints, largest: float, state: _State, moving: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Newton's step on the prices that move, 0 on the others; (p + 1,) float64."""
    free = np.flatnonzero((state.weights > 0) & (state.weights < largest))
    rows = np.vstack([constraints.dense(moving[:-1], free), -np.ones((1, len(free)))])
    curvature = rows @ rows.T
    curvature[np.diag_indices_from(curvature)] += RIDGE * (1.0 + curvature.diagonal().mean())
    step = np.zeros(len(state.prices))
    step[moving] = np.linalg.solve(curvature, state.slope[moving])
    return step


def _climb(
    constraints: Constraints, largest: float, state: _State, step: npt.NDArray[np.float64]
) -> _State:
    """Goes along a step, projected on prices of at least 0, until the value rises enough."""
    rate = 1.0
    while True:
        prices = state.prices + rate * step
        prices[:-1] = np.maximum(prices[:-1], 0.0)
        tried = _look(constraints, largest, prices)
        rise = float(state.slope @ (prices - state.prices))
        flat = FLAT * (1.0 + abs(state.value))
        if tried.value >= state.value + 1e-4 * rise - flat or rate < LEAST_RATE:
            return tried
        rate /= 2
