import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from tests.selection.made import draw_candidates, make_candidates, make_limits, spread_weights
from valuedata.errors import IsolationError
from valuedata.selection.isolation import isolate
from valuedata.selection.weighting import count_effective, weigh_by_margin, weigh_evenly


def test_effective_sample_size() -> None:
    assert count_effective(np.array([1.0, 1.0, 0.0])) == 2.0
    assert count_effective(np.array([3.0, 1.0])) == pytest.approx(1.6)  # 16 / 10
    assert count_effective(np.zeros(2)) == 0.0


def test_weights_of_least_variance_by_hand() -> None:
    # Rows 0 and 1 have the weight a, row 2 has 3 - 2a, and 2a - (3 - 2a) = 3 * 0.1: a = 0.825.
    weights = weigh_evenly(make_candidates([1.0, 1.0, -1.0]), make_limits())
    np.testing.assert_allclose(weights, [0.825, 0.825, 1.35], atol=1e-6)


def test_a_largest_weight_may_forbid_balance() -> None:
    # With a for rows 0 to 2 and w for row 3: 3a + w = 4 and 3a - w <= 4 * 0.2, so w >= 1.6.
    candidates = make_candidates([1.0, 1.0, 1.0, -1.0])
    free = weigh_evenly(candidates, make_limits(tolerance=0.2))
    np.testing.assert_allclose(free, [0.8, 0.8, 0.8, 1.6], atol=1e-6)
    assert weigh_evenly(candidates, make_limits(tolerance=0.2, max_weight=1.5)) is None


def test_weights_agree_with_a_general_solver() -> None:
    candidates = draw_candidates(5, 30, 3)
    candidates = candidates.take(np.flatnonzero(~candidates.banned))
    limits = make_limits(tolerance=0.15, max_source_share=0.4, max_weight=1.3)
    n_rows = len(candidates)
    known = ~np.isnan(candidates.differences)
    differences = np.where(known, candidates.differences, 0.0)
    limit = 0.15 * known
    shares = [(candidates.sources == name) - 0.4 for name in "abc"]
    rows = np.vstack([(limit - differences).T, (limit + differences).T, -np.array(shares)])
    solved = minimize(
        lambda w: np.square(w - 1).sum(),
        np.ones(n_rows),
        jac=lambda w: 2 * (w - 1),
        bounds=[(0.0, 1.3)] * n_rows,
        constraints=[
            {"type": "ineq", "fun": lambda w: rows @ w, "jac": lambda _: rows},
            {"type": "eq", "fun": lambda w: w.sum() - n_rows, "jac": lambda _: np.ones(n_rows)},
        ],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 1_000},
    )
    assert solved.success
    assert (solved.x > 1.29).sum() >= 2  # the largest weight binds, and so does a limit
    assert (rows @ solved.x < 1e-6).any()
    np.testing.assert_allclose(weigh_evenly(candidates, limits), solved.x, atol=1e-4)


def test_the_margin_takes_all_that_the_effective_size_leaves() -> None:
    candidates = make_candidates([0.0] * 4, margins=[0.0, 0.1, 0.3, 0.2])
    free = weigh_by_margin(candidates, make_limits(max_weight=2.0))
    np.testing.assert_allclose(free, [0.0, 0.0, 2.0, 2.0], atol=1e-6)
    # An effective size of 3 is sum w^2 = 16 / 3, so w = 1 + g (margin - 0.15) with
    # sum (w - 1)^2 = 0.05 g^2 = 4 / 3: g = 5.1640.
    three = weigh_by_margin(candidates, make_limits(max_weight=2.0, min_pairs=3))
    np.testing.assert_allclose(three, [0.2254, 0.7418, 1.7746, 1.2582], atol=1e-4)
    assert weigh_by_margin(candidates, make_limits(min_pairs=5)) is None


def test_equal_margins_leave_even_weights() -> None:
    weights = weigh_by_margin(make_candidates([0.0] * 3), make_limits())
    np.testing.assert_allclose(weights, [1.0, 1.0, 1.0], atol=1e-6)


def test_a_cap_alone_is_held_to_the_digit_on_many_rows() -> None:
    # 6,700 of 100,000 rows may hold 5 % of the weight: 5,000 / 6,700 each, the others 95 / 93.3.
    clusters = np.maximum(np.arange(100_000) - 6_699, 0)
    candidates = make_candidates(np.empty((100_000, 0)), clusters=clusters)
    weights = weigh_evenly(candidates, make_limits(max_cluster_share=0.05))
    assert weights is not None
    np.testing.assert_allclose(weights[:6_700], 5_000 / 6_700, atol=1e-8)
    np.testing.assert_allclose(weights[6_700:], 95 / 93.3, atol=1e-8)


def test_weights_of_rows_kept_have_the_mean_1() -> None:
    candidates = make_candidates([0.0] * 4, margins=[0.0, 0.1, 0.3, 0.2])
    isolated = isolate(candidates, make_limits(max_weight=2.0), "weights", "margin")
    assert isolated.rows.tolist() == [2, 3]
    np.testing.assert_allclose(isolated.weights, [1.0, 1.0], atol=1e-6)
    assert isolated.bound is None


@pytest.mark.parametrize("objective", ["size", "margin"])
def test_one_sided_differences_have_no_weights(objective: str) -> None:
    with pytest.raises(IsolationError) as caught:
        isolate(make_candidates([0.9, 0.9, 0.9]), make_limits(), "weights", objective)
    assert [size for _, size, _ in caught.value.frontier] == [0, 0, 0, 0, 0, pytest.approx(3)]


def test_a_column_without_numbers_weighs_nothing() -> None:
    candidates = make_candidates([np.nan, np.nan])
    np.testing.assert_array_equal(weigh_evenly(candidates, make_limits()), [1.0, 1.0])


@given(st.integers(0, 2**32 - 1), st.integers(10, 200))
@settings(deadline=None, max_examples=25)
def test_weights_keep_more_than_any_subset(seed: int, n_rows: int) -> None:
    """A subset is weights of 0 and n / m, so the best weights have no smaller effective size."""
    candidates = draw_candidates(seed, n_rows, 4)
    limits = make_limits(tolerance=0.15, max_source_share=0.6, max_weight=1e6)
    try:
        subset = isolate(candidates, limits, "subset", "size")
    except IsolationError:
        return
    weighted = isolate(candidates, limits, "weights", "size")
    assert weighted.effective_size >= len(subset.rows) * (1 - 1e-5)
    assert spread_weights(candidates, weighted).max() <= 1e6
