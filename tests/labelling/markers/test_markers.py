"""All markers together: their order, and what holds for any reply."""

import re

import loky
import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import make_pairs
from valuedata.labelling import markers
from valuedata.labelling.markers import MARKERS, measure_markers, measure_sides
from valuedata.schema import PAIR_FEATURES

NAMES = [
    "characters",
    "words",
    "sentences",
    "list-items",
    "headings",
    "bold",
    "code",
    "exclamations",
    "questions",
    "emoji",
    "first-person",
    "second-person",
    "hedges",
    "praise-phrases",
    "apologies",
    "refusal-phrases",
]
NASTY = "`~*_-#!?.…'\u2019\"()[]{}<>|\\/:;,1a İıß\n\r\t\u200b\u200d\ufe0f\u20e3\U0001f600\U0001f1e9"
PIECES = ["I", "you", "Sorry", "great question", "I can't help.", "Why?", "yes!", "9", "perhaps"]


def test_columns_are_in_the_order_of_the_markers():
    assert list(MARKERS) == NAMES
    measured = measure_markers(["I am sorry!", ""])
    assert measured.shape == (2, 16)
    assert measured.dtype == np.float32
    third = np.float32(100 / 3)
    assert measured[0].tolist() == [11, 3, 1, 0, 0, 0, 0, third, 0, 0, third, 0, 0, 0, third, 0]
    assert measured[1].tolist() == [0] * 16
    assert measure_markers([]).shape == (0, 16)


@pytest.mark.parametrize("name", NAMES)
def test_a_marker_says_what_it_is(name):
    found = MARKERS[name]
    assert found.name == name
    for text in (found.definition, found.source, found.validity):
        assert text
        assert "  " not in text
    assert found.definition.endswith(".")
    assert found.validity.endswith(".")
    assert re.fullmatch(
        r"characters|words|sentences|per 100 (words|characters)|1 where present, else 0", found.unit
    )


@settings(deadline=None)
@given(st.lists(st.text() | st.text(NASTY) | st.lists(st.sampled_from(PIECES)).map(" ".join)))
def test_numbers_are_finite_and_of_the_reply_alone(texts):
    """Whatever is measured before, after or again, a reply has the same numbers."""
    measured = measure_markers(texts)
    assert np.isfinite(measured).all()
    assert (measured >= 0).all()
    assert (measure_markers(texts[::-1])[::-1] == measured).all()


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(PIECES)), st.sampled_from(["  ", "\t", " \t ", "\n", "\u00a0", "\r\n"])
)
def test_white_space_between_words_alters_no_count(pieces, space):
    words = " ".join(pieces).split()
    plain, spaced = measure_markers([" ".join(words), space.join(words)])
    assert plain[1:].tolist() == spaced[1:].tolist()


@settings(deadline=None)
@given(st.text() | st.text(NASTY), st.text(" \n\t\r"))
def test_white_space_around_a_reply_alters_nothing(text, space):
    plain, padded = measure_markers([text, space + text + space])
    assert plain.tolist() == padded.tolist()


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1))
def test_a_reply_twice_over_has_twice_the_length_and_the_same_style(pieces):
    text = " ".join(pieces) + "."
    once, twice = measure_markers([text, f"{text}\n\n{text}"])
    assert twice[0] == 2 * once[0] + 2
    assert twice[1:3].tolist() == (2 * once[1:3]).tolist()
    assert np.allclose(twice[3:], once[3:])


@settings(deadline=None, max_examples=60)
@given(
    st.text(NASTY, min_size=1, max_size=6)
    | st.sampled_from(["i ", "i can't ", "you're ", "that's so ", "**a", "``a`", "\n ", "```\n"]),
    st.sampled_from(["", "x ", "**", "```\n", "`", "1. "]),
)
def test_a_long_reply_is_measured(piece, start):
    """Any piece over and over; a search from each of its places anew would not come to an end."""
    text = start + (piece * 100_000)[:100_000] + "x"
    assert np.isfinite(measure_markers([text])).all()


def test_both_sides_are_measured_alike_in_every_process(monkeypatch):
    """A pair a batch, so that the last are measured in other processes."""
    pairs = (make_pairs() * 3)[:24]
    monkeypatch.setattr(markers, "AT_ONCE", 1)
    monkeypatch.setattr(loky, "cpu_count", lambda: 2)
    advanced: list[int] = []
    sides = measure_sides(Dataset.from_list(pairs, features=PAIR_FEATURES), advanced.append)
    assert advanced == [1] * 24
    for name, side in zip(("chosen", "rejected"), sides, strict=True):
        assert side.shape == (24, len(MARKERS))
        assert side.any(axis=1).all()
        replies = [pair[name][0]["content"] for pair in pairs]
        np.testing.assert_array_equal(side, measure_markers(replies))
