"""Measures on an even mix, intervals, thresholds and forecasts, by numbers worked out by hand."""

from math import isnan

import numpy as np
import pytest

from valuedata.labelling.fitting import own_quality
from valuedata.labelling.fitting.own_quality import (
    bound_quality,
    choose_own_threshold,
    expect_precision,
    forecast_examples,
    measure_evenly,
    weigh_evenly,
)

TRUTH = np.array([True, False, False, False, False])


def test_an_even_mix_gives_both_kinds_half_of_the_weight():
    np.testing.assert_allclose(weigh_evenly(TRUTH), [0.5, 0.125, 0.125, 0.125, 0.125])
    drawn = np.array([2.0, 1.0, 0.0, 3.0, 0.0])
    np.testing.assert_allclose(weigh_evenly(TRUTH, drawn), [0.5, 0.125, 0, 0.375, 0])


def test_measures_on_an_even_mix():
    probabilities = np.array([0.6, 0.9, 0.2, 0.1, 0.1])
    found = measure_evenly(probabilities, TRUTH, 0.5, weigh_evenly(TRUTH))
    # Picked are the one reply with the value, of weight 0.5, and one without, of weight 0.125.
    assert found["precision"] == pytest.approx(0.5 / 0.625)
    assert found["recall"] == 1.0
    assert found["f1"] == pytest.approx(2 * 0.8 / 1.8)
    assert found["average_precision"] == pytest.approx(0.8)
    nothing = measure_evenly(probabilities, TRUTH, 0.95, weigh_evenly(TRUTH))
    assert isnan(nothing["precision"])
    assert nothing["recall"] == nothing["f1"] == 0.0


@pytest.fixture
def _fewer_draws(monkeypatch):
    monkeypatch.setattr(own_quality, "N_DRAWS", 300)


def bound(n_each, threshold=0.5):
    """Bounds of `n_each` replies of each kind that are told apart without a mistake."""
    truth = np.repeat([True, False], n_each)
    probabilities = np.where(truth, 0.9, 0.1)
    rng = np.random.default_rng(0)
    return bound_quality(probabilities, truth, np.arange(2 * n_each), threshold, rng)


@pytest.mark.usefixtures("_fewer_draws")
def test_few_replies_told_apart_are_not_certain():
    few, many = bound(10)["average_precision"], bound(100)["average_precision"]
    assert few.value == many.value == 1.0
    assert few.low < 0.75 < 0.9 < many.low < 1.0
    assert many.high == 1.0


@pytest.mark.usefixtures("_fewer_draws")
def test_a_measure_that_most_draws_leave_undefined_has_no_interval():
    # Only the made-up reply without the value reaches this threshold: one draw in e lacks it.
    assert not isnan(bound(10, 0.95)["precision"].low)
    truth = np.repeat([True, False], 10)
    probabilities = np.where(truth, 0.9, 0.1)
    found = bound_quality(probabilities, truth, np.arange(20), 1.1, np.random.default_rng(0))
    assert isnan(found["precision"].value)
    assert isnan(found["precision"].low)
    assert isnan(found["precision"].high)
    assert found["recall"].high == 0.0


@pytest.mark.usefixtures("_fewer_draws")
def test_draws_without_one_kind_are_drawn_again():
    truth = np.array([True, False])
    groups = np.array([0, 0])
    found = bound_quality(np.array([0.9, 0.1]), truth, groups, 0.5, np.random.default_rng(0))
    assert 0.0 <= found["recall"].low <= found["recall"].high == 1.0


def test_expected_precision_follows_bayes():
    # Of 1,000 replies 100 express it; 50 of these are picked and 90 of the other 900.
    assert expect_precision(0.5, 0.1, 0.1) == pytest.approx(50 / 140)
    assert isnan(expect_precision(0.0, 0.0))


def test_a_threshold_that_is_pure_enough_takes_the_highest_recall():
    truth = np.repeat([True, False], 10)
    probabilities = np.concatenate([np.arange(1, 11) / 10 - 0.05, np.zeros(10)])
    # No other reply is above 0.5, so all thresholds above it are pure; the lowest has most recall.
    others = np.full(100, 0.5)
    assert choose_own_threshold(probabilities, truth, others) == 0.51


def test_without_a_pure_threshold_the_purest_one_is_taken():
    truth = np.array([True] * 10 + [False] * 10)
    probabilities = np.array([0.9] * 3 + [0.4] * 7 + [0.95] * 2 + [0.1] * 8)
    # Above 0.1 two of the ten replies without are picked, whatever the recall; up to 0.4 it is 1.
    assert choose_own_threshold(probabilities, truth, np.zeros(0)) == 0.4


def test_no_useful_threshold_is_a_half():
    truth = np.array([True] * 10 + [False] * 10)
    assert choose_own_threshold(np.full(20, 0.001), truth, np.zeros(5)) == 0.5


def curve(sizes, limit, slope):
    sizes = np.array(sizes, dtype=float)
    return sizes, limit - slope / np.sqrt(sizes)


def test_a_forecast_is_where_the_lower_end_meets_the_floor():
    # 0.95 - 1 / sqrt(n) is 0.85 at n = 100; the lower end is 0.1 below it, 1 / sqrt(n) again, so
    # that it is 0.95 - 2 / sqrt(n), which is 0.75 at n = 100 and less before.
    sizes, precisions = curve([21, 43, 64], 0.95, 1.0)
    low = precisions[-1] - 1 / 8
    assert forecast_examples(sizes, precisions, low) == 40


def test_a_flat_curve_only_narrows():
    # 0.85 with a width of 0.2 at 100 reaches a width of 0.1 at 400.
    sizes = np.array([33.0, 67.0, 100.0])
    assert forecast_examples(sizes, np.full(3, 0.85), 0.65) == 300


def test_a_falling_curve_is_taken_as_flat_and_a_limit_under_the_floor_as_hopeless():
    sizes = np.array([33.0, 67.0, 100.0])
    assert forecast_examples(sizes, np.array([0.8, 0.75, 0.7]), 0.6) is None
    assert forecast_examples(sizes, np.full(3, 0.7), 0.6) is None


def test_few_examples_do_not_show_that_more_would_not_help():
    sizes = np.array([7.0, 14.0, 21.0])
    assert forecast_examples(sizes, np.full(3, 0.7), 0.4) == 30
