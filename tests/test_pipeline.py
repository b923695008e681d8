"""Whole builds: of the bundled corpus, and of real data where it is present."""

import gzip
import json
from itertools import islice
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest

from tests.checks import check_conservation, check_splits
from tests.cli.rows import choose_rows, write_rows
from tests.forks import Forks
from valuedata.errors import SelectionError, UnknownValueError
from valuedata.intake.known import STARTER_FILE
from valuedata.labelling.values import VALUE_NAMES
from valuedata.pipeline import build, label, survey
from valuedata.recipe import make_recipe
from valuedata.release.folder import Release, load_release, verify_release

pytestmark = pytest.mark.usefixtures("vector_cache")

N_SOME_ROWS = 30
N_REAL_ROWS = {"hh": 150, "ultrafeedback": 30}  # the latter are much longer
STARTER_LABELS = STARTER_FILE.with_name("labels.jsonl")


def test_a_starter_release_is_whole(starter: Release) -> None:
    assert starter.values == ("empathy", "deception")
    assert verify_release(starter) > 0
    check_conservation(starter)
    check_splits(starter)


def test_flawed_starter_rows_are_dropped_for_their_flaw(starter: Release) -> None:
    rows = {row["source_id"]: row for row in starter.decisions.to_pylist()}
    for line in STARTER_LABELS.read_text(encoding="utf-8").splitlines():
        intended = json.loads(line)
        row = rows[intended["id"]]
        if intended["flaw"]:
            assert row["reason"] == intended["flaw"], intended["id"]
        else:
            assert row["stage"] in {None, "one-sided", "semantic duplicates"}, intended["id"]


def test_rewarded_replies_express_the_value_and_flips_swap_the_sides(starter: Release) -> None:
    raw = [json.loads(line) for line in STARTER_FILE.read_text(encoding="utf-8").splitlines()]
    for value in starter.values:
        for split in starter.manifest["values"][value]["splits"]:
            for row in starter.load(value, split):
                assert value in row["chosen_values"]
                assert value not in row["rejected_values"]
                assert row["margin"] >= 0
                source = raw[row["source_row"]]
                sides = ("rejected", "chosen") if row["flipped"] else ("chosen", "rejected")
                assert row["chosen"] == source[sides[0]]
                assert row["rejected"] == source[sides[1]]
                assert row["prompt"] == source["prompt"]


def test_a_subset_is_mostly_what_its_authors_meant(starter: Release) -> None:
    """The corpus trains the classifier too, so this asks for wiring, not for generalisation."""
    intended = {
        row["id"]: row
        for row in map(json.loads, STARTER_LABELS.read_text(encoding="utf-8").splitlines())
    }
    ids = {row["source_row"]: row["source_id"] for row in starter.decisions.to_pylist()}
    for value in starter.values:
        hits = []
        for split in starter.manifest["values"][value]["splits"]:
            for row in starter.load(value, split):
                meant = intended[ids[row["source_row"]]]
                rewarded, other = meant["chosen_labels"], meant["rejected_labels"]
                if row["flipped"]:
                    rewarded, other = other, rewarded
                hits.append(value in rewarded and value not in other)
        assert len(hits) >= 20
        assert sum(hits) / len(hits) >= 0.75


def test_a_rebuild_gives_the_same_bytes(starter: Release, tmp_path: Path) -> None:
    recipe = make_recipe({"values": ["empathy", "deception"]})
    again = build(recipe, tmp_path / "again")
    assert again.manifest == starter.manifest
    for path in starter.manifest["files"]:
        assert (again.folder / path).read_bytes() == (starter.folder / path).read_bytes(), path


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Empathy of a part of the bundled corpus, whose vectors are quickly computed anew."""
    folder = tmp_path_factory.mktemp("some")
    write_rows(folder / "some.jsonl", choose_rows("empathy", N_SOME_ROWS))
    recipe = make_recipe({"values": ["empathy"], "sources": [str(folder / "some.jsonl")]})
    return build(recipe, folder / "out")


@pytest.mark.usefixtures("undrawn")
def test_the_state_of_the_cache_does_not_change_a_byte(
    some: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some rows first, into a fresh cache: vectors come from other batches than in one run."""
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "cache"))
    write_rows(tmp_path / "part.jsonl", choose_rows("empathy", N_SOME_ROWS)[10:27])
    survey(make_recipe({"values": ["empathy"], "sources": [str(tmp_path / "part.jsonl")]}))
    source = str(some.folder.parent / "some.jsonl")
    again = build(make_recipe({"values": ["empathy"], "sources": [source]}), tmp_path / "again")
    assert again.content_hash == some.content_hash


def test_datasets_and_trl_take_a_subset_as_it_is(starter: Release, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(
        str(starter.folder), "empathy", cache_dir=str(tmp_path / "cache")
    )
    sizes = {split: len(rows) for split, rows in loaded.items()}
    assert sizes == starter.manifest["values"]["empathy"]["splits"]
    from trl.data_utils import is_conversational

    assert is_conversational(loaded["train"][0])


def test_a_split_keeps_the_flipped_share(starter: Release) -> None:
    subset = starter.manifest["values"]["deception"]
    share = subset["n_flipped"] / subset["n_pairs"]
    train = starter.load("deception", "train")["flipped"]
    assert abs(sum(train) / len(train) - share) < 0.15


@pytest.mark.usefixtures("undrawn")
def test_all_takes_each_value_that_is_large_enough(some: Release, tmp_path: Path) -> None:
    source = str(some.folder.parent / "some.jsonl")
    recipe = make_recipe({"values": ["all"], "sources": [source], "selection": {"min_pairs": 4}})
    counts = survey(recipe).counts
    release = build(recipe, tmp_path / "out")
    large = {value for value in release.manifest["survey"] if counts[value].one_sided >= 4}
    assert set(release.values) == large
    assert 1 < len(large) < len(VALUE_NAMES)
    check_conservation(release)
    check_splits(release)


@pytest.mark.usefixtures("undrawn")
def test_caps_bound_a_subset(tmp_path: Path) -> None:
    recipe = make_recipe({"values": ["humor"], "selection": {"max_pairs": 20}})
    release = build(recipe, tmp_path / "out")
    subset = release.manifest["values"]["humor"]
    assert subset["n_pairs"] <= 20
    assert max(cluster["n_pairs"] for cluster in subset["clusters"]) <= 4
    check_conservation(release)


def test_too_few_pairs_are_named_with_their_counts(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="No value reaches 5000 one-sided pairs"):
        build(make_recipe({"values": ["all"], "selection": {"min_pairs": 5000}}), tmp_path / "out")
    with pytest.raises(
        SelectionError, match=r"No pair has 'humor' on exactly one side \(chosen only \d+"
    ):
        build(
            make_recipe({"values": ["humor"], "selection": {"min_margin": 1.0}}), tmp_path / "out"
        )
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_value_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UnknownValueError, match="did you mean 'empathy'"):
        build(make_recipe({"values": ["empaty"]}), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_survey_counts_every_labelled_pair_of_every_source() -> None:
    result = survey(make_recipe({"values": ["empathy"]}))
    n_labelled = result.stages[-1].rows_out
    for counts in result.counts.values():
        assert counts.one_sided + counts.both + counts.neither == n_labelled
    assert result.by_source == {"starter": result.total}


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_labels_are_written_one_a_pair_in_input_order(tmp_path: Path, suffix: str) -> None:
    rows = STARTER_FILE.read_text(encoding="utf-8").splitlines()[:12]
    (tmp_path / "some.jsonl").write_text("\n".join(rows), encoding="utf-8")
    recipe = make_recipe({"values": ["empathy"], "sources": [str(tmp_path / "some.jsonl")]})
    out = tmp_path / f"labels{suffix}"
    assert label(recipe, out) == 12
    if suffix == ".jsonl":
        records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    else:
        records = pq.read_table(out).to_pylist()
    assert [record["source_row"] for record in records] == list(range(12))
    assert [record["source_id"] for record in records] == [json.loads(row)["id"] for row in rows]
    for record in records:
        for side in ("chosen", "rejected"):
            assert len(record[side]["probabilities"]) == 18
            assert set(record[side]["expressed"]) <= set(record[side]["probabilities"])


KILLED = """
import os, signal, sys
from contextlib import contextmanager
from valuedata.pipeline import build
from valuedata.recipe import make_recipe

@contextmanager
def die(stage, total):
    n_done = 0
    def advance(n):
        nonlocal n_done
        n_done += n
        if stage == sys.argv[3] and n_done > total / 2:
            os.kill(os.getpid(), signal.SIGKILL)
    yield advance

build(make_recipe({"values": ["empathy"], "sources": [sys.argv[1]]}), sys.argv[2], die)
"""


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["Labelling", "Forecasting"])
@pytest.mark.usefixtures("undrawn")
def test_a_killed_build_is_completed_by_the_next(
    some: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: Forks, stage: str
) -> None:
    """Killed in the middle of a stage: with the sources read, or with all but the card written."""
    if stage == "Labelling":  # by the other stage all vectors are in the cache, whichever it is
        monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "releases" / "out"
    source = str(some.folder.parent / "some.jsonl")
    assert forks.start(KILLED, source, out, stage).wait() == -9
    assert not out.exists()
    assert len(list(out.parent.iterdir())) == 1
    again = build(make_recipe({"values": ["empathy"], "sources": [source]}), out)
    assert again.content_hash == some.content_hash
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.slow
def test_real_data_becomes_a_release(shared_data: Path, tmp_path: Path) -> None:
    """A slice of each real source, in its own format."""
    folder = shared_data / "preference"
    (hh,) = (folder / "hh-rlhf" / "harmless-base").glob("*.jsonl.gz")
    for name, file in (("hh", hh), ("ultrafeedback", folder / "ultrafeedback" / "eval.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            rows = "".join(islice(lines, N_REAL_ROWS[name]))
        (tmp_path / f"{name}.jsonl").write_text(rows, encoding="utf-8")
    recipe = make_recipe(
        {
            "values": ["all"],
            "sources": [
                f"hh-rlhf={tmp_path / 'hh.jsonl'}",
                f"ultrafeedback={tmp_path / 'ultrafeedback.jsonl'}",
            ],
            "selection": {"min_pairs": 30},
        }
    )
    release = build(recipe, tmp_path / "out")
    verify_release(load_release(tmp_path / "out"))
    check_conservation(release)
    check_splits(release)
    assert set(release.decisions.column("source").to_pylist()) == {"hh-rlhf", "ultrafeedback"}
