"""One measure, two arms: everything that is said of their difference, in one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.statistics.differences import (
    Interval,
    adjust_for_length,
    average_samples,
    pair_differences,
)
from evaluation.statistics.effect_sizes import hedges_g
from evaluation.statistics.equivalence import ALPHA, Equivalence, Verdict, decide, find_equivalence
from evaluation.statistics.multiplicity import holm
from evaluation.statistics.small_samples import difference_interval, find_shift_p

__all__ = ["Comparison", "Decision", "compare", "decide_all"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """How a tuned arm differs from a base on one measure.

    Attributes:
        base_mean: Of the prompts that both arms have a score for.
        tuned_mean: Of the same prompts.
        difference: Tuned minus base.
        p: Two-sided, of no difference; not adjusted for other measures.
        effect_size: Hedges' g; NaN where neither arm varies.
        equivalence: Against the smallest effect of interest.
        at_equal_length: The difference left at equal length; None where no lengths were given.
        n_left_out: Prompts without a score from one of the arms.
    """

    base_mean: float
    tuned_mean: float
    difference: Interval
    p: float
    effect_size: float
    equivalence: Equivalence
    at_equal_length: Interval | None
    n_left_out: int


@dataclass(frozen=True)
class Decision:
    """The verdict on one primary measure.

    Attributes:
        verdict: What the data say.
        p_adjusted: By Holm over the measures that were decided together.
    """

    verdict: Verdict
    p_adjusted: float


def compare(
    tuned: Floats,
    base: Floats,
    clusters: Ints,
    smallest_effect: float,
    *,
    lengths: tuple[Floats, Floats] | None = None,
    find_interval: Callable[[Floats, Ints], Interval] = difference_interval,
) -> Comparison:
    """Compares two arms on one measure.

    Args:
        tuned: (n,) or (n, k) scores of k samples a prompt, NaN where none could be given.
        base: (n,) or (n, m) scores on the same prompts.
        clusters: (n,) family of each prompt.
        smallest_effect: The least difference that would matter, in the unit of the scores.
        lengths: (n,) or (n, k) lengths of the tuned replies, and of the base's; NaN where unknown,
            and then the difference at equal length rests on fewer prompts, as its `n` says.
        find_interval: Gives the interval of the mean of paired differences and their families; by
            default that of scores from 0 to 1.
    """
    paired = pair_differences(tuned, base, clusters)
    interval = find_interval(paired.values, paired.clusters)
    adjusted = None
    if lengths is not None:
        gaps = (average_samples(lengths[0]) - average_samples(lengths[1]))[paired.rows]
        known = ~np.isnan(gaps)
        adjusted = adjust_for_length(paired.values[known], gaps[known], paired.clusters[known])
    return Comparison(
        paired.base_mean,
        paired.tuned_mean,
        interval,
        find_shift_p(paired.values, paired.clusters, interval),
        hedges_g(average_samples(tuned)[paired.rows], average_samples(base)[paired.rows]),
        find_equivalence(interval, smallest_effect),
        adjusted,
        paired.n_left_out,
    )


def decide_all(comparisons: Mapping[str, Comparison], alpha: float = ALPHA) -> dict[str, Decision]:
    """Gives each primary measure its verdict, p-values adjusted over all of them.

    Equivalence is not adjusted: a measure is called equivalent on its own evidence alone.

    Args:
        comparisons: Primary measure to its comparison.
        alpha: Of the verdicts.
    """
    adjusted = holm(np.array([one.p for one in comparisons.values()], dtype=np.float64))
    return {
        name: Decision(decide(float(p), one.equivalence, alpha), float(p))
        for (name, one), p in zip(comparisons.items(), adjusted, strict=True)
    }
