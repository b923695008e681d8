"""Readings side by side in blocks of one size, without padding between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["BLOCK_TOKENS", "Block", "fill_blocks"]

BLOCK_TOKENS = 2_048  # many more gain nothing on a processor, and few readings cost as much

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Block:
    """The tokens of some readings, one reading after the other, the shortest first.

    Attributes:
        rows: (n,) int64: which readings.
        starts: (n,) int64: first token of each in the block.
        lengths: (n,) int64: number of tokens of each, ascending.
        tokens: (BLOCK_TOKENS,) int64; 0 after the last reading.
        positions: (BLOCK_TOKENS,) int64: place of each token in its reading.
    """

    rows: Ints
    starts: Ints
    lengths: Ints
    tokens: Ints
    positions: Ints

    @property
    def n_tokens(self) -> int:
        """How many tokens of the block belong to a reading."""
        return int(self.lengths.sum())

    def list_groups(self) -> list[tuple[int, int, int]]:
        """Readings of one length stand together: first token, number of readings, length."""
        lengths, first, counts = np.unique(self.lengths, return_index=True, return_counts=True)
        starts = self.starts[first]
        return list(zip(starts.tolist(), counts.tolist(), lengths.tolist(), strict=True))


def fill_blocks(readings: Sequence[Sequence[int]]) -> Iterator[Block]:
    """Puts readings into blocks, the shortest first, each block as full as that order lets it be.

    Args:
        readings: Tokens of each, 1 to BLOCK_TOKENS.
    """
    order = sorted(range(len(readings)), key=lambda row: len(readings[row]))
    taken: list[int] = []
    n_tokens = 0
    for row in order:
        if n_tokens + len(readings[row]) > BLOCK_TOKENS:
            yield _join(readings, taken)
            taken, n_tokens = [], 0
        taken.append(row)
        n_tokens += len(readings[row])
    if taken:
        yield _join(readings, taken)


def _join(readings: Sequence[Sequence[int]], rows: Sequence[int]) -> Block:
    lengths = np.array([len(readings[row]) for row in rows])
    ends = np.cumsum(lengths)
    tokens = np.zeros(BLOCK_TOKENS, dtype=np.int64)
    tokens[: ends[-1]] = np.concatenate([readings[row] for row in rows])
    positions = np.zeros(BLOCK_TOKENS, dtype=np.int64)
    positions[: ends[-1]] = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
    return Block(np.array(rows), ends - lengths, lengths, tokens, positions)
