"""Prompts so close that splits must not part them."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash
from datasets import Dataset

from valuedata.cleaning.shingles import CACHED_ROWS, make_index, measure_jaccard, shingle, sketch
from valuedata.cleaning.text import iterate_pairs, split_words
from valuedata.schema import Message

__all__ = ["group_near_prompts"]

# prompts at the default threshold of 0.6 are never proposed with probability (1 - 0.6^3)^64 = 2e-7
PROMPT_BANDS: Final = (64, 3)
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
    prompts = pairs.select_columns("prompt")

    @lru_cache(maxsize=CACHED_ROWS)
    def read_shingles(row: int) -> set[str]:
        return shingle(_read_prompt_words(prompts[row]["prompt"]))

    index = make_index(PROMPT_BANDS)
    for row in rows:
        shingles = read_shingles(row)
        if not shingles:
            continue
        signature = sketch(shingles, PROMPT_BANDS, seed)
        for other in sorted(index.query(signature)):
            apart = _find_root(parents, row) != _find_root(parents, other)
            if apart and measure_jaccard(shingles, read_shingles(other)) >= jaccard:
                _join(parents, row, other)
        index.insert(row, signature)


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


def _read_prompt_words(prompt: Sequence[Message]) -> list[str]:
    return [
        word for turn in prompt if turn["role"] != "system" for word in split_words(turn["content"])
    ]


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
