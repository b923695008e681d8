"""What of a reply is prose, and where its words and sentences are; expected values by hand."""

import pytest

from valuedata.labelling.markers.prose import read_prose


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n\t", 0),
        ("- * -- !!! ...", 0),  # marks alone are no words
        ("One two  three\tfour\nfive", 5),
        ("well-known and/or don't", 3),
        ("1. first\n2. second", 2),  # list numbers are no words
        ("It costs 3.50 (USD).", 4),
        ("# Title\ntext", 2),
        ("नमस्ते दुनिया", 2),  # vowel signs do not split a word
        ("你好\uff0c世界", 1),  # a clause of a script without spaces
        ("a\u00a0b", 2),
        ("_emphasis_ **bold**", 2),
    ],
)
def test_words(text, words):
    assert read_prose(text).n_words == words


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", 0),
        ("...", 0),
        ("One", 1),
        ("One. Two! Three?", 3),
        ("What?! No.", 2),
        ('He said "no." Then he left.', 2),
        ("Pi is 3.14 at example.com.", 1),
        ("Wait... what? Oh.", 3),
        ("Use e.g. this.", 2),  # abbreviations are not known
        ("First\nline goes on", 1),
        ("First paragraph\n\nsecond one", 2),
        ("Choose:\n- one\n- two.", 3),
        ("# Title\nText.", 2),
        ("你好。再见\uff01", 2),
        ("`rm x`.", 0),
    ],
)
def test_sentences(text, sentences):
    assert read_prose(text).n_sentences == sentences


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("Is it? Yes.", 1),
        ("Really?! Who?", 2),
        ("See http://a.example/?q=1 there.", 0),
        ("? ?", 0),  # no sentence before them
        ('"Why?" he asked.', 1),
        ("为什么\uff1f因为。", 1),
        ("```\nwhy?\n```", 0),
    ],
)
def test_questions(text, questions):
    assert read_prose(text).n_questions == questions


@pytest.mark.parametrize(
    ("text", "layout", "n_code"),
    [
        ("plain", "plain", 0),
        ("run `ls` now", "run   now", 4),
        ("run ``ls`` now", "run   now", 6),
        ("a ```b``` c", "a   c", 7),  # a fence has no backtick after it, so this is a span
        ("it`s a tick\nand `one", "it`s a tick\nand `one", 0),  # spans end on their line
        ("a\n```py\nx = 1\n```\nb", "a\n\n\nb", 16),
        ("a\n~~~\n```\n~~~~\nb", "a\n\n\nb", 13),
        ("a\n````\n```\n````\nb", "a\n\n\nb", 14),
        ("a\n    ```\n    x\n    ```\nb", "a\n\n\nb", 22),  # inside a list item
        ("a\n```\nnever closed", "a\n\n\n", 16),
        ("a\r\n```\r\nx\r\n```\r\nb", "a\n\n\nb", 10),
        ("``` not a fence ` here", "``` not a fence ` here", 0),
    ],
)
def test_code_is_left_out(text, layout, n_code):
    prose = read_prose(text)
    assert (prose.layout, prose.n_code) == (layout, n_code)


@pytest.mark.parametrize(
    ("text", "items", "headings"),
    [
        ("- a\n* b\n+ c\n• d\n1. e\n2) f", 6, 0),
        ("  - a\n      - b", 2, 0),
        ("-a\n1.b\n- \n1234567890. x\na - b", 0, 0),
        ("# a\n###### b ##\n   ## c", 0, 3),
        ("#a\n####### b\n# \n    # d\nC# is", 0, 0),
        ("```\n- a\n# b\n```", 0, 0),
    ],
)
def test_layout(text, items, headings):
    prose = read_prose(text)
    assert (prose.n_list_items, prose.n_headings) == (items, headings)


def test_tokens_are_words_between_ends():
    prose = read_prose("I\u2019m SURE, it's e.g. snake_case!\n\nNo")
    assert prose.tokens == ["i'm", "sure", "it's", "e.g", ".", "snake", "case", "!", "\n\n", "no"]
    assert prose.places["i'm"] == [0]


def test_a_share_of_no_words_is_one_of_one_word():
    assert read_prose("!!!").share(3) == 300
    assert read_prose("one two three four").share(3) == 75
