import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from valuedata.labelling.labels import Labels
from valuedata.recipe import SelectionSettings
from valuedata.selection.xor import cap_pairs, count_sides, require_margin, select_one_sided

THRESHOLD = np.array([0.5], dtype=np.float32)


def make_labels(chosen: list[float], rejected: list[float]) -> Labels:
    return Labels(
        ("empathy",),
        np.array(chosen, dtype=np.float32)[:, None],
        np.array(rejected, dtype=np.float32)[:, None],
        THRESHOLD,
    )


@pytest.fixture
def four_pairs() -> Labels:
    """Chosen only, rejected only, both, neither."""
    return make_labels([0.9, 0.25, 0.75, 0.1], [0.1, 0.5, 0.6, 0.2])


def test_sides_are_counted(four_pairs: Labels) -> None:
    counts = count_sides(four_pairs, "empathy")
    assert counts.to_json() == {
        "chosen_only": 1,
        "rejected_only": 1,
        "both": 1,
        "neither": 1,
        "one_sided": 2,
    }


def test_one_sided_pairs_stay_and_rejected_only_are_flipped(four_pairs: Labels) -> None:
    result = select_one_sided(four_pairs, "empathy")
    assert result.verdict.reasons.tolist() == [
        "",
        "",
        "value in both replies",
        "value in neither reply",
    ]
    assert result.flipped.tolist() == [False, True, False, False]
    np.testing.assert_allclose(result.margin[:2], [0.8, 0.25], atol=1e-6)


def test_small_margins_are_dropped(four_pairs: Labels) -> None:
    margin = select_one_sided(four_pairs, "empathy").margin
    verdict = require_margin(margin[:2], 0.3)
    assert verdict.kept.tolist() == [0]
    assert verdict.reasons[1] == "margin below the minimum"
    assert require_margin(margin[:2], 0.2).kept.tolist() == [0, 1]


probabilities = arrays(np.float32, (30, 1), elements=st.floats(0, 1, width=32))


@given(probabilities, probabilities)
def test_swapping_the_sides_swaps_the_flips(chosen: np.ndarray, rejected: np.ndarray) -> None:
    straight = select_one_sided(Labels(("v",), chosen, rejected, THRESHOLD), "v")
    swapped = select_one_sided(Labels(("v",), rejected, chosen, THRESHOLD), "v")
    kept = straight.verdict.kept
    assert kept.tolist() == swapped.verdict.kept.tolist()
    assert (straight.flipped[kept] != swapped.flipped[kept]).all()
    np.testing.assert_array_equal(straight.margin[kept], swapped.margin[kept])
    assert (straight.margin[kept] >= 0).all()


def test_caps_take_the_largest_margins_first() -> None:
    margin = np.array([0.1, 0.9, 0.8, 0.7, 0.6, 0.5], dtype=np.float32)
    sources = np.array(["a", "a", "a", "a", "b", "b"], dtype=object)
    clusters = np.array([0, 1, 1, 2, 1, 3])
    settings = SelectionSettings(max_pairs=4, max_source_share=0.5, max_cluster_share=0.5)
    # In order of margin: rows 1 and 2 fill source a and cluster 1, row 3 is of a full source,
    # row 4 of a full cluster, row 5 fits, row 0 is of the full source.
    verdict = cap_pairs(margin, sources, clusters, settings)
    assert verdict.reasons.tolist() == ["source cap", "", "", "source cap", "cluster cap", ""]


def test_without_a_largest_size_all_stay() -> None:
    verdict = cap_pairs(
        np.zeros(3, np.float32),
        np.array(["a"] * 3, object),
        np.zeros(3, np.int64),
        SelectionSettings(),
    )
    assert verdict.kept.tolist() == [0, 1, 2]


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_caps_hold(max_pairs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sources = rng.choice(np.array(["a", "b", "c"], dtype=object), 60)
    clusters = rng.integers(0, 5, 60)
    settings = SelectionSettings(max_pairs=max_pairs, max_source_share=0.5, max_cluster_share=0.3)
    margin = rng.random(60).astype(np.float32)
    kept = cap_pairs(margin, sources, clusters, settings).kept
    assert len(kept) <= max_pairs
    assert np.unique(sources[kept], return_counts=True)[1].max() <= max(1, 0.5 * max_pairs)
    assert np.bincount(clusters[kept]).max() <= max(1, 0.3 * max_pairs)


def test_nothing_is_kept_beyond_the_largest_subset() -> None:
    settings = SelectionSettings(max_pairs=1, max_cluster_share=1.0)
    verdict = cap_pairs(
        np.array([0.5, 0.6], np.float32), np.array(["a", "a"], object), np.array([0, 1]), settings
    )
    assert verdict.reasons.tolist() == ["beyond the largest subset", ""]
