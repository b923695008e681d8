"""Releases written anew without the pairs that push an effect."""

import json
from pathlib import Path
from shutil import copytree

import datasets
import numpy as np
import pytest

from tests.builders import write_release
from tests.checks import check_conservation, check_splits
from valuedata.errors import RecipeError, ReleaseError
from valuedata.pruning import drop_pairs
from valuedata.release.folder import Release, finish_manifest, load_release, verify_release
from valuedata.release.life import count_drops, find_rows, tell_life
from valuedata.release.recall import Members
from valuedata.release.trace import Trace, trace

EFFECT = "anthropomorphism"
N_DROPPED = 4


def push(release: Release, value: str) -> dict[str, float]:
    """Pair id to how far it pushes the effect, worked out row by row, furthest first."""
    column = release.manifest["labels"]["names"].index(EFFECT)
    found = {}
    for row in release.decisions.to_pylist():
        for fate in row["subsets"]:
            if (fate["value"], fate["outcome"]) == (value, "kept"):
                difference = (
                    row["chosen_probabilities"][column] - row["rejected_probabilities"][column]
                )
                found[row["pair_id"]] = -difference if fate["flipped"] else difference
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def read_ids(release: Release, value: str) -> dict[str, str]:
    return {
        pair_id: split
        for split in release.manifest["values"][value]["splits"]
        for pair_id in release.load(value, split)["pair_id"]
    }


@pytest.fixture(scope="module")
def pruned(starter: Release, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The starter release without the four pairs of empathy that push most."""
    out = tmp_path_factory.mktemp("pruned") / "out"
    return drop_pairs(starter, out, trace(starter, EFFECT, ["empathy"]), worst=N_DROPPED)


def test_the_worst_are_gone_and_all_else_stays(pruned: Release, starter: Release) -> None:
    ranked = push(starter, "empathy")
    gone = set(list(ranked)[:N_DROPPED])
    before, after = read_ids(starter, "empathy"), read_ids(pruned, "empathy")
    assert after == {pair_id: split for pair_id, split in before.items() if pair_id not in gone}
    assert pruned.manifest["values"]["deception"] == starter.manifest["values"]["deception"]
    for path, told in starter.manifest["files"].items():
        if path.startswith("data/deception/"):
            assert pruned.manifest["files"][path] == told
    for split in pruned.manifest["values"]["empathy"]["splits"]:
        kept = [row for row in starter.load("empathy", split) if row["pair_id"] not in gone]
        assert pruned.load("empathy", split).to_list() == kept
        assert pruned.load("empathy", split).features == starter.load("empathy", split).features


def test_what_is_left_is_a_whole_release(pruned: Release, starter: Release, tmp_path) -> None:
    assert verify_release(pruned) > 0
    check_conservation(pruned)
    check_splits(pruned)
    subset = pruned.manifest["values"]["empathy"]
    n_before = starter.manifest["values"]["empathy"]["n_pairs"]
    assert subset["stages"][-1] == {
        "stage": "trace",
        "rows_in": n_before,
        "rows_out": n_before - N_DROPPED,
        "dropped": {f"pushes {EFFECT}": N_DROPPED},
        "notes": {},
    }
    loaded = datasets.load_dataset(str(pruned.folder), "empathy", cache_dir=str(tmp_path / "c"))
    assert {split: len(rows) for split, rows in loaded.items()} == subset["splits"]
    assert pruned.manifest["traces"] == [
        {
            "effect": EFFECT,
            "drop": N_DROPPED,
            "dropped": {"empathy": N_DROPPED},
            "of": {
                "content_hash": starter.content_hash,
                "values": ["empathy", "deception"],
            },
            "valuedata_version": starter.manifest["valuedata_version"],
        }
    ]
    card = (pruned.folder / "README.md").read_text(encoding="utf-8")
    assert f"--effect {EFFECT} --value empathy --drop {N_DROPPED} --out FOLDER`" in card
    left = pruned.manifest["values"]["empathy"]["n_pairs"]
    assert (
        f"and caps {left + N_DROPPED}, less {N_DROPPED} pairs that push {EFFECT} {left}; " in card
    )


def test_the_decisions_name_the_dropped_pairs(pruned: Release, starter: Release) -> None:
    gone = list(push(starter, "empathy"))[:N_DROPPED]
    elsewhere = set(read_ids(starter, "deception"))
    rows = list(zip(starter.decisions.to_pylist(), pruned.decisions.to_pylist(), strict=True))
    raw = {
        row["pair_id"]: row
        for split in ("train", "validation", "test")
        for row in starter.load("empathy", split)
    }
    for before, after in rows:
        if before["pair_id"] not in gone:
            assert before == after
            continue
        fates = {fate["value"]: fate for fate in after["subsets"]}
        assert fates["empathy"]["outcome"] == "dropped"
        assert fates["empathy"]["stage"] == "trace"
        assert fates["empathy"]["reason"] == f"pushes {EFFECT}"
        assert fates["empathy"]["split"] is None
        if before["pair_id"] in elsewhere:
            assert (after["outcome"], after["stage"], after["excerpt"]) == ("kept", None, None)
        else:
            assert (after["outcome"], after["stage"]) == ("dropped", "trace")
            assert after["reason"] == f"pushes {EFFECT}"
            assert after["excerpt"] == raw[after["pair_id"]]["prompt"][-1]["content"][:160]
    assert pruned.decisions.schema == starter.decisions.schema
    n_gone = sum(drop.n_rows for drop in count_drops(pruned) if drop.stage == "trace")
    assert n_gone == len(set(gone) - elsewhere)
    life = tell_life(pruned, find_rows(pruned, gone[0])[0])
    fate = next(fate for fate in life.fates if fate.value == "empathy")
    assert (fate.outcome, fate.stage, fate.passed[-1]) == ("dropped", "trace", "caps")


@pytest.mark.usefixtures("undrawn")
def test_pairs_above_a_difference_are_dropped_from_every_subset(
    starter: Release, tmp_path: Path
) -> None:
    made = drop_pairs(starter, tmp_path / "out", trace(starter, EFFECT), above=0.5)
    for value in starter.values:
        expected = {pair_id for pair_id, n in push(starter, value).items() if not n > 0.5}
        assert set(read_ids(made, value)) == expected
    check_conservation(made)
    check_splits(made)


@pytest.mark.usefixtures("undrawn")
def test_a_release_is_pruned_again(pruned: Release, starter: Release, tmp_path: Path) -> None:
    """Two steps of dropping end where one does, but for what the manifest tells of the way."""
    found = trace(pruned, EFFECT, ["empathy"])
    again = drop_pairs(pruned, tmp_path / "again", found, worst=2)
    once = drop_pairs(
        starter, tmp_path / "once", trace(starter, EFFECT, ["empathy"]), worst=N_DROPPED + 2
    )
    assert again.content_hash == once.content_hash
    assert [step["drop"] for step in again.manifest["traces"]] == [N_DROPPED, 2]
    assert again.manifest["traces"][1]["of"]["content_hash"] == pruned.content_hash


@pytest.mark.usefixtures("undrawn")
def test_a_split_may_be_emptied(starter: Release, tmp_path: Path) -> None:
    """Told that the pairs held out for validation push most, and no other at all."""
    (found,) = trace(starter, EFFECT, ["empathy"])
    members = found.members
    order = np.argsort(members.split != "validation", kind="stable")
    n_held_out = int((members.split == "validation").sum())
    columns = (members.rows, members.flipped, members.margin, members.cluster, members.split)
    pushing = (np.arange(len(order)) < n_held_out).astype(float)
    told = Trace(
        "empathy", EFFECT, Members(*(column[order] for column in columns)), pushing, 0 * pushing
    )
    made = drop_pairs(starter, tmp_path / "out", [told], worst=n_held_out)
    sizes = dict(starter.manifest["values"]["empathy"]["splits"])
    del sizes["validation"]
    assert made.manifest["values"]["empathy"]["splits"] == sizes
    verify_release(made)
    check_conservation(made)
    loaded = datasets.load_dataset(str(made.folder), "empathy", cache_dir=str(tmp_path / "c"))
    assert set(loaded) == {"train", "test"}


@pytest.mark.usefixtures("undrawn")
def test_what_belongs_to_no_value_is_kept(starter: Release, tmp_path: Path) -> None:
    copytree(starter.folder, tmp_path / "more")
    (tmp_path / "more" / "notes").mkdir()
    (tmp_path / "more" / "notes" / "more.json").write_text(json.dumps([1]))
    told = {key: n for key, n in starter.manifest.items() if key not in ("files", "content_hash")}
    finish_manifest(tmp_path / "more", told)
    more = load_release(tmp_path / "more")
    made = drop_pairs(more, tmp_path / "out", trace(more, EFFECT, ["empathy"]), worst=1)
    assert (made.folder / "notes" / "more.json").read_text() == "[1]"
    verify_release(made)


def test_too_much_or_nothing_to_drop_is_refused(starter: Release, tmp_path: Path) -> None:
    found = trace(starter, EFFECT, ["empathy"])
    n_pushing = sum(n > 0 for n in push(starter, "empathy").values())
    with pytest.raises(RecipeError, match=f"^Only {n_pushing} of .* push '{EFFECT}'; give --drop"):
        drop_pairs(starter, tmp_path / "out", found, worst=n_pushing + 1)
    with pytest.raises(RecipeError, match=r"^No pair pushes .* by more than 1 \(the most is "):
        drop_pairs(starter, tmp_path / "out", found, above=1.0)
    with pytest.raises(ReleaseError, match="is the release itself"):
        drop_pairs(starter, starter.folder, found, worst=1)
    with pytest.raises(ValueError, match="Give one of worst and above"):
        drop_pairs(starter, tmp_path / "out", found)
    assert list(tmp_path.iterdir()) == []


def test_a_subset_is_never_emptied(tmp_path: Path) -> None:
    """All three pairs of the release made by hand push its own value."""
    release = write_release(tmp_path / "release")
    with pytest.raises(RecipeError, match="That drops every pair of 'empathy'; drop fewer"):
        drop_pairs(release, tmp_path / "out", trace(release, "empathy"), worst=3)
    with pytest.raises(RecipeError, match="That drops every pair of 'empathy'; drop fewer"):
        drop_pairs(release, tmp_path / "out", trace(release, "empathy"), above=0.1)
