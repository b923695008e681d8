"""Intervals for few prompts: by hand, against closed forms, and how often they hold."""

import numpy as np
import pytest
from scipy.special import stdtrit
from scipy.stats import binomtest, multinomial

from evaluation.statistics.differences import find_p_value, mean_interval
from evaluation.statistics.small_samples import (
    count_interval,
    difference_interval,
    find_shift_p,
    has_spread,
    plus_interval,
    score_interval,
)
from tests.evaluation.studies import draw_study


def test_added_pairs_by_hand() -> None:
    """Bonett and Price on 20 pairs, 3 up and 1 down: (4 - 2) / 22, variance (4 + 2) / 22 - c^2."""
    values = np.array([1.0] * 3 + [-1.0] + [0.0] * 16)
    interval = plus_interval(values, np.arange(20))
    centre = 2 / 22
    error = np.sqrt((6 / 22 - centre**2) / 22) * np.sqrt(22 / 21)
    assert interval.estimate == pytest.approx(0.1)
    assert interval.centre == pytest.approx(centre)
    assert interval.se == pytest.approx(error)
    assert interval.high == pytest.approx(centre + stdtrit(21, 0.975) * error)
    assert interval.method == "plus"


def test_families_count_as_one_pair_each() -> None:
    single = plus_interval(np.array([1.0, 0, 0, 0, -1]), np.arange(5))
    doubled = plus_interval(np.array([1.0, 1, 0, 0, 0, 0, 0, 0, -1, -1]), np.arange(5).repeat(2))
    assert (doubled.low, doubled.high) == pytest.approx((single.low, single.high))


def test_no_change_on_few_prompts_is_no_proof_of_none() -> None:
    few, many = (difference_interval(np.zeros(n), np.arange(n)) for n in (10, 1000))
    assert few.estimate == many.estimate == 0
    assert few.high > 0.15
    assert 0 < many.high < 0.003
    assert find_p_value(few) == 1.0


def test_no_prompt_is_undefined() -> None:
    interval = difference_interval(np.array([]), np.array([], dtype=np.int64))
    assert np.isnan([interval.estimate, interval.low]).all()


def test_the_same_change_everywhere_is_not_certain_either() -> None:
    interval = difference_interval(np.ones(20), np.arange(20))
    assert interval.method == "plus"
    assert 0.7 < interval.low < 0.9


def test_ends_stay_within_the_scale() -> None:
    interval = plus_interval(np.ones(2), np.arange(2))
    assert interval.high == 1.0


def test_enough_changed_families_need_nothing_added() -> None:
    values = np.array([1.0, -1.0] * 5 + [0.0] * 30)
    assert difference_interval(values, np.arange(40)) == mean_interval(values, np.arange(40))
    assert difference_interval(values[1:], np.arange(39)).method == "plus"


@pytest.mark.parametrize(("down", "up", "n"), [(10, 0, 12), (9, 1, 12), (11, 1, 12), (18, 1, 20)])
def test_nearly_all_went_down_by_hand(down: int, up: int, n: int) -> None:
    """Agresti and Coull of down in place of yes: two go down and two up, of n + 4."""
    values = np.array([-1.0] * down + [1.0] * up + [0.0] * (n - down - up))
    interval = difference_interval(values, np.arange(n))
    centre = (up - down) / (n + 4)
    error = np.sqrt(((up + down + 4) / (n + 4) - centre**2) / (n + 3))
    reach = stdtrit(n + 3, 0.975) * error
    assert interval.estimate == pytest.approx((up - down) / n)
    assert interval.low == pytest.approx(max(-1.0, centre - reach))
    assert interval.high == pytest.approx(centre + reach)
    assert interval.high < 0
    exact = binomtest(up, up + down).pvalue
    assert exact / 2 < find_shift_p(values, np.arange(n), interval) < 2 * exact
    turned = difference_interval(-values, np.arange(n))
    assert (turned.low, turned.high) == pytest.approx((-interval.high, -interval.low))
    doubled = difference_interval(2 * values, np.arange(n), reach=2.0)
    assert (doubled.low, doubled.high) == pytest.approx((2 * interval.low, 2 * interval.high))


@pytest.mark.parametrize("n", [11, 12, 14, 19, 24])
def test_false_positives_where_most_prompts_change_are_counted_out(n: int) -> None:
    """Over all numbers that went up and down, each as likely as the trinomial says."""
    counts = [(up, down, n - up - down) for up in range(n + 1) for down in range(n + 1 - up)]
    found = []
    for up, down, same in counts:
        values = np.array([1.0] * up + [-1.0] * down + [0.0] * same)
        interval = difference_interval(values, np.arange(n))
        found.append(find_shift_p(values, np.arange(n), interval) <= 0.05)
    for rate in (0.2, 0.3, 0.4, 0.45, 0.5):
        chances = multinomial.pmf(np.array(counts), n, [rate, rate, 1 - 2 * rate])
        assert chances[np.array(found)].sum() <= 0.05


def test_no_end_lies_beyond_the_scale() -> None:
    """12 prompts of mean 0.7875 and standard error 0.1625: Student's end is at 1.145.

    In the other study one family holds 40 of 45 prompts, so that signs are flipped.
    """
    values = np.append(np.full(11, 0.95), -1.0)
    plain, cut = mean_interval(values, np.arange(12)), difference_interval(values, np.arange(12))
    assert plain.high == pytest.approx(0.7875 + stdtrit(11, 0.975) * 0.1625)
    assert (cut.low, cut.high, cut.estimate) == (plain.low, 1.0, plain.estimate)
    families = np.append(np.zeros(40, dtype=int), np.arange(1, 6))
    values = np.append(np.tile([1.0, 0, -1, 1], 10), [1.0, 0, 1, 0, -1])
    signed = mean_interval(values, families, 0.99)
    assert (signed.method, signed.high) == ("signs", np.inf)
    assert difference_interval(values, families, 0.99).high == 1.0
    assert score_interval((values + 1) / 2, families, 0.99).high == 1.0


def test_changes_in_families_that_answer_alike_count_once() -> None:
    """16 changed prompts in 4 families of 4 are 4; in 16 families they are 16."""
    alike = np.repeat([1.0, -1, 1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 4)
    apart = np.tile([1.0, 0, 0, 0, -1, 0, 0, 0], 8)
    assert difference_interval(alike, np.arange(16).repeat(4)).method == "plus"
    assert difference_interval(apart, np.arange(16).repeat(4)).method == "t"


def test_families_with_one_mean_are_no_proof_of_it() -> None:
    """12 of 24 prompts changed, three a family, so that the families do not differ at all."""
    values = np.tile([1.0, 1, 1, 0, 0, 0], 4)
    assert difference_interval(values, np.arange(4).repeat(6)).method == "plus"


def test_a_share_with_two_of_each_added_by_hand() -> None:
    """Agresti and Coull on 1 of 20: 3 / 24, variance c (1 - c) / 23, Student's with 23."""
    interval = score_interval(np.append(1.0, np.zeros(19)), np.arange(20))
    error = np.sqrt(3 / 24 * 21 / 24 / 23)
    assert (interval.estimate, interval.centre) == pytest.approx((1 / 20, 3 / 24))
    assert interval.se == pytest.approx(error)
    assert interval.low == 0.0
    assert interval.high == pytest.approx(3 / 24 + stdtrit(23, 0.975) * error)


def test_a_share_with_enough_of_each_is_as_it_is() -> None:
    values = np.array([1.0, 0.0] * 20)
    assert score_interval(values, np.arange(40)) == mean_interval(values, np.arange(40))
    assert score_interval(np.ones(40), np.arange(40)).low < 1


def test_a_shift_of_all_counts_by_hand() -> None:
    """38 families up by 3; one up and one down by 3 are added."""
    interval = count_interval(np.full(38, 3.0), np.arange(38), 0.5)
    centre = 3 * 38 / 40
    squares = 39 * (3 - centre) ** 2 + (3 + centre) ** 2
    error = np.sqrt(squares * 40 / 39) / 40
    assert interval.estimate == 3.0
    assert interval.centre == pytest.approx(centre)
    assert interval.se == pytest.approx(error)
    assert interval.high == pytest.approx(centre + stdtrit(39, 0.975) * error)
    assert count_interval(np.full(38, -3.0), np.arange(38), 0.5).low == -interval.high


def test_few_families_are_added_to_by_the_spread_of_counts() -> None:
    few = count_interval(np.full(5, 0.1), np.arange(5), 2.0)
    assert few == plus_interval(np.full(5, 0.1), np.arange(5), step=2.0, reach=np.inf)
    none = count_interval(np.zeros(40), np.arange(40), 2.0)
    assert none == plus_interval(np.zeros(40), np.arange(40), step=2.0, reach=np.inf)
    assert count_interval(np.zeros(40), np.arange(40), np.nan).se == 0
    spread = np.array([1.0, 2, 4])
    assert count_interval(spread, np.arange(3), 2.0) == mean_interval(spread, np.arange(3))
    assert np.isnan(count_interval(np.array([]), np.array([]), 2.0).estimate)


def test_rounding_is_no_spread() -> None:
    base = np.random.default_rng(0).random(40)
    values = (base + 0.1) - base
    assert np.ptp(values) > 0
    assert not has_spread(values)
    assert difference_interval(values, np.arange(40)).method == "plus"
    assert not has_spread(np.array([]))


def test_turning_whole_families_around_by_hand() -> None:
    """Of 2^6 ways to turn six families, all up and all down are as far from 0."""
    values, families = np.ones(12), np.arange(6).repeat(2)
    none = mean_interval(np.zeros(12), families)
    assert find_shift_p(values, families, difference_interval(values, families)) == 2 / 64
    assert find_shift_p(np.zeros(12), families, none) == 1.0
    assert find_shift_p(values[:2], families[:2], plus_interval(values[:2], families[:2])) == 1.0
    mixed = np.array([1.0] * 11 + [0.0])
    interval = mean_interval(mixed, families)
    assert find_shift_p(mixed, families, interval) == find_p_value(interval)


def test_differences_of_shares_reach_two() -> None:
    interval = difference_interval(np.full(4, 2.0), np.arange(4), reach=2.0)
    assert interval.high == 2.0
    assert interval.estimate == 2.0


def test_few_changes_of_differences_of_shares_are_not_taken_for_none() -> None:
    """A family is one prompt minus another; 5 % of either go up, and as many down."""
    rng = np.random.default_rng(5)
    held = found = 0
    for _ in range(2_000):
        (up, families), (down, _) = (draw_study(rng, 26, [1], 0.05) for _ in range(2))
        interval = difference_interval(up - down, families, reach=2.0)
        held += interval.low <= 0 <= interval.high
        found += find_p_value(interval) <= 0.05
    assert held / 2_000 >= 0.94
    assert found / 2_000 <= 0.06
