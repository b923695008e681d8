"""q-values by hand, and false discoveries held at their rate."""

import numpy as np
import pytest

from valuedata.effects.discovery import adjust


def test_q_values_by_hand():
    """Sorted 0.01, 0.02, 0.03, 0.5 times 4 over the rank: 0.04, 0.04, 0.04, 0.5."""
    assert adjust(np.array([0.03, 0.5, 0.01, 0.02])).tolist() == pytest.approx(
        [0.04, 0.5, 0.04, 0.04]
    )


def test_a_later_test_pulls_earlier_ones_down():
    """0.04 * 2 / 1 = 0.08 is above 0.05 * 2 / 2 = 0.05, at which both are found."""
    assert adjust(np.array([0.04, 0.05])).tolist() == pytest.approx([0.05, 0.05])


def test_an_undefined_test_counts_as_not_made():
    q = adjust(np.array([0.01, np.nan, 0.03]))
    assert q[[0, 2]].tolist() == pytest.approx([0.02, 0.03])
    assert np.isnan(q[1])


def test_no_test_at_all():
    assert np.isnan(adjust(np.array([np.nan]))).all()
    assert len(adjust(np.array([]))) == 0
