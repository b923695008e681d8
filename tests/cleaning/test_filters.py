"""Each filter fires on what it is for and on nothing near it."""

# ruff: noqa: RUF001 - typographic characters are what is tested

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cleaning.made import DEFAULTS, REJECTED, find_objections, gather, make
from valuedata.cleaning.filters import FILTERS, flag_personal_data, screen_quality
from valuedata.errors import RecipeError
from valuedata.recipe import QualitySettings
from valuedata.schema import Pair


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
        ({"chosen": [{"role": "assistant", "content": "\u200b \u200b\ufeff\n"}]}, "empty turn"),
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
    assert find_objections(make(chosen="\u200bN\u200do\u00ad"), settings) == ["reply too short"]
    assert find_objections(make(chosen="Né\u200bé"), settings) == []
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
