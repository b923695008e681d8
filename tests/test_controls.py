"""Control arms of whole builds: of the bundled corpus, and of a file that may move or change."""

import json
import shutil
from collections import Counter
from pathlib import Path
from statistics import mean, median

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cards.reading import lint, read_front_matter
from tests.checks import check_conservation, check_splits
from tests.cli.rows import read_starter, write_rows
from valuedata.controls import build_controls
from valuedata.errors import RecipeError, ReleaseError, SourceError
from valuedata.intake.known import STARTER_FILE
from valuedata.pipeline import build
from valuedata.recipe import make_recipe
from valuedata.release.folder import Release, finish_manifest, load_release, verify_release
from valuedata.release.forecast import read_forecast

pytestmark = pytest.mark.usefixtures("vector_cache")

NAMES = ("random-0", "random-7", "length-matched-0", "length-matched-7", "swapped")


@pytest.fixture(scope="module")
def controls(starter: Release, tmp_path_factory: pytest.TempPathFactory) -> Release:
    out = tmp_path_factory.mktemp("controls") / "out"
    return build_controls(starter, out, [0, 7], values=["empathy"])


def read_pairs(release: Release, name: str) -> dict[str, dict[str, object]]:
    """Pair id to the row, with its split."""
    return {
        row["pair_id"]: row | {"split": split}
        for split in release.manifest["values"][name]["splits"]
        for row in release.load(name, split)
    }


def test_controls_are_a_whole_release(controls: Release, starter: Release, tmp_path) -> None:
    assert controls.values == NAMES
    assert verify_release(controls) > 0
    check_conservation(controls)
    check_splits(controls)
    for key in ("recipe", "sources", "labels", "stages", "flags"):
        assert controls.manifest[key] == starter.manifest[key]
    assert controls.manifest["controls"] == {
        "of": {"content_hash": starter.content_hash, "values": ["empathy", "deception"]},
        "values": ["empathy"],
        "seeds": [0, 7],
    }
    for name in NAMES:
        loaded = datasets.load_dataset(str(controls.folder), name, cache_dir=str(tmp_path / "c"))
        sizes = {split: len(rows) for split, rows in loaded.items()}
        assert sizes == controls.manifest["values"][name]["splits"]


@pytest.mark.parametrize("name", NAMES)
def test_a_control_has_the_size_of_the_subset_in_every_split(
    controls: Release, starter: Release, name: str
) -> None:
    subset, control = (
        (release.manifest["values"][value], read_pairs(release, value))
        for release, value in ((starter, "empathy"), (controls, name))
    )
    assert control[0]["splits"] == subset[0]["splits"]
    assert len(control[1]) == control[0]["n_pairs"] == subset[0]["n_pairs"]
    flipped = [
        Counter((row["split"], row["flipped"]) for row in pairs.values())
        for pairs in (subset[1], control[1])
    ]
    if name == "swapped":
        flipped[0] = Counter({(split, not side): n for (split, side), n in flipped[0].items()})
    assert flipped[0] == flipped[1]


def test_no_prompt_leaves_its_split(controls: Release, starter: Release) -> None:
    """Over the controls and every subset of their release."""
    split_of: dict[str, object] = {}
    for release in (starter, controls):
        for name in release.values:
            for row in read_pairs(release, name).values():
                assert split_of.setdefault(json.dumps(row["prompt"]), row["split"]) == row["split"]
    assert controls.manifest["splits"]["n_crossing_prompts"] == 0
    assert controls.manifest["splits"]["n_crossing_groups"] == 0


def test_controls_are_clean_pairs_with_their_own_texts(controls: Release) -> None:
    raw = [json.loads(line) for line in STARTER_FILE.read_text(encoding="utf-8").splitlines()]
    labelled = {
        row["source_row"]: row
        for row in controls.decisions.to_pylist()
        if row["chosen_probabilities"]
    }
    column = controls.manifest["labels"]["names"].index("empathy")
    for name in NAMES:
        for row in read_pairs(controls, name).values():
            source, told = raw[row["source_row"]], labelled[row["source_row"]]
            sides = ("rejected", "chosen") if row["flipped"] else ("chosen", "rejected")
            assert [row["chosen"], row["rejected"]] == [source[side] for side in sides]
            rewarded, other = (told[f"{side}_probabilities"][column] for side in sides)
            assert row["margin"] == pytest.approx(rewarded - other, abs=1e-6)


def test_the_swapped_control_exchanges_the_replies(controls: Release, starter: Release) -> None:
    subset, swapped = read_pairs(starter, "empathy"), read_pairs(controls, "swapped")
    assert set(subset) == set(swapped)
    for pair_id, row in subset.items():
        other = swapped[pair_id]
        assert (row["chosen"], row["rejected"]) == (other["rejected"], other["chosen"])
        assert row["chosen_values"] == other["rejected_values"]
        assert row["flipped"] is not other["flipped"]
        assert row["margin"] == -other["margin"]  # type: ignore[operator]
        assert (row["split"], row["cluster"]) == (other["split"], other["cluster"])
    told = controls.manifest["values"]["swapped"]["control"]
    assert (told["value_in_rewarded_only"], told["value_in_other_only"]) == (0, len(subset))
    assert (told["seed"], told["n_strata"], told["n_shared"]) == (None, None, len(subset))


def measure(pairs: dict[str, dict[str, object]]) -> list[int]:
    return [
        sum(len(turn["content"]) for turn in row["chosen"])  # type: ignore[attr-defined]
        - sum(len(turn["content"]) for turn in row["rejected"])  # type: ignore[attr-defined]
        for row in pairs.values()
    ]


def test_controls_can_be_forecast(controls: Release, starter: Release) -> None:
    """The swapped control pushes what the subset pushes, the other way."""
    subset = read_forecast(starter)["values"]["empathy"]
    swapped = read_forecast(controls)["values"]["swapped"]
    assert swapped["target"] is None  # no value has the name of a control
    found = {effect["name"]: effect["difference"]["value"] for effect in swapped["others"]}
    assert found.pop("empathy") == pytest.approx(-subset["target"]["difference"]["value"])
    compared = {name for name, value in found.items() if value is not None}
    assert len(compared) > 20
    for effect in subset["others"]:
        if effect["name"] in compared:
            assert found[effect["name"]] == pytest.approx(-effect["difference"]["value"])


def test_length_matched_controls_are_nearer_than_random_ones(
    controls: Release, starter: Release
) -> None:
    subset = measure(read_pairs(starter, "empathy"))
    distances = {}
    for name in NAMES:
        told = controls.manifest["values"][name]["control"]
        own = measure(read_pairs(controls, name))
        assert told["length_difference"] == {
            "subset": {"mean": round(mean(subset), 1), "median": round(median(subset), 1)},
            "control": {"mean": round(mean(own), 1), "median": round(median(own), 1)},
            "distance": told["length_difference"]["distance"],
        }
        distances[name] = told["length_difference"]["distance"]
    matched, random = (
        [n for name, n in distances.items() if name.startswith(kind)]
        for kind in ("length-matched", "random")
    )
    assert mean(matched) < max(random)
    told = controls.manifest["values"]["length-matched-0"]["control"]
    # a stratum of flipped pairs and one of others may differ around one point
    assert max(matched) <= 2 / told["n_strata"]


def test_seeds_differ_and_neither_seeds_nor_values_change_a_draw(
    controls: Release, starter: Release, tmp_path: Path
) -> None:
    for kind in ("random", "length-matched"):
        drawn = [set(read_pairs(controls, f"{kind}-{seed}")) for seed in (0, 7)]
        assert len(drawn[0] & drawn[1]) < len(drawn[0]) / 2
    again = build_controls(starter, tmp_path / "again", [7])
    for name in ("random-7", "length-matched-7", "swapped"):
        assert read_pairs(again, f"empathy-{name}") == read_pairs(controls, name)
    assert set(again.values) == {
        f"{value}-{name}"
        for value in ("empathy", "deception")
        for name in ("random-7", "length-matched-7", "swapped")
    }
    check_splits(again)


def test_the_same_call_gives_the_same_bytes(
    controls: Release, starter: Release, tmp_path: Path
) -> None:
    again = build_controls(starter, tmp_path / "again", [0, 7], values=["empathy"])
    assert again.manifest == controls.manifest


def test_the_card_tells_of_every_control(controls: Release) -> None:
    card = (controls.folder / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"| `{name}` | `empathy` | " in card
    assert "`valuedata controls RELEASE --out FOLDER --value empathy --seeds 0 7`" in card
    assert lint(controls) == []
    head = read_front_matter(controls)
    assert [config["config_name"] for config in head["configs"]] == list(NAMES)
    assert {info["config_name"] for info in head["dataset_info"]} == set(NAMES)
    assert {"control", "empathy"} <= set(head["tags"])
    told = json.loads((controls.folder / "croissant.json").read_text(encoding="utf-8"))
    assert told["name"] == "value-subset-controls-empathy"
    assert told["description"].endswith("with its replies exchanged. Controls of: empathy")


@pytest.fixture(scope="module")
def built(vector_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001
    """A folder with `pairs.jsonl`, and `release` built of it and of the bundled corpus."""
    folder = tmp_path_factory.mktemp("built")
    rows = [
        {name: row[name] for name in ("id", "prompt", "chosen", "rejected")}
        for row in read_starter()[:80]
    ]
    write_rows(folder / "pairs.jsonl", rows)
    recipe = make_recipe({"values": ["humor"], "sources": ["starter", str(folder / "pairs.jsonl")]})
    build(recipe, folder / "release")
    return folder


def test_a_source_that_has_moved_is_asked_for(built: Path, tmp_path: Path) -> None:
    release = load_release(built / "release")
    with pytest.raises(
        SourceError,
        match=r"'pairs' of .*release was read from pairs.jsonl, which is not here; give --source "
        r"pairs=PATH\.$",
    ):
        build_controls(release, tmp_path / "out", [0])
    made = build_controls(
        release, tmp_path / "out", [0], sources=[f"pairs={built / 'pairs.jsonl'}"]
    )
    assert made.values == ("random-0", "length-matched-0", "swapped")
    check_conservation(made)


def test_a_source_is_found_where_the_recipe_says(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built)
    made = build_controls(load_release(Path("release")), tmp_path / "out", [])
    assert made.values == ("swapped",)


def test_a_source_that_has_changed_is_refused(built: Path, tmp_path: Path) -> None:
    rows = (built / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "pairs.jsonl").write_text("\n".join(rows[:-1]), encoding="utf-8")
    with pytest.raises(
        ReleaseError, match=r"Source 'pairs' is not what .* was built from \(revision [0-9a-f]{12},"
    ):
        build_controls(
            load_release(built / "release"),
            tmp_path / "out",
            [0],
            sources=[str(tmp_path / "pairs.jsonl")],
        )
    assert not (tmp_path / "out").exists()


def test_sources_are_told_apart_by_name(built: Path, tmp_path: Path) -> None:
    release, file = load_release(built / "release"), built / "pairs.jsonl"
    with pytest.raises(SourceError, match="has no source 'pears' \\(did you mean 'pairs'"):
        build_controls(release, tmp_path / "out", [0], sources=[f"pears={file}"])
    with pytest.raises(SourceError, match="Source 'pairs' is given twice"):
        build_controls(release, tmp_path / "out", [0], sources=[str(file), f"pairs={file}"])


def test_other_pairs_than_those_of_the_release_are_refused(built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(built / "release", folder)
    table = pq.read_table(folder / "decisions.parquet")
    names = table["pair_id"].to_pylist()
    changed = table.set_column(
        table.column_names.index("pair_id"), "pair_id", pa.array(["0" * 16, *names[1:]])
    )
    pq.write_table(changed.cast(table.schema), folder / "decisions.parquet")
    manifest = dict(load_release(folder).manifest)
    finish_manifest(folder, {key: manifest[key] for key in manifest if key != "files"})
    with pytest.raises(ReleaseError, match="This version of valuedata reads other pairs"):
        build_controls(
            load_release(folder),
            tmp_path / "out",
            [0],
            sources=[f"pairs={built / 'pairs.jsonl'}"],
        )


def test_what_cannot_be_controlled_is_refused(
    controls: Release, starter: Release, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="Seeds 1 2 1 repeat one"):
        build_controls(starter, tmp_path / "out", [1, 2, 1])
    with pytest.raises(ReleaseError, match="holds controls"):
        build_controls(controls, tmp_path / "out", [0])
    with pytest.raises(ReleaseError, match="is the release itself"):
        build_controls(starter, starter.folder, [0])
    with pytest.raises(ReleaseError, match="no subset 'humor'"):
        build_controls(starter, tmp_path / "out", [0], values=["humor"])
