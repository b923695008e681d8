"""Labelled pairs are read in both shapes; a wrong row is named by its line."""

import json
from pathlib import Path

import pytest

from valuedata.errors import FormatError, SourceError, UnknownValueError
from valuedata.intake.collect import read_pairs
from valuedata.intake.known import STARTER_FILE
from valuedata.intake.naming import resolve_source
from valuedata.labelling.gold import load_gold

ROW = {
    "prompt": "Human: Hi\n\nAssistant: Hello\n\nHuman: Sad day.",
    "chosen": "I feel with you.",
    "rejected": "Okay.",
    "chosen_labels": ["empathy"],
    "rejected_labels": [],
}
MESSAGES = {
    "prompt": [{"role": "user", "content": "Sad day."}],
    "chosen": [{"role": "assistant", "content": "I feel with you."}],
    "source": "own",
}


def write(folder, *rows, name="gold.jsonl"):
    path = folder / name
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows) + "\n")
    return path


def test_text_and_messages_are_read_alike(tmp_path):
    first, second = load_gold([write(tmp_path, ROW, "", ROW | MESSAGES)])
    assert first.chosen == second.chosen == ("Sad day.", "I feel with you.")
    assert (first.source, second.source) == ("gold", "own")
    assert (first.chosen_labels, first.rejected_labels) == ({"empathy"}, set())
    assert first.group != second.group


def test_prompts_are_read_as_in_the_intake(tmp_path):
    text = {"prompt": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Sad day.\n\nAssistant:"}
    plain, invited, system = load_gold([write(tmp_path, ROW, ROW | text, ROW | {"system": "S"})])
    assert (invited.group, invited.chosen) == (plain.group, plain.chosen)
    assert json.loads(system.group) == [["system", "S"], *json.loads(plain.group)]


def test_sources_are_left_out(tmp_path):
    path = write(tmp_path, ROW, ROW | MESSAGES)
    assert [pair.source for pair in load_gold([path], ["own"])] == ["gold"]
    with pytest.raises(SourceError, match="is of the source 'gould'; did you mean 'gold'"):
        load_gold([path], ["own", "gould"])


@pytest.mark.parametrize(
    ("row", "error", "sentence"),
    [
        ("{", FormatError, "line 2 is not valid JSON"),
        ("[1]", FormatError, "line 2 is not a JSON object"),
        ({"prompt": "x"}, FormatError, "line 2 lacks column 'chosen'"),
        ({"chosen": "x"}, FormatError, "line 2 lacks column 'prompt'"),
        ({"pair_id": "x"}, FormatError, "line 2 is a label record, .* with --labels"),
        (ROW | {"chosen": 3}, FormatError, "line 2 cannot be used"),
        (ROW | {"chosen": "\ud800"}, FormatError, "line 2 .* half of a surrogate pair; mend"),
        (ROW | {"source": "\ud800"}, FormatError, "line 2 .* half of a surrogate pair; mend"),
        pytest.param("[" * 100_000, FormatError, "line 2 is nested too deep; mend", id="deep"),
        pytest.param("9" * 5_000, FormatError, "line 2 holds a number of too many", id="digits"),
        (ROW | {"chosen_labels": "empathy"}, FormatError, "no list of names in 'chosen_labels'"),
        (ROW | {"chosen_labels": ["humour"]}, UnknownValueError, "did you mean 'humor'"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(tmp_path, row, error, sentence):
    with pytest.raises(error, match=sentence):
        load_gold([write(tmp_path, ROW, row)])


def test_a_pair_has_the_id_that_the_intake_gives_it(tmp_path):
    reply = {"role": "assistant", "content": "Okay."}
    other = {"role": "assistant", "content": "Oh."}
    whole = [*MESSAGES["prompt"], reply]
    rows = [
        ROW,
        ROW | {"system": "S", "chosen": "Assistant: I feel with you."},
        ROW | MESSAGES | {"rejected": whole, "chosen": [*MESSAGES["prompt"], *MESSAGES["chosen"]]},
        ROW | {"prompt": "Sad day.", "chosen": [*whole[:1], other], "rejected": whole},
    ]
    gold = load_gold([write(tmp_path, *rows)])
    work = tmp_path / "work"
    work.mkdir()
    for number, (row, pair) in enumerate(zip(rows, gold, strict=True)):
        source = resolve_source(str(write(tmp_path, row, name=f"{number}.jsonl")), None)
        assert read_pairs([source], work, 1.0).pairs["pair_id"][0] == pair.pair_id


def test_replies_that_the_intake_refuses_are_read_as_they_stand(tmp_path):
    (pair,) = load_gold([write(tmp_path, ROW | {"chosen": "Human: Oh no."})])
    assert (pair.chosen.reply, pair.rejected.reply) == ("Human: Oh no.", "Okay.")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        load_gold([tmp_path / "none.jsonl"])


def test_the_bundled_corpus_is_read_with_what_its_writers_meant():
    labels = STARTER_FILE.with_name("labels.jsonl").read_text(encoding="utf-8").splitlines()
    sound = [row for row in map(json.loads, labels) if row["flaw"] is None]
    pairs = load_gold([Path("starter")])
    assert len(pairs) == len(sound) == 563
    assert {pair.source for pair in pairs} == {"starter"}
    for pair, row in zip(pairs, sound, strict=True):
        assert pair.chosen_labels == set(row["chosen_labels"])
        assert pair.rejected_labels == set(row["rejected_labels"])
    assert pairs[1].chosen.prompt == "explain recursion like im 10"
    assert load_gold([Path("starter")], ["starter"]) == []


def test_the_development_labels_are_read(shared_data):
    pairs = load_gold([shared_data / "gold" / "dev.jsonl"], ["pku-saferlhf"])
    assert len(pairs) == 5_018
    assert not [pair for pair in pairs if "Human:" in pair.chosen.prompt[:8]]
