"""Differences between two arms on the same prompts, with errors that know of prompt families.

Prompts of one family (variants of one text, swapped positions) are answered alike, so they are not
independent; a family is a cluster here. Every interval uses Student's quantiles, because there are
often few families.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit
from scipy.stats import binomtest

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
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVEL: Final = 0.95
ROUNDING = 1e-13  # of the largest value; a residual below it is none
FULL_LEVERAGE = 1 - 1e-10  # a cluster that alone decides a coefficient has no error of its own


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval; NaN where the data do not define it.

    Attributes:
        estimate: The number.
        low: Lower end.
        high: Upper end.
        se: Standard error.
        df: Degrees of freedom of Student's distribution that the ends were taken from.
        n: Prompts that it rests on.
        n_clusters: Families that it rests on.
        level: How often such an interval should hold the true number.
        method: "t" for Student's interval of the data as they are; another name where something
            was added to them.
        middle: Where the interval is centred, if not on the estimate.
    """

    estimate: float
    low: float
    high: float
    se: float
    df: float
    n: int
    n_clusters: int
    level: float = LEVEL
    method: str = "t"
    middle: float | None = None

    @property
    def centre(self) -> float:
        """What tests are made around; the middle of the interval, where nothing cuts it off."""
        return self.estimate if self.middle is None else self.middle

    def at_level(self, level: float) -> "Interval":
        """The same estimate with the interval of another level."""
        half = self.se * float(stdtrit(self.df, (1 + level) / 2))
        return replace(self, level=level, low=self.centre - half, high=self.centre + half)


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

    Source: paired differences, Miller 2024, "Adding Error Bars to Evals", arXiv 2411.00640,
    section 4; averaging the samples of a prompt first, section 3.1.
    """
    tuned_means, base_means = average_samples(tuned), average_samples(base)
    rows = np.flatnonzero(~np.isnan(tuned_means - base_means))
    return Differences(
        (tuned_means - base_means)[rows],
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
        The mean; its interval is undefined with fewer than two families.

    Source: as `fit_clustered`; with families of one size the error is that of Miller 2024, arXiv
    2411.00640, section 2.2, times the square root of G / (G - 1) for G families, which lets it
    hold for few of them, and the degrees of freedom are G - 1.
    """
    return fit_clustered(values, np.ones((len(values), 1)), clusters, level)[0]


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
        return plain if same else _undefine(np.nan, plain.n, plain.n_clusters, level)
    scale = np.abs(lengths).max() if len(lengths) else 1.0
    design = np.column_stack([np.ones(len(lengths)), lengths / scale])
    return fit_clustered(differences, design, clusters, level)[0]


def fit_clustered(
    values: Floats, design: Floats, clusters: Ints, level: float = LEVEL
) -> list[Interval]:
    """Least squares with errors that may be correlated in any way within a cluster.

    Args:
        values: (n,) finite.
        design: (n, k) regressors, linearly independent, the intercept among them.
        clusters: (n,) cluster of each row.
        level: Of the intervals.

    Returns:
        One interval a regressor; undefined where there are fewer than two clusters or no more rows
        than regressors.

    Source: the bias-reduced linearisation CR2 with Satterthwaite's degrees of freedom, Bell and
    McCaffrey 2002, "Bias Reduction in Standard Errors for Linear Regression with Multi-Stage
    Samples"; Pustejovsky and Tipton 2018, "Small-Sample Methods for Cluster-Robust Variance
    Estimation", equations 3, 5 and 10, with independent errors as the working model.
    """
    n, k = design.shape
    names, group = np.unique(clusters, return_inverse=True)
    n_clusters = len(names)
    if n <= k or n_clusters < 2:
        means = [float(values.mean())] if n and k == 1 else [np.nan] * k
        return [_undefine(mean, n, n_clusters, level) for mean in means]
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ values
    root = np.linalg.cholesky(inverse)  # inverse = root @ root.T
    scaled = design @ root
    # f(ZZ')Z = Z f(Z'Z): the inverse roots of I - H are taken on k x k matrices, not on clusters.
    gram = np.zeros((n_clusters, k, k))
    np.add.at(gram, group, scaled[:, :, None] * scaled[:, None, :])
    sizes, vectors = np.linalg.eigh(gram)
    left = np.where(sizes < FULL_LEVERAGE, 1 - sizes, np.inf)
    adjustment = np.einsum("gij,gj,glj->gil", vectors, left**-0.5, vectors)
    residuals = values - design @ coefficients
    residuals[np.abs(residuals) <= ROUNDING * np.abs(values).max()] = 0.0
    found = []
    for j in range(k):
        weights = np.einsum("ni,nil,l->n", scaled, adjustment[group], root[j])
        sums = np.bincount(group, weights * residuals, n_clusters)
        error = float(np.sqrt(np.sum(sums**2)))
        df = _find_df(weights, scaled, group, n_clusters)
        half = error * float(stdtrit(df, (1 + level) / 2))
        estimate = float(coefficients[j])
        found.append(
            Interval(estimate, estimate - half, estimate + half, error, df, n, n_clusters, level)
        )
    return found


def find_p_value(interval: Interval, null: float = 0.0) -> float:
    """Two-sided p-value of the hypothesis that the true number is `null`.

    Where no prompt differs from another the error is 0: the p-value is then 1 at the null itself
    and undefined elsewhere, for a sample without spread says nothing of the spread.
    """
    if interval.se == 0:
        return 1.0 if interval.estimate == null else np.nan
    return float(2 * stdtr(interval.df, -abs(interval.centre - null) / interval.se))


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


def _find_df(weights: Floats, scaled: Floats, group: Ints, n_clusters: int) -> float:
    """Satterthwaite's degrees of freedom: (tr P)^2 / tr(P^2) of the quadratic form's matrix P.

    P = diag(own) - B B', with a row b_g = Z_g'a_g of B for each cluster.
    """
    own = np.bincount(group, weights**2, n_clusters)
    b = np.zeros((n_clusters, scaled.shape[1]))
    np.add.at(b, group, scaled * weights[:, None])
    diagonal = np.sum(b**2, axis=1)
    trace = np.sum(own - diagonal)
    product = b.T @ b
    squares = np.sum(own**2) - 2 * np.sum(own * diagonal) + np.sum(product * product)
    return float(trace**2 / squares) if squares > 0 else np.nan


def _undefine(estimate: float, n: int, n_clusters: int, level: float) -> Interval:
    return Interval(estimate, np.nan, np.nan, np.nan, np.nan, n, n_clusters, level)
