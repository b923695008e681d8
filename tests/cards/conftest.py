"""Releases whose cards are read: of one value, and of real data."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sharing import share_release
from valuedata.recipe import make_recipe
from valuedata.release.folder import Release

SIDES = ("chosen", "rejected")


@pytest.fixture(scope="session")
def single(vector_cache: Path, common: Path) -> Iterator[Release]:  # noqa: ARG001
    """Curiosity alone of the bundled corpus, in any language."""
    recipe = make_recipe({"values": ["curiosity"], "quality": {"language": None}})
    with share_release(common / "single", recipe) as release:
        yield release


@pytest.fixture(scope="session")
def real(
    shared_data: Path,
    vector_cache: Path,  # noqa: ARG001
    common: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Release]:
    """Honesty and deception of some rows of two real sources, the long replies cut."""
    folder = tmp_path_factory.mktemp("real")
    (raw,) = (shared_data / "preference" / "hh-rlhf" / "harmless-base").glob("*.jsonl.gz")
    with gzip.open(raw, "rt", encoding="utf-8") as file:
        (folder / "hh.jsonl").write_text("".join(next(file) for _ in range(400)), encoding="utf-8")
    with gzip.open(
        shared_data / "preference" / "ultrafeedback" / "eval.jsonl.gz", "rt", encoding="utf-8"
    ) as file:
        rows = [json.loads(line) for line in file]
    lines = [json.dumps({**row, **{side: row[side][:400] for side in SIDES}}) for row in rows]
    (folder / "uf.jsonl").write_text("\n".join(lines), encoding="utf-8")
    sources = [f"hh-rlhf={folder}/hh.jsonl", f"ultrafeedback={folder}/uf.jsonl"]
    recipe = make_recipe({"values": ["honesty", "deception"], "sources": sources})
    with share_release(common / "real", recipe) as release:
        yield release
