"""Markers of form, one reply at a time; expected values by hand."""

import pytest

from valuedata.labelling.markers import MARKERS


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("characters", "  caf\u00e9 \U0001f600\n", 6),
        ("characters", "```\nab\n```", 10),
        ("words", "one two\n```\nthree\n```", 2),
        ("sentences", "One. Two.", 2),
        ("list-items", "- one\n- two\n- three\n- four", 100),
        ("list-items", "no list at all", 0),
        ("headings", "# Title\nand three words", 25),
        ("bold", "**one** and __two words__ more", 40),
        ("bold", "** one** **two ** 2**3**4 `**x**`", 100 / 3),  # in 2**3**4 the 3 is bold
        ("bold", "**one\ntwo**", 0),
        ("code", "ab `c`", 50),
        ("code", "", 0),
        ("exclamations", "Yes! No!! `!`", 150),
        ("exclamations", "\u597d\uff01", 100),
        ("questions", "Why? Not so. Is it? No one", 200 / 7),
        ("emoji", "plain words \u2122 :)", 0),
        ("emoji", "well done \U0001f600", 50),
        ("emoji", "so \u2764\ufe0f and \u2764", 50),  # the second is text
        ("emoji", "one \U0001f468\u200d\U0001f469\u200d\U0001f467", 100),  # a family is one
        ("emoji", "one \U0001f44d\U0001f3fd", 100),  # with its skin tone
        ("emoji", "one \U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 200),  # two flags
        ("emoji", "one 1\ufe0f\u20e3", 50),  # a keycap's digit is a word
        ("emoji", "one `\U0001f600`", 0),
    ],
)
def test_form(name, text, number):
    assert MARKERS[name].measure(text) == pytest.approx(number)
