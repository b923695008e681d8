"""The directions along which vectors vary most."""

import numpy as np
import numpy.typing as npt

__all__ = ["find_axes"]


def find_axes(scatter: npt.NDArray[np.float64], n_axes: int) -> npt.NDArray[np.float64]:
    """Finds the leading principal axes; each points to where its largest component is positive.

    Args:
        scatter: (d, d) float64, symmetric.
        n_axes: How many, leading ones first; at most d.

    Returns:
        (d, n_axes) float64, of unit length.

    Source: principal components, Hotelling 1933.
    """
    axes = np.linalg.eigh(scatter).eigenvectors[:, ::-1][:, :n_axes]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    turned: npt.NDArray[np.float64] = axes * np.sign(largest)
    return turned
