"""Splitting conversations between turns, on hand-made and irregular transcripts."""

import pytest

from valuedata.intake.pairs import (
    PARTED_AT_USER,
    RowError,
    Sides,
    check_sides,
    make_discard,
    parse_messages,
    parse_transcript,
    split_sides,
)


def talk(*turns):
    """Messages from "u:hello" and "a:hi"."""
    roles = {"u": "user", "a": "assistant", "s": "system"}
    return [{"role": roles[turn[0]], "content": turn[2:]} for turn in turns]


class TestParseTranscript:
    def test_splits_at_markers_and_strips(self):
        text = "\n\nHuman: Hi there \n\nAssistant:  Hello.\n\nHow are you?\n\nHuman: Fine"
        assert parse_transcript(text) == talk("u:Hi there", "a:Hello.\n\nHow are you?", "u:Fine")

    def test_joins_consecutive_turns_of_one_role(self):
        text = "\n\nHuman: q\n\nAssistant: Just a second...\n\nAssistant: About $50."
        assert parse_transcript(text) == talk("u:q", "a:Just a second...\n\nAbout $50.")

    def test_joining_leaves_no_empty_paragraph(self):
        assert parse_transcript("Human: q\n\nAssistant:\n\nAssistant: x") == talk("u:q", "a:x")

    def test_keeps_an_empty_last_turn(self):
        assert parse_transcript("\n\nHuman: q\n\nAssistant: ") == talk("u:q", "a:")

    def test_marker_inside_a_paragraph_is_text(self):
        text = "\n\nHuman: q\n\nAssistant: Human: said so.\nHuman: again"
        assert parse_transcript(text) == talk("u:q", "a:Human: said so.\nHuman: again")

    def test_lines_may_end_as_on_windows(self):
        text = (
            "\r\n\r\nHuman: Hi\r\n\r\nAssistant: One.\r\nTwo.\r\n\r\nHuman: Bye\r\n\r\nAssistant:"
        )
        assert parse_transcript(text) == talk("u:Hi", "a:One.\nTwo.", "u:Bye", "a:")

    @pytest.mark.parametrize("text", ["", "hello", "Preamble.\n\nHuman: q\n\nAssistant: a"])
    def test_refuses_text_that_does_not_begin_with_a_marker(self, text):
        with pytest.raises(RowError, match="does not begin with 'Human:'"):
            parse_transcript(text)


class TestSplitSides:
    def test_shared_turns_are_the_prompt(self):
        shared = talk("u:1", "a:2", "u:3")
        sides = split_sides(shared + talk("a:no way"), shared + talk("a:nope"))
        assert sides == (shared, talk("a:no way"), talk("a:nope"))

    def test_identical_sides_keep_their_last_reply(self):
        both = talk("u:1", "a:2", "u:3", "a:4")
        assert split_sides(both, list(both)) == (both[:3], both[3:], both[3:])

    def test_shared_assistant_turn_before_the_parting_stays_in_the_replies(self):
        sides = split_sides(talk("u:q", "a:wait", "a:x"), talk("u:q", "a:wait"))
        assert sides == (talk("u:q"), talk("a:wait", "a:x"), talk("a:wait"))

    def test_replies_may_be_several_messages(self):
        sides = split_sides(talk("u:q", "a:1", "u:r", "a:2"), talk("u:q", "a:3"))
        assert sides == (talk("u:q"), talk("a:1", "u:r", "a:2"), talk("a:3"))

    @pytest.mark.parametrize(
        ("chosen", "rejected"),
        [
            (talk("u:q", "a:1"), talk("u:q", "a:1", "u:r", "a:2")),  # one side goes on
            (talk("u:q", "a:1", "u:r", "a:2"), talk("u:q", "a:1", "u:s", "a:2")),
            (talk("u:q", "a:1"), talk("u:other", "a:1")),
        ],
    )
    def test_parting_at_a_user_turn_is_no_preference_but_not_malformed(self, chosen, rejected):
        for sides in ((chosen, rejected), (rejected, chosen)):
            with pytest.raises(RowError, match=PARTED_AT_USER) as caught:
                split_sides(*sides)
            assert not caught.value.is_bad


class TestCheckSides:
    def test_empty_texts_pass_for_the_filters_to_judge(self):
        check_sides(Sides(talk("u:"), talk("a:"), talk("a:x")))

    @pytest.mark.parametrize(
        ("prompt", "chosen", "rejected", "reason"),
        [
            ([], talk("a:x"), talk("a:y"), "prompt does not end in a user turn"),
            (talk("u:q", "a:r"), talk("a:x"), talk("a:y"), "prompt does not end in a user turn"),
            (talk("u:q"), [], talk("a:y"), "chosen side has no assistant turn"),
            (talk("u:q"), talk("a:x"), talk("u:y"), "rejected side has no assistant turn"),
            (talk("u:q"), talk("a:x"), talk("a:y", "u:z"), "rejected side does not end in"),
            (talk("u:q"), talk("a:\ud83d"), talk("a:y"), "half of a surrogate pair"),
        ],
    )
    def test_names_what_is_wrong(self, prompt, chosen, rejected, reason):
        with pytest.raises(RowError, match=reason) as caught:
            check_sides(Sides(prompt, chosen, rejected))
        assert caught.value.is_bad


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("text", "not a list of messages"),
        ({"role": "user"}, "not a list of messages"),
        (["text"], "lacks 'role' or 'content'"),
        ([{"role": "user"}], "lacks 'role' or 'content'"),
        ([{"role": "tool", "content": "x"}], "role other than system, user, assistant"),
        ([{"role": ["user"], "content": "x"}], "role other than"),
        ([{"role": "user", "content": None}], "content that is not text"),
    ],
)
def test_messages_of_the_wrong_shape(value, reason):
    with pytest.raises(RowError, match=reason):
        parse_messages(value, "prompt")


def test_messages_keep_white_space_and_lose_other_keys():
    raw = [{"role": "user", "content": " x \n", "name": None}]
    assert parse_messages(raw, "prompt") == talk("u: x \n")


def test_excerpt_is_short_and_encodable():
    discard = make_discard(3, None, "why", {"a": "\ud83d" + "x" * 500}, is_bad=True)
    assert len(discard.excerpt.encode("utf-8")) < 250
    assert discard.excerpt.startswith('{"a": "\\ud83dxx')


def test_what_is_nested_too_deeply_for_an_excerpt_is_said():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    discard = make_discard(0, None, "why", {"a": nested}, is_bad=True)
    assert discard.excerpt == "nested too deeply to be shown"
