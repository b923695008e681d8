"""Differences by hand; intervals that cover; random controls in which nothing is found."""

import numpy as np
import pytest
from scipy import stats

from valuedata.effects.differences import (
    Rewarded,
    Sides,
    measure_differences,
    pool_deviations,
)
from valuedata.effects.discovery import FALSE_DISCOVERY_RATE, adjust


def make_sides(chosen, rejected, groups):
    chosen, rejected = (np.array(side, dtype=np.float64) for side in (chosen, rejected))
    names = tuple(str(k) for k in range(chosen.shape[1]))
    return Sides(names, chosen, rejected, np.array(groups))


def reward_chosen(n):
    return Rewarded(np.arange(n), np.zeros(n, dtype=bool))


def measure(sides, *subsets, n_resamples=100, seed=0):
    return measure_differences(sides, subsets, n_resamples, np.random.default_rng(seed))


# Chosen 1 3 5 7 and rejected 0 2 6 4 both have the variance 20 / 3; the differences are 1 1 -1 3.
HAND = make_sides([[1], [3], [5], [7]], [[0], [2], [6], [4]], [0, 0, 1, 2])


def test_a_difference_by_hand():
    """Mean (1 + 1 - 1 + 3) / 4 = 1 over the root of 20 / 3."""
    assert pool_deviations(HAND) == pytest.approx([np.sqrt(20 / 3)])
    ((found,),) = measure(HAND, reward_chosen(4))
    assert found.estimate.value == pytest.approx(1 / np.sqrt(20 / 3))


def test_a_p_value_by_hand():
    """Prompts' sums of (difference - 1): 0, -2, 2. The error is sqrt(3/2 * 8) / 4 = 0.866.

    t = 1 / 0.866 = 1.1547 with 2 degrees of freedom, for which p = 1 - t / sqrt(2 + t^2).
    """
    ((found,),) = measure(HAND, reward_chosen(4))
    assert found.p == pytest.approx(1 - 1.154700538 / np.sqrt(2 + 4 / 3))


def test_a_p_value_of_single_pairs_is_that_of_a_t_test():
    rng = np.random.default_rng(1)
    chosen, rejected = rng.normal(size=(2, 30, 1))
    ((found,),) = measure(make_sides(chosen, rejected, np.arange(30)), reward_chosen(30))
    assert found.p == pytest.approx(stats.ttest_1samp((chosen - rejected)[:, 0], 0).pvalue)


def test_a_subset_flips_and_keeps_the_unit_of_the_source():
    """Pairs 2 and 3, the first flipped: differences 1 and 3 have the mean 2."""
    subset = Rewarded(np.array([2, 3]), np.array([True, False]))
    (_, (found,)) = measure(HAND, reward_chosen(4), subset)
    assert found.estimate.value == pytest.approx(2 / np.sqrt(20 / 3))


def test_what_a_subset_gives_does_not_depend_on_the_others():
    rng = np.random.default_rng(2)
    sides = make_sides(*rng.normal(size=(2, 60, 3)), np.repeat(np.arange(30), 2))
    subset = Rewarded(np.arange(40), rng.random(40) < 0.5)
    alone = measure(sides, subset)
    assert measure(sides, reward_chosen(60), subset)[1:] == alone
    assert measure(sides, subset, seed=1) != alone


def test_a_feature_that_never_varies_has_no_difference():
    sides = make_sides([[5, 1], [5, 2]], [[5, 0], [5, 0]], [0, 1])
    ((constant, other),) = measure(sides, reward_chosen(2))
    assert np.isnan([constant.estimate.value, constant.p]).all()
    assert other.estimate.value == pytest.approx(1.5 / np.sqrt(0.25))


def test_a_feature_without_a_difference_in_any_pair_is_no_sign_of_one():
    sides = make_sides([[1], [2], [4]], [[1], [2], [4]], [0, 1, 2])
    ((found,),) = measure(sides, reward_chosen(3))
    assert (found.estimate.value, found.p) == (0, 1)


def test_a_difference_that_is_the_same_in_every_prompt_is_tested_by_its_signs():
    """Three prompts agree by chance in 2 of the 8 ways that three signs can fall."""
    for unit in (1, 0.1, 0.7):  # of which only the first has no rounding
        chosen, rejected = unit * np.array([[[2], [3], [5]], [[1], [2], [4]]])
        sides = make_sides(chosen, rejected, [0, 1, 2])
        ((found,),) = measure(sides, reward_chosen(3))
        assert found.p == 2 / 8


@pytest.mark.parametrize("n_pairs", [2, 3, 4, 6])
def test_in_a_tiny_random_control_of_yes_and_no_nothing_is_found_but_at_the_rate(n_pairs):
    """Twenty features of 0 and 1: of 300 controls at most 5 % + 3 errors of 1.3 % have one."""
    rng, n_found = np.random.default_rng(n_pairs), 0
    for _ in range(300):
        chosen, rejected = rng.integers(0, 2, size=(2, n_pairs, 20)).astype(float)
        (differences,) = measure(
            make_sides(chosen, rejected, np.arange(n_pairs)), reward_chosen(n_pairs), n_resamples=2
        )
        q = adjust(np.array([found.p for found in differences]))
        n_found += bool((q <= FALSE_DISCOVERY_RATE).any())
    assert n_found <= 26


def test_few_prompts_have_no_interval_and_one_has_no_test():
    ((few,),) = measure(HAND, reward_chosen(4))
    ((one,),) = measure(make_sides([[1], [4]], [[0], [2]], [0, 0]), reward_chosen(2))
    assert np.isnan([few.estimate.low, few.estimate.high, one.estimate.low, one.p]).all()
    ((single,),) = measure(make_sides([[1]], [[0]], [0]), reward_chosen(1))
    assert np.isnan([single.estimate.value, single.p]).all()


def simulate(rng, n_prompts, n_features, effect, shape):
    """Pairs of clustered prompts: a fifth of the prompts are in a subset with an effect.

    A prompt has one to three pairs, which share the level of both replies and a part of their
    difference. Annotators chose the rewarded reply in half of the pairs, by chance.

    Args:
        shape: 0 for normal features; above, exp(shape * feature), which are skewed.
    """
    sizes = rng.integers(1, 4, size=n_prompts)
    groups = np.repeat(np.arange(n_prompts), sizes)
    level, lean = rng.normal(size=(2, n_prompts, n_features))[:, groups]
    noise = rng.normal(size=(2, len(groups), n_features))
    shift = np.where(groups[:, None] < n_prompts // 5, effect / 2, 0.0) + 0.35 * lean
    rewarded, other = level + noise[0] + shift, level + noise[1] - shift
    if shape:
        rewarded, other = np.exp(shape * rewarded), np.exp(shape * other)
    flipped = rng.random(len(groups)) < 0.5
    chosen, rejected = (
        np.where(flipped[:, None], one, two) for one, two in ((other, rewarded), (rewarded, other))
    )
    rows = np.flatnonzero(groups < n_prompts // 5)
    return make_sides(chosen, rejected, groups), Rewarded(rows, flipped[rows])


def find_truth(effect, shape):
    """The standardised mean difference of what `simulate` draws from, in closed form.

    The rewarded and the other reply of the subset are normal with means +-effect / 2 and the
    variance v = 1 + 0.35^2 + 1; all others have mean 0. With X normal, E exp(sX) = exp(sm + s^2 v /
    2), and E exp(2sX) = exp(2sm + 2 s^2 v). Each side is the rewarded reply half of the time.
    """
    v, means = 2 + 0.35**2, np.array([effect / 2, -effect / 2, 0.0])
    weights = np.array([0.1, 0.1, 0.8])
    if shape:
        first, second = (
            np.exp(shape * means + shape**2 * v / 2),
            np.exp(2 * shape * means + 2 * shape**2 * v),
        )
    else:
        first, second = means, v + means**2
    deviation = np.sqrt(weights @ second - (weights @ first) ** 2)
    return (first[0] - first[1]) / deviation


@pytest.mark.parametrize(
    ("n_prompts", "effect", "shape"), [(100, 0.5, 0.0), (300, 1.5, 0.0), (500, 0.5, 0.4)]
)
def test_intervals_cover_the_truth(n_prompts, effect, shape):
    """Of 1,200 intervals of 95 %, the share that covers has a standard error of 0.63 %.

    So a true coverage of 95 % is seen between 93 and 97 % in all but one of 600 runs.
    """
    rng, truth, covered = np.random.default_rng(11), find_truth(effect, shape), []
    for _ in range(30):
        sides, subset = simulate(rng, n_prompts, 40, effect, shape)
        for found in measure_differences(sides, [subset], 400, rng)[0]:
            covered.append(found.estimate.low <= truth <= found.estimate.high)
    assert len(covered) == 1_200
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.parametrize("shape", [0.0, 0.4])
def test_in_a_random_control_nothing_is_found_but_at_the_rate(shape):
    """With no difference anywhere, any discovery is false, and 5 % of controls may have one.

    Of 400 controls 20 are expected; 3 standard errors of sqrt(400 * 0.05 * 0.95) = 4.4 are 13.
    The p-values below 0.05 are 5 % of 10,000 in prompts that are 25 to a control: 500, and the
    standard error of the features of one control, which share its prompts, is about 0.3 %.
    """
    rng, n_with, p_values = np.random.default_rng(5), 0, []
    for _ in range(400):
        sides, subset = simulate(rng, 200, 25, 0.0, shape)
        swapped = Rewarded(subset.rows, rng.random(len(subset.rows)) < 0.5)
        p = np.array([found.p for found in measure(sides, swapped, n_resamples=1)[0]])
        n_with += (adjust(p) <= FALSE_DISCOVERY_RATE).any()
        p_values.append(p)
    assert n_with <= 33
    assert 0.04 <= np.mean(np.array(p_values) < 0.05) <= 0.06
