"""Intervals cover what they should, draw clusters whole, and repeat with their seed."""

import numpy as np
import pytest

from valuedata.labelling.scoring import intervals
from valuedata.labelling.scoring.intervals import Estimate, estimate, number_groups


def take_share(sums):
    """Share of ones among the replies of clusters, given (n_groups, 2) ones and replies."""

    def measure(counts):
        ones, replies = (counts @ sums).T
        return {"share": np.divide(ones, replies)[:, None]}

    return measure


def simulate(rng, n_groups=60, size=5):
    """Clusters of `size` equal replies: only whole clusters tell anything."""
    ones = (rng.random(n_groups) < 0.3) * float(size)
    return np.stack([ones, np.full(n_groups, float(size))], axis=1)


def test_a_group_has_one_number_by_its_sorted_key():
    assert number_groups(["b", "a", "b", "c"]).tolist() == [1, 0, 1, 2]


def test_intervals_cover_the_truth():
    """Of 300 intervals at 95 %, 285 should hold the truth; 3 standard errors are 11."""
    rng = np.random.default_rng(7)
    n_covered = 0
    for _ in range(300):
        found = estimate(take_share(simulate(rng)), 60, 200, rng)["share"][0]
        n_covered += found.low <= 0.3 <= found.high
    assert n_covered >= 270


def test_clusters_are_drawn_whole():
    """Replies that say the same five times over are no narrower than said once."""
    rng = np.random.default_rng(3)
    many, once = simulate(rng), simulate(np.random.default_rng(3), size=1)
    wide, narrow = (
        estimate(take_share(sums), 60, 500, np.random.default_rng(0))["share"][0]
        for sums in (many, once)
    )
    assert wide == narrow


def test_blocks_change_nothing(monkeypatch):
    sums = simulate(np.random.default_rng(1))
    whole = estimate(take_share(sums), 60, 100, np.random.default_rng(0))
    monkeypatch.setattr(intervals, "DRAWN_AT_ONCE", 420)  # seven resamples at a time
    assert estimate(take_share(sums), 60, 100, np.random.default_rng(0)) == whole
    assert estimate(take_share(sums), 60, 100, np.random.default_rng(1)) != whole


def test_an_interval_of_what_chance_only_raises_holds_the_estimate():
    """The gap of a share from what it is in the data: none there, some in every resample."""
    ones = np.arange(12) < 5

    def measure(counts):
        return {"gap": np.abs((counts @ ones) / 12 - 5 / 12)[:, None] + 0.25}

    plain, moved = (
        estimate(measure, 12, 200, np.random.default_rng(0), names)["gap"][0]
        for names in ((), ("gap",))
    )
    assert plain.value == moved.value == plain.low == 0.25
    assert moved.low < 0.25 < moved.high < plain.high


def test_an_interval_of_gaps_does_not_end_below_zero():
    def measure(counts):
        return {"gap": np.abs(counts[:, :1] - 1)}

    assert estimate(measure, 12, 200, np.random.default_rng(0), ("gap",))["gap"][0].low == 0.0


def test_the_undefined_is_counted_apart():
    def measure(counts):
        rare = np.where(counts[:, 0] > 0, counts[:, 0], np.nan)
        return {"rare": rare[:, None], "never": np.full((len(counts), 1), np.nan)}

    found = estimate(measure, 3, 200, np.random.default_rng(0))
    (rare,), (never,) = found["rare"], found["never"]
    # A cluster of three is missed by (2/3)³ = 30 % of the resamples; 3 standard errors are 19.
    assert abs(rare.n_undefined - 59) <= 19
    assert (rare.value, rare.low) == (1.0, 1.0)
    assert never.to_json() == {"value": None, "low": None, "high": None, "n_undefined": 200}


def test_one_cluster_gives_no_interval():
    found = estimate(take_share(np.array([[1.0, 4.0]])), 1, 100, np.random.default_rng(0))
    assert found["share"][0].to_json() == {
        "value": 0.25,
        "low": None,
        "high": None,
        "n_undefined": 0,
    }
    assert Estimate(0.5, 0.25, 0.75).to_json()["high"] == pytest.approx(0.75)


def test_few_clusters_expand_an_interval():
    """Hesterberg 2015: with 20 clusters each end leaves out 1.59 % of the resamples, not 2.5 %.

    Student's quantile with 19 degrees of freedom is 2.093; times sqrt(20 / 19) that is 2.147, which
    a normal variable exceeds with probability 0.0159.
    """
    sums = np.stack([np.arange(20.0), np.ones(20)], axis=1)
    drawn = []

    def measure(counts):
        means = take_share(sums)(counts)["share"]
        drawn.extend(means[:, 0])
        return {"mean": means}

    (found,) = estimate(
        measure, 20, 400, np.random.default_rng(0), n_clusters={"mean": np.array([20])}
    )["mean"]
    low, high = np.quantile(drawn[1:], [0.0159, 1 - 0.0159])
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-3)
    plain = estimate(take_share(sums), 20, 400, np.random.default_rng(0))["share"][0]
    assert found.low < plain.low < plain.high < found.high


def test_fewer_than_ten_clusters_have_no_interval_where_it_is_expanded():
    sums = simulate(np.random.default_rng(0), n_groups=9)
    (found,) = estimate(
        take_share(sums), 9, 100, np.random.default_rng(0), n_clusters={"share": np.array([9])}
    )["share"]
    assert found.value == sums[:, 0].sum() / 45
    assert np.isnan([found.low, found.high]).all()
