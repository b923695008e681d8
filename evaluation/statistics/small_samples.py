"""Intervals for few prompts, and for many of which hardly any changed.

An interval from the spread of the data takes data with a spread: where two arms differ on none of
20 prompts it has no width, which is no evidence that they never differ.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from evaluation.statistics.differences import (
    LEVEL,
    Interval,
    find_p_value,
    mean_interval,
    to_interval,
)
from evaluation.statistics.families import (
    add_families,
    count_effective,
    measure_mean,
    sum_families,
)

__all__ = [
    "MIN_CHANGED",
    "UP_AND_DOWN",
    "UP_AND_DOWN_TWICE",
    "YES_AND_NO",
    "count_interval",
    "difference_interval",
    "find_shift_p",
    "has_spread",
    "plus_interval",
    "score_interval",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_CHANGED: Final = 10
"""Changed prompts, as far as families leave them independent, under which families are added.

Source: the rule of thumb of ten discordant pairs for McNemar's normal approximation, Fagerland,
Lydersen and Laake 2013, "The McNemar Test for Binary Matched-Pairs Data".
"""

UP_AND_DOWN: Final = (1.0, -1.0)
"""Means of the families added to differences.

Source: Bonett and Price 2012, "Adjusted Wald Confidence Interval for a Difference of Binomial
Proportions Based on Paired Data", who add a pair up and a pair down.
"""

UP_AND_DOWN_TWICE: Final = (1.0, 1.0, -1.0, -1.0)
"""Means of the families added where nearly all prompts went one way.

Source: as `YES_AND_NO`, for hardly any prompt is unchanged there; with one of each, 6.5 % of the
studies of 11 prompts that go up or down by chance would be called a change.
"""

YES_AND_NO: Final = (1.0, 1.0, 0.0, 0.0)
"""Means of the families added to scores from 0 to 1.

Source: Agresti and Coull 1998, "Approximate Is Better Than Exact for Interval Estimation of
Binomial Proportions", who add two of each.
"""


ROUNDING: Final = 1e-9
"""Of the largest difference; what differences differ by below it is rounding, and no spread."""


def has_spread(values: Floats) -> bool:
    """Whether differences differ from one another by more than rounding."""
    return bool(len(values) and np.ptp(values) > ROUNDING * np.abs(values).max())


def difference_interval(
    values: Floats, clusters: Ints, level: float = LEVEL, *, reach: float = 1.0
) -> Interval:
    """The mean of paired differences between shares, or between differences of shares.

    Args:
        values: (n,) differences.
        clusters: (n,) family of each.
        level: Of the interval.
        reach: The largest difference that there can be: 1 between scores from 0 to 1.

    Returns:
        `mean_interval`; or `plus_interval` where fewer than `MIN_CHANGED` prompts changed, counted
        as `families.count_effective` does, or all families changed alike: with added families that
        change by 1, or as much as the others where that many families did and all by one amount.
        Where all but fewer than `MIN_CHANGED` prompts went the whole way up, or down, two families
        are added that go so far up, and two down. No end lies beyond the scale.
    """
    if _count_changed(values, clusters) >= MIN_CHANGED and not has_spread(values):
        step = float(np.abs(values).max())
        return plus_interval(values, clusters, level, step=step, reach=reach)
    if _are_few(values, np.sum(values != 0), clusters):
        return plus_interval(values, clusters, level, reach=reach)
    others = np.minimum(np.sum(values != reach), np.sum(values != -reach))
    if _are_few(values, others, clusters):
        added = UP_AND_DOWN_TWICE
        return plus_interval(values, clusters, level, added=added, step=reach, reach=reach)
    return mean_interval(values, clusters, level).cut(-reach, reach)


def count_interval(values: Floats, clusters: Ints, spread: float, level: float = LEVEL) -> Interval:
    """The mean of paired differences between counts.

    Args:
        values: (n,) differences.
        clusters: (n,) family of each.
        spread: Standard deviation of the counts between prompts; NaN where they do not differ.
        level: Of the interval.

    Returns:
        `mean_interval`; or, where all prompts changed alike, `plus_interval`, with added families
        that change as much as they, and by no less than the spread where there are fewer than
        `MIN_CHANGED` of them. Where nothing has a spread, its error is 0.
    """
    if not len(values) or has_spread(values):
        return mean_interval(values, clusters, level)
    step = float(np.abs(values).max())
    if _count_changed(values, clusters) < MIN_CHANGED:
        step = float(np.fmax(step, spread))
    if not step > 0:
        return mean_interval(values, clusters, level)
    return plus_interval(values, clusters, level, step=step, reach=np.inf)


def score_interval(values: Floats, clusters: Ints, level: float = LEVEL) -> Interval:
    """The mean of one arm's scores from 0 to 1.

    Args:
        values: (n,) scores from 0 to 1.
        clusters: (n,) family of each.
        level: Of the interval.

    Returns:
        `mean_interval`, or `plus_interval` where fewer than `MIN_CHANGED` yes or no are there,
        counted as `families.count_effective` does, or all families scored alike. No end lies
        beyond the scale.
    """
    rarer = np.minimum(np.sum(values > 0), np.sum(values < 1))
    if _are_few(values, rarer, clusters):
        return plus_interval(values, clusters, level, added=YES_AND_NO)
    return mean_interval(values, clusters, level).cut(0.0, 1.0)


def plus_interval(
    values: Floats,
    clusters: Ints,
    level: float = LEVEL,
    *,
    added: tuple[float, ...] = UP_AND_DOWN,
    step: float = 1.0,
    reach: float = 1.0,
) -> Interval:
    """The mean with a few families added, each of the mean size.

    Args:
        values: (n,) numbers of one scale.
        clusters: (n,) family of each.
        level: Of the interval.
        added: The mean of each added family, in steps; the ends of the scale are among them.
        step: What the added families go up and down by.
        reach: The largest number that there can be; the interval ends there.

    Returns:
        The estimate is that of the data; the interval is around the mean with the added families,
        the error is that of it, and no end lies beyond the scale. Undefined without a prompt.

    Source: as `UP_AND_DOWN` and `YES_AND_NO`; here families take the place of pairs, and Student's
    quantile that of the normal one.
    """
    n = len(values)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, np.nan, np.nan, 0, 0, level, "plus")
    sums, sizes = sum_families(values, clusters)
    means = tuple(step * mean for mean in added)
    measured = measure_mean(*add_families(sums, sizes, means), allow_skew=False)
    interval = to_interval(measured, n, level)
    return replace(
        interval.cut(reach * min(added), reach * max(added)),
        estimate=float(values.mean()),
        middle=interval.estimate,
        n_clusters=len(sizes),
        method="plus",
    )


def find_shift_p(values: Floats, clusters: Ints, interval: Interval) -> float:
    """Two-sided p-value of no difference, be there a spread or not.

    Where all prompts changed alike, it is no smaller than that of the exact test which turns the
    differences of whole families around: of the 2^G ways to do so, two have a mean as far from 0.

    Args:
        values: (n,) differences.
        clusters: (n,) family of each.
        interval: Of their mean.

    Source: Fisher 1935, "The Design of Experiments", section 21.
    """
    p = find_p_value(interval)
    if not len(values) or has_spread(values) or not np.abs(values).max() > 0:
        return p
    return float(np.fmax(p, 2.0 ** (1 - len(np.unique(clusters)))))


def _count_changed(values: Floats, clusters: Ints) -> int:
    _, group = np.unique(clusters, return_inverse=True)
    return int(np.sum(np.bincount(group, np.abs(values)) > 0))


def _are_few(values: Floats, counted: Floats, clusters: Ints) -> bool:
    if not len(values):
        return True
    sums, sizes = sum_families(values, clusters)
    effective = count_effective(values, counted, sums, sizes)
    return bool(effective < MIN_CHANGED - ROUNDING)
