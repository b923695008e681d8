"""The map of a subset's clusters, on points whose plane is known."""

import numpy as np
import pytest

from valuedata.selection import maps
from valuedata.selection.maps import project_clusters


@pytest.mark.parametrize("at_once", [3, 8])
def test_centres_decide_the_axes_however_wide_a_cluster_is(at_once, monkeypatch):
    """Centres at 0 and ±2 along the first axis and ±1 along the second; rows spread by ±5 in the
    third, which is left out."""
    monkeypatch.setattr(maps, "ROWS_AT_ONCE", at_once)
    centres = np.array([[2, 0, 0], [-2, 0, 0], [0, 1, 0], [0, -1, 0]], dtype=np.float32)
    spread = np.array([[0, 0, 5], [0, 0, -5]], dtype=np.float32)
    vectors = (centres[:, None] + spread).reshape(-1, 3)
    found = project_clusters(vectors, np.repeat(np.arange(4), 2))
    assert found == pytest.approx(np.repeat(centres[:, :2], 2, axis=0), abs=1e-3)
    assert found.dtype == np.float32


def test_one_cluster_lies_along_its_own_widest_axes():
    vectors = np.array([[0, 3, 0], [0, -3, 0], [2, 0, 0], [-2, 0, 0]], dtype=np.float32)
    found = project_clusters(vectors, np.zeros(4, dtype=np.int64))
    assert found == pytest.approx(np.array([[3, 0], [-3, 0], [0, 2], [0, -2]]), abs=1e-3)


def test_equal_rows_lie_in_one_place():
    found = project_clusters(np.ones((3, 4), dtype=np.float32), np.zeros(3, dtype=np.int64))
    assert not np.signbit(found).any()
    assert (found == 0).all()
