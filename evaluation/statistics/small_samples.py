"""Intervals for few prompts, and for many of which hardly any changed.

An interval from the spread of the data takes data with a spread: where two arms differ on none of
20 prompts it has no width, which is no evidence that they never differ.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, stdtrit
from scipy.stats import beta

from evaluation.statistics.differences import LEVEL, Interval, mean_interval

__all__ = ["MIN_CHANGED", "difference_interval", "plus_interval", "share_interval"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_CHANGED: Final = 10
"""Families with a difference under which `difference_interval` adds to the data.

Source: the rule of thumb of ten discordant pairs for McNemar's normal approximation, Fagerland,
Lydersen and Laake 2013, "The McNemar Test for Binary Matched-Pairs Data".
"""

N_SHARES, N_CONCENTRATIONS = 400, 200  # the grid: finer ones move no end by 0.001


def difference_interval(values: Floats, clusters: Ints, level: float = LEVEL) -> Interval:
    """The mean of paired differences between scores from 0 to 1.

    Args:
        values: (n,) differences from -1 to 1.
        clusters: (n,) family of each.
        level: Of the interval.

    Returns:
        `mean_interval`, or `plus_interval` where fewer than `MIN_CHANGED` families changed or all
        prompts changed alike.
    """
    _, group = np.unique(clusters, return_inverse=True)
    changed = np.bincount(group, np.abs(values)) > 0
    if changed.sum() < MIN_CHANGED or np.ptp(values) == 0:
        return plus_interval(values, clusters, level)
    return mean_interval(values, clusters, level)


def plus_interval(values: Floats, clusters: Ints, level: float = LEVEL) -> Interval:
    """The mean difference with two families added: half a one up, half a one down, one unchanged.

    Args:
        values: (n,) differences from -1 to 1.
        clusters: (n,) family of each.
        level: Of the interval.

    Returns:
        The estimate is that of the data; the interval is around the mean with the added families,
        each of the mean size, and the error is that of it. Undefined without a prompt.

    Source: Agresti and Min 2005, "Simple Improved Confidence Intervals for Comparing Matched
    Proportions", who add half a pair to each cell; here families take the place of pairs, and
    Student's quantile that of the normal one.
    """
    names, group = np.unique(clusters, return_inverse=True)
    n, n_clusters = len(values), len(names)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, np.nan, np.nan, 0, 0, level, "plus")
    sizes, sums = np.bincount(group), np.bincount(group, values)
    size = n / n_clusters
    total = n + 2 * size
    centre = sums.sum() / total
    squares = np.sum((sums - sizes * centre) ** 2) + size**2 * (1 + 2 * centre**2)
    count = n_clusters + 2
    error = float(np.sqrt(squares * count / (count - 1)) / total)
    df = float(count - 1)
    half = error * float(stdtrit(df, (1 + level) / 2))
    low, high = max(-1.0, float(centre) - half), min(1.0, float(centre) + half)
    estimate = float(values.mean())
    return Interval(
        estimate, low, high, error, df, n, n_clusters, level, "plus", middle=float(centre)
    )


def share_interval(successes: Ints, trials: Ints, level: float = LEVEL) -> Interval:
    """The share of yes in one arm, from a Bayesian model of families.

    Args:
        successes: (g,) prompts with yes in each family.
        trials: (g,) prompts of each family, at least 1.
        level: Of the interval.

    Returns:
        Posterior mean, equal-tailed interval and posterior standard deviation. Where each family
        is one prompt the posterior is a beta distribution, exactly.

    Source: Bowyer, Aitchison and Ivanova 2025, "Don't Use the CLT in LLM Evals With Fewer Than a
    Few Hundred Datapoints", arXiv 2503.01747: share ~ Beta(1, 1), concentration
    ~ Gamma(1, 1), each family's share ~ Beta; on a grid in place of their importance sampling.
    """
    n, n_clusters = int(trials.sum()), len(trials)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if (trials == 1).all():
        posterior = beta(1 + successes.sum(), 1 + n - successes.sum())
        mean, sd, (low, high) = posterior.mean(), posterior.std(), posterior.ppf(tails)
    else:
        shares = (np.arange(N_SHARES) + 0.5) / N_SHARES
        mass = _weigh_shares(shares, successes, trials)
        mean = float(mass @ shares)
        sd = float(np.sqrt(mass @ (shares - mean) ** 2))
        # The mass of a cell lies evenly over it, so quantiles are read between its edges.
        edges = np.arange(N_SHARES + 1) / N_SHARES
        low, high = np.interp(tails, np.append(0.0, np.cumsum(mass)), edges)
    return Interval(
        float(mean), float(low), float(high), float(sd), np.inf, n, n_clusters, level, "Bayesian"
    )


def _weigh_shares(shares: Floats, successes: Ints, trials: Ints) -> Floats:
    """(N_SHARES,) posterior mass of each share, the concentration summed out."""
    # Quantiles of Gamma(1, 1), so that all have the same mass a priori.
    concentrations = -np.log1p(-(np.arange(N_CONCENTRATIONS) + 0.5) / N_CONCENTRATIONS)
    a = concentrations[:, None] * shares
    b = concentrations[:, None] * (1 - shares)
    kinds, counts = np.unique(np.column_stack([successes, trials]), axis=0, return_counts=True)
    log_mass = np.zeros(a.shape)
    for (yes, asked), count in zip(kinds, counts, strict=True):
        log_mass += count * (betaln(a + yes, b + asked - yes) - betaln(a, b))
    mass = np.exp(log_mass - log_mass.max()).sum(axis=0)
    result: Floats = mass / mass.sum()
    return result
