"""Signatures propose what is similar."""

import numpy as np
import pytest

from valuedata.cleaning.minhash import choose_bands, count_least, find_collisions, sketch
from valuedata.cleaning.shingles import Shingles, scramble


def make_shingles(*sets: range) -> Shingles:
    bounds = np.cumsum([0, *map(len, sets)])
    numbers = np.array([one for own in sets for one in own], np.uint64)
    return Shingles(scramble(numbers), bounds)


def test_the_coarsest_bands_that_overlook_few() -> None:
    # (1 - 0.6^3)^64 = 1.7e-7, and (1 - 0.6^4)^48 = 1.3e-3
    assert choose_bands(192, 0.6) == (64, 3)
    # (1 - 0.5^2)^64 = 1.0e-8, and (1 - 0.5^3)^42 = 3.7e-3
    assert choose_bands(128, 0.5) == (64, 2)
    assert choose_bands(128, 1.0) == (1, 128)
    assert choose_bands(128, 0.01) == (128, 1)  # one slot a band is all that can be done


def test_equal_slots_that_all_but_few_have() -> None:
    # all 4 slots are equal with probability 0.5^4 = 0.06, 1 or more with 0.94: both above 1e-9
    assert count_least(4, 0.5) == 0
    assert count_least(128, 1.0) == 128


def test_rows_of_one_band_share_a_group() -> None:
    bands = np.array([[7, 8, 7, 9, 8], [1, 2, 3, 4, 5], [6, 5, 6, 6, 4]], np.uint32)
    found = find_collisions(bands)
    groups: dict[int, list[int]] = {}
    for row, group in zip(found.rows.tolist(), found.groups.tolist(), strict=True):
        groups.setdefault(group, []).append(row)
    assert sorted(groups.values()) == [[0, 2], [0, 2, 3], [1, 4]]
    assert found.rows.tolist() == [0, 0, 1, 2, 2, 3, 4]


def test_bands_that_the_same_rows_share_make_one_group() -> None:
    found = find_collisions(np.array([[3, 3, 1], [2, 2, 1]], np.uint32))
    assert (found.rows.tolist(), found.groups.tolist()) == ([0, 1], [0, 0])


@pytest.mark.parametrize("n_rows", [0, 1, 2])
def test_nothing_shared(n_rows: int) -> None:
    found = find_collisions(np.arange(2 * n_rows, dtype=np.uint32).reshape(2, n_rows))
    assert (len(found.rows), len(found.groups)) == (0, 0)


def test_slots_are_equal_as_often_as_shingles() -> None:
    # 80 of 120 shingles in common
    rows = [
        range(start, start + 100) for step in range(200) for start in (step * 900, step * 900 + 20)
    ]
    sketches = sketch(make_shingles(*rows), (32, 4), seed=5)
    shares = (sketches.slots[::2] == sketches.slots[1::2]).mean(axis=1)
    # standard error of 200 means of 128 slots: sqrt(0.67 * 0.33 / 128 / 200) = 0.003
    assert shares.mean() == pytest.approx(80 / 120, abs=0.012)
    assert sketches.bands.shape == (32, 400)
    assert sketches.slots.shape == (400, 128)


def test_rows_without_shingles_have_equal_signatures() -> None:
    sketches = sketch(make_shingles(range(0), range(5), range(0)), (2, 3), seed=0)
    assert (sketches.bands[:, 0] == sketches.bands[:, 2]).all()
    assert (sketches.bands[:, 0] != sketches.bands[:, 1]).all()
