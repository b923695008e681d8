"""Prediction-powered estimates: by hand, by the paper's formula, and how often they hold."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import stdtrit

from benchmarks.calibration_coverage import measure_coverage
from evaluation.calibration.estimates import MIN_LABELLED, calibrate_difference, calibrate_mean


def test_the_estimate_is_that_of_the_paper() -> None:
    """lambda = Cov(Y, f) / ((1 + n / N) Var f); theta = mean Y + lambda (mean rest - mean f).

    12 prompts, 6 labelled: Y = 1 1 1 0 0 0, f = 1 1 0 0 0 1 there and 1 1 1 0 0 0 in the rest.
    Over the labelled, sum (Y - 1/2)(f - 1/2) = (4 - 2) / 4, so Cov = 1/12; Var f = 1/4 of all.
    """
    nan = np.nan
    labels = np.array([1.0, 1, 1, 0, 0, 0] + [nan] * 6)
    scores = np.array([1.0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0])
    found = calibrate_mean(scores, labels, np.arange(12))
    mean = 7 / 12
    variance = np.mean((scores - mean) ** 2)
    weight = (1 / 12) / ((1 + 6 / 6) * variance)
    assert found.weight == pytest.approx(weight)
    assert found.both.estimate == pytest.approx(0.5 + weight * (4 / 6 - 3 / 6))
    assert found.shift == 0.0
    assert found.n_labelled == 6
    assert (found.both.low, found.both.high) == (0.0, 1.0)  # no share lies beyond
    assert found.judge.estimate == pytest.approx(mean)
    assert found.labels.estimate == 0.5


def test_the_error_is_that_of_the_paper_with_labels_added() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(size=400)
    scores = np.clip(truth + rng.normal(0, 0.1, size=400), 0, 1)
    labels = np.where(np.arange(400) < 100, truth, np.nan)
    found = calibrate_mean(scores, labels, np.arange(400))
    left = labels[:100] - found.weight * scores[:100]
    rest = found.weight * scores
    variance = left.var(ddof=1) / 100 + 1 / 100**2 + rest[100:].var() / 300
    assert found.both.se == pytest.approx(np.sqrt(variance), rel=0.02)
    assert found.both.high - found.both.low < 0.8 * (found.labels.high - found.labels.low)
    assert found.both.low < truth.mean() < found.both.high


def test_a_judge_that_says_nothing_is_not_used() -> None:
    labels = np.array([1.0, 0, 1, 0, 1, 1] + [np.nan] * 20)
    found = calibrate_mean(np.ones(26), labels, np.arange(26))
    assert found.weight == 0.0
    assert found.both.estimate == found.labels.estimate
    assert found.shift == pytest.approx(1 / 3)


def test_many_yes_are_the_mirror_of_few() -> None:
    """Agresti and Coull on 2 of 12: 4 / 16, variance c (1 - c) / 15; of labels and of scores."""
    few = np.append(np.ones(2), np.zeros(10))
    found = calibrate_mean(few, few, np.arange(12))
    turned = calibrate_mean(1 - few, 1 - few, np.arange(12))
    reach = stdtrit(15, 0.975) * np.sqrt(1 / 4 * 3 / 4 / 15)
    low, high = 1 / 4 - reach, 1 / 4 + reach
    for one, other in ((found.labels, turned.labels), (found.judge, turned.judge)):
        assert (one.estimate, one.low, one.high) == pytest.approx((1 / 6, low, high))
        assert (other.estimate, other.low, other.high) == pytest.approx((5 / 6, 1 - high, 1 - low))
    assert found.both.centre == pytest.approx(1 / 6)


def test_a_judge_that_never_said_yes_is_not_certain() -> None:
    """None of 12, with two of each added: 2 / 16."""
    found = calibrate_mean(np.zeros(12), np.full(12, np.nan), np.arange(12))
    high = 1 / 8 + stdtrit(15, 0.975) * np.sqrt(1 / 8 * 7 / 8 / 15)
    assert (found.judge.low, found.judge.high) == pytest.approx((0.0, high))


def test_labels_of_all_prompts_are_the_answer() -> None:
    labels = np.tile([1.0, 0, 1, 0, 1, 1], 4)
    found = calibrate_mean(np.zeros(24), labels, np.arange(24))
    assert found.both.estimate == found.labels.estimate == pytest.approx(4 / 6)
    error = np.sqrt(labels.var(ddof=1) / 24 + 1 / 24**2)
    assert found.both.se == pytest.approx(error)
    assert found.both.high == pytest.approx(4 / 6 + stdtrit(23, 0.975) * error)


def test_a_judge_that_was_right_so_far_may_still_err() -> None:
    """30 right labels: the interval is no narrower than 2 / 32 or so on each side."""
    scores = np.tile([1.0, 0, 0, 0, 0], 100)
    labels = np.where(np.arange(500) < 30, scores, np.nan)
    found = calibrate_mean(scores, labels, np.arange(500))
    assert found.both.high - found.both.estimate > 2 / 32
    assert found.both.estimate == pytest.approx(0.2)


@pytest.mark.parametrize("n_labelled", [0, MIN_LABELLED - 1])
def test_too_few_labels_give_no_estimate(n_labelled: int) -> None:
    labels = np.where(np.arange(20) < n_labelled, 1.0, np.nan)
    found = calibrate_mean(np.ones(20), labels, np.arange(20))
    assert np.isnan([found.both.estimate, found.both.low, found.weight]).all()
    assert found.judge.estimate == pytest.approx(1.0)
    assert np.isnan(found.shift) == (n_labelled == 0)


def test_prompts_with_one_label_do_not_count_for_a_difference() -> None:
    labels = np.full((2, 12), np.nan)
    labels[0, :8] = 1.0
    labels[1, :6] = 0.0
    found = calibrate_difference((np.ones(12), np.zeros(12)), (labels[0], labels[1]), np.arange(12))
    assert found.n_labelled == 6
    assert found.both.estimate == 1.0


def test_families_labelled_alike_are_wider() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(2, size=60).repeat(2).astype(np.float64)
    labels = np.where(np.arange(120) < 40, truth, np.nan)
    scores = np.full(120, 0.5)
    alone = calibrate_mean(scores, labels, np.arange(120))
    families = calibrate_mean(scores, labels, np.arange(60).repeat(2))
    ratio = families.both.se / alone.both.se
    assert 1.3 < ratio < 1.6  # twice the variance in families of two that agree


@pytest.mark.parametrize("size", [1, 2])
def test_intervals_hold_the_truth_of_a_biased_judge(size: int) -> None:
    """Differences of arms whose judge misses a third of the refusals of one arm alone."""
    rng = np.random.default_rng(20240501)
    held = raw = 0
    n_studies = 1_000
    for _ in range(n_studies):
        chance = rng.beta(0.5, 0.5, size=200 // size).repeat(size)
        truth = [(rng.uniform(size=200) < chance * share).astype(float) for share in (0.9, 0.5)]
        scores = truth[0] * (rng.uniform(size=200) < 0.67), truth[1]
        drawn = rng.choice(200 // size, size=30 // size, replace=False)
        asked = np.isin(np.arange(200) // size, drawn)
        labels = [np.where(asked, one, np.nan) for one in truth]
        found = calibrate_difference(scores, (labels[0], labels[1]), np.arange(200) // size)
        held += found.both.low <= 0.2 <= found.both.high
        raw += found.judge.low <= 0.2 <= found.judge.high
    assert held / n_studies >= 0.93
    assert raw / n_studies < 0.3


def test_contrasts_of_xstest_are_held(shared_data: Path) -> None:
    """By the worse judge; the benchmark has both (docs/statistics.md)."""
    found = measure_coverage(shared_data / "evals" / "xstest", 40, has_detector=False)
    (judge,) = found.values()
    assert judge["n_contrasts"] == 27
    assert judge["mean_coverage"] >= 0.93
    assert judge["worst_coverage"] >= 0.85  # of 40 studies, whose standard error is 4 points
