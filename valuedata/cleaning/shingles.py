"""Word shingles as numbers, for many texts at once, straight from the bytes of Arrow columns."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from valuedata.cleaning.text import fold_text

__all__ = [
    "SHINGLE_WORDS",
    "Part",
    "Shingles",
    "count_parts",
    "iterate_shingles",
    "measure_jaccard",
    "read_shingles",
    "scramble",
]

Part = tuple[str, str]
"""A column of messages, and the role whose turns in it do not count; "" counts all."""

SHINGLE_WORDS: Final = 3
MAX_PARTS: Final = 4
BATCH_ROWS: Final = 500  # whose numbers stay in a processor's cache

_BASE: Final = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no power of it is 0
_MIX: Final = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
_SHIFT: Final = np.uint64(33)

# what a byte counts in a word: ASCII letters in lower case, digits, "_" and all of UTF-8 beyond
# ASCII count themselves; what ends a word counts 0
_BYTES: Final = np.array(
    [
        ord(chr(code).lower()) if chr(code).isalnum() or chr(code) == "_" else 0
        for code in range(128)
    ]
    + list(range(128, 256)),
    dtype=np.uint8,
)

_FOREIGN_GAP: Final = re.compile(r"[^\w\x00-\x7f]+")


@dataclass(frozen=True)
class Shingles:
    """The shingles of n rows, row after row, with repetitions.

    Attributes:
        hashes: (m,) uint64, of which the lowest two bits are the number of the part.
        bounds: (n + 1,) int64: where each row begins, and the end.
    """

    hashes: npt.NDArray[np.uint64]
    bounds: npt.NDArray[np.int64]


def iterate_shingles(pairs: Dataset, parts: Sequence[Part]) -> Iterator[Shingles]:
    """Yields the shingles of `BATCH_ROWS` rows at a time, in order.

    A shingle is a run of three words, in lower case and without punctuation, of the messages of one
    part joined by line breaks; a part of fewer words is one shingle, of none none. Equal runs in
    different parts are different shingles.

    Two of the shingles that a comparison meets have one hash by accident with a probability of
    about m^2 / 2^63 for m shingles: 1e-13 for a thousand.

    Args:
        pairs: Rows with the columns of `parts`.
        parts: At most `MAX_PARTS`.
    """
    columns = list(dict.fromkeys(column for column, _ in parts))
    for table in pairs.select_columns(columns).with_format("arrow").iter(batch_size=BATCH_ROWS):
        yield _shingle_table(table, parts)


def read_shingles(
    pairs: Dataset, rows: Sequence[int], parts: Sequence[Part]
) -> list[npt.NDArray[np.uint64]]:
    """Reads the distinct shingles of each of some rows, as `iterate_shingles` numbers them.

    Returns:
        One array for each of `rows`, without repetitions, in ascending order.
    """
    found: list[npt.NDArray[np.uint64]] = []
    for batch in iterate_shingles(pairs.select(rows), parts):
        own_hashes = np.split(batch.hashes, batch.bounds[1:-1])
        # what np.unique does, in a fifth of its time for as few numbers as these
        ordered = [np.sort(own) for own in own_hashes]
        found.extend(own[np.append(True, own[1:] != own[:-1])[: len(own)]] for own in ordered)
    return found


def measure_jaccard(
    a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]
) -> tuple[float, npt.NDArray[np.float64]]:
    """Measures how much of two rows is common: shared shingles over those of either row.

    Args:
        a: Distinct shingles of one row, as `read_shingles` gives them.
        b: Those of the other.

    Returns:
        The Jaccard similarity of the rows, and (4,) that of each part; what neither row has counts
        as equal.

    >>> whole, parts = measure_jaccard(np.array([4, 9], np.uint64), np.array([4, 8, 9], np.uint64))
    >>> whole, parts.tolist()
    (0.6666666666666666, [0.5, 1.0, 1.0, 1.0])
    """
    common = count_parts(np.intersect1d(a, b, assume_unique=True))
    either = count_parts(a) + count_parts(b) - common
    whole = common.sum() / either.sum() if either.any() else 1.0
    return float(whole), np.divide(common, either, out=np.ones(len(either)), where=either > 0)


def count_parts(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Counts the shingles of each part, (4,) int64."""
    parts = (hashes & np.uint64(MAX_PARTS - 1)).astype(np.int64)
    return np.bincount(parts, minlength=MAX_PARTS)


def scramble(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Turns numbers into others that look random, each into one of its own.

    Source: the 64-bit finaliser of MurmurHash3, A. Appleby, public domain.
    """
    for factor in _MIX:
        numbers = (numbers ^ (numbers >> _SHIFT)) * factor
    return numbers ^ (numbers >> _SHIFT)


def _shingle_table(table: pa.Table, parts: Sequence[Part]) -> Shingles:
    parts_hashes, parts_rows = [], []
    for number, (column, ignored_role) in enumerate(parts):
        texts, counts = _read_texts(table[column], ignored_role)
        words, n_words = _hash_words(_fold_texts(texts))
        ends = np.cumsum(counts)
        word_ends = np.concatenate([[0], np.cumsum(n_words)])
        hashes, rows = _join_words(words, word_ends[ends] - word_ends[ends - counts])
        parts_hashes.append(hashes & ~np.uint64(MAX_PARTS - 1) | np.uint64(number))
        parts_rows.append(rows)
    rows = np.concatenate(parts_rows)
    order = np.argsort(rows, kind="stable")  # of a few sorted runs, which is fast
    bounds = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(table)))])
    return Shingles(np.concatenate(parts_hashes)[order], bounds)


def _read_texts(
    column: pa.ChunkedArray, ignored_role: str
) -> tuple[pa.StringArray, npt.NDArray[np.int64]]:
    """Reads the contents of all messages of a column, and how many each row has."""
    lists = pa.concat_arrays(column.chunks)
    messages = lists.flatten()
    counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    texts = messages.field("content")
    if ignored_role:
        counted = pc.not_equal(messages.field("role"), ignored_role)
        owners = np.repeat(np.arange(len(lists)), counts)[counted.to_numpy(zero_copy_only=False)]
        texts, counts = texts.filter(counted), np.bincount(owners, minlength=len(lists))
    return texts, counts


def _fold_texts(texts: pa.StringArray) -> pa.StringArray:
    """Folds texts beyond ASCII, and leaves of what is there beyond ASCII what words are made of."""
    is_foreign = pc.invert(pc.string_is_ascii(texts))
    folded = [
        _FOREIGN_GAP.sub(" ", fold_text(text)) for text in texts.filter(is_foreign).to_pylist()
    ]
    if not folded:
        return texts
    return pc.replace_with_mask(texts, is_foreign, pa.array(folded, pa.string()))


def _hash_words(texts: pa.StringArray) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Hashes the words of all texts in order, and counts those of each.

    The hash of a word is the sum of its bytes' counts times powers of an odd number, modulo 2^64.
    """
    _, offsets, contents = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    letters = _BYTES[np.frombuffer(contents or b"", np.uint8)[bounds[0] : bounds[-1]]]
    bounds = bounds - bounds[0]
    is_start = letters > 0
    first_letters = bounds[:-1][bounds[:-1] < bounds[1:]]
    begins_in_word = is_start[first_letters]
    is_start[1:] &= letters[:-1] == 0
    is_start[first_letters] = begins_in_word
    starts = np.flatnonzero(is_start).astype(np.int32)
    n_words = np.diff(np.searchsorted(starts, bounds))
    if not len(starts):
        return np.empty(0, np.uint64), n_words
    spans = np.diff(starts, append=len(letters))
    places = np.arange(starts[0], len(letters), dtype=np.int32) - np.repeat(starts, spans)
    powers = np.cumprod(np.full(spans.max(), _BASE))
    sums = np.add.reduceat(powers[places] * letters[starts[0] :], starts - starts[0])
    return sums, n_words


def _join_words(
    words: npt.NDArray[np.uint64], n_words: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Joins the words of each row to shingles, each with its row; a missing word counts as 0."""
    rows = np.repeat(np.arange(len(n_words)), n_words)
    ends = np.cumsum(n_words)
    left = ends[rows] - np.arange(len(words))  # words from here to the end of the row
    starts = np.flatnonzero((left >= SHINGLE_WORDS) | (left == n_words[rows]))
    padded = np.concatenate([words, np.zeros(SHINGLE_WORDS - 1, np.uint64)])
    joined = np.zeros(len(starts), np.uint64)
    for place in range(SHINGLE_WORDS):
        following = padded[starts + place]
        following[left[starts] <= place] = 0
        joined = scramble(joined + following)
    return joined, rows[starts]
