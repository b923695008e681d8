"""Training, validation and test splits that share no prompt and no near-duplicate prompt."""

from collections.abc import Hashable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from valuedata.recipe import SplitSettings

__all__ = ["SPLITS", "assign_splits", "count_crossing"]

SPLITS: Final = ("train", "validation", "test")


def assign_splits(
    groups: npt.NDArray[np.int64],
    strata: Sequence[npt.NDArray[np.int64]],
    settings: SplitSettings,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Assigns whole groups of rows to splits, so that each split mirrors the whole.

    Groups go in order of falling size, equal ones shuffled, each to the split where it least
    increases the sum over strata s and splits k of (count[k, s] - share[k] * total[s])^2 /
    total[s].

    Args:
        groups: (n,) int64; rows of one group stay together.
        strata: For each of n rows, the strata that it counts in, numbered from 0 without gaps.
        settings: Shares of the splits.
        rng: Breaks ties between groups of one size.

    Returns:
        (n,) int64 indices into `SPLITS`.

    Source: the greedy rule of iterative stratification (Sechidis et al. 2011), on groups of rows
        and with a squared error.
    """
    shares = np.array([1 - settings.validation - settings.test, settings.validation, settings.test])
    members, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    rows_of_group = np.split(np.argsort(inverse, kind="stable"), np.cumsum(sizes)[:-1])
    totals = np.bincount(np.concatenate(strata)).astype(np.float64)
    missing = np.outer(shares, totals)  # what each split still lacks, by stratum
    split_of_group = np.zeros(len(members), dtype=np.int64)
    tie_break = rng.permutation(len(members))
    for group in np.lexsort((tie_break, -sizes)):
        counted, counts = np.unique(
            np.concatenate([strata[row] for row in rows_of_group[group]]), return_counts=True
        )
        increase = (counts * (counts - 2 * missing[:, counted]) / totals[counted]).sum(axis=1)
        increase[shares == 0.0] = np.inf
        split = int(np.argmin(increase))
        split_of_group[group] = split
        missing[split, counted] -= counts
    return split_of_group[inverse]


def count_crossing(keys: Sequence[Hashable], splits: npt.NDArray[Any]) -> int:
    """Counts the keys, such as prompts, that occur in more than one split."""
    seen: dict[Hashable, object] = {}
    crossing: set[Hashable] = set()
    for key, split in zip(keys, splits.tolist(), strict=True):
        if seen.setdefault(key, split) != split:
            crossing.add(key)
    return len(crossing)
