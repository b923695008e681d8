"""The front matter, read by the clients of the Hub and by the Hub's own rules."""

import json
import re
import shutil
from pathlib import Path

import datasets
import pytest
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard

from cards.front_matter import make_front_matter
from tests.cards.reading import read_front_matter
from tests.cards.recounting import read_pairs
from valuedata.release.folder import SUBSET_FEATURES, Release, load_release

# Source: hub-docs, datasetcard.md and its lists of licences, sizes and tasks.
LICENCES = {
    *("apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0"),
    *("cc-by-nc-sa-4.0", "other", "unknown"),
}
SIZES = re.compile(r"n<1K|1K<n<10K|10K<n<100K|100K<n<1M|1M<n<10M|10M<n<100M|100M<n<1B")
CONFIG_NAME = re.compile(r"[^<>:/\\|?*]+")


@pytest.fixture(
    scope="module", params=["starter", "single", pytest.param("real", marks=pytest.mark.slow)]
)
def release(request: pytest.FixtureRequest) -> Release:
    return request.getfixturevalue(request.param)


def test_the_rules_of_the_hub_hold(release: Release) -> None:
    content = read_front_matter(release)
    assert content["license"] in LICENCES
    assert SIZES.fullmatch(*content["size_categories"])
    assert content["task_categories"] == ["text-generation"]
    assert content["annotations_creators"] == ["machine-generated"]
    assert all(re.fullmatch("[a-z]{2,3}", code) for code in content.get("language", []))
    assert all(isinstance(tag, str) and len(tag) <= 64 for tag in content["tags"])
    assert len(set(content["tags"])) == len(content["tags"])
    for config in content["configs"]:
        assert CONFIG_NAME.fullmatch(config["config_name"])
        for file in config["data_files"]:
            assert re.fullmatch(r"\w+(\.\w+)*", file["split"])
            assert list(release.folder.glob(file["path"]))


def test_it_is_what_the_release_is(starter: Release, single: Release) -> None:
    content = read_front_matter(starter)
    assert content["pretty_name"] == "Value subsets: empathy, deception"
    assert content["license"] == "apache-2.0"
    assert content["language"] == ["en"]
    assert content["size_categories"] == ["n<1K"]
    assert content["source_datasets"] == ["extended|other"]
    assert content["tags"] == [
        *("trl", "dpo", "preference", "valuedata", "empathy", "deception"),
        "not-for-all-audiences",
    ]
    assert "language" not in read_front_matter(single)
    assert "not-for-all-audiences" not in read_front_matter(single)["tags"]


def test_the_clients_read_it(release: Release) -> None:
    card = DatasetCard.load(release.folder / "README.md")
    configs = MetadataConfigs.from_dataset_card_data(card.data)
    assert list(configs) == list(release.values)
    infos = DatasetInfosDict.from_dataset_card_data(card.data)
    assert set(infos) == set(release.values)
    for value in release.values:
        assert infos[value].features == SUBSET_FEATURES
        counted = {split: len(rows) for split, rows in read_pairs(release, value).items()}
        assert {name: split.num_examples for name, split in infos[value].splits.items()} == counted
        on_disk = sum(
            file.stat().st_size for file in (release.folder / "data" / value).glob("*.parquet")
        )
        assert infos[value].download_size == on_disk


def test_a_release_loads_with_its_sizes_checked(release: Release, tmp_path: Path) -> None:
    for value in release.values:
        loaded = datasets.load_dataset(
            str(release.folder),
            value,
            cache_dir=str(tmp_path),
            verification_mode="all_checks",
        )
        assert loaded.num_rows == release.manifest["values"][value]["splits"]
        assert loaded["train"].features == SUBSET_FEATURES


def test_sources_on_the_hub_are_named_once_by_their_id(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    source = manifest["sources"][0]
    hub = {**source, "homepage": "https://huggingface.co/datasets/org/name", "licence": None}
    manifest["sources"] = [hub, source, {**hub, "name": "again"}]
    manifest["values"]["empathy"]["n_pairs"] = 2_000_000
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    content = make_front_matter(load_release(folder))
    assert "source_datasets:\n- org/name\n- extended|other\n" in content
    assert "license: unknown\n" in content
    assert "size_categories:\n- 1M<n<10M\n" in content
