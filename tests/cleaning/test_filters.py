"""Each filter fires on what it is for and on nothing near it."""

# ruff: noqa: RUF001 - typographic characters are what is tested

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cleaning.made import REJECTED, gather, make
from valuedata.cleaning.filters import FILTERS, flag_personal_data, screen_quality
from valuedata.errors import RecipeError
from valuedata.recipe import QualitySettings
from valuedata.schema import Pair

DEFAULTS = QualitySettings()


def find_objections(pair: Pair, settings: QualitySettings = DEFAULTS) -> list[str]:
    """Reasons of every filter, not of the first one only."""
    reasons = (check(pair, settings) for check in FILTERS.values())
    return [reason for reason in reasons if reason is not None]


def test_an_ordinary_pair_passes_every_filter() -> None:
    assert find_objections(make()) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prompt": []}, "missing prompt"),
        ({"chosen": []}, "missing reply"),
        ({"rejected": []}, "missing reply"),
        ({"chosen": [{"role": "assistant", "content": " \n"}]}, "empty turn"),
        ({"prompt": [{"role": "user", "content": ""}]}, "empty turn"),
        ({"prompt": [{"role": "assistant", "content": "Hi"}]}, "prompt does not end with the user"),
        ({"chosen": [{"role": "user", "content": "Hi there"}]}, "reply is not the assistant's"),
    ],
)
def test_missing_and_empty_turns(changes: dict[str, object], reason: str) -> None:
    pair: Pair = {**make(), **changes}  # type: ignore[typeddict-item]
    assert FILTERS["turns"](pair, DEFAULTS) == reason


def test_a_reply_may_hold_several_turns_but_not_end_with_the_user() -> None:
    pair = make()
    pair["chosen"] = [
        *pair["chosen"],
        {"role": "user", "content": "Thanks!"},
        {"role": "assistant", "content": "Any time."},
    ]
    assert FILTERS["turns"](pair, DEFAULTS) is None
    pair["chosen"] = pair["chosen"][:2]
    assert FILTERS["turns"](pair, DEFAULTS) == "reply is not the assistant's"


def test_sides_are_identical_but_for_case_and_spacing() -> None:
    assert find_objections(make(chosen="You're  welcome!", rejected="you're welcome!\n")) == [
        "identical sides"
    ]
    assert find_objections(make(chosen="You're welcome!", rejected="You're welcome.")) == []


def test_lengths_are_bounded() -> None:
    settings = QualitySettings(
        min_reply_characters=3, max_reply_characters=80, max_prompt_characters=30
    )
    assert find_objections(make(chosen=" No "), settings) == ["reply too short"]
    assert find_objections(make(chosen="Yes"), settings) == []
    long = REJECTED + " Or nearly so."
    assert find_objections(make(rejected=long), settings) == ["reply too long"]
    assert find_objections(make(prompt="What is it that you want to know?"), settings) == [
        "prompt too long"
    ]


def test_length_ratio_adds_fifty_characters_to_both_sides() -> None:
    # (4 + 50) * 10 = 540 = 490 + 50
    longest = ("word " * 98)[:489] + "."
    settings = QualitySettings(max_repeated_share=1.0)
    assert FILTERS["length ratio"](make(chosen="Yes.", rejected=longest), settings) is None
    assert FILTERS["length ratio"](make(chosen="Yes.", rejected=longest + "!"), settings) == (
        "length ratio"
    )


SPANISH = "Afloja las raíces con cuidado, pásalo a una maceta un poco más grande y riégalo bien."
RUSSIAN = "Пересадите папоротник в горшок побольше."
CHINESE = "把蕨类植物移到稍大的花盆里，然后浇足水。"


@pytest.mark.parametrize("foreign", [SPANISH, RUSSIAN, CHINESE])
def test_replies_in_another_language(foreign: str) -> None:
    assert find_objections(make(chosen=foreign)) == ["not in the wanted language"]
    assert find_objections(make(rejected=foreign)) == ["not in the wanted language"]
    assert find_objections(make(chosen=foreign), QualitySettings(language=None)) == []


def test_a_prompt_in_another_language_but_not_one_that_quotes_it() -> None:
    assert find_objections(make(prompt=SPANISH)) == ["not in the wanted language"]
    quoting = (
        "Please tell me in a few words of plain English what the following sentence says, and "
        "whether it is good advice for somebody who has never owned a fern before: "
        f"{SPANISH} {SPANISH}"
    )
    assert find_objections(make(prompt=quoting)) == []


@pytest.mark.parametrize(
    "english",
    [
        "Sí.",
        "Hola, ¿qué tal?",
        "Dasher, Dancer, Prancer, Vixen, Comet, Cupid, Donner and Blitzen",
        "Johann Sebastian Bach, George Frideric Handel, Henry Purcell, Antonio Vivaldi",
        "```python\nfor i in range(10):\n    print(i ** 2, end=' ')\n```",
        "You could say “Quiero reservar una mesa para dos”, which means you want a table for two.",
        "1. 2 cups flour\n2. 1 tsp salt\n3. 3 eggs\n4. 250 ml milk",
    ],
)
def test_short_lists_code_and_quotations_are_not_foreign(english: str) -> None:
    assert FILTERS["language"](make(chosen=english), DEFAULTS) is None


def test_another_wanted_language() -> None:
    german = "Lockere die Wurzeln, setze ihn in einen etwas größeren Topf und gieße ihn gut."
    settings = QualitySettings(language="de")
    pair = make(prompt="Wie topfe ich einen Farn um, ohne ihn zu verletzen?", chosen=german)
    pair["rejected"] = make(chosen="Farne mögen keinen Umzug, lass ihn lieber stehen.")["chosen"]
    assert FILTERS["language"](pair, settings) is None
    assert FILTERS["language"](make(), settings) == "not in the wanted language"


def test_an_unknown_language_is_the_users_error() -> None:
    with pytest.raises(RecipeError, match=r"'quality.language' cannot be 'zz'; use one of .*en, "):
        screen_quality(gather([make()]), QualitySettings(language="zz"))


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


def test_personal_data_is_flagged_and_dropped_only_on_request() -> None:
    secret = make(rejected="Write to anna.kowalska@gmail.com, or call (617) 401-5532 after five.")
    flags = ["personal data: email", "personal data: phone number"]
    assert flag_personal_data(secret) == flags
    rows = gather([make(), secret])
    kept, row_flags = screen_quality(rows, DEFAULTS)
    assert kept.report.rows_out == 2
    assert row_flags == [[], flags]
    assert kept.notes == {"personal data: email": 1, "personal data: phone number": 1}
    dropped, row_flags = screen_quality(rows, QualitySettings(drop_personal_data=True))
    assert dropped.reasons.tolist() == ["", "personal data: email"]
    assert row_flags == [[], flags]


def test_the_first_filter_that_objects_gives_the_reason() -> None:
    verdict, flags = screen_quality(
        gather([make(), make(chosen="No, " * 30 + "and"), make(chosen=REJECTED)]), DEFAULTS
    )
    assert verdict.stage == "quality"
    assert verdict.reasons.tolist() == ["", "degenerate repetition", "identical sides"]
    assert verdict.duplicate_of is None
    assert flags == [[], [], []]


def test_progress_hears_of_every_row() -> None:
    heard: list[int] = []
    screen_quality(gather([make()] * 3), DEFAULTS, heard.append)
    assert sum(heard) == 3


def test_no_rows() -> None:
    verdict, flags = screen_quality(gather([]), DEFAULTS)
    assert (verdict.report.rows_in, flags) == (0, [])


texts = st.text(st.characters(codec="utf-8"), max_size=60)


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=5))
def test_rows_are_conserved_whatever_the_text(rows: list[tuple[str, str, str]]) -> None:
    verdict, flags = screen_quality(gather([make(*row) for row in rows]), DEFAULTS)
    report = verdict.report
    assert report.rows_in == len(rows) == report.rows_out + report.n_dropped == len(flags)


@given(texts, texts, texts)
def test_the_verdict_does_not_depend_on_which_side_was_chosen(
    prompt: str, chosen: str, rejected: str
) -> None:
    one = find_objections(make(prompt, chosen, rejected))
    assert one == find_objections(make(prompt, rejected, chosen))
