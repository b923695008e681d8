"""How often intervals hold, on a small part of what benchmarks/statistics_coverage.py measures."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.statistics_coverage import (
    BY_NAME,
    N_STUDIES,
    Design,
    draw_sizes,
    list_designs,
    study_design,
)

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "statistics_coverage.json"
SLACK = 0.01  # twice the standard error of 2,000 studies


@pytest.mark.parametrize(
    ("outcome", "n_families", "sizes", "correlation"),
    [
        ("difference, normal", 6, "4 each", 0.5),
        ("difference, normal", 8, "1 to 8", 0.5),
        ("difference, normal", 12, "one holds a third", 0.9),
        ("difference, normal", 50, "one holds a third", 0.0),
        ("difference of log-normal scores", 20, "1 to 8", 0.5),
        ("20 % up, 20 % down", 20, "single prompts", 0.0),
        ("20 % up, 20 % down", 50, "1 to 8", 0.3),
        ("40 % up, 10 % down", 50, "4 each", 0.5),
        ("share of 50 %", 50, "4 each", 0.3),
        ("log-normal, sd of log 0.5", 20, "4 each", 0.5),
    ],
)
def test_intervals_hold_the_truth(
    outcome: str, n_families: int, sizes: str, correlation: float
) -> None:
    found = study_design(Design(outcome, n_families, sizes, correlation), 2_000, seed=20241101)
    assert 0.93 - SLACK <= found["coverage"] <= 0.97 + SLACK
    if BY_NAME[outcome].is_null:
        assert found["false_positives"] <= 0.05 + SLACK


@pytest.mark.parametrize(
    "outcome", ["5 % up, 5 % down", "10 % up, none down", "share of 2 %", "share of 10 %"]
)
def test_few_changes_are_not_taken_for_none(outcome: str) -> None:
    """Where hardly anything changes, intervals hold the truth more often than they say."""
    found = study_design(Design(outcome, 20, "4 each", 0.5), 2_000, seed=20241102)
    assert found["coverage"] >= 0.95


def test_one_family_holds_a_third() -> None:
    sizes = draw_sizes("one holds a third", 20, np.random.default_rng(0))
    assert sizes[0] / sizes.sum() == pytest.approx(1 / 3, abs=0.01)


def test_the_committed_result_is_of_the_whole_grid() -> None:
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    found = {
        (one["outcome"], one["n_families"], one["sizes"], one["correlation"])
        for one in result["designs"]
    }
    grid = {(one.outcome, one.n_families, one.sizes, one.correlation) for one in list_designs()}
    assert found == grid
    assert result["n_studies"] == N_STUDIES
