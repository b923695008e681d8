"""What is told of many texts at once is what each text by itself says."""

# ruff: noqa: RUF001 - other scripts are what is tested

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuedata.cleaning.language import find_clear, is_foreign, is_prompt_foreign

ENGLISH = "The river was high after the rain, and nobody wanted to cross the old bridge at night."
GERMAN = "Der Fluss war nach dem Regen hoch, und niemand wollte nachts die alte Brücke überqueren."
SERBIAN = "Река је после кише била висока и нико није хтео да ноћу пређе преко старог моста."
MIN_BYTES = 40


@pytest.mark.parametrize(
    ("texts", "is_clear"),
    [
        ((ENGLISH, ENGLISH, ENGLISH), True),
        ((ENGLISH, "Ja, gerne.", "Nein."), True),  # too short to be judged
        (("", "", ""), True),
        ((GERMAN, ENGLISH, ENGLISH), False),
        ((ENGLISH, GERMAN, ENGLISH), False),
        ((ENGLISH, ENGLISH, SERBIAN), False),
        ((ENGLISH, ENGLISH, f"```\n{GERMAN}\n``` {ENGLISH}"), True),  # code is left out
    ],
)
def test_what_is_clear(texts: tuple[str, str, str], is_clear: bool) -> None:
    assert find_clear([texts], "en", MIN_BYTES).tolist() == [is_clear]


def test_texts_do_not_depend_on_those_beside_them() -> None:
    rows = [(ENGLISH, GERMAN, ENGLISH), (ENGLISH, ENGLISH, ENGLISH), ("Hi", "Ok", SERBIAN)]
    assert find_clear(rows, "en", MIN_BYTES).tolist() == [False, True, False]
    assert find_clear([], "en", MIN_BYTES).tolist() == []
    assert find_clear([(GERMAN, GERMAN, GERMAN)], "de", MIN_BYTES).tolist() == [True]


PIECES = st.sampled_from([ENGLISH, GERMAN, SERBIAN, "pizza", "42", "ok ok", "`x = 1`", "你好吗"])
TEXTS = st.lists(PIECES | st.text(max_size=30), max_size=6).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(texts=st.tuples(TEXTS, TEXTS, TEXTS), wanted=st.sampled_from(["en", "de", "sr"]))
def test_what_is_clear_is_never_foreign(texts: tuple[str, str, str], wanted: str) -> None:
    prompt, *replies = texts
    if find_clear([texts], wanted, MIN_BYTES)[0]:
        assert not is_prompt_foreign(prompt, wanted, MIN_BYTES)
        assert not any(is_foreign(reply, wanted, MIN_BYTES) for reply in replies)
