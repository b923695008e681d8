import logging

import numpy as np
import pytest
from datasets import Dataset

from tests.cleaning.made import gather, make
from valuedata.errors import SelectionError
from valuedata.labelling.labels import Labels
from valuedata.labelling.values import VALUE_NAMES
from valuedata.progress import show_nothing
from valuedata.recipe import Recipe, make_recipe
from valuedata.selection.distinct import find_candidates
from valuedata.selection.subsets import (
    Subset,
    choose_subset,
    select_subsets,
    split_subsets,
)

N_PAIRS = 8
PAIRS = gather([make(f"Question about topic {letter}?") for letter in "abcdefgh"])


def embed(pairs: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Each pair its own direction, the same on both sides."""
    rows = [ord(prompt[0]["content"][-2]) - ord("a") for prompt in pairs["prompt"]]
    vectors = np.eye(N_PAIRS, dtype=np.float32)[rows]
    return vectors, vectors.copy()


def make_labels(margins: dict[str, list[float]]) -> Labels:
    """Labels of the 15 values; a positive margin is on the chosen side, a negative flipped."""
    chosen = np.zeros((N_PAIRS, len(VALUE_NAMES)), dtype=np.float32)
    rejected = chosen.copy()
    for value, numbers in margins.items():
        column = VALUE_NAMES.index(value)
        for row, margin in enumerate(numbers):
            if margin:
                side = chosen if margin > 0 else rejected
                side[row, column] = abs(margin)
    thresholds = np.full(len(VALUE_NAMES), 0.2, dtype=np.float32)
    return Labels(VALUE_NAMES, chosen, rejected, thresholds)


LABELS = make_labels(
    {"empathy": [0.9, -0.8, 0.7, -0.6, 0.5, 0.4, 0.3, 0], "humor": [0.9, 0.3, 0.3, 0, 0, 0, 0, 0]}
)


def choose(recipe: Recipe) -> list[Subset]:
    return select_subsets(PAIRS, LABELS, recipe, embed, None, show_nothing)


def test_stages_of_a_subset_follow_each_other() -> None:
    recipe = make_recipe({"values": ["empathy"], "selection": {"min_margin": 0.45}})
    found = find_candidates(PAIRS, LABELS, "empathy", recipe, embed, 1)
    subset = choose_subset(found, None, recipe)
    assert [step.verdict.stage for step in subset.steps] == [
        "one-sided",
        "margin",
        "semantic duplicates",
        "caps",
    ]
    assert subset.kept.tolist() == [0, 1, 2, 3, 4]
    assert found.candidates is not None
    assert found.candidates.rows.tolist() == [0, 1, 2, 3, 4]
    assert subset.flipped[subset.kept].tolist() == [False, True, False, True, False]
    assert [row for row in range(N_PAIRS) if subset.cluster[row] is None] == [5, 6, 7]


def test_the_better_of_two_semantic_duplicates_stays() -> None:
    def embed_alike(pairs: Dataset) -> tuple[np.ndarray, np.ndarray]:
        vectors, _ = embed(pairs)
        vectors[0] = vectors[1]  # rows 0 and 1 mean the same, and row 0 has the larger margin
        return vectors, vectors.copy()

    recipe = make_recipe({"values": ["empathy"]})
    found = find_candidates(PAIRS, LABELS, "empathy", recipe, embed_alike, 1)
    subset = choose_subset(found, None, recipe)
    verdict = subset.steps[2].verdict
    assert verdict.reasons.tolist() == ["", "semantic duplicate", "", "", "", "", ""]
    assert verdict.duplicate_of is not None
    assert verdict.duplicate_of[1] == 0


def test_all_counts_what_is_left_after_the_margin() -> None:
    settings = {"min_pairs": 3, "min_margin": 0.0}
    recipe = make_recipe({"values": ["all"], "selection": settings})
    assert [subset.value for subset in choose(recipe)] == ["empathy", "humor"]
    strict = recipe.updated({"selection.min_margin": 0.35})
    assert [subset.value for subset in choose(strict)] == ["empathy"]
    capped = strict.updated({"selection.max_pairs": 1})
    assert [len(subset.steps[-1].rows) for subset in choose(capped)] == [6]


def test_all_counts_what_is_left_after_semantic_duplicates() -> None:
    embedded = []

    def embed_alike(pairs: Dataset) -> tuple[np.ndarray, np.ndarray]:
        embedded.append(len(pairs))
        vectors, _ = embed(pairs)
        vectors[0] = vectors[1]
        return vectors, vectors.copy()

    recipe = make_recipe({"values": ["all"], "selection": {"min_pairs": 3}})
    found = select_subsets(PAIRS, LABELS, recipe, embed_alike, None, show_nothing)
    assert [(subset.value, len(subset.steps[-1].rows)) for subset in found] == [("empathy", 6)]
    assert embedded == [7, 3]  # no vectors for the other values, which have fewer pairs


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            {"values": ["all"], "selection": {"min_pairs": 20}},
            "No value reaches 20 one-sided pairs (the most are 7 of empathy, before margin and "
            "semantic duplicates); lower --min-pairs or add a --source.",
        ),
        (
            {"values": ["humor"], "selection": {"min_margin": 0.95}},
            "No pair has 'humor' on exactly one side (chosen only 3, rejected only 0, both 0, "
            "neither 5) with a margin of at least 0.95; lower --min-margin or add a --source.",
        ),
        (
            {"values": ["fairness"]},
            "No pair has 'fairness' on exactly one side (chosen only 0, rejected only 0, both 0, "
            "neither 8); add a --source.",
        ),
    ],
)
def test_nothing_left_is_one_sentence_with_the_counts(content: dict, sentence: str) -> None:
    with pytest.raises(SelectionError) as caught:
        choose(make_recipe(content))
    assert str(caught.value) == sentence


def test_caps_that_keep_a_subset_small_are_told(caplog: pytest.LogCaptureFixture) -> None:
    settings = {"max_pairs": 6, "max_source_share": 0.5, "max_cluster_share": 1.0}
    recipe = make_recipe({"values": ["empathy"], "selection": settings})
    with caplog.at_level(logging.WARNING):
        (subset,) = choose(recipe)
    assert subset.kept.tolist() == [0, 1, 2]
    assert "The subset of empathy has 3 pairs, not 6: source cap 4" in caplog.text


def test_a_pair_is_in_one_split_for_all_values() -> None:
    recipe = make_recipe({"values": ["empathy", "humor"], "splits": {"validation": 0.25}})
    subsets = choose(recipe)
    sources = np.array(["made"] * N_PAIRS, dtype=object)
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 4])
    split = split_subsets(subsets, sources, groups, recipe)
    assert split[7] is None
    assert split[0] == split[1]
    assert split[2] == split[3]
    assert split[4] == split[5]
    assert {"train", "validation"} <= set(split[:7])
