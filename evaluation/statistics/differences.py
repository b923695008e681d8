"""Differences between two arms on the same prompts, with errors that know of prompt families.

Prompts of one family (variants of one text, swapped positions) are answered alike, so they are not
independent; a family is a cluster here. There are often few of them, some far larger than others.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from evaluation.statistics.clustered import fit_clustered
from evaluation.statistics.families import Measured, measure_mean, needs_signs, sum_families
from evaluation.statistics.intervals import LEVEL, Flips, Interval, leave_undefined

__all__ = [
    "LEVEL",
    "Differences",
    "Interval",
    "McNemar",
    "adjust_for_length",
    "average_samples",
    "find_p_value",
    "fit_clustered",
    "mcnemar_exact",
    "mean_interval",
    "pair_differences",
    "to_interval",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROUNDING = 1e-12  # of a score; a difference below it is none


@dataclass(frozen=True, eq=False)
class Differences:
    """What two arms differ by on the prompts that both have a score for.

    Attributes:
        values: (n,) tuned minus base, each a mean over the samples that could be judged.
        clusters: (n,) family of each.
        rows: (n,) the row of each in what was given.
        base_mean: Mean of the base over these prompts.
        tuned_mean: Mean of the tuned arm over these prompts.
        n_left_out: Prompts that one of the arms has no score for.
    """

    values: Floats
    clusters: Ints
    rows: Ints
    base_mean: float
    tuned_mean: float
    n_left_out: int


@dataclass(frozen=True)
class McNemar:
    """What changed where each prompt has one yes or no from each arm.

    Attributes:
        n_only_tuned: Prompts with yes from the tuned arm alone.
        n_only_base: Prompts with yes from the base alone.
        p: Two-sided.
    """

    n_only_tuned: int
    n_only_base: int
    p: float


def pair_differences(tuned: Floats, base: Floats, clusters: Ints) -> Differences:
    """Subtracts the base from the tuned arm, prompt by prompt.

    Args:
        tuned: (n,) or (n, k) scores of k samples a prompt; NaN where none could be given.
        base: (n,) or (n, m) scores, its rows the same prompts.
        clusters: (n,) family of each prompt.

    Source: paired differences, Miller 2024, "Adding Error Bars to Evals", arXiv 2411.00640;
    so is averaging the samples of a prompt first.
    """
    tuned_means, base_means = average_samples(tuned), average_samples(base)
    rows = np.flatnonzero(~np.isnan(tuned_means - base_means))
    values = (tuned_means - base_means)[rows]
    largest = np.maximum(np.abs(tuned_means), np.abs(base_means))[rows]
    values[np.abs(values) <= ROUNDING * largest] = 0.0  # means of other numbers of samples
    return Differences(
        values,
        clusters[rows],
        rows,
        float(base_means[rows].mean()) if len(rows) else np.nan,
        float(tuned_means[rows].mean()) if len(rows) else np.nan,
        len(clusters) - len(rows),
    )


def mean_interval(values: Floats, clusters: Ints, level: float = LEVEL) -> Interval:
    """The mean of a number a prompt, its error clustered by family.

    Args:
        values: (n,) finite.
        clusters: (n,) family of each.
        level: Of the interval.

    Returns:
        The mean; its interval is undefined with fewer than two families. Its ends are Student's,
        one of them farther out where the families' deviations are skewed; where one family holds
        so many of the prompts that Student's distribution fails, they come from flipping signs.

    Source: as `families.measure_mean` and the tails that it chooses from; with families of one size
    the error is that of Miller 2024, arXiv 2411.00640, times the square root of G / (G - 1) for G
    families, which lets it hold for few of them, and the degrees of freedom are G - 1.
    """
    sums, sizes = sum_families(values, clusters)
    if len(sizes) < 2:
        mean = float(values.mean()) if len(values) else np.nan
        return leave_undefined(mean, len(values), len(sizes), level)
    return to_interval(measure_mean(sums, sizes), len(values), level)


def to_interval(measured: Measured, n: int, level: float) -> Interval:
    """The interval of one study.

    Args:
        measured: Of a single study.
        n: Prompts that it rests on.
        level: Of the interval.
    """
    mean, error, n_families = float(measured.mean), float(measured.error), len(measured.sizes)
    flips = None
    if error > 0 and needs_signs(measured.df, n_families):
        flips = Flips(tuple(measured.sums.tolist()), tuple(measured.sizes.tolist()))
    method, skew = "t" if flips is None else "signs", float(measured.skew)
    interval = Interval(
        mean, mean, mean, error, measured.df, n, n_families, level, method, skew=skew, flips=flips
    )
    return interval.at_level(level)


def adjust_for_length(
    differences: Floats, lengths: Floats, clusters: Ints, level: float = LEVEL
) -> Interval:
    """The mean difference that would be left if both arms answered at the same length.

    Args:
        differences: (n,) tuned minus base.
        lengths: (n,) length of the tuned reply minus that of the base, in any unit.
        clusters: (n,) family of each.
        level: Of the interval.

    Returns:
        The intercept of the regression of the difference on the difference in length. Where all
        replies differ by one length, nothing tells the two apart, and it is NaN unless that is 0.

    Source: Dubois et al. 2024, "Length-Controlled AlpacaEval", arXiv 2404.04475, who regress a
    preference on the difference in length and read off the value at no difference.
    """
    if len(lengths) and np.ptp(lengths) == 0:
        plain = mean_interval(differences, clusters, level)
        same = lengths[0] == 0
        return plain if same else leave_undefined(np.nan, plain.n, plain.n_clusters, level)
    scale = np.abs(lengths).max() if len(lengths) else 1.0
    design = np.column_stack([np.ones(len(lengths)), lengths / scale])
    return fit_clustered(differences, design, clusters, level)[0]


def find_p_value(interval: Interval, null: float = 0.0) -> float:
    """Two-sided p-value of the hypothesis that the true number is `null`.

    Where no prompt differs from another the error is 0: the p-value is then 1 at the null itself
    and undefined elsewhere, for a sample without spread says nothing of the spread;
    `small_samples.find_shift_p` has an answer where all prompts changed alike.
    """
    if interval.se == 0:
        return 1.0 if interval.estimate == null else np.nan
    return float(np.minimum(1.0, 2 * np.min(interval.find_tails(null))))


def mcnemar_exact(tuned: npt.NDArray[np.bool_], base: npt.NDArray[np.bool_]) -> McNemar:
    """Tests whether yes is as frequent in both arms, given one yes or no a prompt from each.

    It takes prompts as independent: with families of several prompts use `mean_interval`.

    Args:
        tuned: (n,) of the tuned arm.
        base: (n,) of the base, on the same prompts.

    Source: McNemar 1947, "Note on the Sampling Error of the Difference Between Correlated
    Proportions", with the binomial distribution in place of the chi-squared one.
    """
    gained, lost = int(np.sum(tuned & ~base)), int(np.sum(base & ~tuned))
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return McNemar(gained, lost, p)


def average_samples(scores: Floats) -> Floats:
    """(n,) means of (n, k) scores over the samples that have one; NaN where none has."""
    if scores.ndim == 1:
        return scores
    judged = ~np.isnan(scores)
    counts = judged.sum(axis=1)
    totals = np.where(judged, scores, 0.0).sum(axis=1)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
