"""What stops a build is one sentence, and nothing is left behind."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.rows import choose_rows, make_plain_rows, write_rows
from valuedata.cli.recipes import STARTER_HINT
from valuedata.release.folder import Release, load_release, verify_release

pytestmark = pytest.mark.usefixtures("vector_cache", "undrawn")


def prepare_cut_gzip(folder: Path) -> None:
    rows = make_plain_rows(2000)
    content = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    (folder / "cut.jsonl.gz").write_bytes(content[: len(content) // 2])


def prepare_bad_line(folder: Path) -> None:
    prepare_rows(folder)
    lines = (folder / "rows.jsonl").read_text().splitlines()
    (folder / "rows.jsonl").write_text("\n".join([*lines[:2], '{"prompt": "Wha', *lines[2:]]))


def prepare_missing_column(folder: Path) -> None:
    rows = make_plain_rows(4)
    del rows[2]["rejected"]
    write_rows(folder / "rows.jsonl", rows)


def prepare_folder(folder: Path) -> None:
    (folder / "taken").mkdir()
    (folder / "taken" / "notes.txt").write_text("mine")


def prepare_recipe(folder: Path) -> None:
    (folder / "recipe.yaml").write_text("values: [empathy]\nselection: {min_margn: 0.1}\n")


def prepare_bare_recipe(folder: Path) -> None:
    (folder / "recipe.yaml").write_text("sources: [rows.jsonl]\n")


def prepare_rows(folder: Path) -> None:
    write_rows(folder / "rows.jsonl", make_plain_rows(4))


def prepare_nothing(folder: Path) -> None:
    pass


ERRORS = {
    "no value": (prepare_nothing, "build", ["No value is named", "--value empathy"]),
    "unknown value": (
        prepare_nothing,
        "build --value empaty",
        ["Value 'empaty' is unknown; did you mean 'empathy'?"],
    ),
    "unknown source": (
        prepare_nothing,
        "build --value empathy --source hh-rlfh",
        ["Source 'hh-rlfh' is unknown", "did you mean 'hh-rlhf'?"],
    ),
    "missing file": (
        prepare_nothing,
        "build --value empathy --source here/pairs.jsonl",
        ["Source 'here/pairs.jsonl' is not there"],
    ),
    "unknown format": (
        prepare_rows,
        "build --value empathy --source rows.jsonl --format trll",
        ["Format 'trll' is unknown; did you mean 'trl'?"],
    ),
    "a file cut in the middle of a gzip": (
        prepare_cut_gzip,
        "build --value empathy --source cut.jsonl.gz",
        ["cut.jsonl.gz"],
    ),
    "invalid JSON on line 3": (
        prepare_bad_line,
        "build --value empathy --source rows.jsonl",
        ["rows", "1 bad rows of 5", "line 3", "not valid JSON", "--max-bad-rows"],
    ),
    "a row that lacks a column": (
        prepare_missing_column,
        "build --value empathy --source rows.jsonl",
        ["rows", "1 bad rows of 4", "row 2", "rejected"],
    ),
    "a recipe with a wrong key": (
        prepare_recipe,
        "build --config recipe.yaml",
        ["Recipe key 'selection.min_margn' is unknown; did you mean 'min_margin' or"],
    ),
    "a recipe without values": (
        prepare_bare_recipe,
        "build --config recipe.yaml",
        ["Recipe key 'values' is missing; write for example 'values: [empathy]'"],
    ),
    "all values and one": (
        prepare_nothing,
        "build --value all --value empathy",
        ["'all' stands for every value; name 'all' alone or without it"],
    ),
    "a seed that is too large": (
        prepare_nothing,
        "build --value empathy --seed 2147483648",
        ["Recipe key 'seed' cannot be 2147483648"],
    ),
    "output in the folder worked in": (
        prepare_nothing,
        "build --value empathy --source starter --out .",
        ["is the folder you are in or one above it; give --out in a new folder"],
    ),
    "output below a file": (
        prepare_rows,
        "build --value empathy --source rows.jsonl --out rows.jsonl/x/y",
        ["cannot be written: a file is in the way; give another --out"],
    ),
    "a wrong number": (
        prepare_nothing,
        "build --value empathy --min-margin 2",
        ["Recipe key 'selection.min_margin' cannot be 2.0"],
    ),
    "weights that are not there": (
        prepare_rows,
        "build --value empathy --source rows.jsonl --weights none",
        ["Weights in none cannot be read", "`valuedata fit`"],
    ),
    "no pair with the value on one side": (
        prepare_rows,
        "build --value violence --source rows.jsonl",
        ["'violence'", "chosen only 0, rejected only 0, both 0, neither 4"],
    ),
    "output folder that is no release": (
        prepare_folder,
        "build --value empathy --out taken",
        ["taken exists and is not a release; give another --out"],
    ),
    "a label file of unknown suffix": (
        prepare_rows,
        "label rows.jsonl --out labels.txt",
        ["labels.txt has the suffix '.txt'; give one that ends in .jsonl or .parquet"],
    ),
}


def check_error(result, folder: Path, before: set[Path], parts: list[str]) -> None:
    """One sentence on stderr, status 2, nothing on stdout, nothing written."""
    said = [line for line in result.stderr.splitlines() if line != STARTER_HINT]
    assert len(said) == 1, result.stderr
    assert said[0].startswith("Error: ")
    for part in parts:
        assert part in said[0]
    assert (result.stdout, result.exit_code) == ("", 2)
    assert {path for path in folder.rglob("*") if "locks" not in path.parts} == before


@pytest.mark.parametrize("case", ERRORS)
def test_what_the_user_can_mend_is_one_sentence(run, tmp_path, case: str) -> None:
    prepare, words, parts = ERRORS[case]
    prepare(tmp_path)
    before = set(tmp_path.rglob("*"))
    check_error(run(*words.split()), tmp_path, before, parts)


def test_no_value_that_reaches_the_minimum(run, tmp_path) -> None:
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12))
    before = set(tmp_path.rglob("*"))
    counted = json.loads(run("survey", "--source", "rows.jsonl", "--json").stdout)["values"]
    most = max(counts["one_sided"] for counts in counted.values())
    assert most > 0
    best = [f"{most} of {name}" for name in counted if counted[name]["one_sided"] == most]
    parts = ["No value reaches 100 one-sided pairs", f"the most are {best[0]}", "--min-pairs"]
    check_error(run("build", "--value", "all", "--source", "rows.jsonl"), tmp_path, before, parts)


def test_a_failed_build_leaves_the_old_release(run, tmp_path, release: Release) -> None:
    shutil.copytree(release.folder, tmp_path / "violence-release")
    prepare_rows(tmp_path)
    before = set(tmp_path.rglob("*"))
    result = run("build", "--value", "violence", "--source", "rows.jsonl")
    check_error(result, tmp_path, before, ["chosen only 0"])
    old = load_release(tmp_path / "violence-release")
    assert old.content_hash == release.content_hash
    verify_release(old)


@pytest.mark.parametrize("source", ["rows.jsonl", ".", "ro*.jsonl", "mine=rows.jsonl"])
def test_labels_do_not_replace_what_they_are_of(run, tmp_path, source: str) -> None:
    prepare_rows(tmp_path)
    rows = (tmp_path / "rows.jsonl").read_bytes()
    result = run("label", source, "--out", f"../{tmp_path.name}/rows.jsonl")
    parts = ["rows.jsonl is one of the files to label; give another --out"]
    check_error(result, tmp_path, {tmp_path / "rows.jsonl"}, parts)
    assert (tmp_path / "rows.jsonl").read_bytes() == rows
