"""A judge's scores corrected by a few human labels: prediction-powered estimates.

A judge that errs more on one arm than on the other shifts their difference, and its own interval
knows nothing of that. Labels of a random part of the replies measure the shift.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from evaluation.statistics.differences import LEVEL, Interval
from evaluation.statistics.small_samples import difference_interval, score_interval

__all__ = ["MIN_LABELLED", "Calibrated", "calibrate_difference", "calibrate_mean"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Measure = Callable[[Floats, Ints, float], Interval]

MIN_LABELLED: Final = 5
"""Labelled families under which nothing is estimated: Student's quantile is above 2.7 there."""


@dataclass(frozen=True)
class Calibrated:
    """A mean by the judge alone, by the labels alone, and by both.

    Attributes:
        judge: Of the judge's scores over all prompts; its interval takes them for the truth.
        labels: Of the labels over the labelled prompts.
        both: The prediction-powered estimate; the one to report.
        weight: Share of the judge's scores that it uses; 0 where they tell nothing of the labels.
        shift: Judge minus labels over the labelled prompts.
        n_labelled: Prompts with a label, from both arms where they are compared.
    """

    judge: Interval
    labels: Interval
    both: Interval
    weight: float
    shift: float
    n_labelled: int


def calibrate_mean(
    scores: Floats, labels: Floats, clusters: Ints, level: float = LEVEL
) -> Calibrated:
    """The mean that labels of all prompts would have, from scores of all and labels of some.

    Args:
        scores: (n,) by the judge, from 0 to 1; finite.
        labels: (n,) by people on the same scale; NaN where there is none. Which prompts are
            labelled must have been drawn at random.
        clusters: (n,) family of each prompt.
        level: Of the intervals.

    Returns:
        The interval of `both` is undefined under `MIN_LABELLED` labelled families.

    Source: PPI++, Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453, for the mean,
    with the weight that makes the variance least, held from 0 to 1; families as in a sandwich
    variance over the sums of each one's influence. Labels are few here, so there are Student's
    quantiles with Satterthwaite's degrees of freedom, and half a label that is 1 too high and half
    a one 1 too low are added to the variance, after Agresti and Min 2005: 30 labels on which the
    judge was right are no proof that it always is.
    """
    return _calibrate((scores, labels, clusters), level, score_interval, lowest=0.0)


def calibrate_difference(
    scores: tuple[Floats, Floats],
    labels: tuple[Floats, Floats],
    clusters: Ints,
    level: float = LEVEL,
) -> Calibrated:
    """The difference between two arms on the same prompts, tuned minus base.

    Args:
        scores: (n,) of the tuned arm, and of the base.
        labels: (n,) of the tuned arm, and of the base, NaN where there is none; a prompt counts as
            labelled where both arms are.
        clusters: (n,) family of each prompt.
        level: Of the intervals.

    Source: as `calibrate_mean`, of the paired differences, whose shift is that of the contrast.
    """
    differences = scores[0] - scores[1], labels[0] - labels[1]
    return _calibrate((*differences, clusters), level, difference_interval, lowest=-1.0)


def _calibrate(
    data: tuple[Floats, Floats, Ints], level: float, measure: Measure, *, lowest: float
) -> Calibrated:
    """The estimates on a scale from `lowest` to 1, beyond which no interval reaches."""
    scores, labels, clusters = data
    labelled = ~np.isnan(labels)
    names, group = np.unique(clusters, return_inverse=True)
    judge = measure(scores, clusters, level)
    alone = measure(labels[labelled], clusters[labelled], level)
    n, n_rest = int(labelled.sum()), int((~labelled).sum())
    shift = float((scores - labels)[labelled].mean()) if n else np.nan
    if alone.n_clusters < MIN_LABELLED:
        n_all, nan = len(scores), np.nan
        undefined = Interval(nan, nan, nan, nan, nan, n_all, len(names), level, "PPI++")
        return Calibrated(judge, alone, undefined, np.nan, shift, n)
    families = _Families(labelled, group, len(names))
    own, judged = labels - alone.estimate, scores - scores[labelled].mean()
    spread = _measure_spread(scores, group)
    weight, estimate = 0.0, alone.estimate
    if n_rest:
        weight = _choose_weight(own, judged, families, spread * (1 / n + 1 / n_rest))
        estimate += weight * float(scores[~labelled].mean() - scores[labelled].mean())
    rest = scores - scores[~labelled].mean() if n_rest else np.zeros(len(scores))
    influence = np.where(labelled, (own - weight * judged) / n, weight * rest / max(n_rest, 1))
    error, df = _find_error(influence, families, weight**2 * spread / max(n_rest, 1))
    half = error * float(stdtrit(df, (1 + level) / 2))
    both = replace(
        judge,
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        se=error,
        df=df,
        method="PPI++",
        middle=None,
        skew=0.0,
        flips=None,
    )
    return Calibrated(judge, alone, both.cut(lowest, 1.0), weight, shift, n)


@dataclass(frozen=True, eq=False)
class _Families:
    """Which prompts are labelled, and the number of each one's family."""

    labelled: Bools
    group: Ints
    n_clusters: int

    def sum_labelled(self, values: Floats) -> Floats:
        """Sums of the labelled prompts of each family."""
        return self._sum(values, self.labelled)

    def sum_rest(self, values: Floats) -> Floats:
        """Sums of the other prompts of each family."""
        return self._sum(values, ~self.labelled)

    def _sum(self, values: Floats, rows: Bools) -> Floats:
        sums: Floats = np.bincount(self.group[rows], values[rows], self.n_clusters).astype(float)
        return sums


def _measure_spread(scores: Floats, group: Ints) -> float:
    """The variance of a mean of scores, times its prompts; labelled and other ones together."""
    sums = np.bincount(group, scores - scores.mean())
    return float(sums @ sums) / len(scores)


def _choose_weight(own: Floats, judged: Floats, families: _Families, spread: float) -> float:
    """The weight in [0, 1] with the least variance; 0 where the scores do not vary."""
    n = families.labelled.sum()
    shared = families.sum_labelled(own) @ families.sum_labelled(judged) / n**2
    return float(np.clip(shared / spread, 0.0, 1.0)) if spread > 0 else 0.0


def _find_error(influence: Floats, families: _Families, of_rest: float) -> tuple[float, float]:
    """Standard error, and Satterthwaite's degrees of freedom.

    The part of the prompts without a label is taken as no less than `of_rest`: by chance few of
    them may vary, where all together tell how much they do.
    """
    first, other = families.sum_labelled(influence), families.sum_rest(influence)
    n_first = len(np.unique(families.group[families.labelled]))
    n_other = len(np.unique(families.group[~families.labelled]))
    labelled = float(first @ first) * n_first / (n_first - 1) + 1 / n_first**2
    rest = max(float(other @ other), of_rest)
    variance = labelled + rest + 2 * float(first @ other)  # families with prompts of both
    squares = labelled**2 / (n_first - 1) + rest**2 / max(n_other - 1, 1)
    return float(np.sqrt(max(variance, labelled))), float((labelled + rest) ** 2 / squares)
