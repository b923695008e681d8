"""Intervals of any figure of paired scores, by drawing whole families of prompts."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from valuedata.labelling.scoring.intervals import Estimate, estimate

__all__ = ["bootstrap_means"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def bootstrap_means(
    columns: Floats,
    clusters: Ints,
    rng: np.random.Generator,
    n_resamples: int,
    combine: Callable[[Floats], Floats],
) -> Estimate:
    """The 95 % interval of a figure that is computed from means over prompts.

    Args:
        columns: (n, k) numbers of each prompt.
        clusters: (n,) family of each.
        rng: Draws the families.
        n_resamples: How many times.
        combine: Given the means of the columns, (b, k), gives the figure, (b,), NaN where it is
            undefined; a ratio of two rates, for one, or a difference of differences.

    Returns:
        Undefined under ten families. Its ends are wider than plain percentiles where there are few.

    Source: as `valuedata.labelling.scoring.intervals.estimate`.
    """
    names, group = np.unique(clusters, return_inverse=True)
    n_clusters = len(names)
    sums = np.zeros((n_clusters, columns.shape[1]))
    np.add.at(sums, group, columns)
    sizes = np.bincount(group).astype(np.float64)

    def measure(counts: Floats) -> dict[str, Floats]:
        means = counts @ sums / (counts @ sizes)[:, None]
        return {"figure": combine(means)[:, None]}

    drawn = estimate(
        measure, n_clusters, n_resamples, rng, n_clusters={"figure": np.array([n_clusters])}
    )
    return drawn["figure"][0]
