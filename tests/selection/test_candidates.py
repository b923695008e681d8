from typing import Any

import numpy as np
import pytest

from tests.selection.made import make_candidates, make_limits
from valuedata.selection.candidates import holds_limits, measure_means


def test_means_are_over_the_rows_that_have_a_number() -> None:
    differences = np.array([[1.0, np.nan, np.nan], [4.0, 2.0, np.nan], [9.0, 9.0, 9.0]])
    means, counts = measure_means(differences, np.array([2.0, 1.0, 0.0]))
    np.testing.assert_array_equal(means, [2.0, 2.0, np.nan])  # (2 * 1 + 4) / 3, 2 / 1, no row
    assert counts.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    "given",
    [
        {"differences": np.zeros((2, 3))},
        {"sources": np.zeros(1)},
        {"margins": np.array([0.5, np.nan])},
        {"differences": np.array([[np.inf], [0.0]])},
    ],
)
def test_candidates_that_do_not_fit_are_refused(given: dict[str, Any]) -> None:
    candidates = make_candidates([0.0, 0.0])
    with pytest.raises(ValueError, match=r"(shape|rows|finite)"):
        type(candidates)(**{**vars(candidates), **given})


@pytest.mark.parametrize(
    "given",
    [
        {"tolerance": 0.0},
        {"tolerance": np.array([0.1, np.inf])},
        {"min_pairs": 0},
        {"min_pairs": 3, "max_pairs": 2},
        {"max_source_share": 0.0},
        {"max_cluster_share": 1.1},
        {"max_weight": 0.5},
    ],
)
def test_limits_out_of_range_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not (0|\[|3|1\.1|0\.5)"):
        make_limits(**given)


def test_each_limit_is_looked_at() -> None:
    candidates = make_candidates(
        [0.3, -0.1, 0.0, 0.5], sources=["a", "a", "b", "b"], banned=[False, False, False, True]
    )
    held = np.array([1.0, 1.0, 1.0, 0.0])  # mean (0.3 - 0.1) / 3 = 0.067
    assert holds_limits(candidates, make_limits(), held)
    assert not holds_limits(candidates, make_limits(tolerance=0.05), held)
    assert not holds_limits(candidates, make_limits(max_source_share=0.6), held)  # a has 2 / 3
    assert not holds_limits(candidates, make_limits(max_cluster_share=0.3), held)
    assert not holds_limits(candidates, make_limits(tolerance=1.0), np.ones(4))
    assert not holds_limits(candidates, make_limits(max_pairs=2), held)
