"""A build of made pairs with labels that nobody gave: every row is accounted for, and marked."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.build_scale import fit_exponents
from benchmarks.stand_in import StandIn, draw, embed
from benchmarks.synthetic_pairs import make_rows, write_sources
from valuedata.pipeline import build
from valuedata.recipe import Recipe
from valuedata.release.folder import verify_release
from valuedata.release.life import count_drops

N_ROWS = 600


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("undrawn")
def test_a_build_without_the_encoder(tmp_path: Path) -> None:
    recipe = Recipe(values=("empathy",), sources=tuple(write_sources(tmp_path, N_ROWS)))
    release = build(recipe, tmp_path / "out", extractor=StandIn(), embed=embed)
    verify_release(release)
    assert release.manifest["labels"]["extractor"] == "stand-in-not-labels-0"
    n_kept = release.manifest["values"]["empathy"]["n_pairs"]
    assert n_kept > 0
    assert n_kept + sum(drop.n_rows for drop in count_drops(release)) == N_ROWS
    stages = {report["stage"]: report["dropped"] for report in release.manifest["stages"]}
    assert {"quality", "exact duplicates", "near duplicates"} <= {
        stage for stage, dropped in stages.items() if dropped
    }
    again = build(recipe, tmp_path / "again", extractor=StandIn(), embed=embed)
    assert again.content_hash == release.content_hash
    other = build(recipe, tmp_path / "other", extractor=StandIn(1), embed=embed)
    assert other.content_hash != release.content_hash


def test_rows_follow_from_the_seed() -> None:
    rows = list(make_rows(40, seed=3))
    assert rows == list(make_rows(40, seed=3))
    assert rows != list(make_rows(40, seed=4))
    assert len(rows) == 40


def test_numbers_are_even_and_differ_between_streams() -> None:
    numbers = np.arange(10_000, dtype=np.uint64)
    first, second = draw(numbers, 0), draw(numbers, 1)
    assert first.min() >= 0
    assert first.max() < 1
    assert abs(first.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


def test_exponents_are_slopes_of_logarithms() -> None:
    runs = [{"n_rows": 100, "seconds": 50.0}, {"n_rows": 10, "seconds": 5.0}]
    runs.append({"n_rows": 1_000, "seconds": 5_000.0})
    assert fit_exponents(runs, "seconds") == [1.0, 2.0]
