"""Verdicts, multiplicity, effect sizes, placebo, power, bootstrap: by hand or by statsmodels."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from evaluation.statistics.bootstrap import bootstrap_means
from evaluation.statistics.comparison import compare, decide_all
from evaluation.statistics.differences import fit_clustered, mean_interval
from evaluation.statistics.effect_sizes import cohens_h, hedges_g, odds_ratio
from evaluation.statistics.equivalence import Verdict, decide, find_equivalence
from evaluation.statistics.multiplicity import benjamini_hochberg, holm
from evaluation.statistics.placebo import rank_among_controls
from evaluation.statistics.power import find_design_effect, minimum_detectable_difference
from evaluation.statistics.small_samples import plus_interval


def test_equivalence_agrees_with_statsmodels() -> None:
    rng = np.random.default_rng(5)
    base = rng.normal(size=40)
    tuned = base + rng.normal(0.05, 0.3, size=40)
    plain = fit_clustered(tuned - base, np.ones((40, 1)), np.arange(40))[0]
    found = find_equivalence(plain, 0.15)
    p, (first, *_), (second, *_) = ttost_paired(tuned, base, -0.15, 0.15)
    known = ttest_1samp(tuned - base, -0.15, alternative="greater").pvalue
    assert found.p == pytest.approx(p)
    assert found.p_not_lower == pytest.approx(known)
    assert first > 0 > second


def test_equivalence_is_the_inner_interval() -> None:
    """p = 0.05 exactly where an end of the 90 % interval is the smallest effect."""
    interval = mean_interval(np.array([0.1, -0.1, 0.2, 0.0, 0.1]), np.arange(5))
    end = interval.at_level(0.90).high
    assert find_equivalence(interval, end).p == pytest.approx(0.05)


def test_no_spread_shows_nothing() -> None:
    assert np.isnan(find_equivalence(mean_interval(np.zeros(5), np.arange(5)), 0.1).p)
    assert find_equivalence(plus_interval(np.zeros(5), np.arange(5)), 0.1).p > 0.05
    assert find_equivalence(plus_interval(np.zeros(200), np.arange(200)), 0.1).p < 0.001


@pytest.mark.parametrize(
    ("p", "values", "verdict"),
    [
        (0.001, [0.4, 0.5, 0.6], Verdict.CHANGED),
        (0.2, [0.4, -0.5, 0.6], Verdict.INCONCLUSIVE),
        (0.2, [0.01, -0.01, 0.0], Verdict.EQUIVALENT),
        (0.001, [0.02, 0.02, 0.021], Verdict.EQUIVALENT),  # real, and too small to matter
        (np.nan, [0.0], Verdict.INCONCLUSIVE),
    ],
)
def test_verdicts(p: float, values: list[float], verdict: Verdict) -> None:
    interval = mean_interval(np.array(values), np.arange(len(values)))
    assert decide(p, find_equivalence(interval, 0.1)) == verdict


def test_holm_and_false_discoveries_agree_with_statsmodels() -> None:
    p = np.array([0.001, 0.04, 0.03, 0.005, 0.9, 0.03])
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert benjamini_hochberg(p.reshape(2, 3)).ravel() == pytest.approx(
        multipletests(p, method="fdr_bh")[1]
    )


def test_undefined_tests_are_not_counted() -> None:
    """Two tests: 0.02 times 2, 0.03 times 1 but no less than that."""
    assert holm(np.array([np.nan, 0.03, 0.02]))[1:] == pytest.approx([0.04, 0.04])
    assert np.isnan(benjamini_hochberg(np.array([[np.nan, 0.5]]))[0, 0])


def test_effect_sizes_by_hand() -> None:
    """Means 3 and 2, variances 1 and 1 of three prompts; the factor is gamma(1) / gamma(1/2)."""
    g = hedges_g(np.array([2.0, 3, 4]), np.array([1.0, 2, 3]))
    assert g == pytest.approx(1 / np.sqrt(np.pi))
    assert np.isnan(hedges_g(np.array([1.0, 1]), np.array([0.0, 0])))
    assert np.isnan(hedges_g(np.array([1.0]), np.array([0.0])))
    assert cohens_h(1.0, 0.0) == pytest.approx(np.pi)
    assert odds_ratio(4, 1) == 3.0


def test_two_prompts_have_no_unbiased_effect_size() -> None:
    assert hedges_g(np.array([1.0, 2]), np.array([0.0, 1])) == 0.0


def test_placebo_by_hand() -> None:
    """Controls 0, 1, 2: mean 1, deviation 1; 5 lies 4 off, over sqrt(4/3); t with 2 df."""
    found = rank_among_controls(5.0, np.array([0.0, 1, 2]))
    assert (found.rank, found.p_rank, found.n_controls, found.note) == (1, 0.25, 3, "")
    assert found.z == pytest.approx(4 / np.sqrt(4 / 3))
    assert found.p == pytest.approx(2 * (0.5 - 0.5 * found.z / np.sqrt(2 + found.z**2)))


def test_an_effect_among_the_controls_is_not_first() -> None:
    found = rank_among_controls(1.0, np.array([0.0, 2, 4]))
    assert found.rank == 3  # gaps to the mean of the others: 7/3 for 0, 1/3 for 2, 3 for 4, 1 for 1


def test_rounding_breaks_no_tie() -> None:
    """0.125 lies 1/15 off the mean of the others, and so does 0.025: 0.275/3 - 0.025."""
    found = rank_among_controls(0.125, np.array([0.025, 0.075, 0.075]))
    assert (found.rank, found.p_rank) == (2, 0.5)
    alike = rank_among_controls(1.0, np.array([0.3, 0.1 + 0.2, 0.3]))
    assert alike.note == "all control arms have the same effect"


@pytest.mark.parametrize(
    ("controls", "note"),
    [
        ([], "there is no control arm"),
        ([0.1], "1 control arm, fewer than the 3"),
        ([0.1, 0.2], "2 control arms, fewer than the 3"),
        ([0.1, 0.1, 0.1], "all control arms have the same effect"),
    ],
)
def test_too_few_controls_are_said(controls: list[float], note: str) -> None:
    found = rank_among_controls(1.0, np.array(controls))
    assert found.note.startswith(note)
    assert np.isnan([found.z, found.p]).all()


@pytest.mark.parametrize("n", [5, 40, 400])
def test_what_can_be_found_agrees_with_statsmodels(n: int) -> None:
    found = minimum_detectable_difference(n, 2.0, alpha=0.01, power=0.9)
    known = TTestPower().solve_power(nobs=n, alpha=0.01, power=0.9)
    assert found == pytest.approx(2.0 * known, rel=1e-4)


def test_families_cost_power() -> None:
    """30 families of 4 with correlation 1 tell no more than 30 prompts."""
    alone = minimum_detectable_difference(30, 1.0)
    same = minimum_detectable_difference(30, 1.0, prompts_a_family=4, correlation=1.0)
    assert same == pytest.approx(alone)
    assert find_design_effect(4, 0.5) == 2.5
    assert minimum_detectable_difference(1, 1.0) == np.inf


def test_bootstrap_of_a_mean_is_near_its_t_interval() -> None:
    rng = np.random.default_rng(6)
    values, clusters = rng.normal(0.3, 1, size=120), np.arange(40).repeat(3)
    found = bootstrap_means(
        values[:, None], clusters, np.random.default_rng(0), 2_000, lambda means: means[:, 0]
    )
    known = mean_interval(values, clusters)
    assert found.value == pytest.approx(known.estimate)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=0.03)
    assert np.isnan(
        bootstrap_means(
            values[:9, None], np.arange(9), np.random.default_rng(0), 50, lambda means: means[:, 0]
        ).low
    )


def test_a_comparison_says_all_of_one_measure() -> None:
    nan = np.nan
    base = np.tile([0.0, 0, 1, 1], 10)
    tuned = np.tile([1.0, 0, 1, 1], 10)
    tuned[-1] = nan
    lengths = np.arange(40.0), np.zeros(40)
    lengths[1][3] = nan
    found = compare(tuned, base, np.arange(40), 0.05, lengths=lengths)
    assert found.n_left_out == 1
    assert found.difference.estimate == pytest.approx(10 / 39)
    assert found.difference.method == "t"
    assert found.tuned_mean - found.base_mean == pytest.approx(10 / 39)
    assert found.p < 0.01
    assert found.at_equal_length is not None
    assert found.at_equal_length.n == 38
    assert found.effect_size > 0
    assert compare(tuned, base, np.arange(40), 0.5).at_equal_length is None


def test_verdicts_are_adjusted_together() -> None:
    """p is just under 0.05 alone, and above it among three."""
    values = np.array([1.0, 2, 3, 0, 0.5, 4])
    zeros = np.zeros(6)
    one = compare(values, zeros, np.arange(6), 0.1, find_interval=mean_interval)
    assert 0.02 < one.p < 0.05
    assert decide_all({"a": one})["a"].verdict == Verdict.CHANGED
    flat = compare(
        np.array([1.0, -1, 2, -2, 3, -3]),
        zeros,
        np.arange(6),
        0.1,
        find_interval=mean_interval,
    )
    together = decide_all({"a": one, "b": flat, "c": flat})
    assert together["a"].verdict == Verdict.INCONCLUSIVE
    assert together["a"].p_adjusted == pytest.approx(3 * one.p)


def test_a_base_against_itself_with_other_seeds_is_null() -> None:
    """Yes with a chance that depends on the prompt, two samples an arm, 200 studies of 3 measures.

    The chance of any false change is held, and with these many prompts most are equivalent.
    """
    rng = np.random.default_rng(7)
    clusters = np.arange(150).repeat(2)
    n_changed = n_equivalent = 0
    for _ in range(200):
        measured = {}
        for name in "abc":
            chance = rng.beta(0.5, 1, size=150)[clusters][:, None]
            tuned, base = (rng.uniform(size=(300, 2)) < chance for _ in range(2))
            measured[name] = compare(tuned * 1.0, base * 1.0, clusters, 0.1)
        verdicts = [one.verdict for one in decide_all(measured).values()]
        n_changed += Verdict.CHANGED in verdicts
        n_equivalent += verdicts.count(Verdict.EQUIVALENT)
    assert n_changed <= 0.05 * 200 + 6  # twice the standard error of 200 studies
    assert n_equivalent >= 0.9 * 600
