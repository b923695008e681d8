"""MinHash for many rows at once: which rows may share many shingles, and about how many."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from rensa import RMinHash
from scipy.stats import binom

from valuedata.cleaning.shingles import Shingles, scramble

__all__ = ["Collisions", "Sketches", "choose_bands", "count_least", "find_collisions", "sketch"]

MISSED: Final = 1e-6  # share of the pairs of rows at a threshold that banding may overlook
UNDERRATED: Final = 1e-9  # share of them that `count_least` may

_HALF: Final = np.uint64(32)
_LOWER: Final = np.uint64(2**32 - 1)


@dataclass(frozen=True)
class Sketches:
    """What is kept of the MinHash signatures of n rows.

    Attributes:
        bands: (b, n) uint32 hashes of the bands that signatures are cut into.
        slots: (n, k) uint8: the last byte of each slot of the signatures. Slots of two rows are
            equal with a probability of at least their Jaccard similarity.
    """

    bands: npt.NDArray[np.uint32]
    slots: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Collisions:
    """Rows that have a band in common with another row.

    Attributes:
        rows: (m,) int64, ascending; a row has one entry for each of its groups.
        groups: (m,) int64: the rows of a group share a band. Bands that the same rows share make
            one group.
    """

    rows: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]


def choose_bands(n_slots: int, threshold: float) -> tuple[int, int]:
    """Chooses the number of bands, and of slots in each, for rows of some Jaccard similarity.

    Rows of similarity s share a band with probability 1 - (1 - s^slots)^bands. The more slots, the
    fewer dissimilar rows do; so it is the most with which rows at the threshold are overlooked
    with a probability of at most `MISSED`, or one.

    Source: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.2.

    >>> choose_bands(128, 0.8)
    (32, 4)
    """
    fitting = [
        slots
        for slots in range(1, n_slots + 1)
        if (1 - threshold**slots) ** (n_slots // slots) <= MISSED
    ]
    slots = max(fitting, default=1)
    return n_slots // slots, slots


def count_least(n_slots: int, threshold: float) -> int:
    """Counts the equal slots that rows of a Jaccard similarity have, but for `UNDERRATED` of them.

    >>> count_least(128, 0.8)
    73
    """
    return int(binom.ppf(UNDERRATED, n_slots, threshold))


def sketch(shingles: Shingles, bands: tuple[int, int], seed: int) -> Sketches:
    """Computes what is kept of the signatures of rows; those of rows without shingles are equal.

    Args:
        shingles: Of n rows.
        bands: Number of bands, and of slots in each.
        seed: Of the permutations.
    """
    digests = RMinHash.digest_matrix_from_flat_token_hashes(
        shingles.hashes, shingles.bounds.astype(np.uint64), bands[0] * bands[1], seed
    )
    signatures = np.array(digests.to_rows(), np.uint64).reshape(-1, *bands)
    hashes = np.zeros(signatures.shape[:2], np.uint64)
    for place in range(bands[1]):
        hashes = scramble(hashes + signatures[:, :, place])
    return Sketches(
        (hashes >> _HALF).astype(np.uint32).T,
        (signatures & np.uint64(255)).astype(np.uint8).reshape(len(signatures), -1),
    )


def find_collisions(bands: npt.NDArray[np.uint32]) -> Collisions:
    """Finds the rows whose hash of a band is that of another row.

    Args:
        bands: (b, n) uint32.
    """
    numbers = np.arange(bands.shape[1], dtype=np.uint64)
    members, sizes, marks = [], [], []
    for band in bands:
        # the row in the lower half: sorting brings equal hashes together, by ascending row
        keyed = np.sort(band.astype(np.uint64) << _HALF | numbers)
        continues = np.zeros(len(keyed) + 1, np.bool_)
        continues[1:-1] = keyed[1:] >> _HALF == keyed[:-1] >> _HALF
        is_shared = continues[:-1] | continues[1:]
        rows = keyed[is_shared] & _LOWER
        starts = np.flatnonzero(~continues[:-1][is_shared])
        members.append(rows)
        sizes.append(np.diff(starts, append=len(rows)))
        if len(rows):
            # a sum of scrambled numbers tells sets of rows apart
            marks.append(np.add.reduceat(scramble(rows), starts))
    if not marks:
        return Collisions(np.empty(0, np.int64), np.empty(0, np.int64))
    groups = np.unique(np.concatenate(marks), return_inverse=True)[1].astype(np.uint64)
    entries = np.concatenate(members) << _HALF | np.repeat(groups, np.concatenate(sizes))
    entries = np.unique(entries)
    return Collisions((entries >> _HALF).astype(np.int64), (entries & _LOWER).astype(np.int64))
