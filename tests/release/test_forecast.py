"""A forecast by hand on the small release, and of the bundled corpus."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.builders import CHOSEN, REJECTED
from tests.measured import write_measured_release
from valuedata.effects.settings import ForecastSettings
from valuedata.errors import RecipeError, ReleaseError
from valuedata.release.folder import Release, load_release
from valuedata.release.forecast import forecast, list_largest, read_forecast

FEW = ForecastSettings(n_resamples=100)


@pytest.fixture
def measured(tmp_path: Path) -> Release:
    return write_measured_release(tmp_path / "measured")


def test_a_forecast_by_hand(measured: Release) -> None:
    """Empathy, rewarded minus other: 0.9 - 0.1, flipped 0.7 - 0.2, 0.75 - 0.25: the mean is 0.6.

    Humor: 0.5, flipped 0, 0: the mean is 0.5 / 3; its variances are 0.5^2 / 6 and 0.
    """
    (found,) = forecast(measured, FEW).values
    unit = np.sqrt((np.var(CHOSEN, ddof=1) + np.var(REJECTED, ddof=1)) / 2)
    assert found.target.difference.value == pytest.approx(0.6 / unit)
    assert found.target.in_source.value == pytest.approx(
        (np.mean(CHOSEN) - np.mean(REJECTED)) / unit
    )
    humor = found.others[0]
    assert (humor.name, humor.kind) == ("humor", "value")
    assert humor.difference.value == pytest.approx(0.5 / 3 / np.sqrt(0.25 / 6 / 2))
    assert humor.in_source.value == pytest.approx(0.5 / 6 / np.sqrt(0.25 / 6 / 2))
    assert (found.n_pairs, found.n_prompts) == (3, 2)


def test_the_target_is_not_among_what_is_tested(measured: Release) -> None:
    (found,) = forecast(measured, FEW).values
    assert found.target.p > 0
    assert np.isnan(found.target.q)
    assert not found.target.is_found
    assert "empathy" not in [effect.name for effect in found.others]


def test_json_has_no_number_that_json_lacks(measured: Release) -> None:
    content = forecast(measured, FEW).to_json()
    json.dumps(content, allow_nan=False)
    assert content["values"]["empathy"]["target"]["q"] is None
    assert content["values"]["empathy"]["target"]["difference"]["low"] is None  # three prompts
    assert list(content["crosstalk"]["empathy"]) == ["empathy", "humor"]


def test_a_subset_that_no_label_is_named_by_has_no_target(measured: Release) -> None:
    """Such as a control."""
    folder = measured.folder
    manifest = (folder / "manifest.json").read_text(encoding="utf-8")
    renamed = manifest.replace('"names": [\n      "empathy"', '"names": [\n      "warmth"')
    assert renamed != manifest
    (folder / "manifest.json").write_text(renamed, encoding="utf-8")
    (found,) = forecast(load_release(folder), FEW).values
    assert found.target is None
    assert found.to_json()["target"] is None
    assert found.others[0].name == "warmth"


@pytest.fixture(scope="module")
def made(starter: Release) -> dict:
    return forecast(starter).to_json()


def test_a_build_writes_the_forecast(starter: Release, made: dict) -> None:
    assert read_forecast(starter) == made
    assert "forecast.json" in starter.manifest["files"]


def test_a_subset_differs_most_in_its_value(made: dict) -> None:
    for value, found in made["values"].items():
        target = found["target"]
        assert target["name"] == value
        assert target["difference"]["low"] > 1
        for effect in found["others"]:
            if effect["difference"]["value"] is None:  # a marker that no reply shows
                assert (effect["p"], effect["q"], effect["is_found"]) == (None, None, False)
                continue
            assert abs(effect["difference"]["value"]) < target["difference"]["value"]
            assert effect["is_found"] == (effect["q"] <= 0.05)
            assert effect["q"] >= effect["p"]
        assert found["n_found"] == sum(effect["is_found"] for effect in found["others"])


def test_one_value_alone_says_the_same(starter: Release, made: dict) -> None:
    alone = forecast(starter, ForecastSettings(values=("deception",))).to_json()
    assert alone["values"] == {"deception": made["values"]["deception"]}


def test_another_seed_moves_ends_only(starter: Release, made: dict) -> None:
    other = forecast(starter, ForecastSettings(("empathy",), seed=1)).to_json()["values"]["empathy"]
    before = made["values"]["empathy"]["target"]["difference"]
    after = other["target"]["difference"]
    assert before["value"] == after["value"]
    assert before["low"] != after["low"]


def test_the_largest_differences_come_first() -> None:
    effects = [
        {"name": name, "is_found": is_found, "difference": {"value": number}}
        for name, is_found, number in (
            ("a", True, 0.2),
            ("b", True, -0.5),
            ("c", False, 0.9),
            ("d", True, 0.3),
        )
    ]
    assert [effect["name"] for effect in list_largest({"others": effects}, 2)] == ["b", "d"]


def test_a_subset_that_is_not_there(starter: Release) -> None:
    with pytest.raises(ReleaseError, match="has no subset 'empaty'; did you mean 'empathy'"):
        forecast(starter, ForecastSettings(values=("empaty",)))


def test_too_few_resamples() -> None:
    with pytest.raises(RecipeError, match=r"99 resamples are too few .* at least 100"):
        ForecastSettings(n_resamples=99)


def test_a_release_without_a_forecast_has_none(release: Release) -> None:
    assert read_forecast(release) is None


def test_a_damaged_forecast_is_told(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "copy")
    (folder / "forecast.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"forecast\.json cannot be read"):
        read_forecast(load_release(folder))
