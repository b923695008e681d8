import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from valuedata.errors import ReleaseError
from valuedata.recipe import SplitSettings
from valuedata.selection.controls import (
    Control,
    deal_weights,
    draw_control,
    make_strata,
    measure_distance,
    measure_lengths,
    split_candidates,
)

HALVES = SplitSettings(validation=0.0, test=0.4)


def test_lengths_are_of_all_turns_of_a_reply() -> None:
    def say(*texts: str) -> list[dict[str, str]]:
        return [{"role": "assistant", "content": text} for text in texts]

    pairs = Dataset.from_dict(
        {"chosen": [say("abc", "de"), say("a")], "rejected": [say("a"), say("abcd")]}
    )
    assert measure_lengths(pairs).tolist() == [4, -3]


def test_a_small_subset_is_one_stratum_within_its_extremes() -> None:
    differences = np.array([-50, -9, 0, 3, 12, 13])
    assert make_strata(differences, np.array([1, 2, 4])).tolist() == [-1, 0, 0, 0, 0, -1]


def test_strata_are_quantiles_of_the_subset() -> None:
    """Of 0 to 20, the median 10 begins the upper of two strata of at least ten pairs."""
    differences = np.array([*range(21), 100, -1, 9, 10])
    strata = make_strata(differences, np.arange(21))
    assert strata.tolist() == [0] * 10 + [1] * 11 + [-1, -1, 0, 1]


def test_there_are_at_most_twenty_strata() -> None:
    assert make_strata(np.arange(1000), np.arange(1000)).max() == 19
    assert set(make_strata(np.zeros(500, dtype=np.int64), np.arange(500)).tolist()) == {0}


@given(st.data())
def test_a_control_mirrors_the_cells_of_the_subset(data) -> None:
    n_candidates = data.draw(st.integers(1, 60))
    cells = np.array(
        data.draw(st.lists(st.integers(0, 3), min_size=n_candidates, max_size=n_candidates))
    )
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, n_candidates - 1), min_size=1))))
    flipped = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    control = draw_control(cells, Control(rows, flipped), np.random.default_rng(0))
    assert (np.diff(control.rows) > 0).all()  # without replacement, ascending
    for side in (False, True):
        drawn = np.bincount(cells[control.rows[control.flipped == side]], minlength=4)
        wanted = np.bincount(cells[rows[flipped == side]], minlength=4)
        assert drawn.tolist() == wanted.tolist()


def test_weights_are_dealt_within_a_cell_and_a_flip() -> None:
    cells = np.array([0, 0, 0, 1, 1, 1, 0])
    subset = Control(np.array([0, 1, 3, 4]), np.array([False, False, True, False]))
    control = Control(np.array([2, 3, 5, 6]), np.array([False, False, True, False]))
    weight = np.array([0.5, 1.5, 1.25, 0.75])
    dealt = deal_weights(cells, subset, weight, control, np.random.default_rng(0))
    assert dealt[[1, 2]].tolist() == [0.75, 1.25]
    assert sorted(dealt[[0, 3]].tolist()) == [0.5, 1.5]
    orders = {
        tuple(deal_weights(cells, subset, weight, control, np.random.default_rng(seed)))
        for seed in range(9)
    }
    assert len(orders) == 2


def test_nothing_is_drawn_from_outside_the_cells() -> None:
    cells = np.array([-1, 0, -1, 0, -1])
    control = draw_control(
        cells, Control(np.array([1, 3]), np.array([True, False])), np.random.default_rng(1)
    )
    assert control.rows.tolist() == [1, 3]
    assert sorted(control.flipped.tolist()) == [False, True]


def test_seeds_give_different_draws() -> None:
    subset = Control(np.arange(20), np.zeros(20, dtype=bool))
    cells = np.zeros(1000, dtype=np.int64)
    draws = [draw_control(cells, subset, np.random.default_rng(seed)).rows for seed in (0, 0, 1)]
    assert draws[0].tolist() == draws[1].tolist()
    assert len(np.intersect1d(draws[0], draws[2])) < 5


def test_the_distance_is_the_largest_gap_of_the_distribution_functions() -> None:
    """F is 1/2, 1, 1 and 0, 1/2, 1 at 0, 1, 2; then two that do not overlap."""
    assert measure_distance(np.array([0, 1]), np.array([1, 2])) == 0.5
    assert measure_distance(np.array([0, 1, 2]), np.array([5])) == 1.0
    assert measure_distance(np.array([3, 1]), np.array([1, 3])) == 0.0


def test_candidates_follow_their_group_and_the_others_mirror_the_shares() -> None:
    groups = np.array([0, 0, 1, 1, 2, 3, 4, 5, 6])
    released = np.array(["test", None, None, "train", *[None] * 5], dtype=object)
    sources = np.array(["a"] * 9, dtype=object)
    split = split_candidates(groups, released, sources, HALVES, seed=0)
    assert split[:4].tolist() == ["test", "test", "train", "train"]
    assert sorted(split[4:].tolist()) == ["test", "test", "train", "train", "train"]
    again = split_candidates(groups, released, sources, HALVES, seed=0)
    assert split.tolist() == again.tolist()


def test_no_candidate_may_be_free() -> None:
    split = split_candidates(
        np.array([0, 0]),
        np.array(["train", None], dtype=object),
        np.array(["a", "a"], dtype=object),
        HALVES,
        seed=0,
    )
    assert split.tolist() == ["train", "train"]


def test_a_group_in_two_splits_is_refused() -> None:
    with pytest.raises(ReleaseError, match="build the release again"):
        split_candidates(
            np.array([0, 0]),
            np.array(["train", "test"], dtype=object),
            np.array(["a", "a"], dtype=object),
            HALVES,
            seed=0,
        )
