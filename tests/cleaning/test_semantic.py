"""Semantic duplicates among many rows, where candidates are looked for in fewer dimensions."""

import numpy as np
import numpy.typing as npt
import pytest

from valuedata.cleaning.dedup import FEW_ROWS, N_DIRECTIONS, find_semantic_duplicates

Vectors = npt.NDArray[np.float32]
THRESHOLD = 0.95


def find_slowly(chosen: Vectors, rejected: Vectors, ranks: npt.NDArray[np.int64]) -> list[int]:
    """What the definition says: best first, each row against all better ones that stay."""
    duplicate_of = np.full(len(ranks), -1)
    stays: list[int] = []
    for row in np.argsort(ranks).tolist():
        both = np.minimum(chosen[stays] @ chosen[row], rejected[stays] @ rejected[row])
        repeated = np.flatnonzero(both >= THRESHOLD)
        if len(repeated):
            duplicate_of[row] = stays[repeated[0]]
        else:
            stays.append(row)
    return duplicate_of.tolist()


@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_fewer_dimensions_find_the_same(decay: float) -> None:
    """Directions of equal length are the worst case: any few of them tell least."""
    width = N_DIRECTIONS
    rng = np.random.default_rng(0)
    spread = np.arange(1, width + 1) ** -decay
    sides = []
    for _ in range(2):
        vectors = rng.normal(size=(FEW_ROWS + 200, width)) * spread
        vectors[-200:] = vectors[:200] + rng.normal(size=(200, width)) * spread * 0.3
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        sides.append(vectors.astype(np.float32))
    ranks = rng.permutation(len(sides[0]))
    verdict = find_semantic_duplicates(sides[0], sides[1], ranks, THRESHOLD)
    assert verdict.duplicate_of is not None
    found = verdict.duplicate_of.tolist()
    assert found == find_slowly(sides[0], sides[1], ranks)
    assert 50 < sum(twin >= 0 for twin in found) < 250


def test_the_same_vectors_are_duplicates_at_every_threshold() -> None:
    """Of float32 products of unit vectors with themselves, many are a little below 1."""
    vectors = np.random.default_rng(0).normal(size=(200, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    twice = np.concatenate([vectors, vectors])
    verdict = find_semantic_duplicates(twice, twice, np.arange(400), 1.0)
    assert verdict.duplicate_of is not None
    assert verdict.duplicate_of.tolist() == [-1] * 200 + list(range(200))
