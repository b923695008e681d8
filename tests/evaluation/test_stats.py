"""Paired differences and their errors, against statsmodels and by hand."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import ttest_1samp
from statsmodels.stats.contingency_tables import mcnemar

from evaluation.statistics.differences import (
    adjust_for_length,
    find_p_value,
    fit_clustered,
    mcnemar_exact,
    mean_interval,
    pair_differences,
)
from evaluation.statistics.tails import sign_tail
from tests.evaluation.studies import draw_study


def test_samples_are_averaged_and_prompts_without_a_score_are_left_out() -> None:
    nan = np.nan
    tuned = np.array([[1.0, 0.0], [nan, 1.0], [nan, nan], [1.0, 1.0]])
    base = np.array([0.0, 0.0, 1.0, nan])

    paired = pair_differences(tuned, base, np.array([7, 7, 8, 9]))

    assert paired.values.tolist() == [0.5, 1.0]
    assert paired.clusters.tolist() == [7, 7]
    assert paired.rows.tolist() == [0, 1]
    assert (paired.base_mean, paired.tuned_mean, paired.n_left_out) == (0.0, 0.75, 2)


def test_a_mean_of_other_numbers_of_samples_is_no_difference() -> None:
    """(0.1 + 0.1 + 0.1) / 3 is not 0.1 in binary numbers."""
    base = np.full((1, 3), 0.1)
    assert base.sum() / 3 != 0.1
    assert pair_differences(np.array([0.1]), base, np.array([0])).values.tolist() == [0.0]


def test_nothing_to_compare_is_undefined() -> None:
    paired = pair_differences(np.array([np.nan]), np.array([1.0]), np.array([0]))
    assert np.isnan([paired.base_mean, paired.tuned_mean]).all()
    interval = mean_interval(paired.values, paired.clusters)
    assert np.isnan([interval.estimate, interval.low, interval.se]).all()
    assert interval.n == interval.n_clusters == 0


def test_one_family_has_a_mean_and_no_interval() -> None:
    interval = mean_interval(np.array([1.0, 0.0]), np.array([3, 3]))
    assert interval.estimate == 0.5
    assert np.isnan([interval.low, interval.high, find_p_value(interval)]).all()


def test_families_of_one_prompt_give_the_t_interval() -> None:
    """Of values that lie as far up as down; skewed ones move an end, as below."""
    values = np.array([0.3, -0.1, 0.7, 0.1, 0.5])
    interval = mean_interval(values, np.arange(5))
    known = ttest_1samp(values, 0)
    ends = known.confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((ends.low, ends.high))
    assert find_p_value(interval) == pytest.approx(known.pvalue)
    assert interval.df == pytest.approx(4)
    wider = interval.at_level(0.99)
    assert (wider.low, wider.high) == pytest.approx(known.confidence_interval(0.99))


def test_a_long_tail_moves_the_end_on_its_side_by_hand() -> None:
    """0, 0, 0, 1: mean 1/4, error 1/4, sum of cubes 24/64 over (12/16)^1.5, skew 0.57735.

    The upper reach t solves t - 0.57735 (t^2 / 3 + 1 / 6) + t^3 / 81 = 3.18245.
    """
    interval = mean_interval(np.array([0.0, 0, 0, 1]), np.arange(4))
    assert interval.skew == pytest.approx(0.57735, rel=1e-5)
    t = (interval.high - 0.25) / 0.25
    assert t - 0.57735 * (t**2 / 3 + 1 / 6) + t**3 / 81 == pytest.approx(3.18245, rel=1e-4)
    assert t > 3.18245
    assert interval.low == pytest.approx(0.25 - 3.18245 / 4, rel=1e-5)
    assert find_p_value(interval, interval.high) == pytest.approx(0.05)
    assert find_p_value(interval, interval.low) == pytest.approx(0.05)


def test_one_family_that_outweighs_the_others_is_left_to_its_sign_by_hand() -> None:
    """Means of 5 (of ten prompts) and of 1, 2, 3, 4, 6, 7 alone: 64 + 64 sign patterns.

    At 2.5 %, 3 of 128 patterns may reach as far: the third least of the means of any of the
    families, 1, (1 + 2) / 2, 2 and (1 + 2 + 3) / 3 first, and the third greatest, 7, 6.5, 6.
    """
    values = np.append(np.full(10, 5.0), [1.0, 2, 3, 4, 6, 7])
    interval = mean_interval(values, np.append(np.zeros(10), np.arange(1, 7)).astype(np.int64))
    assert interval.method == "signs"
    assert (interval.low, interval.high) == pytest.approx((2.0, 6.0))
    assert find_p_value(interval, 1.99) == pytest.approx(6 / 128)
    assert find_p_value(interval, 2.01) > 0.05
    assert interval.at_level(0.999).high == np.inf


def test_signs_of_many_families_are_approximated() -> None:
    """Against 200,000 drawn patterns of thirteen families, one of them far larger."""
    rng = np.random.default_rng(8)
    deviations = rng.normal(0.4, 1, size=(3, 13)) * np.append(4.0, np.ones(12))
    signs = rng.choice([-1.0, 1.0], size=(200_000, 13))
    drawn = (deviations @ signs.T >= deviations.sum(axis=1)[:, None]).mean(axis=1)
    assert sign_tail(deviations) == pytest.approx(drawn, rel=0.1)
    assert sign_tail(deviations) + sign_tail(-deviations) == pytest.approx(np.ones(3))


def test_signs_that_all_agree_have_the_least_tail() -> None:
    assert sign_tail(np.ones((1, 14))) == pytest.approx(0.5**14)
    assert sign_tail(np.zeros((1, 14))) == pytest.approx(1.0)
    assert sign_tail(np.zeros((1, 6))) == pytest.approx(1.0)


def test_many_families_beside_a_large_one() -> None:
    values = np.append(np.full(20, 0.5), np.tile([0.2, 0.4, 0.6, 0.8], 10))
    clusters = np.append(np.zeros(20), np.arange(1, 41)).astype(np.int64)
    interval = mean_interval(values, clusters)
    assert interval.method == "signs"
    assert interval.low < 0.5 < interval.high
    assert find_p_value(interval, interval.low) == pytest.approx(0.05, rel=1e-3)
    assert find_p_value(interval, interval.high) == pytest.approx(0.05, rel=1e-3)


def test_families_by_hand() -> None:
    """Families (1, 1), (0, 0), (1, 0): mean 1/2, sums off it 1, -1, 0."""
    interval = mean_interval(np.array([1.0, 1, 0, 0, 1, 0]), np.array([0, 0, 1, 1, 2, 2]))
    assert interval.estimate == pytest.approx(0.5)
    assert interval.se == pytest.approx(np.sqrt(3 / 2 * (1 + 1) / 36))  # G / (G - 1), over n^2
    assert interval.df == pytest.approx(2)
    assert interval.high - 0.5 == pytest.approx(4.30265 * interval.se, rel=1e-5)


def test_equal_families_agree_with_statsmodels() -> None:
    values, clusters = draw_study(np.random.default_rng(1), 12, [3], None)
    fitted = sm.OLS(values, np.ones(36)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True
    )
    interval = fit_clustered(values, np.ones((36, 1)), clusters)[0]
    assert interval.se == pytest.approx(fitted.bse[0])
    assert (interval.low, interval.high) == pytest.approx(tuple(fitted.conf_int()[0]))
    assert find_p_value(interval) == pytest.approx(fitted.pvalues[0])


@pytest.mark.parametrize("sizes", [[1], [3], [1, 2, 8]])
def test_a_mean_is_the_regression_on_an_intercept(sizes: list[int]) -> None:
    """The same error and degrees of freedom; no end is nearer."""
    values, clusters = draw_study(np.random.default_rng(1), 16, sizes, None)
    fitted = fit_clustered(values, np.ones((len(values), 1)), clusters)[0]
    interval = mean_interval(values, clusters)
    assert interval.estimate == pytest.approx(fitted.estimate)
    assert (interval.se, interval.df) == pytest.approx((fitted.se, fitted.df))
    assert interval.low <= fitted.low + 1e-12
    assert interval.high >= fitted.high - 1e-12


def test_single_rows_agree_with_the_hc2_of_statsmodels() -> None:
    rng = np.random.default_rng(2)
    design = np.column_stack([np.ones(30), rng.normal(size=30)])
    values = design @ [0.2, 0.5] + rng.normal(size=30)
    fitted = sm.OLS(values, design).fit(cov_type="HC2", use_t=True)
    found = fit_clustered(values, design, np.arange(30))
    assert [one.estimate for one in found] == pytest.approx(fitted.params)
    assert [one.se for one in found] == pytest.approx(fitted.bse)


def test_cr2_agrees_with_its_definition() -> None:
    """The same with whole matrices: (I - H)^(-1/2) of each cluster, and both working models."""
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(6), [1, 2, 3, 4, 5, 6])
    design = np.column_stack([np.ones(21), rng.normal(size=21)])
    values = rng.normal(size=21)
    inverse = np.linalg.inv(design.T @ design)
    left = np.eye(21) - design @ inverse @ design.T
    columns, variance = [], 0.0
    for cluster in range(6):
        rows = clusters == cluster
        sizes, vectors = np.linalg.eigh(left[np.ix_(rows, rows)])
        root = vectors @ np.diag(sizes**-0.5) @ vectors.T
        weights = root @ design[rows] @ inverse[:, 0]
        columns.append(left[:, rows] @ weights)
        variance += (weights @ (left @ values)[rows]) ** 2
    independent = np.array(columns) @ np.array(columns).T
    shared = np.array(columns) @ (clusters[:, None] == np.arange(6))
    forms = independent, shared @ shared.T

    found = fit_clustered(values, design, clusters)[0]

    assert found.se == pytest.approx(np.sqrt(variance))
    dfs = [np.trace(form) ** 2 / np.trace(form @ form) for form in forms]
    assert found.df == pytest.approx(min(dfs))
    assert dfs[0] > dfs[1]


def test_a_family_that_alone_decides_a_coefficient_adds_no_infinity() -> None:
    design = np.column_stack([np.ones(5), [1.0, 0, 0, 0, 0]])
    found = fit_clustered(np.array([9.0, 1, 2, 3, 4]), design, np.arange(5))
    assert found[0].estimate == pytest.approx(2.5)
    assert np.isfinite(found[0].se)
    assert found[1].estimate == pytest.approx(6.5)


def test_length_that_explains_all_leaves_nothing() -> None:
    lengths = np.array([10.0, -20, 30, 5, 0, -5, 12, 8])
    plain = mean_interval(lengths / 100, np.arange(8))
    interval = adjust_for_length(lengths / 100, lengths, np.arange(8))
    assert plain.estimate == pytest.approx(0.05)
    assert interval.estimate == pytest.approx(0, abs=1e-12)


def test_length_adjustment_is_the_intercept_of_statsmodels() -> None:
    rng = np.random.default_rng(4)
    lengths = rng.normal(30, 40, size=50)
    values = 0.1 + 0.002 * lengths + rng.normal(size=50)
    fitted = sm.OLS(values, sm.add_constant(lengths)).fit(cov_type="HC2", use_t=True)
    interval = adjust_for_length(values, lengths, np.arange(50))
    assert interval.estimate == pytest.approx(fitted.params[0])
    assert interval.se == pytest.approx(fitted.bse[0])


def test_one_length_for_all_cannot_be_adjusted_for() -> None:
    values, clusters = np.array([0.0, 1.0, 1.0]), np.arange(3)
    assert adjust_for_length(values, np.zeros(3), clusters) == mean_interval(values, clusters)
    assert np.isnan(adjust_for_length(values, np.full(3, 7.0), clusters).estimate)
    assert np.isnan(adjust_for_length(np.array([]), np.array([]), np.array([])).estimate)


def test_no_difference_anywhere() -> None:
    interval = mean_interval(np.zeros(6), np.arange(6))
    assert find_p_value(interval) == 1.0
    assert np.isnan(find_p_value(interval, null=0.1))


@pytest.mark.parametrize(("n_up", "n_down"), [(9, 2), (1, 1), (0, 6), (0, 0)])
def test_mcnemar_agrees_with_statsmodels(n_up: int, n_down: int) -> None:
    base = np.array([False] * n_up + [True] * n_down + [True, True, False])
    tuned = np.array([True] * n_up + [False] * n_down + [True, True, False])
    found = mcnemar_exact(tuned, base)
    assert (found.n_only_tuned, found.n_only_base) == (n_up, n_down)
    known = mcnemar(np.array([[2, n_down], [n_up, 1]]), exact=True).pvalue
    assert found.p == pytest.approx(1.0 if n_up == n_down == 0 else known)
