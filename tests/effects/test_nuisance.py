"""Areas under the curve by hand and by scikit-learn; controls that look clean."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from valuedata.effects.nuisance import measure_separation, rank_symmetric, score_unseen


def rank(scores, counts=None):
    scores = np.array(scores, dtype=np.float64)
    counts = np.ones((1, len(scores))) if counts is None else np.array(counts, dtype=np.float64)
    return rank_symmetric(scores, np.arange(len(scores)), counts, np.ones(len(scores)))


def test_an_area_by_hand():
    """Scores 2 and -1 against -2 and 1: 2 beats both, -1 beats -2 alone."""
    assert rank([2, -1]) == pytest.approx([3 / 4])


def test_level_scores_count_half():
    """0 against 0, and 1 and -1 each against the other's negation: all level or split."""
    assert rank([0]) == pytest.approx([0.5])
    assert rank([1, -1]) == pytest.approx([0.5])


def test_prompts_count_as_often_as_they_are_drawn():
    """2 twice and -1 once: of 9 comparisons 2 wins all six of its own, -1 two of three."""
    assert rank([2, -1], [[2, 1], [0, 1]]) == pytest.approx([8 / 9, 0])


def test_the_area_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores = rng.normal(0.3, 1, size=50).round(1)  # some are level
    both = np.concatenate([scores, -scores])
    assert rank(scores)[0] == pytest.approx(roc_auc_score(np.repeat([1, 0], 50), both))


def test_no_pair_is_scored_by_a_model_that_saw_its_prompt():
    """Each prompt points into a direction of its own, so others teach nothing of it."""
    gaps = np.repeat(np.eye(20), 3, axis=0)
    scores = score_unseen(gaps, np.repeat(np.arange(20), 3), np.ones(60), np.random.default_rng(0))
    assert scores == pytest.approx(np.zeros(60))


def test_which_side_comes_first_teaches_nothing():
    """With all differences turned round, the model is the same and so are the scores' signs."""
    rng = np.random.default_rng(0)
    gaps, groups = rng.normal(size=(40, 3)), np.arange(40)
    scores = score_unseen(gaps, groups, np.ones(40), np.random.default_rng(1))
    assert score_unseen(-gaps, groups, np.ones(40), np.random.default_rng(1)) == pytest.approx(
        scores
    )


def test_a_nuisance_that_differs_tells_the_sides_apart():
    rng = np.random.default_rng(0)
    gaps = rng.normal([1.0, 0, 0, 0], 1, size=(300, 4))
    found = measure_separation(gaps, np.arange(300), 200, 0)
    # normal with mean m: the area is P(s + s' > 0) = the normal distribution at m * sqrt(2), 0.921
    assert found.low < 0.921 < found.high
    assert found.low > 0.85
    assert measure_separation(gaps, np.arange(300), 200, 0) == found


def test_random_controls_look_clean():
    """Swapped sides: 0.5 lies in the interval of at least 85 % of 120 controls.

    Of intervals that cover in 93 %, fewer than 102 of 120 would be 3.4 standard errors off.
    Without the widening about 80 % hold it.
    """
    rng, n_clean = np.random.default_rng(3), 0
    for _ in range(120):
        groups = np.repeat(np.arange(60), rng.integers(1, 4, size=60))
        gaps = rng.normal(size=(60, 10))[groups] + rng.normal(size=(len(groups), 10))
        found = measure_separation(gaps, groups, 200, 0)
        n_clean += found.low <= 0.5 <= found.high
    assert n_clean >= 102


def test_nothing_to_learn_from_is_undefined():
    one = measure_separation(np.ones((3, 2)), np.zeros(3, dtype=np.int64), 100, 0)
    none = measure_separation(np.ones((3, 0)), np.arange(3), 100, 0)
    assert np.isnan([one.value, one.low, none.value, none.high]).all()


def test_few_prompts_have_no_interval():
    found = measure_separation(np.ones((4, 1)), np.arange(4), 100, 0)
    assert found.value == 1
    assert np.isnan([found.low, found.high]).all()


def test_ends_stay_within_what_an_area_can_be():
    rng = np.random.default_rng(0)
    found = measure_separation(rng.normal(2, 1, size=(40, 1)), np.arange(40), 200, 0)
    assert found.high == 1


def test_a_pair_of_weight_two_counts_as_two_pairs_of_its_prompt():
    rng = np.random.default_rng(0)
    gaps, groups = rng.normal(0.5, 1, size=(60, 3)), np.arange(60)
    weights = np.where(np.arange(60) < 20, 2.0, 1.0)
    twice = np.concatenate([np.arange(60), np.arange(20)])
    weighted = measure_separation(gaps, groups, 200, 0, weights)
    repeated = measure_separation(gaps[twice], groups[twice], 200, 0)
    assert weighted.value == pytest.approx(repeated.value, abs=1e-9)
    assert weighted.value != pytest.approx(measure_separation(gaps, groups, 200, 0).value)
