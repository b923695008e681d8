"""Prompts so close that splits must not part them."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash
from datasets import Dataset

from valuedata.cleaning.near import Rule, compare_near
from valuedata.cleaning.shingles import measure_jaccard
from valuedata.cleaning.text import iterate_pairs, split_words

__all__ = ["group_near_prompts"]

PROMPT_PARTS: Final = (("prompt", "system"),)
PROMPT_SLOTS: Final = 192
WARN_GROUP_SHARE: Final = 0.1

_logger = logging.getLogger(__name__)


def group_near_prompts(pairs: Dataset, jaccard: float, seed: int) -> npt.NDArray[np.int64]:
    """Groups rows whose prompts are so close that they must not stand in different splits.

    Two rows are in one group where their prompts, without system turns, are the same but for case,
    punctuation and spacing; where one dialogue goes on from the other's prompt; where the Jaccard
    similarity of the prompts' word 3-shingles reaches `jaccard` (from three words on); or where a
    chain of such rows joins them.

    Args:
        pairs: n rows of `PAIR_FEATURES`.
        jaccard: Threshold, above 0 and up to 1.
        seed: Of the MinHash permutations.

    Returns:
        (n,) int64: the group of each row, numbered from 0 in the order of appearance.
    """
    first_row, prefixes, row_prompts = _index_prompts(pairs)
    parents = np.arange(len(pairs), dtype=np.int64)
    for prompt, row in first_row.items():
        for prefix in prefixes[prompt]:
            if prefix in first_row:
                _join(parents, row, first_row[prefix])
    _join_near(parents, pairs, list(first_row.values()), jaccard, seed)
    roots = [_find_root(parents, first_row[prompt]) for prompt in row_prompts]
    numbers = {root: number for number, root in enumerate(dict.fromkeys(roots))}
    groups = np.array([numbers[root] for root in roots], dtype=np.int64)
    _warn_of_giant(groups)
    return groups


def _join_near(
    parents: npt.NDArray[np.int64], pairs: Dataset, rows: list[int], jaccard: float, seed: int
) -> None:
    """Joins those of `rows`, each the first of its prompt, whose prompts are near-duplicates."""

    def join(
        place: int, candidates: Sequence[int], shingles: Mapping[int, npt.NDArray[np.uint64]]
    ) -> bool:
        root = _find_root(parents, rows[place])
        for other in candidates if len(shingles[place]) else ():
            apart = _find_root(parents, rows[other]) != root
            if apart and measure_jaccard(shingles[place], shingles[other])[0] >= jaccard:
                _join(parents, rows[place], rows[other])
                root = _find_root(parents, root)
        return True

    compare_near(pairs.select(rows), Rule(PROMPT_PARTS, jaccard, PROMPT_SLOTS, seed), join)


def _index_prompts(pairs: Dataset) -> tuple[dict[int, int], dict[int, list[int]], list[int]]:
    """Hashes prompts; gives each one's first row, its prefixes, and the hash of each row."""
    first_row: dict[int, int] = {}
    prefixes: dict[int, list[int]] = {}
    row_prompts: list[int] = []
    for row, pair in enumerate(iterate_pairs(pairs)):
        digest = xxhash.xxh3_128()
        ends = []
        for turn in pair["prompt"]:
            if turn["role"] != "system":
                words = " ".join(split_words(turn["content"])) or turn["content"]
                digest.update(f"{turn['role']}\x1f{words}\x1e".encode())
                ends.append(digest.intdigest())
        prompt = digest.intdigest()
        if prompt not in first_row:
            first_row[prompt], prefixes[prompt] = row, ends[:-1]
        row_prompts.append(prompt)
    return first_row, prefixes, row_prompts


def _find_root(parents: npt.NDArray[np.int64], row: int) -> int:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = int(parents[row])
    return row


def _join(parents: npt.NDArray[np.int64], a: int, b: int) -> None:
    roots = sorted((_find_root(parents, a), _find_root(parents, b)))
    parents[roots[1]] = roots[0]


def _warn_of_giant(groups: npt.NDArray[np.int64]) -> None:
    largest = int(np.bincount(groups).max(initial=0))
    if largest > WARN_GROUP_SHARE * len(groups) and largest > 1:
        _logger.warning(
            "One group of near-duplicate prompts holds %d of %d rows and fills one split: raise "
            "splits.near_prompt_jaccard to tell such prompts apart.",
            largest,
            len(groups),
        )
