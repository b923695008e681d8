"""Candidates for isolation, and an independent look at what was chosen of them."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from valuedata.selection.candidates import Candidates, Limits
from valuedata.selection.isolation import Isolated


def make_candidates(differences: Any, **given: Any) -> Candidates:
    """Candidates of one source and margin, each its own cluster, unless given otherwise."""
    array = np.array(differences, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    n_rows, n_columns = array.shape
    arrays = {
        "margins": np.full(n_rows, 0.5),
        "sources": np.zeros(n_rows, dtype=np.int64),
        "clusters": np.arange(n_rows),
        "banned": np.zeros(n_rows, dtype=bool),
    }
    arrays |= {name: np.array(value) for name, value in given.items()}
    return Candidates(tuple(f"c{column}" for column in range(n_columns)), array, **arrays)


def make_limits(**given: Any) -> Limits:
    """Limits that hold the differences to 0.1 and nothing else, unless given otherwise."""
    free = {
        "tolerance": 0.1,
        "min_pairs": 1,
        "max_pairs": None,
        "max_source_share": 1.0,
        "max_cluster_share": 1.0,
        "max_weight": 10.0,
    }
    return Limits(**{**free, **given})


def draw_candidates(seed: int, n_rows: int, n_columns: int) -> Candidates:
    """Columns that share factors and lean to one side; some quality is unknown, some are banned."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n_rows, 3)) @ rng.normal(size=(3, n_columns))
    differences = factors + rng.normal(size=(n_rows, n_columns)) + 0.5 * rng.normal(size=n_columns)
    differences /= np.sqrt(np.square(differences).mean(axis=0))
    differences[rng.random(n_rows) < 0.4, 0] = np.nan
    return make_candidates(
        differences,
        margins=rng.random(n_rows),
        sources=rng.choice(np.array(["a", "b", "c"], dtype=object), n_rows),
        clusters=rng.integers(0, 6, n_rows),
        banned=rng.random(n_rows) < 0.1,
    )


def is_within(candidates: Candidates, limits: Limits, weights: np.ndarray) -> bool:
    """Whether weights over all rows hold every limit but the smallest size, by definition."""
    if weights[candidates.banned].any() or not weights.sum():
        return False
    tolerance = np.broadcast_to(limits.tolerance, len(candidates.names))
    for column, limit in zip(candidates.differences.T, tolerance, strict=True):
        has = ~np.isnan(column)
        if abs((weights[has] * column[has]).sum()) > limit * weights[has].sum() + 1e-9:
            return False
    for groups, share in (
        (candidates.sources, limits.max_source_share),
        (candidates.clusters, limits.max_cluster_share),
    ):
        for group in set(groups.tolist()):
            if weights[groups == group].sum() > share * weights.sum() + 1e-6:
                return False
    return limits.max_pairs is None or int((weights > 0).sum()) <= limits.max_pairs


def list_sets(candidates: Candidates, limits: Limits) -> Iterator[np.ndarray]:
    """Every set of rows, as 0 and 1, that holds every limit."""
    for bits in product((0.0, 1.0), repeat=len(candidates)):
        weights = np.array(bits)
        if weights.sum() >= limits.min_pairs and is_within(candidates, limits, weights):
            yield weights


def spread_weights(candidates: Candidates, isolated: Isolated) -> np.ndarray:
    """The weights over all rows."""
    weights = np.zeros(len(candidates))
    weights[isolated.rows] = isolated.weights
    return weights
