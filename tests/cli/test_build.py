"""build, label: options become a recipe, results are printed, files are written."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.parsing import parse_words
from tests.cli.rows import choose_rows, make_plain_rows, write_rows
from valuedata.accounting import StageReport
from valuedata.cli.build import (
    build,
    name_release,
    show_release,
    summarise_release,
)
from valuedata.cli.recipes import SETTINGS, STARTER_HINT, read_recipe
from valuedata.errors import ValuedataError
from valuedata.intake.known import STARTER_FILE
from valuedata.labelling.heads import PACKAGED
from valuedata.recipe import Recipe, make_recipe
from valuedata.release.folder import Release, load_release, verify_release
from valuedata.release.manifest import describe_recipe
from valuedata.selection.xor import SideCounts

pytestmark = pytest.mark.usefixtures("vector_cache", "undrawn")

HINT = (
    "No --source given, so this uses the small bundled corpus; for real data add for example "
    "--source hh-rlhf --source ultrafeedback, or a file of your own "
    "(`valuedata sources` lists more).\n"
)
N_ROWS = 12
NOWHERE = SideCounts(0, 0, 0, 4)


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    """What `rows.jsonl` holds: pairs with empathy in one reply."""
    rows = choose_rows("empathy", N_ROWS)
    write_rows(tmp_path / "rows.jsonl", rows)
    return rows


def read_words(words: str, *, quiet: bool = True) -> Recipe:
    """The recipe of `valuedata build`, with the words parsed as the command parses them."""
    params = parse_words(build, words)
    settings = {name: params[name] for name in SETTINGS if name in params}
    return read_recipe(params["config"], settings, quiet=quiet)


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


def test_a_release_is_printed(release: Release, capsys: pytest.CaptureFixture[str]) -> None:
    show_release(Release(Path("empathy-release"), release.manifest))
    assert capsys.readouterr() == (BUILT, "")


def test_a_release_is_summarised_for_scripts(release: Release) -> None:
    content = summarise_release(Release(Path("empathy-release"), release.manifest))
    assert content["release"] == "empathy-release"
    assert content["content_hash"] == release.content_hash
    assert content["values"]["empathy"]["n_pairs"] == 3
    assert content["values"]["empathy"]["splits"] == {"train": 2, "validation": 1}
    assert content["stages"][0]["stage"] == "intake"


def test_build_without_a_source_says_what_it_uses(run, tmp_path) -> None:
    result = run("build", "--value", "empathy")
    assert (result.stderr, result.exit_code) == (HINT, 0)
    opened = load_release(tmp_path / "empathy-release")
    assert verify_release(opened) == len(opened.manifest["files"])
    assert opened.manifest["recipe"] == describe_recipe(
        make_recipe({"values": ["empathy"]}), ["starter"]
    )
    subset, stages = opened.manifest["values"]["empathy"], opened.manifest["stages"]
    assert subset["n_pairs"] == sum(subset["splits"].values()) > 20
    assert stages[0]["rows_in"] == len(STARTER_FILE.read_text(encoding="utf-8").splitlines())

    values, shown, end = result.stdout.split("\n\n")
    n_pairs, splits = subset["n_pairs"], [subset["splits"][name] for name in subset["splits"]]
    assert values.splitlines()[2].split() == [
        "empathy",
        *map(str, [n_pairs, *splits]),
        f"{subset['n_flipped'] / n_pairs:.0%}",
        "starter",
        str(n_pairs),
    ]
    for line, report in zip(shown.splitlines()[2:], stages + subset["stages"], strict=True):
        counts = f"{report['rows_in']:,} {report['rows_out']:,}"
        assert " ".join(line.split()).startswith(f"{report['stage']} {counts}")
        n_dropped = report["rows_in"] - report["rows_out"]
        assert bool(n_dropped) == (not line.endswith(f"{report['rows_out']:,}"))
    assert end == (
        "Release written to empathy-release; load it with\n"
        '    datasets.load_dataset("empathy-release", "empathy")\n'
    )


@pytest.mark.usefixtures("rows")
def test_build_for_scripts(run, tmp_path) -> None:
    result = run("build", "--value", "empathy", "--source", "rows.jsonl", "--json")
    assert (result.stderr, result.exit_code) == ("", 0)
    content = json.loads(result.stdout)
    opened = load_release(tmp_path / "empathy-release")
    verify_release(opened)
    assert content == summarise_release(opened) | {"release": "empathy-release"}
    assert content["values"]["empathy"]["sources"] == {
        "rows": content["values"]["empathy"]["n_pairs"]
    }
    assert content["stages"][0] == StageReport("intake", N_ROWS, N_ROWS).to_json()


@pytest.mark.usefixtures("rows")
def test_a_quiet_build_prints_nothing(run, tmp_path) -> None:
    result = run("build", "--value", "empathy", "--source", "rows.jsonl", "--quiet")
    assert (result.output, result.exit_code) == ("", 0)
    verify_release(load_release(tmp_path / "empathy-release"))
    assert run("build", "--value", "humor", "--quiet", "--min-margin", "0.05").output == ""


OPTIONS = (
    "--value empathy --value helpfulness --source rows.jsonl --source more=rows.jsonl.gz "
    "--format trl --max-bad-rows 0.2 --weights w --language en --drop-personal-data "
    "--decontaminate t.txt --seed 7 --min-pairs 5 --min-margin 0.1 --max-pairs 50 "
    "--max-source-share 0.5 --max-cluster-share 0.3 --validation 0.2 --test 0.05"
)
CHOSEN: dict[str, Any] = {
    "values": ["empathy", "helpfulness"],
    "sources": ["rows.jsonl", "more=rows.jsonl.gz"],
    "format": "trl",
    "max_bad_rows": 0.2,
    "seed": 7,
    "decontaminate": ["t.txt"],
    "labels": {"weights": "w"},
    "quality": {"language": "en", "drop_personal_data": True},
    "selection": {
        "min_pairs": 5,
        "min_margin": 0.1,
        "max_pairs": 50,
        "max_source_share": 0.5,
        "max_cluster_share": 0.3,
    },
    "splits": {"validation": 0.2, "test": 0.05},
}


def test_options_become_settings() -> None:
    assert read_words(OPTIONS) == make_recipe(CHOSEN)
    assert read_words(OPTIONS.replace("--language en", "--language de")) == make_recipe(
        CHOSEN | {"quality": {"language": "de", "drop_personal_data": True}}
    )
    assert read_words("--value empathy") == make_recipe({"values": ["empathy"]})


@pytest.mark.usefixtures("rows")
def test_options_reach_the_release(run, tmp_path) -> None:
    shutil.copytree(PACKAGED, tmp_path / "w")
    (tmp_path / "t.txt").write_text("How many legs does a spider have when it sleeps?\n")
    words = OPTIONS.replace(" --source more=rows.jsonl.gz", "") + " --out here"
    result = run("build", *words.split())
    assert result.exit_code == 0, result.stderr
    opened = load_release(tmp_path / "here")
    assert result.stdout.endswith('    datasets.load_dataset("here", "empathy")\n')
    recipe = make_recipe(CHOSEN | {"sources": ["rows.jsonl"]})
    assert opened.manifest["recipe"] == describe_recipe(recipe, ["rows=rows.jsonl"])
    assert opened.values == ("empathy", "helpfulness")


@pytest.mark.parametrize(
    ("values", "folder"),
    [
        (["all"], "all-release"),
        (["humor", "humor"], "humor-release"),
        (["empathy", "honesty"], "empathy-honesty-release"),
    ],
)
def test_a_release_is_named_by_its_values(values, folder) -> None:
    assert name_release(make_recipe({"values": values})) == folder


def test_options_win_over_the_recipe_file(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(
        "values: [humor]\nsources: [a.jsonl]\nseed: 3\nselection: {min_margin: 0.2, max_pairs: 9}\n"
    )
    recipe = read_words("--config recipe.yaml --min-margin 0.4", quiet=False)
    assert capsys.readouterr() == ("", "")  # the file names a source
    assert recipe == make_recipe(
        {
            "values": ["humor"],
            "sources": ["a.jsonl"],
            "seed": 3,
            "selection": {"min_margin": 0.4, "max_pairs": 9},
        }
    )


def test_options_complete_the_recipe_file(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text("sources: [a.jsonl]\nselection: {max_pairs: 9}\n")
    recipe = read_words("--config recipe.yaml --value humor --min-margin 0.4")
    selection = {"min_margin": 0.4, "max_pairs": 9}
    assert recipe == make_recipe(
        {"values": ["humor"], "sources": ["a.jsonl"], "selection": selection}
    )


@pytest.mark.parametrize("words", ["--value empaty", "--value humor --format trll"])
def test_an_error_comes_without_the_hint(words, capsys) -> None:
    with pytest.raises(ValuedataError, match="did you mean"):
        read_words(words, quiet=False)
    assert capsys.readouterr() == ("", "")


def test_the_bundled_corpus_is_mentioned_unless_quiet(capsys) -> None:
    assert f"{STARTER_HINT}\n" == HINT
    read_words("--value empathy", quiet=False)
    assert capsys.readouterr() == ("", HINT)
    read_words("--value empathy", quiet=True)
    assert capsys.readouterr() == ("", "")


def test_label(run, tmp_path, rows) -> None:
    write_rows(tmp_path / "a.jsonl", rows)
    write_rows(tmp_path / "b.jsonl", rows * 100)
    result = run("label", "a.jsonl", "b.jsonl", "--out", "labels.jsonl")
    assert (result.output, result.exit_code) == ("1,212 labelled pairs in labels.jsonl\n", 0)
    lines = (tmp_path / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["source"] for record in records] == ["a"] * 12 + ["b"] * 1200
    assert [record["source_id"] for record in records] == [row["id"] for row in rows] * 101
    for record, again in zip(records[:12], records[12:24], strict=True):
        assert (record["chosen"], record["rejected"]) == (again["chosen"], again["rejected"])
    n_found = sum(
        ("empathy" in record["chosen"]["expressed"])
        != ("empathy" in record["rejected"]["expressed"])
        for record in records[:12]
    )
    assert n_found >= 0.75 * N_ROWS


@pytest.mark.usefixtures("rows")
def test_a_quiet_label_prints_nothing(run, tmp_path) -> None:
    assert run("label", "rows.jsonl", "--out", "labels.parquet", "--quiet").output == ""
    assert (tmp_path / "labels.parquet").stat().st_size > 0


def test_bad_rows_within_the_limit_do_not_stop_a_build(run, tmp_path, rows) -> None:
    write_rows(tmp_path / "rows.jsonl", rows)
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    (tmp_path / "rows.jsonl").write_text("\n".join([*lines[:2], '{"prompt": "Wha', *lines[2:]]))
    words = "build --value empathy --source rows.jsonl --max-bad-rows 0.3"
    result = run(*words.split())
    assert result.exit_code == 0, result.stderr
    assert "1 not valid JSON" in result.stdout
    why = run("why", "empathy-release", "rows:2")
    assert "rows:2\n  dropped at intake: not valid JSON\n" in why.stdout
    assert run("inspect", "empathy-release").exit_code == 0


def test_plain_rows_have_no_violence(run, tmp_path) -> None:
    """What the tests of errors rely on."""
    write_rows(tmp_path / "rows.jsonl", make_plain_rows(4))
    content = json.loads(run("survey", "--source", "rows.jsonl", "--json").stdout)
    found = content["values"]["violence"]
    assert {name: found[name] for name in NOWHERE.to_json()} == NOWHERE.to_json()


@pytest.mark.usefixtures("rows")
def test_a_release_that_nothing_changed_is_not_built_again(run, tmp_path) -> None:
    words = ("build", "--value", "empathy", "--source", "rows.jsonl", "--json")
    first = run(*words)
    written = (tmp_path / "empathy-release" / "manifest.json").stat().st_mtime_ns
    again = run(*words)
    assert again.stderr == (
        "Nothing has changed since empathy-release was built; its files are whole.\n"
    )
    assert (again.stdout, again.exit_code) == (first.stdout, 0)
    assert (tmp_path / "empathy-release" / "manifest.json").stat().st_mtime_ns == written
    assert run(*words, "--quiet").stderr == ""
    (tmp_path / "empathy-release" / "README.md").write_text("mine", encoding="utf-8")
    assert run(*words).stderr == ""
    verify_release(load_release(tmp_path / "empathy-release"))
