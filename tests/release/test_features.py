"""What a release knows of its labelled pairs, read back and checked by hand."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from tests.builders import CHOSEN, REJECTED, make_pairs
from tests.measured import write_measured_release
from valuedata.errors import ReleaseError
from valuedata.labelling.markers import MARKERS
from valuedata.release.features import read_features
from valuedata.release.folder import Release, load_release
from valuedata.release.markers import MARKERS_FILE, write_markers
from valuedata.schema import PAIR_FEATURES


@pytest.fixture
def measured(tmp_path: Path) -> Release:
    return write_measured_release(tmp_path / "measured")


def test_features_of_both_sides(measured: Release) -> None:
    found = read_features(measured)
    assert found.sides.names == ("empathy", "humor", *MARKERS)
    assert found.kinds == ("value", "value", *["marker"] * len(MARKERS))
    assert found.sides.chosen[:, 0] == pytest.approx(CHOSEN)
    assert found.sides.rejected[:, 0] == pytest.approx(REJECTED)
    words = found.sides.names.index("words")
    assert found.sides.chosen[:, words].tolist() == [5, 5, 5, 5, 7, 5]
    assert found.sides.rejected[:, words].tolist() == [5] * 6


def test_prompts_are_numbered_without_a_gap(measured: Release) -> None:
    assert sorted(set(read_features(measured).sides.groups.tolist())) == [0, 1, 2, 3, 4]
    first, second, *_ = read_features(measured).sides.groups
    assert first == second


def test_a_subset_is_its_kept_pairs_and_their_flips(measured: Release) -> None:
    """Rows 2, 3 and 6 of the source are rows 0, 1 and 4 of the labelled ones; row 3 is flipped."""
    subset = read_features(measured).subsets["empathy"]
    assert subset.rows.tolist() == [0, 1, 4]
    assert subset.flipped.tolist() == [False, True, False]


def test_markers_are_rows_of_their_own_in_the_order_of_decisions(starter: Release) -> None:
    markers = pq.read_table(starter.folder / MARKERS_FILE)
    told = starter.decisions.to_pylist()
    labelled = [row for row in told if row["chosen_probabilities"] is not None]
    assert markers["pair_id"].to_pylist() == [row["pair_id"] for row in labelled]
    assert markers["source"].to_pylist() == [row["source"] for row in labelled]
    assert len(markers) == starter.manifest["stages"][-1]["rows_out"]
    columns = [f"{side}_{name}" for side in ("chosen", "rejected") for name in MARKERS]
    assert markers.column_names == ["pair_id", "source", "prompt_group", *columns]
    assert {str(markers.schema.field(name).type) for name in columns} == {"float"}
    assert MARKERS_FILE in starter.manifest["files"]
    assert list(starter.manifest["markers"]) == list(MARKERS)


def test_markers_of_a_pair_are_those_of_its_replies(starter: Release) -> None:
    markers = {
        row["pair_id"]: row for row in pq.read_table(starter.folder / MARKERS_FILE).to_pylist()
    }
    for row in starter.load("empathy", "train"):
        sides = ("rejected", "chosen") if row["flipped"] else ("chosen", "rejected")
        for reply, side in zip(("chosen", "rejected"), sides, strict=True):
            said = row[reply][0]["content"]
            assert markers[row["pair_id"]][f"{side}_words"] == len(said.split())


def test_sources_stand_as_they_first_appear(tmp_path: Path) -> None:
    places = [("b", 1), ("a", 0), ("b", 0), ("a", 1)]
    pairs = [
        {**pair, "source": source, "source_row": row}
        for pair, (source, row) in zip(make_pairs()[4:], places, strict=True)
    ]
    dataset, labelled = Dataset.from_list(pairs, features=PAIR_FEATURES), np.array([0, 1, 2])
    markers = (np.arange(3 * len(MARKERS), dtype=np.float32).reshape(3, -1),) * 2
    write_markers(tmp_path, dataset, labelled, np.array([5, 6, 7]), markers)
    written = pq.read_table(tmp_path / MARKERS_FILE)
    first = next(iter(MARKERS))
    assert written[f"chosen_{first}"].to_pylist() == [2 * len(MARKERS), 0, len(MARKERS)]
    assert written["source"].to_pylist() == ["b", "b", "a"]
    assert written["prompt_group"].to_pylist() == [7, 5, 6]


def test_an_older_release_says_to_build_again(release: Release) -> None:
    with pytest.raises(
        ReleaseError, match=r"has no markers\.parquet, .*; build it again to forecast"
    ):
        read_features(release)


def test_markers_of_other_pairs_are_damage(measured: Release) -> None:
    file = measured.folder / MARKERS_FILE
    pq.write_table(pq.read_table(file).slice(1), file)
    with pytest.raises(ReleaseError, match="speak of different pairs"):
        read_features(measured)


def test_missing_markers_are_damage(measured: Release) -> None:
    (measured.folder / MARKERS_FILE).unlink()
    with pytest.raises(ReleaseError, match=r"damaged: markers\.parquet cannot be read"):
        read_features(load_release(measured.folder))


def test_the_manifest_is_json_still(measured: Release) -> None:
    assert json.loads((measured.folder / "manifest.json").read_text(encoding="utf-8"))["markers"]
