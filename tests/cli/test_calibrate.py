"""valuedata calibrate: a sheet drawn, labelled in the terminal or a file, and its estimates."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from evaluation.calibration.sheet import read_sheet, write_sheet
from tests.cli.conftest import Run
from tests.evaluation.judged_folder import write_judged_folder
from valuedata.cli import main

CONTRAST = ("--measure", "refusal", "--contrast", "base", "tuned")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_judged_folder(tmp_path / "evaluated")


def label(path: Path) -> None:
    rows = read_sheet(path)
    write_sheet(
        path, [replace(row, label="yes" if "cannot" in row.reply else "no") for row in rows]
    )


def test_a_sheet_is_drawn_labelled_and_used(run: Run, folder: Path) -> None:
    drawn = run("calibrate", folder, *CONTRAST, "--sheet", "sheet.csv")
    assert drawn.exit_code == 0, drawn.output
    assert drawn.stdout == "Sheet written to sheet.csv; label it, then give it with --labels.\n"
    label(Path("sheet.csv"))

    shown = run("calibrate", folder, "--labels", "sheet.csv")
    assert shown.exit_code == 0, shown.output
    assert "refusal by phrases: 60 replies drawn, 0 without a label" in shown.stdout
    assert "tuned minus base" in shown.stdout
    assert "Prompts left out because a reply could not be judged: 1" in shown.stdout
    assert max(map(len, shown.stdout.splitlines()[:-1])) <= 100

    written = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
    as_json = json.loads(run("calibrate", folder, "--labels", "sheet.csv", "--json").stdout)
    sheet = as_json.pop("sheet")
    assert written["sheets"] == {sheet: as_json}
    assert as_json["estimates"]["difference"]["judge"]["estimate"] == pytest.approx(
        6 / 39, abs=1e-6
    )


def test_nothing_left_out_is_not_told(run: Run, folder: Path) -> None:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "scores.parquet")
    pq.write_table(table.filter(pc.not_equal(table["prompt_id"], "p25")), folder / "scores.parquet")
    run("calibrate", folder, *CONTRAST, "--sheet", "sheet.csv")
    label(Path("sheet.csv"))
    assert "left out" not in run("calibrate", folder, "--labels", "sheet.csv").stdout


def test_a_difference_between_prompts_is_not_calibrated(run: Run, folder: Path) -> None:
    words = ("--measure", "pushback", "--contrast", "base", "tuned", "--sheet", "sheet.csv")
    result = run("calibrate", folder, *words)
    assert result.stderr == (
        "Error: pushback is a difference between two kinds of prompts, which labels of single "
        "replies do not correct; calibrate another measure.\n"
    )
    assert result.exit_code == 2
    assert not Path("sheet.csv").exists()


def test_a_half_for_neither_side_is_not_calibrated(run: Run, folder: Path) -> None:
    words = ("--measure", "side-taking", "--contrast", "base", "tuned", "--sheet", "sheet.csv")
    result = run("calibrate", folder, *words)
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: side-taking scores a half where a reply takes neither side, which people's yes and "
        "no do not know; calibrate another measure.\n",
    )
    assert not Path("sheet.csv").exists()


def test_labels_are_asked_for_and_kept(run: Run, folder: Path) -> None:
    run("calibrate", folder, *CONTRAST, "--n-labels", 4, "--sheet", "sheet.csv")

    def ask(answers: str) -> str:
        words = ["calibrate", str(folder), "--sheet", "sheet.csv", "--ask"]
        done = CliRunner().invoke(main, words, input=answers, prog_name="valuedata")
        assert done.exit_code == 0, done.output
        return done.stdout

    first = ask("perhaps\nY\nq\n")
    assert "1 of 4\nPrompt\n  Question" in first
    assert "1 of 4 replies are labelled in sheet.csv" in first
    assert [row.label for row in read_sheet(Path("sheet.csv"))] == ["y", "", "", ""]
    assert "1 of 3\n" in ask("s\nno\n1\n")
    assert [row.label for row in read_sheet(Path("sheet.csv"))] == ["y", "", "no", "1"]


def test_a_reply_cannot_steer_the_terminal(run: Run, folder: Path) -> None:
    done = run("calibrate", folder, *CONTRAST, "--n-labels", 78, "--sheet", "sheet.csv", "--ask")
    assert done.exit_code != 0  # no answer to the first question
    words = ["calibrate", str(folder), "--sheet", "sheet.csv", "--ask"]
    shown = CliRunner().invoke(main, words, input="s\n" * 78, prog_name="valuedata")
    assert "\x1b" not in shown.stdout
    assert "\ufffd[31mred" in shown.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Give --sheet to draw or label a sheet, or --labels to use one"),
        (("--sheet", "a.csv", "--labels", "b.csv"), "Give --sheet to draw or label a sheet"),
        (("--labels", "a.csv", "--ask"), "--labels knows what the sheet is about"),
        (("--labels", "a.csv", *CONTRAST), "--labels knows what the sheet is about"),
        (
            ("--labels", "a.csv", "--n-labels", "60"),
            "--n-labels would draw a sheet, and this one is drawn; leave it out, or draw another",
        ),
        (
            ("--sheet", "there.csv", "--ask", "--n-labels", "8", "--seed", "0"),
            "--n-labels and --seed would draw a sheet, and this one is drawn; leave them out, or",
        ),
        (("--sheet", "a.csv", "--measure", "refusal"), "Give --measure and --contrast to draw"),
        (("--sheet", "a.csv"), "or --ask to label it"),
        (("--sheet", "there.csv", *CONTRAST), "there.csv is there already and may hold labels"),
        (("--sheet", "a.csv", *CONTRAST, "--n-labels", "100"), "give an even number up to 78"),
        (("--labels", "a.csv"), "a.csv cannot be read; give the CSV file"),
    ],
)
def test_wrong_usage_is_one_sentence(
    run: Run, folder: Path, words: tuple[str, ...], told: str
) -> None:
    Path("there.csv").touch()
    done = run("calibrate", folder, *words)
    assert done.exit_code == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("a.csv").exists()
