"""Near rows: MinHash proposes, an estimate thins out, and the shingles themselves decide."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from valuedata.cleaning.minhash import (
    Collisions,
    Sketches,
    choose_bands,
    count_least,
    find_collisions,
    sketch,
)
from valuedata.cleaning.shingles import Part, iterate_shingles, read_shingles

__all__ = ["Decide", "Rule", "compare_near"]

# rows whose shingles are read at a time, and comparisons that are noted before they are made
BLOCK_ROWS: Final = 4_096
BLOCK_COMPARISONS: Final = 200_000

Decide = Callable[[int, Sequence[int], Mapping[int, npt.NDArray[np.uint64]]], bool]
"""Takes a row, the earlier rows that may be near it in ascending order, and the distinct shingles
of them all; returns whether later rows are to be compared with the row."""


@dataclass(frozen=True)
class Rule:
    """Which rows are to be compared.

    Attributes:
        parts: Of the pairs, whose shingles count.
        threshold: Jaccard similarity of the shingles of all parts, above 0 and up to 1. Rows that
            reach it are overlooked with a probability of about `minhash.MISSED`, below a threshold
            of 0.11 with a larger one.
        n_slots: Of a MinHash signature.
        seed: Of its permutations.
    """

    parts: Sequence[Part]
    threshold: float
    n_slots: int
    seed: int


@dataclass(frozen=True)
class _Proposal:
    row: int
    groups: Sequence[int]
    candidates: Sequence[int]


@dataclass(frozen=True)
class _Index:
    """Rows that later ones are compared with, by group; `least` equal slots make a candidate."""

    slots: npt.NDArray[np.uint8]
    least: int
    members: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def propose(self, row: int, groups: Sequence[int]) -> _Proposal:
        """Finds what a row may be near to, and adds the row."""
        earlier = sorted(set().union(*(self.members[group] for group in groups)))
        for group in groups:
            self.members[group].append(row)
        if not earlier:
            return _Proposal(row, groups, earlier)
        n_equal = np.count_nonzero(self.slots[earlier] == self.slots[row], axis=1)
        return _Proposal(row, groups, [earlier[i] for i in np.flatnonzero(n_equal >= self.least)])

    def remove(self, proposals: Sequence[_Proposal]) -> None:
        """Takes their rows out of their groups."""
        rows = {proposal.row for proposal in proposals}
        for group in {group for proposal in proposals for group in proposal.groups}:
            self.members[group] = [row for row in self.members[group] if row not in rows]


def compare_near(pairs: Dataset, rule: Rule, decide: Decide) -> None:
    """Has each row compared with the earlier rows that it may be near to.

    Time and memory grow with the number of rows, and with the number of pairs of them that are
    nearly near.

    Args:
        pairs: Rows with the columns of the rule's parts.
        rule: Which rows to compare.
        decide: Called in the order of the rows, for those that may be near an earlier one.
    """
    sketches = _sketch_rows(pairs, rule)
    index = _Index(sketches.slots, count_least(sketches.slots.shape[1], rule.threshold))
    shingles: dict[int, npt.NDArray[np.uint64]] = {}
    for block in _propose_blocks(index, find_collisions(sketches.bands)):
        wanted = sorted({row for given in block for row in (given.row, *given.candidates)})
        unread = [row for row in wanted if row not in shingles]
        shingles.update(zip(unread, read_shingles(pairs, unread, rule.parts), strict=True))
        shingles = {row: shingles[row] for row in wanted}
        left_out: dict[int, _Proposal] = {}
        for given in block:
            candidates = [row for row in given.candidates if row not in left_out]
            if candidates and not decide(given.row, candidates, shingles):
                left_out[given.row] = given
        index.remove(list(left_out.values()))


def _sketch_rows(pairs: Dataset, rule: Rule) -> Sketches:
    bands = choose_bands(rule.n_slots, rule.threshold)
    hashes = np.empty((bands[0], len(pairs)), np.uint32)
    slots = np.empty((len(pairs), bands[0] * bands[1]), np.uint8)
    end = 0
    for shingles in iterate_shingles(pairs, rule.parts):
        part = sketch(shingles, bands, rule.seed)
        start, end = end, end + len(part.slots)
        hashes[:, start:end], slots[start:end] = part.bands, part.slots
    return Sketches(hashes, slots)


def _propose_blocks(index: _Index, collisions: Collisions) -> Iterator[list[_Proposal]]:
    """Yields proposals in blocks; the last of a block may exceed its limits."""
    rows, starts = np.unique(collisions.rows, return_index=True)
    ends = np.append(starts, len(collisions.rows))[1:]
    block: list[_Proposal] = []
    n_comparisons = 0
    wanted: set[int] = set()
    for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        proposal = index.propose(row, collisions.groups[start:end].tolist())
        if proposal.candidates:
            block.append(proposal)
            n_comparisons += len(proposal.candidates)
            wanted.update((row, *proposal.candidates))
        if n_comparisons >= BLOCK_COMPARISONS or len(wanted) >= BLOCK_ROWS:
            yield block
            block, n_comparisons, wanted = [], 0, set()
    yield block
