"""Numbered shingles are those of the words, counted text by text."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cleaning.made import gather, make, measure_overlap, shingle
from valuedata.cleaning.shingles import (
    BATCH_ROWS,
    iterate_shingles,
    measure_jaccard,
    read_shingles,
    scramble,
)
from valuedata.schema import Message, Pair

PARTS = (("prompt", ""), ("chosen", ""), ("rejected", ""))


def read(rows: list[Pair]) -> list[npt.NDArray[np.uint64]]:
    return read_shingles(gather(rows), range(len(rows)), PARTS)


def talk(*turns: str) -> list[Message]:
    return [{"role": "user", "content": turn} for turn in turns]


def test_words_run_on_over_turns_and_are_cut_by_them() -> None:
    one, two, other = read([make(talk("a b", "c d")), make("A b, c. D"), make(talk("a bc", "d"))])
    assert one.tolist() == two.tolist()
    assert measure_jaccard(one, other)[1][0] == 0.0  # "a b c", "b c d" and "a bc d"


def test_equal_words_in_different_parts_are_different_shingles() -> None:
    straight, swapped = read([make("p", "yes it is", "no"), make("p", "no", "yes it is")])
    whole, parts = measure_jaccard(straight, swapped)
    assert whole == 1 / 5  # the prompt of five shingles
    assert parts.tolist() == [1.0, 0.0, 0.0, 1.0]


def test_repetitions_count_once() -> None:
    (own,) = read([make("a b c a b c a b c", "", "x x x x")])
    assert len(own) == 3 + 0 + 1
    assert (np.diff(own.astype(object)) > 0).all()


def test_what_has_no_words_is_equal() -> None:
    nothing, punctuation = read([make("", "", ""), make("?", "\u2026", "\n")])
    whole, parts = measure_jaccard(nothing, punctuation)
    assert (whole, parts.tolist()) == (1.0, [1.0] * 4)


def test_rows_without_turns() -> None:
    pairs = gather([make([]), make([])])
    assert [len(own) for own in read_shingles(pairs, [0, 1], [("prompt", "")])] == [0, 0]
    system: Message = {"role": "system", "content": "Be brief, please do."}
    pairs = gather([make([system]), make([system, *talk("yes")])])
    assert [len(own) for own in read_shingles(pairs, [0, 1], [("prompt", "system")])] == [0, 1]


def test_rows_of_several_batches_and_none() -> None:
    n_rows = 2 * BATCH_ROWS + 3
    pairs = gather([make(f"number {row}", "yes", "no") for row in range(n_rows)])
    assert [len(one.bounds) - 1 for one in iterate_shingles(pairs, PARTS)] == [
        BATCH_ROWS,
        BATCH_ROWS,
        3,
    ]
    rows = [n_rows - 1, 4, 4, 700]
    assert [one.tolist() for one in read_shingles(pairs, rows, PARTS)] == [
        one.tolist() for row in rows for one in read_shingles(pairs, [row], PARTS)
    ]
    assert read_shingles(pairs, [], PARTS) == []


def test_long_words_and_gaps() -> None:
    long = "x" * 70_000
    a, b, c = read([make(long + "-" * 70_000 + "end"), make(f"{long} END"), make(f"{long}y end")])
    assert a.tolist() == b.tolist()
    assert measure_jaccard(a, c)[1][0] == 0.0


def test_scrambling_loses_no_number() -> None:
    assert len(np.unique(scramble(np.arange(10_000, dtype=np.uint64)))) == 10_000


texts = st.lists(
    st.sampled_from(
        [*"abB \n-_7\x00\x1cßÉé²\u2019\u00a0\u0301日本\uff0c🙂İª\u00ad٣①ﬁ", "ss", "fi"]
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize("alphabet", [texts, st.text(max_size=12)])
def test_numbers_say_what_words_say(alphabet: st.SearchStrategy[str]) -> None:
    @settings(deadline=None)
    @given(st.lists(st.tuples(alphabet, alphabet, alphabet), min_size=2, max_size=6))
    def check(rows: list[tuple[str, str, str]]) -> None:
        numbers = read([make(*row) for row in rows])
        words = [[shingle(text) for text in row] for row in rows]
        for own, own_words in zip(numbers, words, strict=True):
            assert len(own) == sum(map(len, own_words))
            for other, other_words in zip(numbers, words, strict=True):
                whole, parts = measure_jaccard(own, other)
                expected = [
                    measure_overlap(a, b) for a, b in zip(own_words, other_words, strict=True)
                ]
                assert parts.tolist() == [*expected, 1.0]
                tagged = [
                    {(place, one) for place, part in enumerate(row) for one in part}
                    for row in (own_words, other_words)
                ]
                assert whole == (
                    len(tagged[0] & tagged[1]) / len(tagged[0] | tagged[1])
                    if tagged[0] | tagged[1]
                    else 1.0
                )

    check()
