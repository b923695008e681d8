"""A release that nothing has changed since is found; any change, and any damage, is too."""

import json
import logging
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from tests.builders import write_release
from valuedata.rebuild import find_unchanged, note_build, read_inputs
from valuedata.recipe import LabelSettings, Recipe
from valuedata.release.folder import Release, load_release
from valuedata.settings import IsolationSettings, LlmSettings

ROW = {"prompt": "How are you?", "chosen": "Fine, thank you.", "rejected": "Go away."}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """A recipe with a source, evaluation prompts and labels to audit by, all files."""
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    (tmp_path / "prompts.txt").write_text("Who are you?\n", encoding="utf-8")
    (tmp_path / "labels.jsonl").write_text("{}\n", encoding="utf-8")
    return Recipe(
        values=("empathy",),
        sources=(str(tmp_path / "rows.jsonl"),),
        decontaminate=(str(tmp_path / "prompts.txt"),),
        isolation=IsolationSettings(mode="subset", audit_labels=str(tmp_path / "labels.jsonl")),
    )


@pytest.fixture
def release(recipe: Recipe, cache: Path, tmp_path: Path) -> Release:
    """A release noted as built from the recipe."""
    assert not cache.exists()
    inputs = read_inputs(recipe)
    built = write_release(tmp_path / "out")
    (source,) = built.manifest["sources"]
    told = {"location": "rows.jsonl", "revision": hash_source(recipe)}
    manifest = built.manifest | {"sources": [source | told]}
    (built.folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    built = load_release(tmp_path / "out")
    note_build(built.folder, inputs, built)
    return built


def hash_source(recipe: Recipe) -> str:
    return sha256(Path(recipe.sources[0]).read_bytes()).hexdigest()


def find(recipe: Recipe, release: Release) -> Release | None:
    return find_unchanged(recipe, release.folder, read_inputs(recipe))


def test_an_unchanged_release_stands(recipe: Recipe, release: Release) -> None:
    found = find(recipe, release)
    assert found is not None
    assert found.content_hash == release.content_hash


def test_the_names_of_files_count(recipe: Recipe, release: Release, tmp_path: Path) -> None:
    """A release tells them, and they say how a file is read."""
    (tmp_path / "rows.jsonl").rename(tmp_path / "lines.jsonl")
    moved = recipe.model_copy(update={"sources": (f"rows={tmp_path / 'lines.jsonl'}",)})
    note = read_inputs(recipe)
    assert find_unchanged(moved, release.folder, note) is None
    (tmp_path / "lines.jsonl").rename(tmp_path / "rows.jsonl")
    assert find_unchanged(recipe, release.folder, note) is not None


@pytest.mark.parametrize("name", ["rows.jsonl", "prompts.txt", "labels.jsonl"])
def test_every_file_that_goes_in_counts(
    name: str, recipe: Recipe, release: Release, tmp_path: Path
) -> None:
    with (tmp_path / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert find(recipe, release) is None


@pytest.mark.parametrize("name", ["rows.jsonl", "prompts.txt"])
def test_a_file_that_is_gone_is_for_the_build_to_tell(
    name: str, recipe: Recipe, release: Release, tmp_path: Path
) -> None:
    (tmp_path / name).unlink()
    assert find(recipe, release) is None


def test_every_setting_counts(recipe: Recipe, release: Release) -> None:
    assert find(recipe.updated({"seed": 1}), release) is None
    assert find(recipe.updated({"labels.precision": "bfloat16"}), release) is None


def test_weights_count_by_their_content(cache: Path, tmp_path: Path) -> None:
    assert not cache.exists()
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "classifier.json").write_text("{}", encoding="utf-8")
    recipe = Recipe(values=("empathy",), labels=LabelSettings(weights=str(folder)))
    before = read_inputs(recipe)
    assert before == read_inputs(recipe)
    (folder / "classifier.json").write_text("{ }", encoding="utf-8")
    assert before != read_inputs(recipe)


@pytest.mark.parametrize("damage", ["change", "loss", "addition", "manifest"])
def test_a_release_that_is_not_whole_is_built_anew(
    damage: str, recipe: Recipe, release: Release
) -> None:
    file = release.folder / "decisions.parquet"
    if damage == "change":
        file.write_bytes(file.read_bytes() + b" ")
    elif damage == "loss":
        file.unlink()
    elif damage == "addition":
        shutil.copy(file, release.folder / "data" / "more.parquet")
    else:
        manifest = release.folder / "manifest.json"
        manifest.write_text(manifest.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert find(recipe, release) is None


def test_code_and_versions_count(recipe: Recipe, release: Release) -> None:
    inputs = read_inputs(recipe)
    assert inputs is not None
    assert {"valuedata", "python", "torch", "numpy"} <= set(inputs["versions"])
    for name in ("code", "versions", "machine"):
        assert find_unchanged(recipe, release.folder, {**inputs, name: "other"}) is None


def test_a_damaged_note_says_nothing(recipe: Recipe, release: Release, cache: Path) -> None:
    (note,) = (cache / "builds").iterdir()
    note.write_text("{", encoding="utf-8")
    assert find(recipe, release) is None
    note.write_text("[]", encoding="utf-8")
    assert find(recipe, release) is None
    shutil.rmtree(cache)
    assert find(recipe, release) is None


def test_answers_of_a_language_model_may_differ(release: Release, cache: Path) -> None:
    llm = LlmSettings(model="m", base_url="http://127.0.0.1:1/v1")
    recipe = Recipe(values=("empathy",), labels=LabelSettings(extractor="llm", llm=llm))
    before = sorted((cache / "builds").iterdir())
    assert read_inputs(recipe) is None
    note_build(release.folder / "other", None, release)
    assert sorted((cache / "builds").iterdir()) == before


def test_a_note_that_cannot_be_written_is_told(
    recipe: Recipe, release: Release, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(cache)
    cache.write_text("a file is in the way", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        note_build(release.folder, read_inputs(recipe), release)
    (record,) = caplog.records
    assert record.getMessage().startswith("The next build will not see that ")
    assert find(recipe, release) is None
