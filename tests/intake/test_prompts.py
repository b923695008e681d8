"""Prompts of text: transcripts among them, and the system text beside them."""

import pytest

from valuedata.intake.formats import FORMATS, convert_rows, detect_format

U = {"role": "user", "content": "q"}
GOOD = {"role": "assistant", "content": "good"}
BAD = {"role": "assistant", "content": "bad"}
SYSTEM = {"role": "system", "content": "S"}

TRANSCRIPT = "\n\nHuman: a \n\nAssistant: b\n\nHuman: q"
TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, U]


def convert(name, *rows):
    return list(convert_rows(enumerate(rows), FORMATS[name]))


def test_a_system_turn_of_the_prompt_wins_over_the_column():
    row = {"prompt": [SYSTEM, U], "chosen": [GOOD], "rejected": [BAD], "system": "other"}
    (pair,) = convert("trl", row)
    assert pair.prompt == [SYSTEM, U]


class TestTranscriptAsPrompt:
    @pytest.mark.parametrize("end", ["", "\n\nAssistant:", "\n\nAssistant: \n"])
    @pytest.mark.parametrize("start", ["", "\n\nAssistant: ", TRANSCRIPT + "\n\nAssistant: "])
    def test_is_split_at_its_markers_as_are_replies_that_repeat_it(self, start, end):
        row = {"prompt": TRANSCRIPT + end, "chosen": start + "good", "rejected": start + "bad"}
        assert detect_format(row, None, "x").name == "trl"
        (pair,) = convert("trl", row)
        assert (pair.prompt, pair.chosen, pair.rejected) == (TURNS, [GOOD], [BAD])

    @pytest.mark.parametrize(
        ("prompt", "chosen", "reason"),
        [
            (
                TRANSCRIPT,
                "\n\nHuman: other\n\nAssistant: good",
                "the chosen side has no assistant turn",
            ),
            (
                TRANSCRIPT,
                TRANSCRIPT + "\n\nAssistant: good",
                "the chosen side has no assistant turn",
            ),
            (TRANSCRIPT + "\n\nAssistant: x", "good", "the prompt does not end in a user turn"),
            ("Assistant:", "good", "the prompt does not end in a user turn"),
        ],
    )
    def test_bad_rows(self, prompt, chosen, reason):
        (outcome,) = convert("trl", {"prompt": prompt, "chosen": chosen, "rejected": "bad"})
        assert outcome.is_bad
        assert outcome.reason.startswith(reason)

    def test_in_other_formats(self):
        row = {"prompt": TRANSCRIPT, "response": ["good", "bad"]}
        assert convert("pku", row)[0].prompt == TURNS
        row = {"prompt": TRANSCRIPT, "chosen": [GOOD], "rejected": [BAD]}
        assert convert("ultrafeedback", row)[0].prompt == TURNS

    def test_a_marker_later_on_is_text(self):
        row = {"prompt": "Say\n\nHuman: q", "chosen": "Human: x", "rejected": "bad"}
        (pair,) = convert("trl", row)
        assert pair.prompt == [{"role": "user", "content": "Say\n\nHuman: q"}]
        assert pair.chosen == [{"role": "assistant", "content": "Human: x"}]
