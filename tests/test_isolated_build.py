"""Isolated builds of the bundled corpus, checked from the files that they wrote."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tests.cards.reading import lint, read_figures
from valuedata.cli import main
from valuedata.controls import build_controls
from valuedata.errors import RecipeError
from valuedata.pipeline import build, label
from valuedata.pruning import drop_pairs
from valuedata.recipe import load_recipe, make_recipe
from valuedata.release.folder import Release, load_release, verify_release
from valuedata.release.hashing import hash_file
from valuedata.release.trace import trace

HELD = ("validation", "refusal", "characters", "list-items")
TOLERANCE = 0.3


@pytest.fixture(scope="module", params=["subset", "weights"])
def isolated(
    request: pytest.FixtureRequest,
    vector_cache: Path,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Release:
    isolation = {"mode": request.param, "hold": list(HELD), "tolerance": TOLERANCE}
    recipe = make_recipe({"values": ["empathy"], "isolation": isolation})
    return build(recipe, tmp_path_factory.mktemp(request.param) / "out")


def read_sides(release: Release) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the rewarded and the other replies of the subset have, and all replies of the source."""
    names = release.manifest["labels"]["names"]
    told = {
        row["pair_id"]: row for row in release.decisions.to_pylist() if row["chosen_probabilities"]
    }
    measured = []
    for row in pq.read_table(release.folder / "markers.parquet").to_pylist():
        decision = told[row["pair_id"]]
        sides = {
            side: dict(zip(names, decision[f"{side}_probabilities"], strict=True))
            | {name: row[f"{side}_{name}"] for name in release.manifest["markers"]}
            for side in ("chosen", "rejected")
        }
        measured.append({"pair_id": row["pair_id"], **sides})
    kept = []
    for split in release.manifest["values"]["empathy"]["splits"]:
        kept += list(release.load("empathy", split))
    return measured, kept


def test_every_difference_held_is_within_the_tolerance(isolated: Release) -> None:
    measured, kept = read_sides(isolated)
    sides = {row["pair_id"]: row for row in measured}
    weights = [row.get("weight", 1.0) for row in kept]
    told = isolated.manifest["values"]["empathy"]["isolation"]
    effects = {effect["name"]: effect for effect in told["effects"]}
    assert {name for name, effect in effects.items() if effect["held"]} == set(HELD)
    for name in (*HELD, "words", "humor"):
        spread = [np.var([row[side][name] for row in measured], ddof=1) for side in SIDES]
        gaps = []
        for row in kept:
            pair = sides[row["pair_id"]]
            gap = pair["chosen"][name] - pair["rejected"][name]
            gaps.append(-gap if row["flipped"] else gap)
        found = np.average(gaps, weights=weights) / np.sqrt(np.mean(spread))
        assert effects[name]["isolated"] == pytest.approx(found, abs=1e-4)
        if name in HELD:
            assert abs(found) <= TOLERANCE + 1e-6


SIDES = ("chosen", "rejected")


def test_the_forecast_sees_the_same_differences(isolated: Release) -> None:
    forecast = json.loads((isolated.folder / "forecast.json").read_text("utf-8"))
    found = {
        effect["name"]: effect["difference"]["value"]
        for effect in forecast["values"]["empathy"]["others"]
    }
    told = isolated.manifest["values"]["empathy"]["isolation"]["effects"]
    compared = [effect for effect in told if found.get(effect["name"]) is not None]
    assert len(compared) > 20
    for effect in compared:
        assert effect["isolated"] == pytest.approx(found[effect["name"]], abs=2e-4)


def test_weights_stand_in_the_rows_and_in_the_decisions(isolated: Release) -> None:
    _, kept = read_sides(isolated)
    told = isolated.manifest["values"]["empathy"]["isolation"]
    in_decisions = {
        row["pair_id"]: fate["weight"]
        for row in isolated.decisions.to_pylist()
        for fate in row["subsets"]
        if fate["outcome"] == "kept"
    }
    if told["mode"] == "subset":
        assert not any("weight" in row for row in kept)
        assert set(in_decisions.values()) == {None}
        assert told["effective_size"] == told["n_pairs"] == len(kept)
        return
    weights = np.array([row["weight"] for row in kept])
    assert weights.mean() == pytest.approx(1)
    assert (weights > 0).all()
    assert told["effective_size"] == pytest.approx(
        weights.sum() ** 2 / (weights**2).sum(), abs=0.05
    )
    assert in_decisions == {row["pair_id"]: row["weight"] for row in kept}


def test_every_candidate_is_accounted_for(isolated: Release) -> None:
    verify_release(isolated)
    content = isolated.manifest["values"]["empathy"]
    stage = content["stages"][-1]
    assert stage["stage"] == "isolation"
    assert stage["rows_in"] == content["isolation"]["n_candidates"]
    assert stage["rows_out"] == content["n_pairs"] == content["isolation"]["n_pairs"]
    left_out = [
        fate["reason"]
        for row in isolated.decisions.to_pylist()
        for fate in row["subsets"]
        if fate["stage"] == "isolation"
    ]
    assert left_out == ["left out for balance"] * stage["dropped"].get("left out for balance", 0)


def test_the_card_tells_plain_beside_isolated(isolated: Release) -> None:
    card = (isolated.folder / "README.md").read_text("utf-8")
    told = isolated.manifest["values"]["empathy"]["isolation"]
    assert "## Side effects held down" in card
    assert f"| {told['margin']['plain']:.3f} | {told['margin']['isolated']:.3f} |" in card
    assert "largest of 4 held" in card
    assert isolated.folder / "figures" / "isolation-empathy.png" in read_figures(isolated)
    assert ("| `weight` | " in card) == (told["mode"] == "weights")
    assert lint(isolated) == []
    columns = json.loads((isolated.folder / "croissant.json").read_text("utf-8"))["recordSet"][0]
    names = [field["name"] for field in columns["field"]]
    assert names == ["split", *isolated.load("empathy", "train").column_names]


def test_the_recipe_in_the_manifest_isolates_again(isolated: Release) -> None:
    recipe = make_recipe(isolated.manifest["recipe"])
    assert recipe.isolation is not None
    assert recipe.isolation.hold == HELD


def test_controls_have_the_weights_of_their_subset(isolated: Release, tmp_path: Path) -> None:
    controls = build_controls(isolated, tmp_path / "controls", [0])
    for split in isolated.manifest["values"]["empathy"]["splits"]:
        kept = {row["pair_id"]: row.get("weight") for row in isolated.load("empathy", split)}
        swapped = {row["pair_id"]: row.get("weight") for row in controls.load("swapped", split)}
        assert swapped == kept
        for name in ("random-0", "length-matched-0"):
            weights = [row.get("weight") for row in controls.load(name, split)]
            assert Counter(weights) == Counter(kept.values())


@pytest.mark.usefixtures("undrawn")
def test_dropping_pairs_ends_the_isolation_aloud(
    isolated: Release, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dropped = drop_pairs(isolated, tmp_path / "less", trace(isolated, "words"), worst=1)
    assert "The subset of empathy was isolated" in caplog.text
    assert "isolation" not in dropped.manifest["values"]["empathy"]
    assert "## Side effects held down" not in (dropped.folder / "README.md").read_text("utf-8")


@pytest.mark.usefixtures("undrawn")
def test_another_extractor_audits_what_was_chosen(
    vector_cache: Path,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    """By the classifier's own labels, the audit sees what the isolation saw."""
    labels = tmp_path / "labels.parquet"
    label(make_recipe({"values": ["all"]}), labels)
    isolation = {"mode": "subset", "hold": list(HELD), "tolerance": TOLERANCE}
    audited = build(
        make_recipe(
            {"values": ["empathy"], "isolation": isolation | {"audit_labels": str(labels)}}
        ),
        tmp_path / "out",
    )
    manifest = audited.manifest
    assert manifest["recipe"]["isolation"]["audit_labels"] == "labels.parquet"
    assert manifest["labels"]["audited_by"] == {
        "file": "labels.parquet",
        "sha256": hash_file(labels),
    }
    found = {
        effect["name"]: effect for effect in manifest["values"]["empathy"]["isolation"]["effects"]
    }
    for name in ("refusal", "humor"):
        own, second = found[name], found[f"{name} (second extractor)"]
        assert (second["held"], second["kind"]) == (False, "second extractor")
        assert second["isolated"] == pytest.approx(own["isolated"], abs=2e-4)
    assert "by another extractor" in (audited.folder / "README.md").read_text("utf-8")


def test_a_tolerance_out_of_reach_exits_with_2_and_the_frontier(
    vector_cache: Path,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    arguments = ["build", "--value", "empathy", "--isolate", "--min-share", "1", "--quiet"]
    for name in HELD:
        arguments += ["--hold", name]
    out = tmp_path / "release"
    result = CliRunner().invoke(main, [*arguments, "--tolerance", "0.01", "--out", str(out)])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: empathy: No ")
    assert "the most found are" in result.stderr
    assert " at 0.01, " in result.stderr
    assert not out.exists()


def test_options_of_isolation_need_isolate(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["build", "--value", "empathy", "--tolerance", "0.2"])
    assert result.exit_code == 2
    assert "Recipe key 'isolation.mode' is missing; give --isolate" in result.stderr
    file = tmp_path / "recipe.yaml"
    file.write_text("values: [empathy]\nisolation: null\n", "utf-8")
    assert load_recipe(file).isolation is None
    recipe = load_recipe(file, {"isolation.mode": "weights", "isolation.tolerance": 0.2})
    assert recipe.isolation is not None
    assert (recipe.isolation.mode, recipe.isolation.tolerance) == ("weights", 0.2)
    with pytest.raises(RecipeError, match=r"'isolation\.tolerence' is unknown; did you mean"):
        make_recipe({"values": ["empathy"], "isolation": {"mode": "subset", "tolerence": 1}})


def test_a_marker_can_be_traced(isolated: Release) -> None:
    (found,) = trace(load_release(isolated.folder), "words")
    _, kept = read_sides(isolated)
    gaps = [
        len(row["chosen"][0]["content"].split()) - len(row["rejected"][0]["content"].split())
        for row in kept
    ]
    assert found.differences.tolist() == sorted(gaps, reverse=True)
