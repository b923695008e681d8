"""Overlap with evaluation prompts, whatever file they come in."""

import csv
import json
import math
import re
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
        "alone",
    ]
    (tmp_path / "d.jsonl").write_text(json.dumps({"messages": messages}))
    assert list(read_prompts(tmp_path / "d.jsonl")) == ["hi", "alone"]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": LONG}]}]},
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "a.png"}},
                        {"type": "text", "text": {"value": LONG}},
                    ],
                },
                {"role": "assistant", "content": None},
                {"role": "tool", "content": "21 m"},
            ]
        },
        {"messages": [{"from": "human", "value": LONG}, {"from": "gpt", "value": "Which?"}]},
        {"messages": [{"role": "User", "content": LONG}]},
        {"messages": [{"role": "human", "content": LONG}, {"role": "Assistant", "content": "a"}]},
        {"prompt": [LONG]},
        {"prompt": {"role": "user", "content": LONG}},
        {"prompt": LONG, "input": math.nan},
        {"prompt": [None, [LONG]]},
        {"prompt": LONG, "text": 7},
        {"question": {"stem": LONG, "choices": [{"text": "a", "label": "A"}]}},
    ],
)
def test_prompts_of_every_shape(tmp_path: Path, row: dict[str, object]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    assert list(read_prompts(tmp_path / "a.jsonl")) == [LONG]
    assert find_contamination(gather([make(LONG)]), [tmp_path / "a.jsonl"], 8).kept.tolist() == []


def test_bytes_are_no_prompt(tmp_path: Path) -> None:
    pq.write_table(pa.table({"prompt": [b"x"]}), tmp_path / "a.parquet")
    with pytest.raises(RecipeError, match="row 1 has neither text nor messages in column 'prompt'"):
        list(read_prompts(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([{"role": "critic", "content": "x"}], "a message of the unknown role 'critic'"),
        ([{"role": "user"}], "a message without 'content' or 'value' or 'text' or 'stem'"),
        ({"question": "x"}, "a message without 'content' or 'value' or 'text' or 'stem'"),
    ],
)
def test_what_is_no_prompt_is_named_with_its_row(
    tmp_path: Path, content: object, found: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "x"}\n' + json.dumps({"prompt": content}))
    expected = (
        f"Recipe key 'decontaminate' names {path}, where row 2 has {found} in column 'prompt'; "
        "write texts or messages there, or rename the column."
    )
    with pytest.raises(RecipeError, match=re.escape(expected)):
        list(read_prompts(path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", ""),
        ("b.txt", " \n\n"),
        ("c.jsonl", '{"prompt": null}\n{"prompt": " "}'),
        ("d.jsonl", '{"messages": [{"role": "assistant", "content": "x"}]}'),
        ("e.csv", "prompt\n"),
        ("f.json", "[]"),
        ("g.jsonl", '{"prompt": 7}\n{"prompt": true}'),
    ],
)
def test_a_file_without_a_prompt_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(RecipeError, match=rf"{name}, which holds no prompt; give a file that"):
        find_contamination(gather([make()]), [tmp_path / name], 8)


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
