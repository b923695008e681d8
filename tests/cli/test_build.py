"""build, survey, label: options become a recipe, results are printed, errors are a sentence."""

import errno
import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from valuedata import pipeline
from valuedata.accounting import StageReport
from valuedata.labelling.labels import Labels
from valuedata.labelling.values import LABEL_NAMES
from valuedata.pipeline import Survey
from valuedata.recipe import Recipe, make_recipe
from valuedata.release.folder import Release
from valuedata.selection.xor import SideCounts

HINT = (
    "No --source given, so this uses the small bundled corpus; for real data add for example "
    "--source hh-rlhf --source ultrafeedback, or a file of your own "
    "(`valuedata sources` lists more).\n"
)


class ByWord:
    """An extractor that finds each value by its own name."""

    names = LABEL_NAMES
    fingerprint = "by word"

    def label(self, pairs: Dataset, progress: Callable[[int], None] | None = None) -> Labels:
        if progress:
            progress(2 * len(pairs))
        chosen, rejected = (
            np.array(
                [[name in pair[side][-1]["content"] for name in self.names] for pair in pairs],
                dtype=np.float32,
            ).reshape(len(pairs), len(self.names))
            for side in ("chosen", "rejected")
        )
        return Labels(self.names, chosen, rejected, np.full(len(self.names), 0.5, np.float32))


@pytest.fixture
def by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real stages, but labels that cost nothing."""
    monkeypatch.setattr(pipeline, "load_extractor", lambda _: ByWord())


class Called:
    """Stands for a function of the pipeline and keeps what it was given."""

    def __init__(self, result: object) -> None:
        self.result = result

    def __call__(self, recipe: Recipe, *rest: Any) -> object:
        self.recipe, self.rest = recipe, rest
        return self.result


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, release: Release) -> Called:
    """`pipeline.build` that gives the release made by hand."""
    called = Called(Release(Path("empathy-release"), release.manifest))
    monkeypatch.setattr(pipeline, "build", called)
    return called


BUILT = """\
value     pairs   train   validation   test   flipped   sources
───────────────────────────────────────────────────────────────
empathy       3       2            1      0       33%   talk 3

stage                 in   kept   dropped
───────────────────────────────────────────────────────────────────────────────────
intake                 9      8   1 not valid JSON
exact duplicates       8      7   1 same text
quality                7      6   1 not in the wanted language
one-sided              6      4   1 value in both replies, 1 value in neither reply
semantic duplicates    4      3   1 same meaning

Release written to empathy-release; load it with
    datasets.load_dataset("empathy-release", "empathy")
"""


def test_build_without_a_source_says_what_it_uses(run, built: Called) -> None:
    result = run("build", "--value", "empathy")
    assert result.stdout == BUILT
    assert result.stderr == HINT
    assert result.exit_code == 0
    assert built.recipe == make_recipe({"values": ["empathy"]})
    assert built.rest[0] == Path("empathy-release")


@pytest.mark.usefixtures("built")
def test_build_for_scripts(run, release: Release) -> None:
    result = run("build", "--value", "empathy", "--source", "talk.jsonl", "--json")
    content = json.loads(result.stdout)
    assert result.stderr == ""
    assert content["release"] == "empathy-release"
    assert content["content_hash"] == release.content_hash
    assert content["values"]["empathy"]["n_pairs"] == 3
    assert content["stages"][0]["stage"] == "intake"


@pytest.mark.usefixtures("built")
def test_a_quiet_build_prints_nothing(run) -> None:
    assert run("build", "--value", "empathy", "--quiet").output == ""


def test_options_become_settings(run, built: Called) -> None:
    words = (
        "build --value empathy --value honesty --source a.jsonl --source b.jsonl --format trl "
        "--max-bad-rows 0.2 --weights w --language de --drop-personal-data --decontaminate t.txt "
        "--seed 7 --min-pairs 5 --min-margin 0.1 --max-pairs 50 --max-source-share 0.5 "
        "--max-cluster-share 0.3 --validation 0.2 --test 0.05 --out here"
    )
    assert run(*words.split()).exit_code == 0
    assert built.rest[0] == Path("here")
    assert built.recipe == make_recipe(
        {
            "values": ["empathy", "honesty"],
            "sources": ["a.jsonl", "b.jsonl"],
            "format": "trl",
            "max_bad_rows": 0.2,
            "seed": 7,
            "decontaminate": ["t.txt"],
            "labels": {"weights": "w"},
            "quality": {"language": "de", "drop_personal_data": True},
            "selection": {
                "min_pairs": 5,
                "min_margin": 0.1,
                "max_pairs": 50,
                "max_source_share": 0.5,
                "max_cluster_share": 0.3,
            },
            "splits": {"validation": 0.2, "test": 0.05},
        }
    )


@pytest.mark.parametrize(
    ("values", "folder"),
    [(["all"], "all-release"), (["empathy", "honesty"], "empathy-honesty-release")],
)
def test_a_release_is_named_by_its_values(run, built: Called, values, folder) -> None:
    run("build", *(word for value in values for word in ("--value", value)))
    assert built.rest[0] == Path(folder)


def test_options_win_over_the_recipe_file(run, built: Called, tmp_path) -> None:
    (tmp_path / "recipe.yaml").write_text(
        "values: [humor]\nsources: [a.jsonl]\nseed: 3\nselection: {min_margin: 0.2, max_pairs: 9}\n"
    )
    result = run("build", "--config", "recipe.yaml", "--min-margin", "0.4")
    assert result.stderr == ""  # the file names a source
    assert built.recipe == make_recipe(
        {
            "values": ["humor"],
            "sources": ["a.jsonl"],
            "seed": 3,
            "selection": {"min_margin": 0.4, "max_pairs": 9},
        }
    )


SURVEYED = """\
value     chosen only   rejected only   one-sided   both   neither
──────────────────────────────────────────────────────────────────
empathy         1,200               3       1,203      4         5
refusal             0               1           1      0     1,211
"""


@pytest.fixture
def surveyed(monkeypatch: pytest.MonkeyPatch) -> Called:
    counts = {
        "empathy": SideCounts(chosen_only=1200, rejected_only=3, both=4, neither=5),
        "refusal": SideCounts(chosen_only=0, rejected_only=1, both=0, neither=1211),
    }
    called = Called(Survey(counts, {"talk": counts}, (StageReport("intake", 1212, 1212),)))
    monkeypatch.setattr(pipeline, "survey", called)
    return called


def test_survey(run, surveyed: Called) -> None:
    result = run("survey", "--source", "talk.jsonl")
    assert (result.output, result.exit_code) == (SURVEYED, 0)
    assert surveyed.recipe.sources == ("talk.jsonl",)


@pytest.mark.usefixtures("surveyed")
def test_survey_by_source(run) -> None:
    result = run("survey", "--by-source")
    assert result.stdout == f"\nall sources\n{SURVEYED}\ntalk\n{SURVEYED}"
    assert result.stderr == HINT


@pytest.mark.usefixtures("surveyed")
def test_survey_for_scripts(run) -> None:
    content = json.loads(run("survey", "--by-source", "--json").stdout)
    assert content["values"]["empathy"]["one_sided"] == 1203
    assert content["by_source"]["talk"] == content["values"]
    assert content["stages"][0]["rows_in"] == 1212
    assert "by_source" not in json.loads(run("survey", "--json").stdout)


def test_label(run, monkeypatch: pytest.MonkeyPatch) -> None:
    called = Called(1212)
    monkeypatch.setattr(pipeline, "label", called)
    result = run("label", "a.jsonl", "b.jsonl", "--out", "labels.jsonl")
    assert (result.output, result.exit_code) == ("1,212 labelled pairs in labels.jsonl\n", 0)
    assert called.recipe.sources == ("a.jsonl", "b.jsonl")
    assert called.rest[0] == Path("labels.jsonl")
    assert run("label", "a.jsonl", "--out", "labels.jsonl", "--quiet").output == ""


def make_rows(n_rows: int, *, value: str = "empathy") -> list[dict[str, str]]:
    """Pairs of the trl format whose chosen reply says its value's name."""
    topics = ("bread", "rain", "trains", "chess", "gardens", "violins", "maps", "soup", "kites")
    return [
        {
            "prompt": f"What should a beginner know about {topics[row % 9]} number {row}?",
            "chosen": f"With {value}: start slowly with {topics[row % 9]}, and enjoy step {row}.",
            "rejected": f"Look it up in a book about {topics[row % 9]} on shelf {row}, please.",
        }
        for row in range(n_rows)
    ]


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def prepare_cut_gzip(folder: Path) -> None:
    content = gzip.compress("".join(json.dumps(row) + "\n" for row in make_rows(2000)).encode())
    (folder / "cut.jsonl.gz").write_bytes(content[: len(content) // 2])


def prepare_bad_line(folder: Path) -> None:
    write_rows(folder / "rows.jsonl", make_rows(4))
    lines = (folder / "rows.jsonl").read_text().splitlines()
    (folder / "rows.jsonl").write_text("\n".join([*lines[:2], '{"prompt": "Wha', *lines[2:]]))


def prepare_missing_column(folder: Path) -> None:
    rows = make_rows(4)
    del rows[2]["rejected"]
    write_rows(folder / "rows.jsonl", rows)


def prepare_folder(folder: Path) -> None:
    (folder / "taken").mkdir()
    (folder / "taken" / "notes.txt").write_text("mine")


def prepare_recipe(folder: Path) -> None:
    (folder / "recipe.yaml").write_text("values: [empathy]\nselection: {min_margn: 0.1}\n")


def prepare_rows(folder: Path) -> None:
    write_rows(folder / "rows.jsonl", make_rows(4))


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
        ["Source 'hh-rlfh' is unknown; did you mean 'hh-rlhf'?"],
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
    "a wrong number": (
        prepare_nothing,
        "build --value empathy --min-margin 2",
        ["Recipe key 'selection.min_margin' cannot be 2.0"],
    ),
    "no pair with the value on one side": (
        prepare_rows,
        "build --value humor --source rows.jsonl",
        ["'humor'", "chosen only 0, rejected only 0, both 0, neither 4"],
    ),
    "no value that reaches the minimum": (
        prepare_rows,
        "build --value all --source rows.jsonl",
        ["No value reaches 100 one-sided pairs", "the most are 4 of empathy", "--min-pairs"],
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
    said = [line for line in result.stderr.splitlines() if line != HINT.strip()]
    assert len(said) == 1, result.stderr
    assert said[0].startswith("Error: ")
    for part in parts:
        assert part in said[0]
    assert (result.stdout, result.exit_code) == ("", 2)
    assert set(folder.rglob("*")) == before


@pytest.mark.usefixtures("by_word")
@pytest.mark.parametrize("case", ERRORS)
def test_what_the_user_can_mend_is_one_sentence(run, tmp_path, case: str) -> None:
    prepare, words, parts = ERRORS[case]
    prepare(tmp_path)
    before = set(tmp_path.rglob("*"))
    check_error(run(*words.split()), tmp_path, before, parts)


@pytest.mark.usefixtures("by_word")
@pytest.mark.parametrize(
    ("number", "parts"),
    [
        (errno.ENOSPC, ["cannot be written: the disk is full; free some space"]),
        (errno.EACCES, ["cannot be written: permission is missing; give --out in a folder"]),
    ],
)
def test_a_place_that_cannot_be_written(run, tmp_path, monkeypatch, number, parts) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, "simulated")

    write_rows(tmp_path / "rows.jsonl", make_rows(4))
    monkeypatch.setattr(pipeline, "_write", fail)
    before = set(tmp_path.rglob("*"))
    result = run("build", "--value", "empathy", "--source", "rows.jsonl")
    check_error(result, tmp_path, before, parts)


@pytest.mark.usefixtures("by_word")
def test_a_failed_build_leaves_the_old_release(run, tmp_path, release: Release) -> None:
    shutil.copytree(release.folder, tmp_path / "humor-release")
    write_rows(tmp_path / "rows.jsonl", make_rows(4))
    before = set(tmp_path.rglob("*"))
    result = run("build", "--value", "humor", "--source", "rows.jsonl")
    check_error(result, tmp_path, before, ["chosen only 0"])


@pytest.mark.usefixtures("by_word")
def test_bad_rows_within_the_limit_do_not_stop_a_build(run, tmp_path) -> None:
    prepare_bad_line(tmp_path)
    words = "build --value empathy --source rows.jsonl --max-bad-rows 0.3"
    result = run(*words.split())
    assert result.exit_code == 0, result.stderr
    assert "1 not valid JSON" in result.stdout
    why = run("why", "empathy-release", "rows:2")
    assert "rows:2\n  dropped at intake: not valid JSON\n" in why.stdout
    assert run("inspect", "empathy-release").exit_code == 0
