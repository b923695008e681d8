"""Which pairs have the value on exactly one side, which are flipped, and which fit the caps."""

import math
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from valuedata.accounting import KEPT, Verdict
from valuedata.labelling.labels import Labels
from valuedata.recipe import SelectionSettings

__all__ = [
    "OneSided",
    "SideCounts",
    "cap_pairs",
    "count_sides",
    "require_margin",
    "select_one_sided",
]


@dataclass(frozen=True)
class SideCounts:
    """On which sides of the pairs a value is expressed.

    Attributes:
        chosen_only: Pairs with the value in the chosen reply only.
        rejected_only: Pairs with the value in the rejected reply only.
        both: Pairs with the value in both replies.
        neither: Pairs with the value in neither reply.
    """

    chosen_only: int
    rejected_only: int
    both: int
    neither: int

    @property
    def one_sided(self) -> int:
        """Pairs with the value on exactly one side."""
        return self.chosen_only + self.rejected_only

    def to_json(self) -> dict[str, int]:
        """The counts as JSON types, with their one-sided total."""
        return {**asdict(self), "one_sided": self.one_sided}


@dataclass(frozen=True)
class OneSided:
    """The pairs of one value after XOR and flip.

    Attributes:
        verdict: Which of the n pairs stay.
        flipped: (n,) bool; True where the rejected reply expresses the value and is rewarded.
        margin: (n,) float32 in [-1, 1]: p(rewarded) - p(other).
    """

    verdict: Verdict
    flipped: npt.NDArray[np.bool_]
    margin: npt.NDArray[np.float32]


def count_sides(labels: Labels, value: str) -> SideCounts:
    """Counts on which sides a value is expressed.

    Source: the table of subset sizes in arXiv 2605.07925, here with the two other cells.
    """
    column = labels.column(value)
    chosen = labels.expressed("chosen")[:, column]
    rejected = labels.expressed("rejected")[:, column]
    return SideCounts(
        chosen_only=int((chosen & ~rejected).sum()),
        rejected_only=int((rejected & ~chosen).sum()),
        both=int((chosen & rejected).sum()),
        neither=int((~chosen & ~rejected).sum()),
    )


def select_one_sided(labels: Labels, value: str) -> OneSided:
    """Keeps the pairs whose value is on exactly one side, and flips those where it was rejected.

    Args:
        labels: Labels of n pairs.
        value: Name of the value.

    Source: XOR and flip of arXiv 2605.07925, section on value-specific subsets.
    """
    column = labels.column(value)
    chosen = labels.expressed("chosen")[:, column]
    rejected = labels.expressed("rejected")[:, column]
    flipped = rejected & ~chosen
    difference = labels.chosen[:, column] - labels.rejected[:, column]
    margin = np.where(flipped, -difference, difference).astype(np.float32)
    reasons = np.full(len(margin), KEPT, dtype=object)
    reasons[chosen & rejected] = "value in both replies"
    reasons[~chosen & ~rejected] = "value in neither reply"
    return OneSided(Verdict("one-sided", reasons), flipped, margin)


def require_margin(margin: npt.NDArray[np.float32], min_margin: float) -> Verdict:
    """Keeps the pairs whose margin, (n,) float32, is at least `min_margin`."""
    reasons = np.full(len(margin), KEPT, dtype=object)
    reasons[margin < min_margin] = "margin below the minimum"
    return Verdict("margin", reasons)


def cap_pairs(
    margin: npt.NDArray[np.float32],
    sources: npt.NDArray[np.object_],
    clusters: npt.NDArray[np.int64],
    settings: SelectionSettings,
) -> Verdict:
    """Keeps the pairs of largest margin within `max_pairs` and the caps a source and a cluster.

    Args:
        margin: (n,) float32; ties go to the earlier row.
        sources: (n,) names of sources.
        clusters: (n,) int64 clusters.
        settings: The caps; without `max_pairs` every row stays.
    """
    reasons = np.full(len(margin), KEPT, dtype=object)
    if settings.max_pairs is None:
        return Verdict("caps", reasons)
    room = {
        "source cap": _count_room(settings.max_source_share, settings.max_pairs),
        "cluster cap": _count_room(settings.max_cluster_share, settings.max_pairs),
    }
    members = {"source cap": sources, "cluster cap": clusters}
    n_kept = 0
    taken: dict[tuple[str, object], int] = {}
    for row in np.argsort(-margin, kind="stable"):
        keys = [(cap, members[cap][row]) for cap in room]
        full = [cap for cap, member in keys if taken.get((cap, member), 0) >= room[cap]]
        if n_kept == settings.max_pairs:
            reasons[row] = "beyond the largest subset"
        elif full:
            reasons[row] = full[0]
        else:
            n_kept += 1
            for key in keys:
                taken[key] = taken.get(key, 0) + 1
    return Verdict("caps", reasons)


def _count_room(share: float, max_pairs: int) -> int:
    """Whole pairs within a share, at least one; 0.07 of 100 is 7 in spite of rounding."""
    return max(1, math.floor(share * max_pairs + 1e-9))
