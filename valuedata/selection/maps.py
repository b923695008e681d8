"""A map of the selected pairs: the plane in which their clusters lie furthest apart."""

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from valuedata.selection.axes import find_axes

__all__ = ["project_clusters"]

N_AXES = 2
WITHIN = 1e-3  # weight of the scatter within: it decides only where the centres leave an axis open
DECIMALS = 3  # more would differ between machines


def project_clusters(
    vectors: npt.NDArray[np.float32], assignment: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Projects rows on the two axes along which the centres of their clusters vary most.

    With one cluster or two, the axes that the centres leave open are those along which the rows
    themselves vary most.

    Args:
        vectors: (n, d) float32, d at least 2.
        assignment: (n,) int64 cluster of each row, from 0 without a gap.

    Returns:
        (n, 2) float32 in thousandths, around 0. Each axis points to where its largest component is
        positive.

    Source: principal components of the between-group scatter, Krzanowski 1979, "Between-Groups
        Comparison of Principal Components", JASA 74.
    """
    with threadpool_limits(limits=1):  # sums in one order, whatever the number of cores
        rows = vectors.astype(np.float64)
        rows -= rows.mean(axis=0)
        sizes = np.bincount(assignment)
        sums = np.zeros((len(sizes), rows.shape[1]))
        np.add.at(sums, assignment, rows)
        centres = sums / np.sqrt(sizes)[:, None]
        between, total = centres.T @ centres, rows.T @ rows
        scatter = between + WITHIN * (total - between)
        found: npt.NDArray[np.float32] = np.round(rows @ find_axes(scatter, N_AXES), DECIMALS)
    return (found + 0.0).astype(np.float32)  # without a negative zero
