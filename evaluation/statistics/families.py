"""The mean over prompts in families: its error, its skew, and which tails to trust.

Everything takes the sums of families, (..., g), so that many studies of one shape are measured at
once, by the same code as a single one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from evaluation.statistics.tails import sign_tail, student_tail

__all__ = [
    "Measured",
    "add_families",
    "count_effective",
    "find_ratio",
    "measure_mean",
    "needs_signs",
    "sum_families",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROUNDING: Final = 1e-13  # of the largest sum; a deviation below it is none
FAR: Final = 1e9  # standard errors that leave no tail
MIN_DF: Final = 4.0
"""Degrees of freedom under which Student's distribution is no guide to the error.

Source: Tipton 2015, "Small Sample Adjustments for Robust Variance Estimation With
Meta-Regression".
"""
MIN_SIGNED: Final = 6
"""Families whose signs tell enough for a level of 95 %: 2 / 2^5 would be more than 5 %."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The means of one study or of many of the same shape.

    Attributes:
        mean: (...) mean over prompts.
        error: (...) its standard error.
        skew: (...) its third central moment over the error cubed.
        df: Degrees of freedom, which the sizes alone decide.
        sums: (..., g) as measured.
        sizes: (g,) prompts of each family.
    """

    mean: Floats
    error: Floats
    skew: Floats
    df: float
    sums: Floats
    sizes: Floats

    def find_tails(self, null: float) -> tuple[Floats, Floats]:
        """As `intervals.Interval.find_tails`; where the error is 0 only the mean itself is left."""
        if needs_signs(self.df, len(self.sizes)):
            deviations = self.sums - null * self.sizes
            return sign_tail(-deviations), sign_tail(deviations)
        known, gap = self.error > 0, self.mean - null
        far = np.where(np.abs(gap) <= ROUNDING, 0.0, np.copysign(FAR, gap))
        ratio = np.where(known, gap / np.where(known, self.error, 1.0), far)
        skew = np.where(known, self.skew, 0.0)
        return student_tail(ratio, self.df, skew), student_tail(-ratio, self.df, -skew)


def needs_signs(df: float, n_families: int) -> bool:
    """Whether one family weighs so much that Student's distribution fails, and signs can help."""
    return df < MIN_DF and n_families >= MIN_SIGNED


def sum_families(values: Floats, clusters: Ints) -> tuple[Floats, Floats]:
    """(g,) sums of each family's values, and (g,) how many there are."""
    _, group = np.unique(clusters, return_inverse=True)
    sums: Floats = np.bincount(group, values).astype(np.float64)
    return sums, np.bincount(group).astype(np.float64)


def measure_mean(sums: Floats, sizes: Floats, *, allow_skew: bool = True) -> Measured:
    """The mean over prompts with an error that knows of families.

    Args:
        sums: (..., g) sum over each family's prompts.
        sizes: (g,) prompts of each; at least two families.
        allow_skew: Whether the tails heed the skew.

    Source: error and degrees of freedom as `clustered.fit_clustered`, which this is for an
    intercept alone.
    """
    share = sizes / sizes.sum()
    mean = sums.sum(axis=-1) / sizes.sum()
    gaps = sums - mean[..., None] * sizes
    gaps = np.where(np.abs(gaps) <= ROUNDING * np.abs(sums).max(initial=0.0), 0.0, gaps)
    gaps = gaps / sizes.sum()
    error = np.sqrt(np.sum(gaps**2 / (1 - share), axis=-1))
    squares = np.sum(gaps**2, axis=-1)
    skew = np.sum(gaps**3, axis=-1) / np.where(squares > 0, squares, 1.0) ** 1.5
    return Measured(mean, error, skew if allow_skew else 0 * skew, _find_df(sizes), sums, sizes)


def count_effective(values: Floats, counted: Floats, sums: Floats, sizes: Floats) -> Floats:
    """How many independent prompts the counted ones are worth.

    Args:
        values: (..., n) of the prompts.
        counted: (...) how many of them count.
        sums: (..., g) sum over each family's prompts.
        sizes: (g,) prompts of each.

    Returns:
        (...) the counted over the design effect, where that is more than 1; 0 where all families
        have the same mean.

    Source: the design effect of Kish 1965, "Survey Sampling", as the ratio of the variance of
    the mean by families to that by prompts; the effective number that small shares take, Korn and
    Graubard 1998, "Confidence Intervals for Proportions With Small Expected Number of Positive
    Counts".
    """
    mean = sums.sum(axis=-1) / sizes.sum()
    own = np.sum((values - mean[..., None]) ** 2, axis=-1)
    among = np.sum((sums - mean[..., None] * sizes) ** 2, axis=-1)
    varies = among > ROUNDING * np.maximum(own, ROUNDING)
    effect = np.maximum(1.0, among / np.where(own > 0, own, 1.0))
    return np.where(varies, counted / effect, 0.0)


def add_families(sums: Floats, sizes: Floats, means: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Sums and sizes with families of the mean size and of these means added."""
    size = float(sizes.mean())
    added = np.broadcast_to(np.array(means) * size, (*sums.shape[:-1], len(means)))
    return np.concatenate([sums, added], axis=-1), np.append(sizes, np.full(len(means), size))


def find_ratio(diagonal: Floats, f: Floats, core: Floats) -> float:
    """(tr S)^2 / tr(S^2) of S = diag(diagonal) + F core F'; NaN where S is 0.

    Source: Satterthwaite's degrees of freedom of a quadratic form with the covariance S.
    """
    low_rank = np.einsum("gi,ij,gj->g", f, core, f)
    product = core @ (f.T @ f)
    squares = np.sum(diagonal**2) + 2 * np.sum(diagonal * low_rank) + np.trace(product @ product)
    total = np.sum(diagonal + low_rank)
    return float(total**2 / squares) if squares > 0 else np.nan


def _find_df(sizes: Floats) -> float:
    """The smaller one where prompts are independent and where those of a family are alike.

    With d the variance of a family's mean and p its share of the prompts, the covariance of the
    deviations p (mean_g - mean) / sqrt(1 - p) is C (D - 1 a' - a 1' + 1 (p'a) 1') C, a = p d.
    """
    share = sizes / sizes.sum()
    scale = share / np.sqrt(1 - share)
    found = []
    for variance in (1 / sizes, np.ones(len(sizes))):
        part = share * variance
        f = np.column_stack([scale, scale * part])
        core = np.array([[float(share @ part), -1.0], [-1.0, 0.0]])
        found.append(find_ratio(scale**2 * variance, f, core))
    return float(min(found))
