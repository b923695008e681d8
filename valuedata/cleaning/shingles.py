"""Word shingles: MinHash proposes texts that share many, their Jaccard similarity decides."""

from collections.abc import Sequence
from typing import Final

from rensa import RMinHash, RMinHashLSH

__all__ = ["CACHED_ROWS", "Bands", "make_index", "measure_jaccard", "shingle", "sketch"]

SHINGLE_WORDS: Final = 3
CACHED_ROWS: Final = 4_096  # whose shingles are kept for the next verification

Bands = tuple[int, int]
"""How a signature is cut: number of bands, and of hashes in each.

Two texts of Jaccard similarity s are proposed with probability 1 - (1 - s^rows)^bands.

Source: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.2.
"""


def shingle(words: Sequence[str], tag: str = "") -> set[str]:
    """Cuts words into overlapping runs of three, each marked by a tag.

    Fewer words make one shingle; none make none.

    >>> sorted(shingle(["a", "b", "c", "d"], "p:"))
    ['p:a b c', 'p:b c d']
    """
    if not words:
        return set()
    n_shingles = max(len(words) - SHINGLE_WORDS + 1, 1)
    return {tag + " ".join(words[start : start + SHINGLE_WORDS]) for start in range(n_shingles)}


def measure_jaccard(a: set[str], b: set[str]) -> float:
    """Measures how much of two sets is common: the size of the intersection over that of the union.

    Two empty sets count as equal.

    >>> measure_jaccard({"x", "y", "z"}, {"y", "z"})
    0.6666666666666666
    """
    union = len(a | b)
    return len(a & b) / union if union else 1.0


def make_index(bands: Bands) -> RMinHashLSH:
    """Makes an empty index; what it finds is a candidate only."""
    n_bands, n_rows = bands
    # the library's threshold serves its own estimate, which is not used here
    return RMinHashLSH(threshold=0.5, num_perm=n_bands * n_rows, num_bands=n_bands)


def sketch(shingles: set[str], bands: Bands, seed: int) -> RMinHash:
    """Computes the MinHash signature that `make_index` takes for the same bands."""
    signature = RMinHash(num_perm=bands[0] * bands[1], seed=seed)
    signature.update(list(shingles))
    return signature
