"""croissant.json, read by the reference implementation."""

import itertools
import json
import shutil
from pathlib import Path

import mlcroissant
import pytest

from cards.croissant import CROISSANT_FILE, write_croissant
from valuedata.release.folder import Release, finish_manifest, load_release

# mlcroissant 1.1 parses by ConjunctiveGraph, which rdflib 7.1 deprecates:
# https://github.com/RDFLib/rdflib/pull/2405
# It also resets an index in place, which pandas 3.1 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning",
    "ignore:The inplace keyword in DataFrame.reset_index:DeprecationWarning",
)


@pytest.fixture(scope="module")
def described(starter: Release) -> mlcroissant.Dataset:
    return mlcroissant.Dataset(jsonld=starter.folder / CROISSANT_FILE)


def test_it_is_valid_but_for_a_date_which_no_release_has(described: mlcroissant.Dataset) -> None:
    issues = described.metadata.issues
    assert not issues.errors
    (warning,) = issues.warnings
    assert "datePublished" in warning
    assert described.metadata.conforms_to == ["http://mlcommons.org/croissant/1.0"]


def test_every_row_comes_back_as_it_is(starter: Release, described: mlcroissant.Dataset) -> None:
    for value in starter.values:
        expected = {
            row["pair_id"]: (split, row)
            for split in starter.manifest["values"][value]["splits"]
            for row in starter.load(value, split)
        }
        records = list(described.records(value))
        assert len(records) == len(expected)
        for record in records[:3]:
            told = {name.removeprefix(f"{value}/"): cell for name, cell in record.items()}
            split, row = expected[told["pair_id"].decode()]
            assert told.pop("split").decode() == split
            assert told.keys() == row.keys()
            for side in ("prompt", "chosen", "rejected"):
                assert [
                    {name.rpartition("/")[2]: text.decode() for name, text in turn.items()}
                    for turn in told[side]
                ] == row[side]
            assert [name.decode() for name in told["chosen_values"]] == row["chosen_values"]
            assert (told["flipped"], told["margin"], told["source_row"]) == (
                row["flipped"],
                row["margin"],
                row["source_row"],
            )


def test_it_names_every_parquet_file_with_its_hash(starter: Release) -> None:
    content = json.loads((starter.folder / CROISSANT_FILE).read_text(encoding="utf-8"))
    files = {
        entry["contentUrl"]: entry["sha256"]
        for entry in content["distribution"]
        if entry["@type"] == "cr:FileObject"
    }
    assert files == {
        path: told["sha256"]
        for path, told in starter.manifest["files"].items()
        if path.endswith(".parquet")
    }
    assert CROISSANT_FILE in starter.manifest["files"]
    assert content["license"] == "https://spdx.org/licenses/Apache-2.0.html"


@pytest.mark.parametrize(
    ("licence", "page"),
    [("apache-2.0", "Apache-2.0"), ("mit", "MIT"), ("cc-by-4.0", "CC-BY-4.0")],
)
def test_licences_as_the_hub_writes_them_have_their_page(
    starter: Release, tmp_path: Path, licence: str, page: str
) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["sources"][0]["licence"] = licence
    finish_manifest(folder, manifest)
    write_croissant(load_release(folder))
    content = json.loads((folder / CROISSANT_FILE).read_text(encoding="utf-8"))
    assert content["license"] == f"https://spdx.org/licenses/{page}.html"


def test_what_is_not_known_is_left_out(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["sources"][0]["licence"] = None
    manifest["recipe"]["quality"]["language"] = None
    finish_manifest(folder, manifest)
    write_croissant(load_release(folder))
    content = json.loads((folder / CROISSANT_FILE).read_text(encoding="utf-8"))
    assert content["license"] == "unknown"
    assert "inLanguage" not in content
    assert "isBasedOn" not in content
    first = next(iter(mlcroissant.Dataset(jsonld=folder / CROISSANT_FILE).records("empathy")))
    assert len(list(itertools.islice(first, 2))) == 2
