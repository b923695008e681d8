"""What isolation chooses is within every limit, and no other set is better."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from tests.selection.made import (
    draw_candidates,
    is_within,
    list_sets,
    make_candidates,
    make_limits,
    spread_weights,
)
from valuedata.errors import IsolationError
from valuedata.selection.isolation import isolate

seeds = st.integers(0, 2**32 - 1)
LATTICE = st.lists(
    st.tuples(*[st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])] * 2), min_size=1, max_size=8
)


@given(LATTICE, st.sampled_from([0.125, 0.25, 0.5]), seeds)
@settings(deadline=None, max_examples=25)
def test_no_set_is_larger_on_a_lattice(
    differences: list[tuple[float, float]], tolerance: float, seed: int
) -> None:
    """Means often equal the tolerance to the bit, and many rows are alike."""
    sources = np.random.default_rng(seed).integers(0, 3, len(differences))
    candidates = make_candidates(differences, sources=sources)
    limits = make_limits(tolerance=tolerance, max_source_share=0.75)
    sizes = [weights.sum() for weights in list_sets(candidates, limits)]
    if not sizes:
        with pytest.raises(IsolationError):
            isolate(candidates, limits, "subset", "size")
        return
    isolated = isolate(candidates, limits, "subset", "size")
    assert len(isolated.rows) == max(sizes)
    assert isolated.bound is not None
    assert isolated.bound >= max(sizes)


@given(seeds, st.integers(1, 9), st.integers(1, 3), st.integers(1, 3))
@settings(deadline=None, max_examples=25)
def test_no_set_is_better(seed: int, n_rows: int, n_columns: int, min_pairs: int) -> None:
    """Against all subsets: the size, then the margins; and the margins alone."""
    candidates = draw_candidates(seed, n_rows, n_columns)
    limits = make_limits(
        tolerance=0.3, min_pairs=min_pairs, max_pairs=6, max_source_share=0.7, max_cluster_share=0.6
    )
    sets = list(list_sets(candidates, limits))
    for objective in ("size", "margin"):
        if not sets:
            with pytest.raises(IsolationError):
                isolate(candidates, limits, "subset", objective)
            continue
        isolated = isolate(candidates, limits, "subset", objective)
        margin = candidates.margins[isolated.rows].sum()
        if objective == "size":
            best = max((weights.sum(), weights @ candidates.margins) for weights in sets)
            assert len(isolated.rows) == best[0]
            assert margin == pytest.approx(best[1], abs=1e-5)
        else:
            assert margin == pytest.approx(max(w @ candidates.margins for w in sets), abs=1e-5)
            assert isolated.bound >= margin - 1e-6


@pytest.mark.slow
@given(
    seeds,
    st.integers(1, 300),
    st.integers(1, 8),
    st.sampled_from(["subset", "weights"]),
    st.sampled_from(["size", "margin"]),
)
@settings(deadline=None, max_examples=15)  # each takes a third of a second
def test_what_is_chosen_holds_every_limit(
    seed: int, n_rows: int, n_columns: int, mode: Any, objective: Any
) -> None:
    candidates = draw_candidates(seed, n_rows, n_columns)
    limits = make_limits(
        tolerance=0.2,
        min_pairs=5,
        max_pairs=100 if mode == "subset" else None,
        max_source_share=0.6,
        max_cluster_share=0.5,
    )
    try:
        isolated = isolate(candidates, limits, mode, objective)
    except IsolationError as error:
        sizes = [size for _, size, _ in error.frontier]
        assert all(size < 5 for size in sizes[:-1])
        return
    weights = spread_weights(candidates, isolated)
    assert is_within(candidates, limits, weights)
    assert (np.diff(isolated.rows) > 0).all()
    assert isolated.weights.mean() == pytest.approx(1.0)
    assert isolated.effective_size >= 5 - 1e-6
    if mode == "subset":
        assert set(isolated.weights.tolist()) == {1.0}
        assert isolated.effective_size == len(isolated.rows)
    assert isolated.verdict.kept.tolist() == isolated.rows.tolist()


@given(seeds, st.sampled_from(["size", "margin"]))
@settings(deadline=None, max_examples=25)
def test_slack_never_makes_the_optimum_smaller(seed: int, objective: Any) -> None:
    candidates = draw_candidates(seed, 20, 2)
    found = []
    for tolerance, share in ((0.1, 0.6), (0.2, 0.6), (0.2, 0.8)):
        limits = make_limits(tolerance=tolerance, max_source_share=share)
        try:
            isolated = isolate(candidates, limits, "subset", objective)
        except IsolationError:
            found.append(0.0)
            continue
        margins = candidates.margins[isolated.rows]
        found.append(float(len(margins) if objective == "size" else margins.sum()))
    assert found[0] <= found[1] + 1e-6
    assert found[1] <= found[2] + 1e-6


def test_a_large_set_comes_near_its_bound_and_repeats() -> None:
    candidates = draw_candidates(7, 2_000, 12)
    limits = make_limits(tolerance=0.1, max_source_share=0.5, max_cluster_share=0.3)
    isolated = isolate(candidates, limits, "subset", "size")
    assert isolated.bound is not None
    assert len(isolated.rows) >= 0.98 * isolated.bound
    assert is_within(candidates, limits, spread_weights(candidates, isolated))
    with threadpool_limits(limits=2):
        again = isolate(candidates, limits, "subset", "size")
    assert again.rows.tolist() == isolated.rows.tolist()


def test_a_cap_on_the_size_of_many_pairs_is_nearly_filled_with_large_margins() -> None:
    candidates = draw_candidates(11, 1_000, 3)
    limits = make_limits(max_pairs=150)
    isolated = isolate(candidates, limits, "subset", "size")
    margins = candidates.margins[isolated.rows]
    assert isolated.bound == 150
    assert len(isolated.rows) >= 148
    assert is_within(candidates, limits, spread_weights(candidates, isolated))
    assert margins.mean() > 0.8  # all margins are uniform in [0, 1]
    # A cap that balance keeps out of reach changes nothing.
    free = isolate(candidates, make_limits(), "subset", "size")
    wide = isolate(candidates, make_limits(max_pairs=999), "subset", "size")
    assert len(free.rows) < 999
    assert abs(len(wide.rows) - len(free.rows)) <= 1
