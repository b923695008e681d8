import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from valuedata.recipe import SplitSettings
from valuedata.selection.splits import SPLITS, assign_splits, count_crossing


def split_rows(
    groups: np.ndarray, strata: list[np.ndarray], *, seed: int = 0, **shares: float
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return assign_splits(groups, strata, SplitSettings(**shares), rng)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=80), st.integers(0, 100))
def test_no_group_crosses_splits_and_no_row_is_lost(groups: list[int], seed: int) -> None:
    rows = np.array(groups)
    strata = [np.array([row % 3]) for row in range(len(rows))]
    number = {stratum: i for i, stratum in enumerate(sorted({row % 3 for row in range(len(rows))}))}
    strata = [np.array([number[int(stratum[0])]]) for stratum in strata]
    splits = split_rows(rows, strata, seed=seed)
    assert len(splits) == len(rows)
    assert set(splits) <= {0, 1, 2}
    assert count_crossing(groups, splits) == 0


def test_single_rows_reach_the_shares_in_every_stratum() -> None:
    strata = [np.array([row % 4]) for row in range(400)]
    splits = split_rows(np.arange(400), strata, validation=0.1, test=0.2)
    for stratum in range(4):
        sizes = np.bincount(splits[stratum::4], minlength=3)
        np.testing.assert_allclose(sizes, [70, 10, 20], atol=1)


def test_a_split_of_no_share_stays_empty() -> None:
    strata = [np.array([0])] * 50
    splits = split_rows(np.arange(50), strata, validation=0.0, test=0.2)
    assert np.bincount(splits, minlength=3).tolist() == [40, 0, 10]


def test_a_giant_group_goes_to_training() -> None:
    groups = np.array([0] * 60 + list(range(1, 41)))
    splits = split_rows(groups, [np.array([0])] * 100, validation=0.1, test=0.1)
    assert (splits[:60] == SPLITS.index("train")).all()
    assert np.bincount(splits).tolist() == [80, 10, 10]


def test_one_seed_gives_one_result() -> None:
    rng = np.random.default_rng(5)
    groups, strata = rng.integers(0, 60, 100), [np.array([row % 2]) for row in range(100)]
    first = split_rows(groups, strata, seed=3)
    assert (first == split_rows(groups, strata, seed=3)).all()
    assert (first != split_rows(groups, strata, seed=4)).any()


def test_crossing_keys_are_counted() -> None:
    assert count_crossing(["a", "b", "a", "b", "c"], np.array([0, 1, 2, 1, 0])) == 1
