"""Damage that the filters see in a text: leaked roles, loops, wrong encodings, missing ends."""

# ruff: noqa: RUF001 - typographic characters are what is tested

import pytest

from tests.cleaning.made import DEFAULTS, find_objections, make
from valuedata.cleaning.filters import FILTERS
from valuedata.recipe import QualitySettings


@pytest.mark.parametrize(
    "leaking",
    [
        "Human: What do you mean by that?",
        "Move it to a larger pot.\n\nHuman: And then?",
        "Move it to a larger pot.\nAssistant: Water it.",
        "**User:** And then?",
        "AI: Move it to a larger pot.",
        "Move it to a larger pot.<|im_end|>",
        "[INST] Move it to a larger pot. [/INST]",
        "Move it to a larger pot.</s>",
        "Move it.\n### Response: Water it.",
        "Move it.<|eot_id|>",
        "Move it.<end_of_turn>",
    ],
)
def test_leaked_role_markers(leaking: str) -> None:
    assert find_objections(make(chosen=leaking)) == ["leaked role marker"]


@pytest.mark.parametrize(
    "clean",
    [
        "Put each turn after `Human:` or `Assistant:`, and close it with `<|im_end|>`.",
        "It wraps the text like this:\n```\nHuman: hello\n[INST] hello [/INST]\n```\nThat is all.",
        "The transcript says “Human: hello” at the top.",
        "Three things matter.\nHumans: they forget. Users: they hurry. System: it waits.",
        "# Response\nHere it is.",
        "Write <s>old</s> in HTML to strike text out.",
    ],
)
def test_markers_that_are_spoken_about_are_no_leak(clean: str) -> None:
    assert FILTERS["role markers"](make(chosen=clean), DEFAULTS) is None


def test_speakers_are_allowed_where_a_dialogue_is_asked_for() -> None:
    scene = "Here it is:\nHuman: Hello, robot.\nRobot: Hello, human."
    asked = make(prompt="Write a short dialogue between a human and a robot.", chosen=scene)
    assert FILTERS["role markers"](asked, DEFAULTS) is None
    assert FILTERS["role markers"](make(chosen=scene), DEFAULTS) == "leaked role marker"


@pytest.mark.parametrize(
    "looping",
    [
        "I like The Masked Singer, " + "The Masked Singer, " * 20 + "The Masked Singer.",
        "No " * 40 + "no.",
        "Ha" * 30 + "!",
        "Stop it" + "!" * 40,
        "\n".join(["You should ask a doctor about that."] * 6),
    ],
)
def test_degenerate_repetition(looping: str) -> None:
    settings = QualitySettings(max_length_ratio=100.0)
    assert find_objections(make(chosen=looping), settings) == ["degenerate repetition"]


@pytest.mark.parametrize(
    "varied",
    [
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life "
        "is but a dream.",
        "| Plant | Water |\n| ----- | ----- |\n| Fern | Often |\n| Cactus | Rarely |",
        "Section 1\n" + "=" * 60 + "\nFerns like shade.\n" + "-" * 60 + "\nCacti like sun.",
        "Hahaha, very good!",
    ],
)
def test_refrains_and_rules_are_no_loop(varied: str) -> None:
    assert FILTERS["repetition"](make(chosen=varied), DEFAULTS) is None


@pytest.mark.parametrize(
    "garbled",
    [
        "Itâ€™s a fern, isnâ€™t it?",
        "Le cafÃ© est fermÃ©.",
        "A fern \ufffd\ufffd needs shade.",
        "A fern\x00 needs shade.",
        "It costs Â£5 at the garden centre.",
        "Good luck with it ðŸ˜€ my friend.",
    ],
)
def test_garbled_encoding(garbled: str) -> None:
    assert FILTERS["garbled"](make(chosen=garbled), DEFAULTS) == "garbled encoding"
    assert FILTERS["garbled"](make(prompt=garbled), DEFAULTS) == "garbled encoding"


@pytest.mark.parametrize(
    "sound",
    [
        "It’s a fern — isn’t it? “Yes”, she said…",
        "Le café est fermé. Âge, pâte, à côté, NÃO, São Paulo, Ångström, ð and þ.",
        "Good luck 😀👍🏽\tmy friend.\r\n",
        "£5, 20 °C, naïve, 日本語, \u200bzero width",
    ],
)
def test_accents_emoji_and_typography_are_not_garbled(sound: str) -> None:
    assert FILTERS["garbled"](make(chosen=sound), DEFAULTS) is None


@pytest.mark.parametrize(
    "cut",
    [
        "You should water it, feed it and",
        "Move it to a larger pot, then add some soil,",
        "That’s a really tough question, and depends on the",
        "It needs a pot. If you want, I can tell you how to choose between",
        "That sounds hard. I’m sorry it turns out that I’m",
        "Here it is:\n```python\nfor i in range(10):",
        "There are two kinds (",
        "First of all, thank you for asking. "
        "Ferns are among the oldest plants on earth and they grow in nearly every kind of climate. "
        "They like shade and moisture most of all. When you repot one you remove the dead fron",
    ],
)
def test_cut_off_text(cut: str) -> None:
    assert find_objections(make(chosen=cut)) == ["cut-off text"]
    assert find_objections(make(chosen=cut), QualitySettings(drop_cut_off=False)) == []


@pytest.mark.parametrize(
    "whole",
    [
        "Sure, hold on",
        "I don’t know what you’re talking about",
        "No. It's a common drug, and you can find it online",
        "1. Johann Sebastian Bach\n2. Henry Purcell\n3. Antonio Vivaldi",
        "There is a good review here. See https://example.org/ferns/how-to-repot.html",
        "Try it. `x = [1, 2]`",
        "You can use:\n- butter\n- flour\n- milk",
        "What a lovely plant! Good luck 🌿",
        "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate",
        "Dear Ann, thank you. I will come.\n\nBest wishes,\nTom",
        "I love it. #ferns #plants",
    ],
)
def test_whole_replies_without_a_full_stop(whole: str) -> None:
    assert FILTERS["end"](make(chosen=whole), DEFAULTS) is None
