"""Each raw format: how it is detected, and what becomes of its rows."""

import re

import pytest

from valuedata.errors import FormatError
from valuedata.intake.formats import (
    FORMATS,
    JOINED,
    TIE,
    UNPARTNERED,
    convert_rows,
    detect_format,
    find_format,
)
from valuedata.intake.pairs import Discard, ParsedPair, make_discard

U = {"role": "user", "content": "q"}
GOOD = {"role": "assistant", "content": "good"}
BAD = {"role": "assistant", "content": "bad"}
SYSTEM = {"role": "system", "content": "S"}

EXAMPLES = {
    "hh": [
        {"chosen": "\n\nHuman: q\n\nAssistant: good", "rejected": "\n\nHuman: q\n\nAssistant: bad"}
    ],
    "trl": [
        {"prompt": "q", "chosen": "good", "rejected": "bad"},
        {"prompt": [U], "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": [U], "chosen": "good", "rejected": "bad"},
        {"prompt": [U], "chosen": [U, GOOD], "rejected": [U, BAD]},
        {"prompt": "q", "chosen": "good", "rejected": "bad", "source_index": 7, "metadata": {}},
    ],
    "trl-implicit": [{"chosen": [U, GOOD], "rejected": [U, BAD]}],
    "ultrafeedback": [
        {
            "prompt": "q",
            "prompt_id": "abc",
            "chosen": [U, GOOD],
            "rejected": [U, BAD],
            "messages": [U, GOOD],
            "score_chosen": 8.0,
            "score_rejected": 5.0,
        },
        {"prompt": "q", "chosen": [GOOD], "rejected": [BAD]},
    ],
    "pku": [
        {
            "prompt": "q",
            "response_0": "bad",
            "response_1": "good",
            "better_response_id": 1,
            "safer_response_id": 0,
        },
        {"prompt": "q", "response_0": "good", "response_1": "bad", "safer_response_id": 0},
        {
            "prompt": "q",
            "response_0": "good",
            "response_1": "bad",
            "better_response_id": None,
            "safer_response_id": "0",
        },
        {
            "prompt": "q",
            "response_0": "bad",
            "response_1": "good",
            "better_response_id": "",
            "safer_response_id": "1",
        },
        {"prompt": "q", "response": ["good", "bad"]},
    ],
    "sharegpt": [
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "good"},
            "rejected": {"from": "gpt", "value": "bad"},
        },
    ],
}
CASES = [(name, row) for name, rows in EXAMPLES.items() for row in rows]


def convert(name, *rows):
    return list(convert_rows(enumerate(rows), FORMATS[name]))


@pytest.mark.parametrize(("name", "row"), CASES)
def test_each_format_is_detected_alone_and_gives_the_same_pair(name, row):
    fitting = [
        entry.name
        for entry in FORMATS.values()
        if not entry.find_missing(row) and entry.detect(row)
    ]
    assert fitting == [name]
    assert detect_format(row, None, "x").name == name
    (pair,) = convert(name, row)
    assert isinstance(pair, ParsedPair)
    assert (pair.prompt, pair.chosen, pair.rejected) == ([U], [GOOD], [BAD])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"id": 0, "prompt_id": "p"}, "0"),
        ({"prompt_id": "p", "source_index": 1}, "p"),
        ({"source_index": 7}, "7"),
        ({"id": None}, None),
        ({"id": "\ud83d"}, "\\ud83d"),
    ],
)
def test_a_row_keeps_its_own_identifier(row, expected):
    (pair,) = convert("trl", {"prompt": "q", "chosen": "good", "rejected": "bad"} | row)
    assert pair.source_id == expected


class TestHelpSteer2:
    def rate(self, prompt, *ratings):
        return [{"prompt": prompt, "response": r, "helpfulness": h} for r, h in ratings]

    def test_detected(self):
        assert detect_format(self.rate("q", ("a", 1))[0], None, "x").name == "helpsteer2"

    @pytest.mark.parametrize("order", [1, -1])
    def test_the_more_helpful_of_two_neighbours_wins(self, order):
        rows = self.rate("q", *[("good", 4), ("bad", 2)][::order])
        pair, partner = convert("helpsteer2", *rows)
        assert (pair.source_row, pair.prompt, pair.chosen, pair.rejected) == (0, [U], [GOOD], [BAD])
        assert (partner.source_row, partner.reason, partner.is_bad) == (1, JOINED, False)
        assert partner.excerpt == "joined with row 0"

    def test_partners_share_their_system_text(self):
        good, bad = self.rate("q", ("good", 4), ("bad", 2))
        pair, _ = convert("helpsteer2", good | {"system": "S"}, bad | {"system": "S"})
        assert pair.prompt == [SYSTEM, U]
        outcomes = convert("helpsteer2", good | {"system": "S"}, bad)
        assert [row.reason for row in outcomes] == [UNPARTNERED, UNPARTNERED]

    def test_ties_drop_both_rows(self):
        outcomes = convert("helpsteer2", *self.rate("q", ("a", "3"), ("b", 3.0)))
        assert [(row.source_row, row.reason, row.is_bad) for row in outcomes] == [
            (0, TIE, False),
            (1, TIE, False),
        ]

    def test_rows_without_a_partner_are_bad(self):
        rows = self.rate("p", ("a", 1)) + self.rate("q", ("good", 4), ("bad", 2), ("c", 0))
        outcomes = convert("helpsteer2", *rows)
        assert [getattr(row, "reason", "pair") for row in outcomes] == [
            UNPARTNERED,
            "pair",
            JOINED,
            UNPARTNERED,
        ]
        assert [row.source_row for row in outcomes] == [0, 1, 2, 3]

    def test_bad_rows_do_not_stand_between_partners(self):
        good, bad = self.rate("q", ("good", 4), ("bad", 2))
        unreadable = make_discard(1, None, "not valid JSON", "{", is_bad=True)
        rows = [(0, good), unreadable, (2, {"prompt": "q", "response": "x"}), (3, bad)]
        outcomes = list(convert_rows(rows, FORMATS["helpsteer2"]))
        assert [getattr(row, "reason", "pair") for row in outcomes] == [
            "not valid JSON",
            "lacks column 'helpfulness'",
            "pair",
            JOINED,
        ]

    @pytest.mark.parametrize("value", [True, None, "high", "", float("nan"), 10**400, [1]])
    def test_helpfulness_must_be_a_number(self, value):
        (row,) = convert("helpsteer2", *self.rate("q", ("a", value)))
        assert row.reason == "column 'helpfulness' is not a number"
        assert row.is_bad

    def test_prompt_of_several_turns(self):
        prompt = "one\n<extra_id_1>Assistant\ntwo\n<extra_id_1>User\nthree"
        pair, _ = convert("helpsteer2", *self.rate(prompt, ("a", 1), ("b", 2)))
        assert [(turn["role"], turn["content"]) for turn in pair.prompt] == [
            ("user", "one"),
            ("assistant", "two"),
            ("user", "three"),
        ]

    def test_prompt_that_begins_with_a_marker(self):
        pair, _ = convert("helpsteer2", *self.rate("<extra_id_1>User\nq", ("a", 1), ("b", 2)))
        assert pair.prompt == [U]

    def test_prompt_that_ends_in_an_assistant_turn_is_bad(self):
        rows = self.rate("q\n<extra_id_1>Assistant\nx", ("a", 1), ("b", 2))
        first, second = convert("helpsteer2", *rows)
        assert first.reason == "the prompt does not end in a user turn"
        assert second.reason == JOINED


SHAREGPT = EXAMPLES["sharegpt"][0]
PKU = EXAMPLES["pku"][0]


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("hh", {"chosen": "\n\nHuman: q"}, "begin|lacks column 'rejected'"),
        ("hh", {"chosen": 3, "rejected": "x"}, "column 'chosen' is not text"),
        (
            "hh",
            {"chosen": "\n\nHuman: q", "rejected": "\n\nHuman: q\n\nAssistant: a"},
            "chosen side has no assistant turn",
        ),
        ("trl", {"prompt": "q", "chosen": "a"}, "lacks column 'rejected'"),
        ("trl", {"prompt": [U], "chosen": [U], "rejected": [BAD]}, "chosen side has no assistant"),
        ("trl-implicit", {"chosen": "no way", "rejected": "nope"}, "give an explicit 'prompt'"),
        ("trl-implicit", {"chosen": [U, GOOD], "rejected": "x"}, "column 'chosen' is not text"),
        ("ultrafeedback", {"prompt": "q", "chosen": [U, GOOD]}, "lacks column 'rejected'"),
        ("pku", PKU | {"better_response_id": 2}, "'better_response_id' is neither 0 nor 1"),
        ("pku", PKU | {"better_response_id": "x"}, "'better_response_id' is not a number"),
        ("pku", {"prompt": "q", "response": ["a"]}, "not a list of two texts"),
        ("pku", {"prompt": "q", "response": "ab"}, "not a list of two texts"),
        ("pku", {"prompt": "q", "response": ["a", None]}, "column 'rejected' is not text"),
        ("sharegpt", SHAREGPT | {"chosen": "text"}, "lacks 'from' or 'value'"),
        (
            "sharegpt",
            SHAREGPT | {"conversations": [{"from": "tool", "value": "x"}]},
            "role other than",
        ),
        ("sharegpt", {"chosen": 1, "rejected": 1}, "lacks column 'conversations'"),
    ],
)
def test_malformed_rows_are_bad_and_say_why(name, row, reason):
    (outcome,) = convert(name, row)
    assert isinstance(outcome, Discard)
    assert outcome.is_bad
    assert re.search(reason, outcome.reason)
    assert outcome.excerpt


def test_sides_that_part_at_a_user_turn_are_not_bad():
    row = {
        "chosen": "\n\nHuman: a\n\nAssistant: x",
        "rejected": "\n\nHuman: b\n\nAssistant: x",
    }
    assert detect_format(row, None, "x").name == "hh"
    (outcome,) = convert("hh", row)
    assert not outcome.is_bad


def test_implicit_transcripts_are_split_by_their_markers():
    (pair,) = convert("trl-implicit", EXAMPLES["hh"][0])
    assert (pair.prompt, pair.chosen) == ([U], [GOOD])


@pytest.mark.parametrize("extra", [{"system": "Be brief."}, {}])
def test_sharegpt_keeps_system_turns(extra):
    turn = {"from": "system", "value": "Be brief."}
    row = SHAREGPT | extra
    if not extra:
        row = SHAREGPT | {"conversations": [turn, *SHAREGPT["conversations"]], "system": ""}
    (pair,) = convert("sharegpt", row)
    assert pair.prompt == [{"role": "system", "content": "Be brief."}, U]


@pytest.mark.parametrize(("name", "row"), CASES)
def test_a_system_column_becomes_a_turn_in_every_format(name, row):
    assert detect_format(row | {"system": "S"}, None, "x").name == name
    (pair,) = convert(name, row | {"system": "S"})
    assert (pair.prompt, pair.chosen) == ([SYSTEM, U], [GOOD])
    for nothing in ("", " ", None):
        (pair,) = convert(name, row | {"system": nothing})
        assert pair.prompt == [U]
    (outcome,) = convert(name, row | {"system": 3})
    assert (outcome.reason, outcome.is_bad) == ("column 'system' is not text", True)


class TestDetection:
    def test_unknown_columns_are_listed_with_the_formats(self):
        with pytest.raises(FormatError) as caught:
            detect_format({"question": 1, "answer": 2}, None, "mine")
        assert "mine has columns answer, question" in str(caught.value)
        assert "--format" in str(caught.value)
        assert all(name in str(caught.value) for name in FORMATS)

    def test_demanded_format_names_the_missing_column(self):
        with pytest.raises(FormatError, match="lacks column rejected of format hh"):
            detect_format({"chosen": "x"}, "hh", "mine")

    def test_demanded_format_wins_over_detection(self):
        assert detect_format(EXAMPLES["hh"][0], "trl-implicit", "x").name == "trl-implicit"

    def test_unknown_format_offers_the_nearest(self):
        with pytest.raises(FormatError, match="did you mean 'sharegpt'"):
            find_format("sharegtp")

    def test_missing_columns_are_those_of_the_nearest_alternative(self):
        assert FORMATS["pku"].find_missing({"prompt": 1, "response_0": 1, "response_1": 1}) in (
            ["better_response_id"],
            ["response"],
        )
