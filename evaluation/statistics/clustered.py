"""Least squares where rows of one cluster are alike: estimates with intervals that know of it."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

__all__ = ["LEVEL", "Interval", "fit_clustered", "leave_undefined"]

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
    Estimation". The working model of the error is independence, that of the degrees of freedom the
    worse one of independence and of errors that are the same all over a cluster.
    """
    n, k = design.shape
    names, group = np.unique(clusters, return_inverse=True)
    n_clusters = len(names)
    if n <= k or n_clusters < 2:
        means = [float(values.mean())] if n and k == 1 else [np.nan] * k
        return [leave_undefined(mean, n, n_clusters, level) for mean in means]
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


def leave_undefined(estimate: float, n: int, n_clusters: int, level: float) -> Interval:
    """An estimate that the data give no error of."""
    return Interval(estimate, np.nan, np.nan, np.nan, np.nan, n, n_clusters, level)


def _find_df(weights: Floats, scaled: Floats, group: Ints, n_clusters: int) -> float:
    """Satterthwaite's degrees of freedom: (tr S)^2 / tr(S^2), S the covariance of the sums.

    The smaller one of two working models: independent errors, S = diag(own) - B B', and errors that
    are the same all over a cluster, S = T T' with T = diag(alike) - B C'; B has a row Z_g'a_g for
    each cluster, C a row Z_g'1.
    """
    own: Floats = np.bincount(group, weights**2, n_clusters).astype(np.float64)
    alike: Floats = np.bincount(group, weights, n_clusters).astype(np.float64)
    b, c = np.zeros((2, n_clusters, scaled.shape[1]))
    np.add.at(b, group, scaled * weights[:, None])
    np.add.at(c, group, scaled)
    unit = np.eye(b.shape[1])
    core = np.block([[0 * unit, -unit], [-unit, c.T @ c]])
    independent = _find_ratio(own, b, -unit)
    same = _find_ratio(alike**2, np.hstack([alike[:, None] * c, b]), core)
    return float(np.fmin(independent, same))


def _find_ratio(diagonal: Floats, f: Floats, core: Floats) -> float:
    """(tr S)^2 / tr(S^2) of S = diag(diagonal) + F core F'; NaN where S is 0."""
    low_rank = np.einsum("gi,ij,gj->g", f, core, f)
    product = core @ (f.T @ f)
    squares = np.sum(diagonal**2) + 2 * np.sum(diagonal * low_rank) + np.trace(product @ product)
    total = np.sum(diagonal + low_rank)
    return float(total**2 / squares) if squares > 0 else np.nan
