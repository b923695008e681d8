"""How surely a mean lies above or below a number: one-sided p-values, of one study or of many.

An interval and a p-value that are read off the same tails cannot contradict each other.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, stdtr

__all__ = ["MAX_ENUMERATED", "sign_tail", "student_reach", "student_tail"]

Floats = npt.NDArray[np.float64]

MAX_ENUMERATED: Final = 12
"""Families up to which all signs are gone through: 4,096 patterns."""

TIE: Final = 1e-12  # of the sum of what is flipped; two sums closer than that are one
N_STEPS: Final = 40
CONVERGED: Final = 1e-9
LOG_2: Final = float(np.log(2))


def student_tail(ratio: Floats, df: float, skew: Floats) -> Floats:
    """The chance of a mean so far below, by Student's distribution with and without the skew.

    The larger of both is taken: the skew of few families is uncertain itself, so that it may widen
    an interval and never narrow one.

    Args:
        ratio: Mean minus the supposed true number, in standard errors.
        df: Degrees of freedom.
        skew: Third central moment of the mean over its standard error cubed.

    Source: t + skew (t^2 / 3 + 1 / 6) + skew^2 t^3 / 27, which has no skew to second order, Hall
    1992, "On the Removal of Skewness by Transformation".
    """
    straightened = ratio + skew * (ratio**2 / 3 + 1 / 6) + skew**2 * ratio**3 / 27
    return np.asarray(stdtr(df, np.maximum(ratio, straightened)), dtype=np.float64)


def student_reach(quantile: float, skew: float) -> float:
    """The standard errors by which the true number may lie above the mean: `student_tail` inverted.

    Args:
        quantile: Of Student's distribution, above 0.5.
        skew: As in `student_tail`; with the other sign it gives the reach below.

    Source: as `student_tail`.
    """
    if skew == 0:
        return quantile
    bend = skew * (quantile + skew / 6)
    # 1 - cbrt(1 - bend), which would lose all digits of a small bend
    gap = -np.expm1(np.log1p(-bend) / 3) if bend < 1 else 1 - np.cbrt(1 - bend)
    return max(quantile, float(3 * gap / skew))


def sign_tail(deviations: Floats) -> Floats:
    """The chance of a sum so large if the sign of each family's deviation were drawn anew.

    It asks no more than that a family deviates up as likely as down; sizes of families and how
    alike their prompts are do not matter. All signs are gone through where there are few families.

    Args:
        deviations: (..., g) each family's sum minus its size times the supposed true mean.

    Source: Fisher 1935, "The Design of Experiments", section 21; its interval by Hartigan 1969,
    "Using Subsample Values as Typical Values". For many families the saddlepoint approximation of
    Robinson 1982, "Saddlepoint Approximations for Permutation Tests and Confidence Intervals", with
    the tail of Lugannani and Rice 1980.
    """
    n_families = deviations.shape[-1]
    size = np.abs(deviations).sum(axis=-1)
    if n_families <= MAX_ENUMERATED:
        flipped = (np.arange(2**n_families)[:, None] >> np.arange(n_families)) & 1
        sums = deviations @ flipped.T.astype(np.float64)
        return np.asarray((sums <= TIE * size[..., None]).mean(axis=-1), dtype=np.float64)
    total = deviations.sum(axis=-1)
    weights = np.abs(deviations) / np.where(size > 0, size, 1.0)[..., None]
    reached = np.abs(total) / np.where(size > 0, size, 1.0)
    least = 0.5 ** np.sum(weights > 0, axis=-1)
    tail = np.where(reached >= 1 - TIE, least, np.maximum(_approximate(weights, reached), least))
    return np.asarray(np.where(total >= 0, tail, 1 - tail), dtype=np.float64)


def _approximate(weights: Floats, reached: Floats) -> Floats:
    """The tail of a sum of weights with random signs; the weights add up to 1."""
    spread = np.sqrt(np.sum(weights**2, axis=-1))
    spread = np.where(spread > 0, spread, 1.0)
    scaled, x = weights / spread[..., None], reached / spread
    low, high, t = np.zeros(x.shape), np.full(x.shape, np.inf), x.copy()
    for _ in range(N_STEPS):
        bent = np.tanh(t[..., None] * scaled)
        gap = x - np.sum(scaled * bent, axis=-1)
        slope = np.sum(scaled**2 * (1 - bent**2), axis=-1)
        if np.all(np.abs(gap) <= CONVERGED * x):
            break
        low, high = np.where(gap > 0, t, low), np.where(gap > 0, high, t)
        step = t + gap / np.maximum(slope, TIE)
        middle = np.where(np.isinf(high), 2 * t + 1, (low + high) / 2)
        t = np.where((step > low) & (step < high), step, middle)
    tilted = t[..., None] * scaled
    log_mean = np.sum(tilted + np.log1p(np.exp(-2 * tilted)) - LOG_2, axis=-1)
    w = np.sqrt(np.maximum(2 * (t * x - log_mean), 0.0))
    slope = np.sum((scaled / np.cosh(np.minimum(tilted, 300.0))) ** 2, axis=-1)
    v = t * np.sqrt(slope)
    near = (w < 1e-3) | (v == 0)  # there the two poles of the formula cancel, and leave 0
    safe_w, safe_v = np.where(near, 1.0, w), np.where(near, 1.0, v)
    density = np.exp(-(w**2) / 2) / np.sqrt(2 * np.pi)
    tail = np.exp(log_ndtr(-w)) + np.where(near, 0.0, density * (1 / safe_v - 1 / safe_w))
    return np.asarray(np.clip(tail, 0.0, 1.0), dtype=np.float64)
