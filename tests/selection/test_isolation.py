from typing import Any

import numpy as np
import pytest

from tests.selection.made import draw_candidates, make_candidates, make_limits
from valuedata.errors import IsolationError
from valuedata.selection.isolation import Audit, audit, isolate, trace_frontier


def choose(differences: Any, objective: str = "size", **given: Any) -> list[int]:
    limits = {name: given.pop(name) for name in list(given) if hasattr(make_limits(), name)}
    candidates = make_candidates(differences, **given)
    return isolate(candidates, make_limits(**limits), "subset", objective).rows.tolist()


def test_a_balanced_set_stays_whole() -> None:
    assert choose([1.0, 1.0, -1.0, -1.0, 0.0]) == [0, 1, 2, 3, 4]


def test_what_leans_leaves_and_ties_go_to_earlier_rows() -> None:
    # One row of each sign has the mean 0; two against one has 1/3.
    assert choose([1.0, 1.0, 1.0, -1.0]) == [0, 3]


def test_among_sets_as_large_those_of_larger_margins_are_chosen() -> None:
    assert choose([1.0, 1.0, 1.0, -1.0], margins=[0.1, 0.9, 0.3, 0.5]) == [1, 3]


def test_the_margin_may_be_worth_more_than_the_size() -> None:
    # Two rows of 0.5 balance the row of -1 as one of 1 does.
    differences, margins = [-1.0, 1.0, 0.5, 0.5], [0.5, 0.9, 0.1, 0.1]
    assert choose(differences, margins=margins) == [0, 2, 3]
    assert choose(differences, margins=margins, objective="margin") == [0, 1]


def test_an_unknown_quality_counts_for_nothing() -> None:
    # Over all ten rows the mean would be 0.1, over the one row that has a quality it is 1.
    assert choose([1.0] + [np.nan] * 9) == list(range(1, 10))
    # Over the two rows that have one it is 0.05.
    assert choose([1.0, np.nan, np.nan, -0.9]) == [0, 1, 2, 3]


def test_a_column_that_no_row_has_limits_nothing() -> None:
    assert choose([np.nan, np.nan]) == [0, 1]


def test_banned_rows_never_enter() -> None:
    assert choose([1.0, -1.0, 0.0, -1.0], banned=[False, True, False, False]) == [0, 2, 3]


def test_shares_are_of_the_set_itself() -> None:
    sources = ["a", "a", "a", "a", "b", "b"]
    margins = [0.1, 0.4, 0.2, 0.3, 0.5, 0.5]
    # Two of b allow two of a, whose largest margins are in rows 1 and 3.
    assert choose([0.0] * 6, sources=sources, margins=margins, max_source_share=0.5) == [1, 3, 4, 5]
    assert choose([0.0] * 6, clusters=sources, margins=margins, max_cluster_share=0.5) == [
        1,
        3,
        4,
        5,
    ]


def test_the_largest_set_takes_the_largest_margins() -> None:
    assert choose([0.0] * 5, margins=[0.1, 0.5, 0.2, 0.4, 0.3], max_pairs=2) == [1, 3]


def test_each_column_has_its_own_tolerance() -> None:
    differences = [[0.3, 0.3], [0.0, 0.0]]
    assert choose(differences, tolerance=np.array([0.2, 0.2])) == [0, 1]
    assert choose(differences, tolerance=np.array([0.2, 0.1])) == [1]


def test_one_row_is_chosen_or_not() -> None:
    assert choose([0.1]) == [0]
    with pytest.raises(IsolationError):
        choose([0.2], tolerance=0.01)


@pytest.mark.parametrize("mode", ["subset", "weights"])
@pytest.mark.parametrize("objective", ["size", "margin"])
def test_nothing_to_choose_from_is_infeasible(mode: Any, objective: Any) -> None:
    empty = make_candidates(np.empty((0, 2)))
    with pytest.raises(IsolationError, match="No 1 of 0 pairs"):
        isolate(empty, make_limits(), mode, objective)
    banned = make_candidates([0.0], banned=[True])
    with pytest.raises(IsolationError, match="No 1 of 0 pairs"):
        isolate(banned, make_limits(), mode, objective)


def test_why_each_row_goes_is_told() -> None:
    candidates = make_candidates([1.0, 1.0, -1.0, 0.0], banned=[False, False, False, True])
    verdict = isolate(candidates, make_limits(), "subset", "size").verdict
    assert verdict.stage == "isolation"
    assert verdict.reasons.tolist() == ["", "left out for balance", "", "unsafe rewarded reply"]


def test_what_cannot_be_met_gives_the_frontier() -> None:
    with pytest.raises(IsolationError) as caught:
        choose([1.0, 1.0, 1.0, -1.0], min_pairs=3, tolerance=0.2)
    # Two rows at 0; three are at 1/3, four at 1/2. The tolerances are 0.2, 0.3, 0.4.
    assert caught.value.frontier == (
        (1.0, 2.0, 0.0),
        (1.5, 2.0, 0.0),
        (2.0, 3.0, pytest.approx(1 / 3)),
    )
    assert str(caught.value) == (
        "No 3 of 4 pairs keep every side effect within the tolerance; the most found are 2 at 0.2, "
        "2 at 0.3, 3 at 0.4: raise --tolerance, lower --min-share, hold less with --hold, or add a "
        "--source."
    )


def test_caps_that_no_tolerance_mends_are_seen_in_the_frontier() -> None:
    with pytest.raises(IsolationError, match="0 at 10 times the tolerances, 0 without a tolerance"):
        choose([[0.0, 0.0]] * 3, max_source_share=0.5, tolerance=np.array([0.1, 0.2]))


def test_parts_of_rows_that_balance_may_have_no_whole_rows() -> None:
    # Half of row 0 with row 1 has the mean -0.1 / 1.5; alone they are at 1 and -0.6, both at 0.2.
    for objective in ("size", "margin"):
        with pytest.raises(IsolationError) as caught:
            choose([1.0, -0.6], objective=objective)
        assert caught.value.frontier[0][:2] == (1.0, 0.0)
        assert np.isnan(caught.value.frontier[0][2])
        assert caught.value.frontier[-1] == (2.0, 2.0, pytest.approx(0.2))


def test_a_largest_set_is_not_for_weights() -> None:
    with pytest.raises(ValueError, match="leave max_pairs out"):
        isolate(make_candidates([0.0]), make_limits(max_pairs=1), "weights", "size")


def test_the_frontier_falls_with_the_tolerance() -> None:
    candidates = draw_candidates(3, 300, 6)
    limits = make_limits(tolerance=0.05, min_pairs=len(candidates))
    points = trace_frontier(candidates, limits, "weights")
    assert [point.factor for point in points] == [1.0, 1.5, 2.0, 3.0, 5.0, 10.0, np.inf]
    sizes = [point.size for point in points]
    assert sizes == sorted(sizes)
    for point in points[:-1]:
        assert point.worst <= 0.05 * point.factor
    assert points[-1].size == pytest.approx((~candidates.banned).sum())


def test_balance_of_one_column_moves_another_by_their_correlation() -> None:
    """Selection by length alone shifts style by rho times its own shift, where both are normal.

    Means 0.5 and 0.5, rho 0.7: length goes to 0.1, style to 0.5 - 0.7 * 0.4 = 0.22; the third
    column has nothing to do with length and stays at 0.5.
    """
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(4_000, 3))
    length, style = normal[:, 0], 0.7 * normal[:, 0] + np.sqrt(1 - 0.49) * normal[:, 1]
    isolated = isolate(make_candidates(length + 0.5), make_limits(), "subset", "size")
    unseen = np.column_stack([style, normal[:, 2]]) + 0.5
    seen = audit(("style", "other"), unseen, np.ones(4_000, dtype=bool), isolated)
    np.testing.assert_allclose(seen.before, [0.5, 0.5], atol=0.05)
    np.testing.assert_allclose(seen.after, [0.22, 0.5], atol=0.05)
    assert seen.n_after.tolist() == [len(isolated.rows)] * 2


def test_an_audit_counts_the_rows_that_have_a_column() -> None:
    candidates = make_candidates([1.0, 1.0, -1.0, 0.0], banned=[False, False, False, True])
    isolated = isolate(candidates, make_limits(), "subset", "size")  # rows 0 and 2
    unseen = np.array([[1.0, np.nan], [-1.0, 0.5], [0.5, np.nan], [9.0, 9.0]])
    seen = audit(("grew", "gone"), unseen, ~candidates.banned, isolated)
    assert seen.to_json() == {
        "grew": {"before": pytest.approx(1 / 6), "n_before": 3, "after": 0.75, "n_after": 2},
        "gone": {"before": 0.5, "n_before": 1, "after": None, "n_after": 0},
    }
    assert isinstance(seen, Audit)
