"""Sheets: blind, shuffled, half of each arm, and every cell read back as it was."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.calibration.judged import find_replies, read_judged
from evaluation.calibration.results import calibrate_sheet, write_results
from evaluation.calibration.sheet import (
    FORMULA_STARTS,
    Key,
    Row,
    draw_sheet,
    make_rows,
    read_key,
    read_sheet,
    write_key,
    write_sheet,
)
from tests.cli.test_disk_errors import mount_disk
from tests.evaluation.judged_folder import (
    ARMS,
    N_PROMPTS,
    NASTY,
    UNSCORED,
    make_reply,
    write_judged_folder,
)
from valuedata.errors import EvaluationError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_judged_folder(tmp_path_factory.mktemp("judged"))


def draw(folder: Path, n_labels: int = 78, seed: int = 0) -> tuple[Key, list[Row]]:
    key = draw_sheet(read_judged(folder, "refusal", None, ARMS), n_labels, seed)
    return key, make_rows(folder, key)


def test_scores_are_read_for_prompts_that_both_arms_have(folder: Path) -> None:
    judged = read_judged(folder, "refusal", "phrases", ARMS)
    assert judged.scores.shape == (2, N_PROMPTS - 1)
    assert judged.n_left_out == 1
    assert judged.scores.sum(axis=1).tolist() == [10, 16]  # 4 of 20 are missed
    assert len(set(judged.clusters.tolist())) == N_PROMPTS // 2


def test_a_sheet_says_nothing_of_the_arms(folder: Path, tmp_path: Path) -> None:
    key, rows = draw(folder, 60)
    write_sheet(tmp_path / "sheet.csv", rows)
    text = (tmp_path / "sheet.csv").read_text(encoding="utf-8-sig")
    assert not any(arm in text for arm in ARMS)
    arms = [arm for arm, _, _ in key.items.values()]
    assert arms.count("base") == arms.count("tuned") == 30
    assert arms[:30].count("base") not in {0, 30}
    prompts = {prompt for _, prompt, _ in key.items.values()}
    assert len(prompts) == 30


def test_the_seed_decides_the_sheet(folder: Path) -> None:
    assert draw(folder, 20, 1) == draw(folder, 20, 1)
    assert draw(folder, 20, 1)[0].items != draw(folder, 20, 2)[0].items
    assert draw(folder, 20, 1)[0].sheet != draw(folder, 20, 2)[0].sheet


def test_replies_that_look_like_formulas_are_read_back_exactly(
    folder: Path, tmp_path: Path
) -> None:
    key, rows = draw(folder)
    write_sheet(tmp_path / "sheet.csv", rows)
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig", newline="") as file:
        written = [cell for row in csv.reader(file) for cell in row]
    assert not any(cell.startswith(FORMULA_STARTS[:-1]) for cell in written)
    assert read_sheet(tmp_path / "sheet.csv") == rows
    told = {
        (arm, prompt): row.reply
        for row, (arm, prompt, _) in zip(rows, key.items.values(), strict=True)
    }
    for number in set(range(N_PROMPTS)) - {UNSCORED}:
        assert told["tuned", f"p{number:02d}"] == make_reply("tuned", number)
    assert set(NASTY) <= set(told.values())


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"])), min_size=4, max_size=4))
def test_any_text_is_read_back(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    row = Row(*cells)
    write_sheet(path, [row])
    assert read_sheet(path) == [row]


def test_several_turns_are_shown_with_their_roles(tmp_path: Path) -> None:
    folder = write_judged_folder(tmp_path)
    table = pq.read_table(folder / "replies.parquet")
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Why?"},
    ]
    column = table.schema.get_field_index("messages")
    field = table.schema.field("messages")
    messages = pa.array([turns] * len(table), type=field.type)
    pq.write_table(table.set_column(column, field, messages), folder / "replies.parquet")
    _, rows = draw(folder, 20)
    assert rows[0].prompt == "[user] Hi\n\n[assistant] Yes?\n\n[user] Why?"


@pytest.mark.parametrize("n_labels", [3, 80])
def test_a_sheet_has_both_replies_and_no_more_than_there_are(folder: Path, n_labels: int) -> None:
    with pytest.raises(EvaluationError, match="give an even number up to 78"):
        draw(folder, n_labels)


@pytest.mark.parametrize(
    ("measure", "judge", "arms", "told"),
    [
        ("refusals", None, ARMS, "No measure is called 'refusals' \\(did you mean 'refusal'"),
        ("refusal", "phrase", ARMS, "No judge of refusal is called 'phrase'"),
        ("refusal", None, ("base", "tune"), "No arm is called 'tune'"),
        ("refusal", None, ("base", "base"), "base is compared with itself; name two arms"),
    ],
)
def test_what_is_not_scored_is_named(
    folder: Path, measure: str, judge: str | None, arms: tuple[str, str], told: str
) -> None:
    with pytest.raises(EvaluationError, match=told):
        read_judged(folder, measure, judge, arms)


def test_one_of_several_judges_must_be_named(tmp_path: Path) -> None:
    folder = write_judged_folder(tmp_path, judges=("classifier", "phrases"))
    with pytest.raises(EvaluationError, match=r"name one with --judge \(known: classifier, phra"):
        read_judged(folder, "refusal", None, ARMS)
    assert read_judged(folder, "refusal", "phrases", ARMS).judge == "phrases"


def test_scores_off_the_scale_are_refused(tmp_path: Path) -> None:
    folder = write_judged_folder(tmp_path)
    table = pq.read_table(folder / "scores.parquet")
    wide = pa.array([7.0] * len(table))
    pq.write_table(table.set_column(6, "score", wide), folder / "scores.parquet")
    with pytest.raises(EvaluationError, match="do not lie from 0 to 1"):
        read_judged(folder, "refusal", None, ARMS)


def test_a_folder_without_scores_or_with_others_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"scores.parquet cannot be read; give a folder"):
        read_judged(tmp_path, "refusal", None, ARMS)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "scores.parquet")
    with pytest.raises(EvaluationError, match="other columns than a table of scores"):
        read_judged(tmp_path, "refusal", None, ARMS)


def test_a_scored_reply_that_is_gone_is_named(folder: Path) -> None:
    with pytest.raises(EvaluationError, match="no reply of base to prompt 'p99'"):
        find_replies(folder, [("base", "p99", 0)])


def make_labelled(folder: Path) -> tuple[Key, list[Row]]:
    """A sheet with the truth for labels, and its key in the folder."""
    key, rows = draw(folder, 60)
    write_key(folder, key)
    return key, [
        replace(row, label="Yes" if row.reply.startswith("I cannot") else "0") for row in rows
    ]


def test_labels_correct_the_judge(tmp_path: Path) -> None:
    """The judge misses refusals of the tuned arm only: its difference is too small."""
    folder = write_judged_folder(tmp_path)
    key, rows = make_labelled(folder)
    result = calibrate_sheet(folder, rows)
    assert result.n_unlabelled == 0
    assert result.n_left_out == 1
    assert result.base.shift == 0
    drawn = {prompt for _, prompt, _ in key.items.values()}
    n_missed = len(drawn & {"p00", "p05", "p10", "p15"})
    assert n_missed > 0
    assert result.tuned.shift == result.difference.shift == pytest.approx(-n_missed / 30)
    assert result.difference.judge.estimate == pytest.approx(6 / 39)
    assert result.difference.both.estimate > result.difference.judge.estimate
    assert result.difference.both.low <= 10 / 39 <= result.difference.both.high

    path = write_results(folder, result)
    write_results(folder, replace(result, key=replace(key, sheet="other")))
    content = json.loads(path.read_text(encoding="utf-8"))["sheets"]
    assert list(content) == [key.sheet, "other"]
    told = content[key.sheet]
    assert (told["measure"], told["judge"], told["n_items"]) == ("refusal", "phrases", 60)
    assert list(told["estimates"]) == ["base", "tuned", "difference"]
    known = result.difference.both
    assert told["estimates"]["difference"]["calibrated"]["estimate"] == round(known.estimate, 6)
    assert told["estimates"]["base"]["n_labelled"] == 30


def test_unlabelled_items_are_counted(tmp_path: Path) -> None:
    folder = write_judged_folder(tmp_path)
    _, rows = make_labelled(folder)
    result = calibrate_sheet(folder, [replace(rows[0], label=" "), *rows[1:]])
    assert result.n_unlabelled == 1
    assert result.difference.n_labelled == 29


def test_a_part_of_the_sheet_is_enough(tmp_path: Path) -> None:
    folder = write_judged_folder(tmp_path)
    _, rows = make_labelled(folder)
    assert calibrate_sheet(folder, rows[:50]).n_unlabelled == 10


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: [replace(rows[0], label="maybe"), *rows[1:]], "Label 'maybe' of item"),
        (lambda rows: [*rows, rows[0]], "is there twice"),
        (lambda rows: [replace(rows[0], item=f"{rows[0].item}0"), *rows[1:]], "was not drawn"),
        (lambda rows: [replace(rows[0], item="zzzz-001"), *rows[1:]], "readable key of the sheet"),
        (lambda rows: [replace(rows[0], item="../x-1"), *rows[1:]], "readable key of the sheet"),
        (lambda _: [], "no readable key of the sheet ''"),
        (lambda rows: rows[:3], "label those of at least 5"),
    ],
)
def test_a_changed_sheet_is_refused(tmp_path: Path, change: object, told: str) -> None:
    folder = write_judged_folder(tmp_path)
    _, rows = make_labelled(folder)
    assert callable(change)
    with pytest.raises(EvaluationError, match=told):
        calibrate_sheet(folder, change(rows))


def test_scores_that_have_changed_since_are_named(tmp_path: Path) -> None:
    folder = write_judged_folder(tmp_path)
    _, rows = make_labelled(folder)
    table = pq.read_table(folder / "scores.parquet")
    pq.write_table(
        table.filter(pa.compute.greater(table["prompt_id"], "p20")), folder / "scores.parquet"
    )
    with pytest.raises(EvaluationError, match="has no score any more; draw a new sheet"):
        calibrate_sheet(folder, rows)


@pytest.mark.parametrize("content", ["a,b\n", "", "item,prompt,reply,label\nx,y\n", "item;prompt"])
def test_other_files_are_no_sheets(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EvaluationError, match="has other columns than item, prompt, reply, label"):
        read_sheet(path)


def test_a_sheet_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read; give the CSV file"):
        read_sheet(tmp_path / "sheet.csv")
    (tmp_path / "sheet.csv").write_bytes(b"\xff\xfe\xd8")
    with pytest.raises(EvaluationError, match="cannot be read; give the CSV file"):
        read_sheet(tmp_path / "sheet.csv")


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = write_judged_folder(tmp_path / "folder")
    key, rows = make_labelled(folder)
    result = calibrate_sheet(folder, rows)
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_sheet(tmp_path / "none" / "sheet.csv", [])
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_key(tmp_path / "none", key)
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_results(tmp_path / "none", result)
    (folder / "calibration.json").mkdir()
    with pytest.raises(EvaluationError, match="cannot be read"):
        write_results(folder, result)
    (folder / "calibration.json").rmdir()
    (folder / "calibration.json").write_text("[]", encoding="utf-8")
    with pytest.raises(EvaluationError, match="is damaged; delete it"):
        write_results(folder, result)
    assert read_key(folder, rows) == key


def test_a_full_disk_leaves_what_earlier_sheets_gave(tmp_path: Path) -> None:
    """Two sheets take one page of 4 kB, and three take two; the rest of the disk is one page."""
    folder = write_judged_folder(tmp_path / "folder")
    key, rows = make_labelled(folder)
    result = calibrate_sheet(folder, rows)
    with mount_disk(tmp_path / "disk", 8) as disk:
        write_results(disk, result)
        write_results(disk, replace(result, key=replace(key, sheet="other")))
        before = (disk / "calibration.json").read_bytes()
        with pytest.raises(EvaluationError, match="the disk is full"):
            write_results(disk, replace(result, key=replace(key, sheet="third")))
        assert (disk / "calibration.json").read_bytes() == before
        (disk / "rest").write_bytes(b" " * 4096)
        with pytest.raises(EvaluationError, match="the disk is full"):
            write_key(disk, key)
        assert not list((disk / "calibration").iterdir())
