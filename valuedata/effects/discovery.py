"""False discoveries held down where many features are tested at once."""

import numpy as np
import numpy.typing as npt

__all__ = ["FALSE_DISCOVERY_RATE", "adjust"]

FALSE_DISCOVERY_RATE = 0.05  # expected share of false ones among what is called a difference


def adjust(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Gives the q-value of each p-value: the smallest false discovery rate at which it is found.

    Args:
        p: (m,) p-values; NaN where a test is undefined, which then counts as not made.

    Returns:
        (m,) float64: the smallest, over the p-values no less than one's own, of p times the tests
        over the rank of p; NaN where p is.

    Source: Benjamini and Hochberg 1995, "Controlling the False Discovery Rate"; it holds for
    positively dependent tests as well, Benjamini and Yekutieli 2001.
    """
    q = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return q
