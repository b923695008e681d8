"""Many tests at once: Holm over the few primary measures, false discoveries over a matrix."""

import numpy as np
import numpy.typing as npt

from valuedata.effects.discovery import adjust

__all__ = ["benjamini_hochberg", "holm"]

Floats = npt.NDArray[np.float64]


def holm(p: Floats) -> Floats:
    """Adjusts p-values so that any false one among those at most alpha has a chance of alpha.

    Args:
        p: (m,) p-values; NaN where a test is undefined, which then counts as not made.

    Returns:
        (m,) float64: the largest, over the p-values no greater than one's own, of p times the
        number of tests that are left at its rank, at most 1; NaN where p is.

    Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def benjamini_hochberg(p: Floats) -> Floats:
    """Gives the q-value of each cell of a matrix of p-values.

    Args:
        p: Any shape; NaN where a test is undefined, which then counts as not made.

    Returns:
        The same shape; NaN where p is.

    Source: as `valuedata.effects.discovery.adjust`.
    """
    return adjust(p.ravel()).reshape(p.shape)
