"""The card's section of what subsets push, and its figures."""

import json
import shutil
from pathlib import Path

import pytest
from matplotlib.image import imread

from cards.forecast import draw_crosstalk, draw_love
from cards.render import render_card
from tests.cards.reading import read_figures, read_section, read_tables
from valuedata.release.folder import Release
from valuedata.release.forecast import read_forecast


@pytest.fixture(scope="module")
def forecast(starter: Release) -> dict:
    content = read_forecast(starter)
    assert content is not None
    return content


def test_the_card_defines_the_markers(starter: Release) -> None:
    table = read_tables(read_section(starter, "How to use it"))[1]
    assert [row[0] for row in table[1:]] == list(starter.manifest["markers"])


def test_every_figure_is_there_and_readable(starter: Release) -> None:
    shown = read_figures(starter)
    for name in ("crosstalk", "forecast-empathy", "forecast-deception"):
        file = starter.folder / "figures" / f"{name}.png"
        assert file in shown
        height, width, _ = imread(file).shape
        assert width == 1200
        assert 0.3 < height / width < 2


def test_a_release_without_a_forecast_says_so(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del manifest["files"]["forecast.json"]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    render_card(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "for this release that was not measured" in card
    assert "also pushes\n" not in card
    assert "Crosstalk" not in card
    assert "figures/forecast-" not in card


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_numbers_give_the_same_bytes(forecast: dict, tmp_path: Path, suffix: str) -> None:
    drawn = []
    for name in ("first", "second"):
        love, crosstalk = tmp_path / f"{name}-love{suffix}", tmp_path / f"{name}-crosstalk{suffix}"
        draw_love(forecast, "empathy", love)
        draw_crosstalk(forecast, crosstalk)
        drawn.append((love.read_bytes(), crosstalk.read_bytes()))
    assert drawn[0] == drawn[1]


def test_what_is_undefined_is_left_out(forecast: dict, tmp_path: Path) -> None:
    content = json.loads(json.dumps(forecast))
    nothing = {"value": None, "low": None, "high": None, "n_undefined": 0}
    found = content["values"]["empathy"]
    found["target"] = None
    found["others"][0]["difference"] = nothing
    found["others"][1]["difference"] = {**nothing, "value": 0.5}
    content["crosstalk"]["empathy"]["fairness"] = None
    draw_love(content, "empathy", tmp_path / "love.svg")
    draw_crosstalk(content, tmp_path / "crosstalk.svg")
    assert (tmp_path / "love.svg").stat().st_size
    assert (tmp_path / "crosstalk.svg").stat().st_size


def test_a_subset_of_which_nothing_is_defined_is_drawn_all_the_same(
    forecast: dict, tmp_path: Path
) -> None:
    """Such as that of a source with a single pair."""
    content = json.loads(json.dumps(forecast))
    found = content["values"]["empathy"]
    for effect in (found["target"], *found["others"]):
        effect["difference"] = effect["in_source"] = {"value": None, "low": None, "high": None}
    content["crosstalk"] = {"empathy": dict.fromkeys(content["crosstalk"]["empathy"])}
    draw_love(content, "empathy", tmp_path / "love.svg")
    draw_crosstalk(content, tmp_path / "crosstalk.svg")
    assert (tmp_path / "love.svg").stat().st_size
