"""Figures of scores and agreements: drawn whole, the same each time, empty where undefined."""

import pytest

from cards.scores import draw_agreement, draw_scores

UNDEFINED = {"value": None, "low": None, "high": None}
MEASURES = (
    "precision",
    "recall",
    "average_precision",
    "subset_precision_rewarded",
    "subset_precision",
    "subset_recall",
    "ece",
)
BINS = [
    {"n_replies": 0, "mean_probability": None, "observed": None},
    {"n_replies": 9, "mean_probability": 0.8, "observed": 0.7},
]


def make_names(*names):
    found = {"value": 0.5, "low": 0.4, "high": 0.7}
    content = {name: {**dict.fromkeys(MEASURES, found), "reliability": BINS} for name in names}
    return content | {"never": {**dict.fromkeys(MEASURES, UNDEFINED), "reliability": BINS[:1]}}


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_scores_are_drawn_the_same_each_time(tmp_path, suffix):
    content = {"names": make_names("humor", "a-name-of-ones-own")}
    paths = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    for path in paths:
        draw_scores(content, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].stat().st_size > 10_000


def test_every_name_has_its_bars_and_its_panel(tmp_path):
    draw_scores({"names": make_names("humor", "privacy")}, tmp_path / "scores.svg")
    text = (tmp_path / "scores.svg").read_text(encoding="utf-8")
    for label in ("humor", "privacy", "never", "humor, ECE 0.500", "average precision"):
        assert f"<!-- {label} -->" in text


def test_an_agreement_is_drawn(tmp_path):
    found = {"kappa": {"value": -0.1, "low": None, "high": None}}
    content = {"clusters": "prompts", "names": {"humor": found, "never": {"kappa": UNDEFINED}}}
    draw_agreement(content, tmp_path / "kappa.svg")
    assert "over prompts" in (tmp_path / "kappa.svg").read_text(encoding="utf-8")
