"""Overlap with evaluation prompts, whatever file they come in."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cleaning.made import gather, make
from valuedata.cleaning.contamination import find_contamination, read_prompts
from valuedata.errors import RecipeError, SourceError
from valuedata.schema import Message

LONG = "Which of the seven hills of Rome is the tallest one today?"


@pytest.fixture
def prompt_file(tmp_path: Path) -> Path:
    path = tmp_path / "evals.txt"
    path.write_text(f"{LONG}\n\nWho are you?\n", encoding="utf-8")
    return path


def test_a_shared_run_of_eight_words_overlaps(prompt_file: Path) -> None:
    rows = [
        make("Quick: which of the SEVEN hills, of Rome, is it?"),  # 8 shared: which … is
        make("Tell me which of the seven hills of Rome you like."),  # 7 shared
        make("who are you"),
        make("Who are you, my friend?"),
        make("Unrelated."),
    ]
    verdict = find_contamination(gather(rows), [prompt_file], 8)
    reason = "overlaps evaluation prompts in evals.txt"
    assert verdict.stage == "decontamination"
    assert verdict.reasons.tolist() == [reason, "", reason, "", ""]
    assert find_contamination(gather(rows), [prompt_file], 7).reasons[1] == reason


def test_only_user_turns_count_and_short_ones_only_alone(prompt_file: Path) -> None:
    dialogue: list[Message] = [
        {"role": "user", "content": "Hello!"},
        {"role": "assistant", "content": LONG},
        {"role": "user", "content": "Who are you?"},
    ]
    first_long: list[Message] = [{"role": "user", "content": LONG}, *dialogue[1:]]
    rows = gather([make(dialogue), make(first_long), make(chosen=LONG)])
    kept = find_contamination(rows, [prompt_file], 8).kept
    assert kept.tolist() == [0, 2]


def test_the_first_file_that_overlaps_is_named_and_no_file_drops_nothing(
    prompt_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"question": LONG}), encoding="utf-8")
    rows = gather([make(LONG)])
    assert find_contamination(rows, [other, prompt_file], 8).reasons[0].endswith("in other.jsonl")
    assert find_contamination(rows, [], 8).kept.tolist() == [0]


def test_files_of_every_format(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Goal", "Target", "question2"])
        writer.writerows([["do it", "Sure", "why?"], ["", "Sure", "how?"]])
    assert list(read_prompts(tmp_path / "a.csv")) == ["do it", "why?", "how?"]
    (tmp_path / "b.json").write_text(json.dumps([{"Instruction": "do it"}, {"Prompt": None}]))
    assert list(read_prompts(tmp_path / "b.json")) == ["do it"]
    pq.write_table(pa.table({"text": ["one", "two"]}), tmp_path / "c.parquet")
    assert list(read_prompts(tmp_path / "c.parquet")) == ["one", "two"]
    messages = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        "stray",
    ]
    (tmp_path / "d.jsonl").write_text(json.dumps({"messages": messages}))
    assert list(read_prompts(tmp_path / "d.jsonl")) == ["hi"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"reply": "x", "score": 1}', r"columns 'reply', 'score' hold no prompts"),
        ("b.jsonl", b'{"prompt": "x"}\nnonsense', r"b.jsonl line 2 is not valid JSON"),
        ("c.pdf", b"x", r"type is unknown; give files"),
        ("d.txt", b"\xff\xfe\x00", r"not UTF-8 text"),
    ],
)
def test_unusable_files_are_the_users_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=message):
        find_contamination(gather([make()]), [path], 8)


def test_a_missing_file_and_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"names .*nowhere.csv, which is no file"):
        find_contamination(gather([make()]), [tmp_path / "nowhere.csv"], 8)
    (tmp_path / "cut.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(SourceError, match="cut off"):
        find_contamination(gather([make()]), [tmp_path / "cut.jsonl.gz"], 8)
