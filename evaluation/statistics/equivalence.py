"""What a difference amounts to: changed, equivalent, or not decided by these data."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from evaluation.statistics.differences import Interval

__all__ = ["ALPHA", "Equivalence", "Verdict", "decide", "find_equivalence"]

ALPHA = 0.05


class Verdict(StrEnum):
    """What these data say of one dimension."""

    CHANGED = "changed"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Equivalence:
    """Whether a difference is shown to be smaller than what would matter.

    Attributes:
        smallest_effect: The least difference, up or down, that would matter.
        p_not_lower: Of the hypothesis that the difference is at most minus that.
        p_not_higher: Of the hypothesis that it is at least that.
        p: The larger of the two.
    """

    smallest_effect: float
    p_not_lower: float
    p_not_higher: float
    p: float


def find_equivalence(interval: Interval, smallest_effect: float) -> Equivalence:
    """Two one-sided tests against the smallest effect of interest.

    Args:
        interval: Of the difference, at any level.
        smallest_effect: Above 0, in the unit of the difference; stated before looking.

    Returns:
        p at most alpha where the interval of level 1 - 2 alpha lies inside. It is NaN where the
        error is undefined, and where it is 0: data without a spread say nothing of it.

    Source: TOST, Schuirmann 1987, "A Comparison of the Two One-Sided Tests Procedure"; Lakens 2017,
    "Equivalence Tests".
    """
    if not interval.se > 0:
        return Equivalence(smallest_effect, np.nan, np.nan, np.nan)
    _, not_lower = interval.find_tails(-smallest_effect)
    not_higher, _ = interval.find_tails(smallest_effect)
    return Equivalence(smallest_effect, not_lower, not_higher, max(not_lower, not_higher))


def decide(p: float, equivalence: Equivalence, alpha: float = ALPHA) -> Verdict:
    """The verdict on one dimension.

    Args:
        p: Of no difference, adjusted for the other primary measures.
        equivalence: Of the same difference.
        alpha: Of both.

    Returns:
        Equivalent where the difference is shown to be smaller than the smallest effect, be it
        different from 0 or not; changed where it is not, and p is at most alpha; else inconclusive.
    """
    if equivalence.p <= alpha:
        return Verdict.EQUIVALENT
    return Verdict.CHANGED if p <= alpha else Verdict.INCONCLUSIVE
