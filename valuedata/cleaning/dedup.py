"""Duplicates: exact, contradictory, near and semantic; what is dropped names what it repeats."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import faiss
import numpy as np
import numpy.typing as npt
import xxhash
from datasets import Dataset

from valuedata.accounting import KEPT, Verdict
from valuedata.cleaning.near import Rule, compare_near
from valuedata.cleaning.shingles import SHINGLE_WORDS, count_parts, measure_jaccard
from valuedata.cleaning.text import (
    iterate_pairs,
    join_messages,
    normalise_text,
    split_words,
    strip_invisible,
)
from valuedata.recipe import DedupSettings
from valuedata.schema import Message

__all__ = [
    "find_contradictions",
    "find_exact_duplicates",
    "find_near_duplicates",
    "find_semantic_duplicates",
    "warn_of_loss",
]

PAIR_PARTS: Final = (("prompt", ""), ("chosen", ""), ("rejected", ""))
PAIR_SLOTS: Final = 128
SENTENCE_SIGNS: Final = str.maketrans(
    dict.fromkeys(
        " .,;:!?'\"()*`\u2013\u2014\u2018\u2019\u201c\u201d"
        "\u00a1\u00bf\u00ab\u00bb\u00b7\u2022\u2026\u3001\u3002\u300c\u300d\u300e\u300f\u300a\u300b\ufe0f"
    )
)
SIDE_SHARE: Final = 0.5  # of the threshold, which each reply must reach by itself

SEARCH_ROWS: Final = 1_024  # vectors compared with all others at once
FEW_ROWS: Final = 4_096
N_DIRECTIONS: Final = 64  # of the vectors that candidates are looked for by
ROUNDING: Final = (
    1e-4  # of float32 products, so that the candidate search misses no pair at the threshold
)
COSINE_ROUNDING: Final = 1e-6  # of float32 cosines: that of a vector with itself is often below 1

_logger = logging.getLogger(__name__)


def find_exact_duplicates(pairs: Dataset) -> Verdict:
    """Finds rows whose prompt, chosen and rejected reply are those of an earlier row.

    Texts are compared without regard to case, white space and compatibility forms; roles count.

    Args:
        pairs: n rows of `PAIR_FEATURES`, the best source first.

    Returns:
        The verdict of stage "exact duplicates"; the first row of each group stays.
    """
    first_row: dict[tuple[int, int, int], int] = {}
    duplicate_of = np.full(len(pairs), -1, dtype=np.int64)
    for row, pair in enumerate(iterate_pairs(pairs)):
        key = (_hash(pair["prompt"]), _hash(pair["chosen"]), _hash(pair["rejected"]))
        keeper = first_row.setdefault(key, row)
        if keeper != row:
            duplicate_of[row] = keeper
    return _judge("exact duplicates", "exact duplicate", duplicate_of)


def find_contradictions(pairs: Dataset) -> Verdict:
    """Finds rows with one prompt and the same two replies, chosen in one and rejected in the other.

    Run it before the exact duplicates: where two rows say one thing and a third the opposite, none
    of the three can be trusted, and all are dropped.

    Args:
        pairs: n rows of `PAIR_FEATURES`; rows with identical sides contradict nothing.

    Returns:
        The verdict of stage "contradictory duplicates"; each row dropped names the first row that
        says the opposite.
    """
    first_row: dict[tuple[int, int, int], int] = {}
    keys: list[tuple[int, int, int]] = []
    for row, pair in enumerate(iterate_pairs(pairs)):
        key = (_hash(pair["prompt"]), _hash(pair["chosen"]), _hash(pair["rejected"]))
        first_row.setdefault(key, row)
        keys.append(key)
    duplicate_of = np.array(
        [
            first_row.get((prompt, rejected, chosen), -1) if chosen != rejected else -1
            for prompt, chosen, rejected in keys
        ],
        dtype=np.int64,
    )
    return _judge("contradictory duplicates", "contradictory duplicate", duplicate_of)


def find_near_duplicates(pairs: Dataset, settings: DedupSettings, seed: int) -> Verdict:
    """Finds rows that say nearly what an earlier row that stays says.

    Shingles carry their part of the pair, so that a pair with swapped sides is none. Beside the
    whole pair, each reply must reach half of the threshold against its counterpart, so that a long
    prompt does not hide two different short replies.

    Args:
        pairs: n rows of `PAIR_FEATURES`, the best source first.
        settings: The threshold.
        seed: Of the MinHash permutations.

    Returns:
        The verdict of stage "near duplicates"; each row dropped names the earliest row it repeats.
        A row is never dropped for a row that is itself dropped.
    """
    duplicate_of = np.full(len(pairs), -1, dtype=np.int64)

    def keep(
        row: int, candidates: Sequence[int], shingles: Mapping[int, npt.NDArray[np.uint64]]
    ) -> bool:
        near = (
            other
            for other in candidates
            if _are_near(shingles[row], shingles[other], settings.near_jaccard)
            and (count_parts(shingles[row])[1:3].min() > 1 or _have_same_signs(pairs, row, other))
        )
        duplicate_of[row] = next(near, -1)
        return bool(duplicate_of[row] < 0)

    compare_near(pairs, Rule(PAIR_PARTS, settings.near_jaccard, PAIR_SLOTS, seed), keep)
    return _judge("near duplicates", "near duplicate", duplicate_of)


def find_semantic_duplicates(
    chosen_vectors: npt.NDArray[np.float32],
    rejected_vectors: npt.NDArray[np.float32],
    ranks: npt.NDArray[np.int64],
    threshold: float,
) -> Verdict:
    """Finds rows of which both sides mean what those of a better row mean.

    Args:
        chosen_vectors: (n, d) float32 unit vectors of the chosen replies with their prompts.
        rejected_vectors: (n, d) float32 unit vectors of the rejected ones.
        ranks: (n,) int64: place of each row among all, 0 the best. A row duplicates only better
            rows that stay, so that chains are never closed.
        threshold: Both cosines must reach it but for `COSINE_ROUNDING`, above 0 and up to 1.

    Returns:
        The verdict of stage "semantic duplicates"; each row dropped names the best row it repeats.

    Raises:
        ValueError: If the shapes differ or `ranks` do not give each row its own place.
    """
    n_rows = len(ranks)
    if chosen_vectors.shape != rejected_vectors.shape or len(chosen_vectors) != n_rows:
        raise ValueError(
            f"Vectors of shapes {chosen_vectors.shape} and {rejected_vectors.shape} are not those "
            f"of {n_rows} ranked rows."
        )
    reached = threshold - COSINE_ROUNDING
    order = np.argsort(ranks, kind="stable")
    if not np.array_equal(ranks[order], np.arange(n_rows)):
        raise ValueError("The ranks must be 0 to n - 1, each once.")
    duplicate_of = np.full(n_rows, -1, dtype=np.int64)
    basis = _find_basis(chosen_vectors, rejected_vectors)
    index = faiss.IndexFlatL2(basis.shape[1] + 1)
    kept: list[int] = []  # row of each vector in the index, best first
    for start in range(0, n_rows, SEARCH_ROWS):
        rows = order[start : start + SEARCH_ROWS]
        # the inner product of both sides side by side, over sqrt 2, is the mean of both cosines,
        # and reaches the threshold wherever both do; then the squared distance is at most
        # 2 - 2 threshold, and that of the outlines is no larger
        outlines = _outline(_join_sides(chosen_vectors[rows], rejected_vectors[rows]), basis)
        bounds, _, found = index.range_search(outlines, 2 - 2 * threshold + ROUNDING)
        similarity = np.minimum(
            chosen_vectors[rows] @ chosen_vectors[rows].T,
            rejected_vectors[rows] @ rejected_vectors[rows].T,
        )
        stays: list[int] = []  # places among `rows`
        for place, row in enumerate(rows.tolist()):
            candidates = [kept[i] for i in np.sort(found[bounds[place] : bounds[place + 1]])]
            cosines = np.minimum(
                chosen_vectors[candidates] @ chosen_vectors[row],
                rejected_vectors[candidates] @ rejected_vectors[row],
            )
            repeated = [
                *np.array(candidates, dtype=np.int64)[cosines >= reached],
                *rows[stays][similarity[place, stays] >= reached],
            ]
            if repeated:
                duplicate_of[row] = repeated[0]
            else:
                stays.append(place)
        index.add(outlines[stays])
        kept.extend(rows[stays].tolist())
    return _judge("semantic duplicates", "semantic duplicate", duplicate_of)


def _join_sides(
    chosen: npt.NDArray[np.float32], rejected: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """(n, 2 d) unit vectors of the two sides side by side."""
    joined: npt.NDArray[np.float32] = np.hstack([chosen, rejected]) / np.float32(np.sqrt(2))
    return joined


def _find_basis(
    chosen: npt.NDArray[np.float32], rejected: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """(2 d, b) orthonormal columns: directions in which the joined sides of many rows are long.

    Any such columns give the same duplicates; these leave few candidates. A few rows are compared
    whole.
    """
    width = 2 * chosen.shape[1]
    if len(chosen) < FEW_ROWS or width <= N_DIRECTIONS:
        return np.eye(width, dtype=np.float32)
    some = np.linspace(0, len(chosen) - 1, FEW_ROWS).astype(np.int64)
    joined = _join_sides(chosen[some], rejected[some]).astype(np.float64)
    _, directions = np.linalg.eigh(joined.T @ joined)
    return directions[:, -N_DIRECTIONS:].astype(np.float32)


def _outline(
    vectors: npt.NDArray[np.float32], basis: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """(n, b + 1) outlines, which lie no further apart than the vectors: a part, and what it lacks.

    Source: the triangle inequality, for the length of what the part lacks.
    """
    part = vectors @ basis
    lack = np.linalg.norm(vectors - part @ basis.T, axis=1, keepdims=True)
    return np.hstack([part, lack])


def warn_of_loss(verdict: Verdict, warn_share: float) -> None:
    """Logs a warning where a stage drops more than a share of its rows."""
    report = verdict.report
    if report.n_dropped > warn_share * report.rows_in:
        _logger.warning(
            "Stage %s drops %d of %d rows, more than the share of %g that is usual: check whether "
            "the sources %s.",
            report.stage,
            report.n_dropped,
            report.rows_in,
            warn_share,
            "hold evaluation prompts" if report.stage == "decontamination" else "repeat each other",
        )


def _hash(messages: Sequence[Message]) -> int:
    turns = (f"{turn['role']}\x1f{normalise_text(turn['content'])}\x1e" for turn in messages)
    digest: int = xxhash.xxh3_128_intdigest("".join(turns).encode("utf-8"))
    return digest


def _are_near(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64], threshold: float) -> bool:
    whole, (_, chosen, rejected, _) = measure_jaccard(a, b)
    return whole >= threshold and min(chosen, rejected) >= SIDE_SHARE * threshold


def _have_same_signs(pairs: Dataset, row: int, other: int) -> bool:
    """Whether replies of so few words that signs may be what they say have the same signs."""
    sides = zip(*(_read_replies(pairs, place) for place in (row, other)), strict=True)
    return all(
        a.translate(SENTENCE_SIGNS) == b.translate(SENTENCE_SIGNS)
        for a, b in sides
        if max(len(split_words(a)), len(split_words(b))) <= SHINGLE_WORDS
    )


def _read_replies(pairs: Dataset, row: int) -> list[str]:
    pair = pairs[row]
    sides = (strip_invisible(join_messages(pair[side])) for side in ("chosen", "rejected"))
    return [normalise_text(side) for side in sides]


def _judge(stage: str, reason: str, duplicate_of: npt.NDArray[np.int64]) -> Verdict:
    reasons = np.full(len(duplicate_of), KEPT, dtype=object)
    reasons[duplicate_of >= 0] = reason
    return Verdict(stage, reasons, duplicate_of)
