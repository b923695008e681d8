"""Quality by hand: five pairs whose subset can be counted on the fingers."""

import numpy as np
import pytest

from valuedata.labelling.fitting.quality import (
    choose_best_f1,
    choose_threshold,
    measure_subset,
    measure_unseen,
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
    # At 0.31 to 0.60: 3 right of 4, too few; above 0.60: 3 of 3 at the same recall, which is purer.
    assert choose_threshold(probabilities, truth) == pytest.approx(0.61)


def test_where_nothing_is_pure_enough_the_purest_is_taken():
    truth = np.array([True, False, False, False])
    probabilities = np.array([0.5, 0.9, 0.01, 0.01])
    assert choose_threshold(probabilities, truth) == pytest.approx(0.50)


def test_where_nothing_is_found_the_threshold_is_a_half():
    truth = np.array([True, False])
    assert choose_threshold(np.array([0.01, 0.01]), truth) == 0.5


def test_the_best_f1_is_found():
    # At 0.31 to 0.60: 2 right of 3 found, 2 true, F1 4/5; above, 1 of 1, F1 2/3; below, 4/6.
    probabilities = np.array([0.9, 0.6, 0.6, 0.3])
    assert choose_best_f1(probabilities, np.array([True, True, False, False])) == 0.31


def test_thresholds_come_from_other_folds():
    # In fold 0 p separates at 0.5, in fold 1 at 0.8, where 0.6 expresses nothing.
    probabilities = np.array([0.6, 0.9, 0.1, 0.6])[:, None]
    truth = np.array([True, True, False, False])[:, None]
    measured = measure_unseen(
        ("empathy",), probabilities, truth, np.array([0, 1, 0, 1]), ("tea?", "milk?")
    )
    # Fold 0 is best from 0.11 on, at which both replies of fold 1 express it; fold 1 from
    # 0.61 on, at which neither of fold 0 does. So 1 is right of 2 found, of 2.
    assert measured["best_f1"]["value"] == 0.5
    quality = measured["quality"]["empathy"]
    assert (quality["n_positives"], quality["n_one_sided"]) == (2, 2)
    assert quality["average_precision"]["value"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-6)
    assert measured["means"]["average_precision"]["names"] == ["empathy"]
