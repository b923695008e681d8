"""Figures of subsets: the same each time, and drawn of whatever a release may hold."""

import warnings

import numpy as np
import pytest

from cards.facts import SubsetFacts, Topic
from cards.subset_figures import draw_map, draw_margins, draw_quality, draw_sources


def make_facts(topics: list[str], sources: list[str], n_pairs: int = 60) -> SubsetFacts:
    """A subset whose pairs take topics and sources in turn."""
    rng = np.random.default_rng(0)
    cluster = np.array([topics[row % len(topics)] for row in range(n_pairs)], dtype=object)
    return SubsetFacts(
        split=np.array(["train", "train", "test"] * (n_pairs // 3), dtype=object),
        source=np.array([sources[row % len(sources)] for row in range(n_pairs)], dtype=object),
        flipped=np.arange(n_pairs) % 2 == 0,
        margin=rng.uniform(-0.2, 1, n_pairs).astype(np.float32),
        cluster=cluster,
        place=rng.normal(size=(n_pairs, 2)),
        n_prompts={"train": 40, "test": 20},
        topics=tuple(Topic(name, int((cluster == name).sum()), None) for name in topics),
        examples=(),
    )


MANY = [f"topic {number}" for number in range(10)]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_same_numbers_give_the_same_bytes(tmp_path, suffix):
    found = {"low": 0.2, "high": 0.6, "value": 0.4}
    evidence = {"humor": {"measured": {"subset_precision": found, "precision": found}}}
    facts = make_facts(MANY, ["a", "b"])
    drawn = []
    for name in ("first", "second"):
        folder = tmp_path / name
        draw_map(facts, folder / f"map.{suffix}")
        draw_margins({"humor": facts, "honesty": facts, "privacy": facts}, folder / f"m.{suffix}")
        draw_sources({"humor": facts}, folder / f"sources.{suffix}")
        draw_quality(evidence, folder / f"quality.{suffix}")
        drawn.append([file.read_bytes() for file in sorted(folder.iterdir())])
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 4


def read_labels(file) -> set[str]:
    """What a figure writes; SVG keeps it in comments."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return {line.strip()[5:-4] for line in lines if line.strip().startswith("<!-- ")}


def test_small_topics_and_sources_share_a_colour(tmp_path):
    facts = make_facts(MANY, MANY)
    draw_map(facts, tmp_path / "map.svg")
    assert {"7  topic 6 (6)", "3 smaller topics (18)"} <= read_labels(tmp_path / "map.svg")
    draw_sources({"humor": facts}, tmp_path / "sources.svg")
    labels = read_labels(tmp_path / "sources.svg")
    assert {"topic 6", "3 other sources", "humor: train", "humor: test", "40", "20"} <= labels
    assert "topic 7" not in labels


def test_what_the_font_lacks_is_numbered(tmp_path):
    facts = make_facts(["chat, chien", "猫, 犬"], ["数据", "good", "_own", "$a$_{"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_map(facts, tmp_path / "map.svg")
        draw_sources({"humor": facts}, tmp_path / "sources.svg")
    assert {"1  chat, chien (30)", "2  topic 2 (30)"} <= read_labels(tmp_path / "map.svg")
    labels = read_labels(tmp_path / "sources.svg")
    # of equal sizes, in order of their names
    assert {"$a$_{", "source 2", "good", "source 4"} <= labels


def test_what_is_undefined_is_left_out(tmp_path):
    nothing = {"low": None, "high": None, "value": None}
    evidence = {
        "humor": {
            "measured": {"precision": nothing, "subset_precision": {**nothing, "value": 0.5}}
        },
        "own": {"measured": {"average_precision": {"low": 0.7, "high": 0.9, "value": 0.8}}},
    }
    draw_quality(evidence, tmp_path / "quality.svg")
    labels = read_labels(tmp_path / "quality.svg")
    assert {"0.50", "0.80", "humor", "own", "subsets in the paper (0.81)"} <= labels
