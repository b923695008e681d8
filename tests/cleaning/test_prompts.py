"""Prompts that splits must not part share a group."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cleaning.made import gather, make, measure_overlap, shingle
from valuedata.cleaning.prompts import group_near_prompts
from valuedata.schema import Message

QUESTION = "How can I politely ask my neighbour to turn down the music late at night?"


def talk(*turns: str) -> list[Message]:
    """Turns of user and assistant by turns."""
    roles = ("user", "assistant")
    return [{"role": roles[place % 2], "content": turn} for place, turn in enumerate(turns)]


def group(*prompts: str | list[Message], jaccard: float = 0.6) -> list[int]:
    return group_near_prompts(gather([make(prompt) for prompt in prompts]), jaccard, 0).tolist()


def test_same_but_for_case_spacing_and_punctuation() -> None:
    assert group("Who am I?", "Who are you?", "who  am I", "I am who?") == [0, 1, 0, 2]


def test_system_turns_do_not_tell_prompts_apart() -> None:
    system: list[Message] = [{"role": "system", "content": "You are a pirate."}]
    assert group(QUESTION, system + talk(QUESTION)) == [0, 0]


def test_a_few_changed_words() -> None:
    # 15 words: 13 shingles; one more word removes 2 and adds 3: 11 / 16 = 0.6875
    near = QUESTION.replace("late", "very late")
    assert group(QUESTION, near, jaccard=0.68) == [0, 0]
    assert group(QUESTION, near, jaccard=0.69) == [0, 1]


def test_a_dialogue_stays_with_what_it_goes_on_from() -> None:
    start, longer = talk(QUESTION), talk(QUESTION, "Bake a cake.", "And then?")
    longest = talk(
        QUESTION, "Bake a cake.", "And then?", "Knock.", "What if nobody opens the door?"
    )
    elsewhere = talk(
        QUESTION, "Call the police at once, they will know what to do.", "Really, why?"
    )
    assert group(longest, "Hello!", longer, start, elsewhere) == [0, 1, 0, 0, 0]
    assert group(longest, elsewhere, jaccard=0.9) == [0, 1]


def test_system_turns_are_no_shingles() -> None:
    system: list[Message] = [{"role": "system", "content": "You are a pirate of seven seas."}]
    near = QUESTION.replace("late", "very late")
    assert group(system + talk(QUESTION), talk(near), system) == [0, 0, 1]


def test_chains_are_closed() -> None:
    words = [f"w{number}" for number in range(28)]
    steps = [words[start : start + 20] for start in (0, 4, 8)]
    # 18 shingles; neighbours share 14 of 22: 0.64; the ends share 10 of 26: 0.38
    assert group(*map(" ".join, steps)) == [0, 0, 0]
    assert group(" ".join(steps[0]), " ".join(steps[2])) == [0, 1]


def test_prompts_without_words() -> None:
    assert group("?", "!", "?", "🙂") == [0, 1, 0, 2]


def test_a_giant_group_raises_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert group("a", "a", "b") == [0, 0, 1]
    assert "holds 2 of 3 rows" in caplog.text


def test_no_rows() -> None:
    assert group_near_prompts(gather([]), 0.6, 0).shape == (0,)


sentences = st.lists(st.sampled_from("abcd"), min_size=1, max_size=7).map(" ".join)


@settings(deadline=None)
@given(st.lists(sentences, min_size=1, max_size=12), st.integers(0, 3))
def test_no_near_prompts_are_parted(prompts: list[str], seed: int) -> None:
    groups = group_near_prompts(gather([make(prompt) for prompt in prompts]), 0.6, seed)
    assert np.array_equal(np.unique(groups), np.arange(groups.max() + 1))
    shingles = [shingle(prompt) for prompt in prompts]
    for row, own in enumerate(shingles):
        for other in range(row):
            if measure_overlap(own, shingles[other]) >= 0.6:
                assert groups[row] == groups[other]
