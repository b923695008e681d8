"""The table of replies, and files of outputs that are right or wrong in one place."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.generation.flaws import count_flaws, measure_repetition
from evaluation.replies import (
    REPLY_SCHEMA,
    Reply,
    list_slots,
    read_outputs,
    read_replies,
    tabulate_replies,
    write_prompts,
    write_replies,
)
from tests.evaluation.made import make_prompt, make_set
from valuedata.errors import EvaluationError

SET = make_set(make_prompt("a"), make_prompt("b", variant="sad"), make_prompt("c"))
IDS = ["made/a", "made/b/sad", "made/c"]


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def make_rows(ids):
    return [{"prompt_id": name, "reply": f"to {name}"} for name in ids]


def test_slots_come_by_prompt_then_sample():
    slots = list_slots([SET], 2)
    assert [(slot.prompt.prompt_id, slot.sample) for slot in slots] == [
        (name, sample) for name in IDS for sample in range(2)
    ]


def test_a_prompt_of_two_sets_is_refused():
    with pytest.raises(EvaluationError, match="Prompt 'made/a' is there twice"):
        list_slots([SET, make_set(make_prompt("a"))], 1)


def test_a_table_comes_back_as_it_was(tmp_path):
    slots = list_slots([SET], 1)
    table = tabulate_replies("tuned", slots, [Reply("x", "length", 3), Reply("y"), Reply("")])
    assert table.schema == REPLY_SCHEMA
    assert table.column("family").to_pylist() == ["made/a", "made/b", "made/c"]
    assert table.column("messages")[1].as_py() == [{"role": "user", "content": "What of b sad?"}]
    assert table.column("n_tokens").to_pylist() == [3, None, None]
    write_replies(table, tmp_path)
    assert read_replies(tmp_path).equals(table)


def test_a_table_needs_a_reply_a_slot():
    with pytest.raises(ValueError, match="3 rows but 1 replies"):
        tabulate_replies("tuned", list_slots([SET], 1), [Reply("x")])


def test_a_folder_without_a_table_of_replies_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_replies(tmp_path)
    pq.write_table(pa.table({"arm": ["base"]}), tmp_path / "replies.parquet")
    with pytest.raises(EvaluationError, match="has other columns"):
        read_replies(tmp_path)


def test_outputs_are_read_in_order(tmp_path):
    rows = make_rows(IDS)
    rows[2] |= {"finish": "length", "sample": 0}
    path = write_lines(tmp_path / "out.jsonl", rows)
    path.write_text("\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    found = read_outputs("tuned", path, list_slots([SET], 1))
    assert found == [Reply("to made/a"), Reply("to made/b/sad"), Reply("to made/c", "length")]


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        (["made/a", "made/c"], "row 2 of {path} replies to prompt 'made/c' where prompt "
         "'made/b/sad' comes next; write one row a prompt in the order of `valuedata evaluate "
         "--write-prompts`."),
        (["made/a", "made/b/sad"], "{path} ends after 2 of 3 rows; the first without a reply is "
         "prompt 'made/c', so add the rest."),
        (["made/a", "made/a", "made/b/sad", "made/c"], "row 2 of {path} repeats prompt 'made/a' of "
         "row 1; leave one of them out."),
        (["made/b/sad", "made/a", "made/c"], "row 1 of {path} replies to prompt 'made/b/sad' where "
         "prompt 'made/a' comes next; write one row a prompt in the order of `valuedata evaluate "
         "--write-prompts`."),
        (["made/d"], "row 1 of {path} replies to prompt 'made/d', which is in no prompt set; name "
         "its set with --prompts."),
        ([], "{path} ends after 0 of 3 rows; the first without a reply is prompt 'made/a', so add "
         "the rest."),
    ],
)  # fmt: skip
def test_wrong_outputs_are_one_sentence(tmp_path, ids, sentence):
    path = write_lines(tmp_path / "out.jsonl", make_rows(ids))
    with pytest.raises(EvaluationError) as caught:
        read_outputs("tuned", path, list_slots([SET], 1))
    assert str(caught.value) == "tuned: " + sentence.format(path=path)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt_id": "made/a"}, "reply: Field required"),
        ({"prompt_id": "made/a", "reply": 3}, "reply: Input should be a valid string"),
        ({"prompt_id": "made/a", "reply": "x", "finish": "eos"}, "finish: Input should be 'stop'"),
        ({"prompt_id": "made/a", "reply": "x", "id": 1}, "id: Extra inputs are not permitted"),
        ([1], "Input should be an object"),
    ],
)
def test_a_row_that_is_no_output_is_named(tmp_path, row, reason):
    path = write_lines(tmp_path / "out.jsonl", [row])
    with pytest.raises(EvaluationError, match=r"row 1 of .* is no output") as caught:
        read_outputs("base", path, list_slots([SET], 1))
    assert reason in str(caught.value)
    assert '; write {"prompt_id": ..., "reply": ...}, with "sample" and' in str(caught.value)


def test_samples_must_be_those_asked_for(tmp_path):
    rows = [{**row, "sample": k} for row in make_rows(IDS) for k in range(2)]
    path = write_lines(tmp_path / "out.jsonl", rows)
    assert len(read_outputs("base", path, list_slots([SET], 2))) == 6
    with pytest.raises(EvaluationError, match="'made/a' sample 1, but --samples is 1; give the"):
        read_outputs("base", path, list_slots([SET], 1))


def test_unreadable_outputs_are_refused(tmp_path):
    slots = list_slots([SET], 1)
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_outputs("base", tmp_path / "absent.jsonl", slots)
    (tmp_path / "latin.jsonl").write_bytes(b'{"prompt_id": "\xe9"}\n')
    with pytest.raises(EvaluationError, match="is not UTF-8"):
        read_outputs("base", tmp_path / "latin.jsonl", slots)


def test_prompts_are_written_for_another_machine(tmp_path):
    assert write_prompts([SET], tmp_path / "prompts.jsonl") == 3
    text = (tmp_path / "prompts.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["prompt_id"] for row in rows] == IDS
    assert rows[0]["messages"] == [{"role": "user", "content": "What of a?"}]
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_prompts([SET], tmp_path / "absent" / "prompts.jsonl")


def test_repetition_is_the_share_of_repeated_grams():
    circle = " ".join(["round and round we go"] * 8)  # 40 words, 37 4-grams, 5 distinct
    line = " ".join(f"w{k}" for k in range(40))
    assert measure_repetition([circle, line, "too short to tell"]) == pytest.approx(
        [1 - 5 / 37, 0.0, 0.0]
    )


def test_flaws_are_counted_and_may_overlap():
    circle = Reply("again " * 30, "length", 30)
    flaws = count_flaws([circle, Reply(" \n", "stop", 0), Reply("Fine.", "stop", 3)])
    assert flaws.to_json() == {
        "n_replies": 3, "n_truncated": 1, "n_empty": 1, "n_degenerate": 1, "mean_tokens": 11.0,
    }  # fmt: skip
    assert count_flaws([Reply("Fine.", "stop", 3), Reply("Fine.")]).mean_tokens is None
