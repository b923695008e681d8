"""maps.parquet, from places worked out by hand and of a whole build."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from tests.builders import make_pairs
from valuedata.errors import ReleaseError
from valuedata.release.folder import Release, load_release
from valuedata.release.hashing import MAPS_FILE
from valuedata.release.maps import read_map, write_maps
from valuedata.schema import PAIR_FEATURES


def test_places_come_back_by_value_and_pair(release: Release, tmp_path: Path) -> None:
    pairs = make_pairs()
    nowhere = [np.nan, np.nan]
    places = {
        "empathy": np.array([[1, 2], nowhere, [3, 4]], dtype=np.float32),
        "humor": np.array([nowhere, [5, 6], nowhere], dtype=np.float32),
    }
    dataset = Dataset.from_list(pairs, features=PAIR_FEATURES)
    write_maps(tmp_path, dataset, np.array([2, 3, 5]), places)
    written = Release(tmp_path, release.manifest)
    ids = [pair["pair_id"] for pair in pairs]
    assert read_map(written, "empathy") == {ids[2]: (1, 2), ids[5]: (3, 4)}
    assert read_map(written, "humor") == {ids[3]: (5, 6)}


def test_every_pair_of_a_build_is_on_the_map_of_its_value(starter: Release) -> None:
    assert MAPS_FILE in starter.manifest["files"]
    for value in starter.values:
        found = read_map(starter, value)
        for split in starter.manifest["values"][value]["splits"]:
            rows = starter.load(value, split)
            assert set(rows["pair_id"]) <= set(found)
        clusters = np.array(list(found.values()))
        assert np.abs(clusters.mean(axis=0)).max() < 0.01


def test_a_missing_map_is_named(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    (folder / MAPS_FILE).unlink()
    with pytest.raises(ReleaseError, match=r"damaged: maps\.parquet cannot be read"):
        read_map(load_release(folder), "empathy")


def test_the_manifest_says_what_a_card_needs_of_labels(starter: Release) -> None:
    labels = starter.manifest["labels"]
    valences = dict(zip(labels["names"], labels["valences"], strict=True))
    assert {name for name in valences if valences[name] == "negative"} == {"deception", "violence"}
    assert valences["discretion"] == "neutral"
    assert valences["refusal"] is None
    measured = starter.manifest["values"]["empathy"]["evidence"]["measured"]
    assert set(measured) == {
        *("subset_precision", "subset_precision_rewarded", "subset_recall"),
        *("average_precision", "precision", "recall"),
    }
    for found in measured.values():
        assert found["low"] < found["value"] < found["high"]
