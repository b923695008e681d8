"""What isolation chooses from: candidate pairs, how their sides differ, and the limits to hold."""

from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

__all__ = ["Candidates", "Limits", "holds_limits", "measure_means"]

ROUNDING: Final = 1e-12  # standard deviations that a sum of floats may be off by
SHARE_ROUNDING: Final = 1e-9  # of a share: 0.07 of 100 is 7, and weights are rounded to 9 digits


@dataclass(frozen=True)
class Candidates:
    """The n candidate pairs of one value, after XOR and flip, and k side effects of each.

    Attributes:
        names: The k side effects.
        differences: (n, k) float64: rewarded - other reply, in standard deviations; NaN where a
            pair has no such measure.
        margins: (n,) float64 target margin of each pair.
        sources: (n,) names or numbers of the pairs' sources.
        clusters: (n,) names or numbers of the pairs' clusters.
        banned: (n,) bool; True where a pair must not be chosen.

    Raises:
        ValueError: If shapes disagree, a margin is not finite, or a difference is infinite.
    """

    names: tuple[str, ...]
    differences: npt.NDArray[np.float64]
    margins: npt.NDArray[np.float64]
    sources: npt.NDArray[Any]
    clusters: npt.NDArray[Any]
    banned: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        n_rows = len(self.margins)
        if self.differences.shape != (n_rows, len(self.names)):
            raise ValueError(
                f"Differences have the shape {self.differences.shape}, not "
                f"{(n_rows, len(self.names))}: one row a margin and one column a name."
            )
        lengths = {len(self.sources), len(self.clusters), len(self.banned)}
        if lengths != {n_rows}:
            raise ValueError(f"Sources, clusters and banned have {lengths} rows, not {n_rows}.")
        if not np.isfinite(self.margins).all() or np.isinf(self.differences).any():
            raise ValueError("Margins must be finite, and differences finite or NaN.")

    def __len__(self) -> int:
        return len(self.margins)

    def take(self, rows: npt.NDArray[np.int64]) -> Self:
        """The candidates at some rows, in their order."""
        return replace(
            self,
            differences=self.differences[rows],
            margins=self.margins[rows],
            sources=self.sources[rows],
            clusters=self.clusters[rows],
            banned=self.banned[rows],
        )


@dataclass(frozen=True)
class Limits:
    """What a chosen set has to hold.

    Attributes:
        tolerance: Largest |mean difference| in standard deviations, above 0: one for all side
            effects, or (k,) one each.
        min_pairs: Smallest set; of weights, the smallest effective sample size.
        max_pairs: Largest set; None sets no limit. Weights have none.
        max_source_share: Largest share of the set, or of all weight, that one source may fill.
        max_cluster_share: Largest share that one cluster may fill.
        max_weight: Largest weight, where the mean over all candidates is 1.

    Raises:
        ValueError: If a limit is out of its range.
    """

    tolerance: float | npt.NDArray[np.float64]
    min_pairs: int
    max_pairs: int | None
    max_source_share: float
    max_cluster_share: float
    max_weight: float

    def __post_init__(self) -> None:
        tolerance = np.asarray(self.tolerance)
        if not (np.isfinite(tolerance) & (tolerance > 0)).all():
            raise ValueError(f"The tolerance must be above 0 and finite, not {self.tolerance}.")
        if self.min_pairs < 1 or (self.max_pairs is not None and self.max_pairs < self.min_pairs):
            raise ValueError(
                f"The smallest set must be from 1 to the largest, not {self.min_pairs} with a "
                f"largest of {self.max_pairs}."
            )
        for share in (self.max_source_share, self.max_cluster_share):
            if not 0 < share <= 1:
                raise ValueError(f"A share must be above 0 and at most 1, not {share}.")
        if not 1 <= self.max_weight < np.inf:
            raise ValueError(f"The largest weight must be 1 or more, not {self.max_weight}.")

    def scaled(self, factor: float) -> Self:
        """The same limits with `factor` times the tolerance."""
        return replace(self, tolerance=np.asarray(self.tolerance) * factor)


def measure_means(
    differences: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Weighted mean of each column over the rows that have a number there.

    Args:
        differences: (n, k) float64; NaN where a row has no such measure.
        weights: (n,) float64, at least 0; a row of weight 0 is not in the set.

    Returns:
        (k,) float64 means, NaN without a row; and (k,) int64 rows that each mean is over.
    """
    inside = weights > 0
    held, weight = differences[inside], weights[inside, None]
    known = np.isfinite(held)
    total = np.where(known, weight, 0.0).sum(axis=0)
    sums = (np.where(known, held, 0.0) * weight).sum(axis=0)
    means = np.full(held.shape[1], np.nan)
    np.divide(sums, total, out=means, where=total > 0)
    return means, known.sum(axis=0)


def holds_limits(candidates: Candidates, limits: Limits, weights: npt.NDArray[np.float64]) -> bool:
    """Whether (n,) weights, 0 outside the set, hold every limit but the smallest size.

    This goes by the definitions, and by nothing that a solver was given.
    """
    means, _ = measure_means(candidates.differences, weights)
    within = np.isnan(means) | (np.abs(means) <= np.asarray(limits.tolerance) + ROUNDING)
    if not within.all() or weights[candidates.banned].any():
        return False
    for groups, share in (
        (candidates.sources, limits.max_source_share),
        (candidates.clusters, limits.max_cluster_share),
    ):
        _, numbers = np.unique(groups, return_inverse=True)
        filled = np.bincount(numbers, weights)
        if filled.max(initial=0.0) > (share + SHARE_ROUNDING) * weights.sum():
            return False
    return limits.max_pairs is None or int((weights > 0).sum()) <= limits.max_pairs
