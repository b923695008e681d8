"""A map of the selected pairs: the plane in which their clusters lie furthest apart."""

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from valuedata.selection.axes import find_axes

__all__ = ["project_clusters"]

N_AXES = 2
ROWS_AT_ONCE = 10_000  # float64 of all rows would be as much as all else that selection holds
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
        sizes = np.bincount(assignment)
        mean = vectors.mean(axis=0, dtype=np.float64)
        sums = np.zeros((len(sizes), vectors.shape[1]))
        total = np.zeros((vectors.shape[1], vectors.shape[1]))
        for some in _slice(len(vectors)):
            rows = vectors[some] - mean
            np.add.at(sums, assignment[some], rows)
            total += rows.T @ rows
        centres = sums / np.sqrt(sizes)[:, None]
        between = centres.T @ centres
        axes = find_axes(between + WITHIN * (total - between), N_AXES)
        places = [
            np.round((vectors[some] - mean) @ axes, DECIMALS) for some in _slice(len(vectors))
        ]
    return (np.concatenate(places) + 0.0).astype(np.float32)  # without a negative zero


def _slice(n_rows: int) -> list[slice]:
    return [slice(start, start + ROWS_AT_ONCE) for start in range(0, n_rows, ROWS_AT_ONCE)]
