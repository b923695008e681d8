"""Measures by hand, beside scikit-learn's, and what no order or swap may change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    precision_recall_fscore_support,
    roc_auc_score,
)

from valuedata.labelling.fitting.quality import measure_subset
from valuedata.labelling.scoring.measures import (
    COUNTS,
    N_BINS,
    derive,
    rank_auc,
    rank_precision,
    sum_up,
)

# Five pairs: truly on the chosen side, the rejected, both, neither, chosen.
TRUTH = np.array([[1, 0, 1, 0, 1], [0, 1, 1, 0, 0]], dtype=bool)
# Found: right, right, chosen only (wrong), rejected only (wrong), not found.
FOUND = np.array([[1, 0, 1, 0, 0], [0, 1, 0, 1, 0]], dtype=bool)
GROUPS = np.array([0, 0, 1, 2, 2])


def measure(probabilities, expressed, truth, groups, counts=None):
    n_groups = int(groups.max()) + 1
    sums = sum_up(probabilities, expressed, truth, groups, n_groups)
    counts = np.ones((1, n_groups)) if counts is None else counts
    return {name: numbers.tolist() for name, numbers in derive(counts @ sums).items()}


def test_measures_by_hand():
    found = measure(np.where(FOUND, 0.8, 0.1), FOUND, TRUTH, GROUPS)
    assert found["prevalence"] == [5 / 10]
    assert found["precision"] == [3 / 4]
    assert found["recall"] == [3 / 5]
    assert found["f1"] == [pytest.approx(2 * 0.75 * 0.6 / 1.35)]
    # 3 x 0.2² + 1 x 0.8² + 2 x 0.9² + 4 x 0.1², over 10.
    assert found["brier"] == [pytest.approx(0.242)]
    # Four replies at 0.8, three with it; six at 0.1, two with it: |3 - 3.2| + |2 - 0.6|, over 10.
    assert found["ece"] == [pytest.approx(0.16)]
    # Of the four pairs of the subset, 1 and 2 are right, 3 has it in the other reply, too.
    assert found["subset_precision_rewarded"] == [3 / 4]
    assert found["subset_precision"] == [2 / 4]
    assert found["subset_recall"] == [2 / 3]


def test_a_cluster_that_counts_twice_is_two_clusters():
    counts = np.array([[2.0, 0.0, 1.0]])
    twice = np.array([0, 0, 1, 1, 2, 2])
    rows = [0, 1, 0, 1, 3, 4]
    p = np.where(FOUND, 0.8, 0.1)
    weighted = measure(p, FOUND, TRUTH, GROUPS, counts)
    drawn = measure(p[:, rows], FOUND[:, rows], TRUTH[:, rows], twice)
    for name, numbers in drawn.items():
        assert weighted[name] == pytest.approx(numbers)


def test_what_has_no_label_is_not_measured():
    p = np.array([[0.9, np.nan], [0.2, 0.7]])
    expressed = np.array([[True, False], [False, True]])
    truth = np.array([[True, True], [True, True]])
    sums = sum_up(p, expressed, truth, np.array([0, 0]), 1)
    counts = dict(zip(COUNTS, sums[0].tolist(), strict=False))
    assert (counts["n_replies"], counts["n_positives"], counts["n_right"]) == (3, 3, 2)
    assert (counts["n_pairs"], counts["n_subset"], counts["n_rewarded"]) == (1, 1, 1)
    # 0.1², 0.8² and 0.3² of three replies.
    assert derive(sums)["brier"].tolist() == [pytest.approx(0.74 / 3)]


def test_shares_of_nothing_are_not_numbers():
    nothing = np.zeros((2, 3), dtype=bool)
    found = measure(np.full((2, 3), 0.25), nothing, nothing, np.arange(3))
    undefined = {name for name, numbers in found.items() if np.isnan(numbers[0])}
    subset = {"subset_precision_rewarded", "subset_precision", "subset_recall"}
    assert undefined == {"precision", "recall", "f1"} | subset
    assert (found["prevalence"], found["ece"]) == ([0.0], [0.25])
    ranked = rank_precision(np.array([0.5]), np.array([False]), np.array([0]), np.ones((2, 1)))
    assert np.isnan(ranked).all()


def test_probabilities_at_the_edges_have_their_bins():
    p = np.array([[0.0, 1 / N_BINS], [0.5, 1.0]])
    truth = np.zeros((2, 2), dtype=bool)
    sums = sum_up(p, p >= 0.5, truth, np.array([0, 0]), 1)
    counts = sums[0, len(COUNTS) : len(COUNTS) + N_BINS]
    assert np.flatnonzero(counts).tolist() == [0, 1, 7, 14]


def test_average_precision_by_hand():
    p = np.array([0.9, 0.8, 0.8, 0.3, 0.1])
    truth = np.array([True, False, True, False, True])
    groups = np.array([0, 1, 2, 3, 4])
    # Recall 1/3 at precision 1, the tie brings 1/3 at 2/3, the last 1/3 at 3/5.
    counts = np.array([[1.0, 1, 1, 1, 1], [1, 0, 0, 0, 2], [0, 1, 0, 1, 0]])
    ranked = rank_precision(p, truth, groups, counts)
    # With weights 1 and 2: the first third at precision 1, the rest at 3/3.
    assert ranked[:2].tolist() == pytest.approx([(1 + 2 / 3 + 3 / 5) / 3, 1.0])
    assert np.isnan(ranked[2])


pairs = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]), min_size=2 * n, max_size=2 * n),
        st.lists(st.booleans(), min_size=2 * n, max_size=2 * n),
        st.lists(st.integers(0, 4), min_size=n, max_size=n),
    )
)


def unpack(drawn):
    p, truth, groups = (np.array(part) for part in drawn)
    return p.reshape(2, -1), truth.reshape(2, -1), groups


@settings(deadline=None, max_examples=60)
@given(pairs, st.floats(0.05, 0.95))
def test_measures_are_those_of_scikit_learn(drawn, threshold):
    p, truth, groups = unpack(drawn)
    expressed = p >= threshold
    found = measure(p, expressed, truth, groups)
    y, e = truth.ravel(), expressed.ravel()
    precision, recall, f1, _ = precision_recall_fscore_support(
        y, e, average="binary", zero_division=np.nan
    )
    expected = {"precision": precision, "recall": recall, "f1": f1}
    for name, number in expected.items():
        assert found[name] == pytest.approx([number], nan_ok=True)
    assert found["brier"] == [pytest.approx(np.mean((p.ravel() - y) ** 2))]
    if 0 < y.sum() < len(y):
        assert found["brier"] == [pytest.approx(brier_score_loss(y, p.ravel()))]
    precise, recalled = measure_subset(e, y)
    assert found["subset_precision"] == pytest.approx([precise], nan_ok=True)
    assert found["subset_recall"] == pytest.approx([recalled], nan_ok=True)


@settings(deadline=None, max_examples=60)
@given(pairs, st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_average_precision_is_that_of_scikit_learn(drawn, counts):
    p, truth, groups = unpack(drawn)
    y, both = truth.ravel(), np.tile(groups, 2)
    ranked = rank_precision(p.ravel(), y, both, np.array([counts], dtype=float))
    weights = np.array(counts)[both]
    if weights[y].sum() == 0:
        assert np.isnan(ranked).all()
    else:
        expected = average_precision_score(y, p.ravel(), sample_weight=weights)
        assert ranked.tolist() == [pytest.approx(expected)]


@settings(deadline=None, max_examples=60)
@given(pairs, st.randoms())
def test_neither_order_nor_sides_change_a_measure(drawn, random):
    p, truth, groups = unpack(drawn)
    expressed = p >= 0.5
    found = measure(p, expressed, truth, groups)
    order = list(range(len(groups)))
    random.shuffle(order)
    shuffled = measure(p[:, order], expressed[:, order], truth[:, order], groups[order])
    swapped = measure(p[::-1], expressed[::-1], truth[::-1], groups)
    for other in (shuffled, swapped):
        for name, numbers in found.items():
            assert other[name] == pytest.approx(numbers, nan_ok=True)


def test_rank_area_by_hand():
    """Positives 0.9 and 0.5 against 0.5, 0.2, 0.1: five couples won and one tied, of six."""
    scores = np.array([0.5, 0.9, 0.2, 0.5, 0.1])
    truth = np.array([True, True, False, False, False])
    groups = np.arange(5)
    counts = np.ones((3, 5))
    # Twice the reply at 0.2: seven won and one tied, of eight. Without positives: undefined.
    counts[1, 2], counts[2, :2] = 2, 0
    found = rank_auc(scores, truth, groups, counts)
    assert found[:2] == pytest.approx([5.5 / 6, 7.5 / 8])
    assert np.isnan(found[2])


def test_rank_area_beside_scikit_learn():
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(4, size=60).astype(float), rng.random(60) < 0.4
    groups = rng.integers(20, size=60)
    counts = rng.integers(3, size=(5, 20)).astype(float)
    expected = [roc_auc_score(truth, scores, sample_weight=row[groups]) for row in counts]
    assert rank_auc(scores, truth, groups, counts) == pytest.approx(expected)
