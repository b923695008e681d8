"""Releases whose cards are read: of one value, and of real data."""

import gzip
from pathlib import Path

import pytest

from valuedata.pipeline import build
from valuedata.recipe import make_recipe
from valuedata.release.folder import Release


@pytest.fixture(scope="session")
def single(vector_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:  # noqa: ARG001
    """Curiosity alone of the bundled corpus, in any language."""
    recipe = make_recipe({"values": ["curiosity"], "quality": {"language": None}})
    return build(recipe, tmp_path_factory.mktemp("single") / "out")


@pytest.fixture(scope="session")
def real(
    shared_data: Path,
    vector_cache: Path,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Release:
    """Honesty and deception of some rows of two real sources."""
    folder = tmp_path_factory.mktemp("real")
    (raw,) = (shared_data / "preference" / "hh-rlhf" / "harmless-base").glob("*.jsonl.gz")
    with gzip.open(raw, "rt", encoding="utf-8") as file:
        (folder / "hh.jsonl").write_text("".join(next(file) for _ in range(400)), encoding="utf-8")
    raw = shared_data / "preference" / "ultrafeedback" / "eval.jsonl.gz"
    (folder / "uf.jsonl").write_text(gzip.decompress(raw.read_bytes()).decode(), encoding="utf-8")
    sources = [f"hh-rlhf={folder}/hh.jsonl", f"ultrafeedback={folder}/uf.jsonl"]
    recipe = make_recipe({"values": ["honesty", "deception"], "sources": sources})
    return build(recipe, folder / "out")
