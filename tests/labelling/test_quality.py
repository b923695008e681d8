"""Quality by hand: five pairs whose subset can be counted on the fingers."""

import numpy as np
import pytest

from valuedata.labelling.quality import (
    choose_threshold,
    measure_quality,
    measure_subset,
    summarize_quality,
)

# Five pairs, chosen then rejected: truly on the chosen side, the rejected, both, neither, chosen.
TRUTH = np.array([1, 0, 1, 0, 1, 0, 1, 1, 0, 0], dtype=bool)
# Found: right, right, chosen only (wrong), rejected only (wrong), not found.
FOUND = np.array([1, 0, 1, 0, 0, 0, 1, 0, 1, 0], dtype=bool)


def test_a_subset_is_counted_after_xor_and_flip():
    assert measure_subset(FOUND, TRUTH) == (2 / 4, 2 / 3)


def test_a_pair_the_wrong_way_round_is_no_hit():
    assert measure_subset(np.array([True, False]), np.array([False, True])) == (0.0, 0.0)


def test_shares_of_nothing_are_not_numbers():
    nothing = np.zeros(4, dtype=bool)
    assert np.isnan(measure_subset(nothing, nothing)).all()


def test_the_threshold_takes_the_most_pairs_that_are_pure_enough():
    truth = np.array([True] * 4 + [False] * 6 + [False] * 10)
    probabilities = np.array([0.9, 0.8, 0.7, 0.3, 0.6, 0.3, 0.3, 0.3, 0.3, 0.3] + [0.01] * 10)
    # At 0.31 to 0.60: 3 right of 4, 0.75; above 0.60: 3 of 3 at the same recall, which is purer.
    assert choose_threshold(probabilities, truth) == pytest.approx(0.61)


def test_where_nothing_is_pure_enough_the_purest_is_taken():
    truth = np.array([True, False, False, False])
    probabilities = np.array([0.5, 0.9, 0.01, 0.01])
    assert choose_threshold(probabilities, truth) == pytest.approx(0.50)


def test_where_nothing_is_found_the_threshold_is_a_half():
    truth = np.array([True, False])
    assert choose_threshold(np.array([0.01, 0.01]), truth) == 0.5


def test_quality_by_hand():
    quality = measure_quality(np.where(FOUND, 0.8, 0.1), TRUTH, 0.5)
    # Found and true: the chosen of pairs 1 and 3, the rejected of pair 2, so 3 of 4 found, 3 of 5.
    assert (quality["n_positives"], quality["n_one_sided"]) == (5, 3)
    assert (quality["precision"], quality["recall"]) == (0.75, 0.6)
    assert quality["f1"] == pytest.approx(2 * 0.75 * 0.6 / 1.35, abs=1e-4)
    # 3 x 0.2² + 1 x 0.8² + 2 x 0.9² + 4 x 0.1², over 10.
    assert quality["brier"] == pytest.approx(0.242)
    assert (quality["subset_precision"], quality["subset_recall"]) == (0.5, 0.6667)


def test_undefined_shares_are_none_and_their_mean_too():
    quality = measure_quality(np.zeros(4), np.array([True, False, True, False]), 0.5)
    assert (quality["precision"], quality["subset_precision"]) == (None, None)
    assert summarize_quality({"empathy": quality})["mean_subset_precision"] is None
    assert summarize_quality({"empathy": quality})["mean_f1"] == 0.0


def test_behaviours_are_left_out_of_the_means():
    measures = dict.fromkeys(("average_precision", "f1", "subset_precision", "subset_recall"), 0.5)
    means = summarize_quality({"empathy": measures, "refusal": dict.fromkeys(measures, 0.1)})
    assert means["mean_f1"] == 0.5
    assert summarize_quality({"own": measures})["mean_f1"] == 0.5
