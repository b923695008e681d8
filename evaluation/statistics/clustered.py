"""Least squares where rows of one cluster are alike: estimates with intervals that know of it."""

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from evaluation.statistics.families import find_ratio
from evaluation.statistics.intervals import LEVEL, Interval, leave_undefined

__all__ = ["fit_clustered"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROUNDING = 1e-13  # of the largest value; a residual below it is none
FULL_LEVERAGE = 1 - 1e-10  # a cluster that alone decides a coefficient has no error of its own


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
    independent = find_ratio(own, b, -unit)
    same = find_ratio(alike**2, np.hstack([alike[:, None] * c, b]), core)
    return float(np.fmin(independent, same))
