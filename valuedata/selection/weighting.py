"""Weights that hold the limits: of least variance, or of the largest weighted margin."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from valuedata.selection.candidates import Candidates, Limits, holds_limits
from valuedata.selection.relaxation import Constraints, make_constraints

__all__ = ["count_effective", "weigh_by_margin", "weigh_evenly"]

TIGHTER: Final = 1 - 1e-6  # of the tolerance, so that rounding a weight cannot break it
N_DIGITS: Final = 9  # of a weight; further ones hang on the order of sums
N_STEPS: Final = 200  # of Newton's method; 3 to 10 are usual, and 93 the most seen
MAX_TILT: Final = 256.0  # pull of the margins on weights, beyond which next to nothing is won
N_TILTS: Final = 24
LEAST_RATE: Final = 1e-9  # of a step
FLAT: Final = 1e-12  # of the dual's value, a row; less is the rounding of floats
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

    They minimise sum (w - 1)^2 over 0 <= w <= `max_weight` with mean 1.

    Args:
        candidates: The n rows; none is banned.
        limits: What to hold.

    Returns:
        (n,) float64 weights of mean 1, or None where none were found.

    Source: stable balancing weights, Zubizarreta 2015, JASA 110(511), here with caps.
    """
    constraints = make_constraints(candidates, limits.scaled(TIGHTER), (None, None))
    weights = _ascend(constraints, limits.max_weight, np.ones(len(candidates)))
    return _round(weights, candidates, limits)


def weigh_by_margin(candidates: Candidates, limits: Limits) -> npt.NDArray[np.float64] | None:
    """Finds the weights that hold the limits with the largest weighted mean margin.

    Their effective sample size is at least `min_pairs`. They minimise sum (w - 1 - g margin)^2,
    which is the Lagrangian of that problem: as g grows the mean margin grows and the effective
    sample size falls, so g is doubled and then bisected.

    Args:
        candidates: The n rows; none is banned.
        limits: What to hold.

    Returns:
        (n,) float64 weights of mean 1, or None where none were found.
    """
    constraints = make_constraints(candidates, limits.scaled(TIGHTER), (None, None))
    margins = candidates.margins - candidates.margins.mean()
    margins /= np.abs(margins).max() or 1.0
    best: npt.NDArray[np.float64] | None = None
    low, high, tilt = 0.0, MAX_TILT, 0.0
    for _ in range(N_TILTS):
        weights = _ascend(constraints, limits.max_weight, 1.0 + tilt * margins)
        if weights is not None and count_effective(weights) >= limits.min_pairs:
            best, low = weights, tilt
        elif tilt == 0:
            return None
        else:
            high = tilt
        tilt = min(max(2 * low, 1.0), (low + high) / 2)
    return _round(best, candidates, limits)


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


def _ascend(
    constraints: Constraints, largest: float, aims: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64] | None:
    """Finds the weights of mean 1 nearest to their aims, by projected Newton steps on the dual.

    Where the dual passes the largest value that the primal can have, nothing holds the limits.

    Args:
        constraints: Limits whose bounds are 0, over n rows.
        largest: The largest weight.
        aims: (n,) float64; sum (w - aim)^2 is least.

    Returns:
        (n,) float64 weights, or None where none hold the limits or `N_STEPS` steps found none.

    Source: Bertsekas 1982, SIAM J. Control Optim. 20(2).
    """
    n_limits, n_rows = constraints.members.shape
    most = 0.5 * float(np.square(np.maximum(np.abs(aims), np.abs(largest - aims))).sum()) + n_rows
    program = _Program(constraints, largest, aims)
    state = program.look(np.zeros(n_limits + 1))
    for _ in range(N_STEPS):
        if state.value > most:
            return None
        moving = (state.prices > 0) | (state.slope > 0)
        moving[-1] = True
        if np.abs(state.slope[moving]).max() <= CONVERGED * n_rows:
            return state.weights
        state = program.climb(state, program.find_step(state, np.flatnonzero(moving)))
    return None


@dataclass(frozen=True)
class _Program:
    """Least sum (w - aims)^2 / 2 over 0 <= w <= largest with A w <= 0 and sum w = n."""

    constraints: Constraints
    largest: float
    aims: npt.NDArray[np.float64]

    def look(self, prices: npt.NDArray[np.float64]) -> _State:
        """The dual at prices l >= 0 of A w <= 0 and, last, m of the sum.

        The best weights are w = clip(aims + m - A'l, 0, largest), and the value is
        sum (w - aims)^2 / 2 + l'A w - m (sum w - n).
        """
        cost = self.constraints.price(prices[:-1])
        weights = np.clip(self.aims + prices[-1] - cost, 0.0, self.largest)
        slope = np.append(self.constraints.excess(weights), len(weights) - weights.sum())
        value = 0.5 * float(np.square(weights - self.aims).sum()) + float(prices @ slope)
        return _State(prices, value, slope, weights)

    def find_step(self, state: _State, moving: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Newton's step on the prices that move, 0 on the others; (p + 1,) float64."""
        free = np.flatnonzero((state.weights > 0) & (state.weights < self.largest))
        rows = np.vstack([self.constraints.dense(moving[:-1], free), -np.ones((1, len(free)))])
        curvature = rows @ rows.T
        curvature[np.diag_indices_from(curvature)] += RIDGE * (1.0 + curvature.diagonal().mean())
        step = np.zeros(len(state.prices))
        step[moving] = np.linalg.solve(curvature, state.slope[moving])
        return step

    def climb(self, state: _State, step: npt.NDArray[np.float64]) -> _State:
        """Goes along a step, projected on prices of at least 0, until the value rises enough."""
        flat = FLAT * (len(self.aims) + abs(state.value))
        rate = 1.0
        while True:
            prices = state.prices + rate * step
            prices[:-1] = np.maximum(prices[:-1], 0.0)
            tried = self.look(prices)
            rise = float(state.slope @ (prices - state.prices))
            if tried.value >= state.value + 1e-4 * rise - flat or rate < LEAST_RATE:
                return tried
            rate /= 2
