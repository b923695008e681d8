"""How often 95 % intervals of clustered prompts hold the truth, over a broad grid of studies.

    python -m benchmarks.statistics_coverage --out FILE

FILE, where it is committed, is benchmarks/results/statistics_coverage.json. A design is a kind of
number, a number of families, their sizes and how alike the prompts of a family are; the truth of
each is known. Studies are measured by the functions that evaluation calls, many at once, and a few
of each design by `mean_interval`, `difference_interval` and `score_interval` themselves, which must
say the same. A false positive is a p-value of at most 0.05 where nothing changed; it is read off
the same tails as the interval, so that it is 100 % minus coverage there.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri
from scipy.stats import poisson

from benchmarks.coverage_tables import format_tables, summarise
from evaluation.statistics.differences import Interval, mean_interval
from evaluation.statistics.families import add_families, count_effective, measure_mean
from evaluation.statistics.small_samples import (
    MIN_CHANGED,
    ROUNDING,
    UP_AND_DOWN,
    UP_AND_DOWN_TWICE,
    YES_AND_NO,
    difference_interval,
    score_interval,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Draw = Callable[[Callable[[], Floats]], Floats]

N_STUDIES: Final = 20_000
N_BATCHES: Final = 20  # each with its own draw of uneven sizes
N_CHECKED: Final = 2  # studies that are measured one by one, too
FAMILIES: Final = (6, 8, 12, 20, 50, 100)
CORRELATIONS: Final = (0.0, 0.3, 0.5, 0.9)
ALPHA: Final = 0.05
N_EACH, LARGEST = 3, 8
MEAN_COUNT: Final = 2.0
SIZES: Final = ("single prompts", "4 each", "1 to 8", "one holds a third")


@dataclass(frozen=True)
class Outcome:
    """A kind of number that prompts have.

    Attributes:
        name: What it is called in the table.
        draw: Given a source of standard normal numbers, (studies, prompts), alike within families,
            gives the numbers of the prompts.
        truth: Their expectation.
        measure: The interval that evaluation uses for it.
    """

    name: str
    draw: Draw
    truth: float
    measure: Callable[[Floats, Ints], Interval]

    @property
    def is_null(self) -> bool:
        """Whether it is a difference where nothing changed."""
        return self.truth == 0


@dataclass(frozen=True)
class Design:
    """One cell of the grid.

    Attributes:
        outcome: Name of the kind of number.
        n_families: How many families.
        sizes: How many prompts they have.
        correlation: Of the normal numbers behind the prompts of a family.
    """

    outcome: str
    n_families: int
    sizes: str
    correlation: float


def _change(up: float, down: float, normal: Callable[[], Floats]) -> Floats:
    z = normal()
    return (z > -ndtri(up)).astype(np.float64) - (z < (ndtri(down) if down else -np.inf))


def _answer(share: float, normal: Callable[[], Floats]) -> Floats:
    return (normal() > -ndtri(share)).astype(np.float64)


def _grow(spread: float, normal: Callable[[], Floats]) -> Floats:
    return np.asarray(np.exp(spread * normal()) - np.exp(spread**2 / 2), dtype=np.float64)


def _subtract(draw: Draw, normal: Callable[[], Floats]) -> Floats:
    return draw(normal) - draw(normal)


def _count(normal: Callable[[], Floats]) -> Floats:
    steps = poisson(MEAN_COUNT).cdf(np.arange(30))
    return np.searchsorted(steps, ndtr(normal())).astype(np.float64)


def _shift(draw: Draw, normal: Callable[[], Floats]) -> Floats:
    return draw(normal) + 1.0


OUTCOMES: Final = (
    Outcome("difference, normal", lambda normal: normal(), 0.0, mean_interval),
    Outcome(
        "difference of log-normal scores",
        partial(_subtract, partial(_grow, 1.0)),
        0.0,
        mean_interval,
    ),
    Outcome("difference of counts", partial(_subtract, _count), 0.0, mean_interval),
    Outcome("20 % up, 20 % down", partial(_change, 0.2, 0.2), 0.0, difference_interval),
    Outcome("5 % up, 5 % down", partial(_change, 0.05, 0.05), 0.0, difference_interval),
    Outcome("1 % up, 1 % down", partial(_change, 0.01, 0.01), 0.0, difference_interval),
    Outcome("40 % up, 10 % down", partial(_change, 0.4, 0.1), 0.4 - 0.1, difference_interval),
    Outcome("10 % up, none down", partial(_change, 0.1, 0.0), 0.1, difference_interval),
    Outcome("share of 50 %", partial(_answer, 0.5), 0.5, score_interval),
    Outcome("share of 10 %", partial(_answer, 0.1), 0.1, score_interval),
    Outcome("share of 2 %", partial(_answer, 0.02), 0.02, score_interval),
    Outcome("counts, mean 2", _count, MEAN_COUNT, mean_interval),
    Outcome("log-normal, sd of log 0.5", partial(_shift, partial(_grow, 0.5)), 1.0, mean_interval),
    Outcome("log-normal, sd of log 1", partial(_shift, partial(_grow, 1.0)), 1.0, mean_interval),
    Outcome("45 % up, 45 % down", partial(_change, 0.45, 0.45), 0.0, difference_interval),
    Outcome("85 % up, 5 % down", partial(_change, 0.85, 0.05), 0.85 - 0.05, difference_interval),
)
BY_NAME: Final = {outcome.name: outcome for outcome in OUTCOMES}


def list_designs(
    families: Sequence[int] = FAMILIES, correlations: Sequence[float] = CORRELATIONS
) -> list[Design]:
    """The grid; single prompts have no correlation."""
    return [
        Design(outcome.name, n_families, sizes, correlation)
        for outcome, n_families, sizes, correlation in product(
            OUTCOMES, families, SIZES, correlations
        )
        if sizes != SIZES[0] or correlation == correlations[0]
    ]


def draw_sizes(sizes: str, n_families: int, rng: np.random.Generator) -> Ints:
    """(g,) prompts of each family."""
    if sizes == SIZES[0]:
        return np.ones(n_families, dtype=np.int64)
    if sizes == SIZES[1]:
        return np.full(n_families, 4)
    if sizes == SIZES[2]:
        return rng.integers(1, LARGEST, n_families, endpoint=True)
    found = np.full(n_families, N_EACH)
    found[0] = round(N_EACH * (n_families - 1) / 2)
    return found


def find_p_values(outcome: Outcome, values: Floats, sizes: Ints) -> Floats:
    """(studies,) p-values of the truth; the interval holds it where that is above 0.05.

    Args:
        outcome: What is measured.
        values: (studies, prompts), family by family.
        sizes: (g,) prompts of each family.
    """
    starts = np.append(0, np.cumsum(sizes)[:-1])
    sums, weights = np.add.reduceat(values, starts, axis=1), sizes.astype(np.float64)
    if outcome.measure is mean_interval:
        return _test(sums, weights, outcome.truth)
    counted, added = np.sum(values != 0, axis=1), UP_AND_DOWN
    if outcome.measure is score_interval:
        yes, no = np.sum(values > 0, axis=1), np.sum(values < 1, axis=1)
        counted, added = np.minimum(yes, no), YES_AND_NO
    few = count_effective(values, counted, sums, weights) < MIN_CHANGED - ROUNDING
    p = _test(sums, weights, outcome.truth)
    if outcome.measure is difference_interval:
        others = np.minimum(np.sum(values != 1, axis=1), np.sum(values != -1, axis=1))
        rest = count_effective(values, others, sums, weights) < MIN_CHANGED - ROUNDING
        twice = add_families(sums[rest], weights, UP_AND_DOWN_TWICE)
        p[rest] = _test(*twice, outcome.truth, allow_skew=False)
    p[few] = _test(*add_families(sums[few], weights, added), outcome.truth, allow_skew=False)
    return p


def _test(sums: Floats, sizes: Floats, truth: float, *, allow_skew: bool = True) -> Floats:
    if not len(sums):
        return np.empty(0)
    below, above = measure_mean(sums, sizes, allow_skew=allow_skew).find_tails(truth)
    return np.minimum(1.0, 2 * np.minimum(below, above))


def study_design(design: Design, n_studies: int, seed: int) -> dict[str, Any]:
    """Simulates one design.

    Args:
        design: The cell.
        n_studies: How many, in `N_BATCHES` batches.
        seed: Of the draws.

    Raises:
        RuntimeError: A study measured alone says something else than the same study among many.
    """
    outcome, rng = BY_NAME[design.outcome], np.random.default_rng(seed)
    n_held, n = 0, n_studies // N_BATCHES
    for batch in range(N_BATCHES):
        sizes = draw_sizes(design.sizes, design.n_families, rng)
        clusters = np.repeat(np.arange(design.n_families), sizes)
        values = outcome.draw(partial(_draw_normal, rng, n, clusters, design.correlation))
        held = find_p_values(outcome, values, sizes) > ALPHA
        n_held += int(held.sum())
        for row in range(N_CHECKED if batch == 0 else 0):
            interval = outcome.measure(values[row], clusters)
            if held[row] != (interval.low <= outcome.truth <= interval.high):
                raise RuntimeError(f"{design}: {interval} does not go with its p-value")
    coverage = round(n_held / (n * N_BATCHES), 5)
    return {
        **asdict(design),
        "coverage": coverage,
        "false_positives": round(1 - coverage, 5) if outcome.is_null else None,
    }


def _draw_normal(rng: np.random.Generator, n: int, clusters: Ints, correlation: float) -> Floats:
    shared = rng.standard_normal((n, int(clusters[-1]) + 1))[:, clusters]
    own = rng.standard_normal((n, len(clusters)))
    return np.asarray(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)


def measure_grid(n_studies: int, n_workers: int) -> dict[str, Any]:
    """Simulates every design."""
    designs = list_designs()
    with ProcessPoolExecutor(n_workers) as pool:
        numbers = range(len(designs))
        found = list(pool.map(study_design, designs, [n_studies] * len(designs), numbers))
    error = float(np.sqrt(0.95 * 0.05 / n_studies))
    return {
        "n_studies": n_studies,
        "standard_error_at_95_percent": round(error, 5),
        "summary": summarise(found),
        "designs": found,
    }


def main() -> None:
    """Measures, writes and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    parser.add_argument("--studies", type=int, default=N_STUDIES, help="of each design")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    given = parser.parse_args()
    result = measure_grid(given.studies, given.workers)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n  ".join(json.dumps(one) for one in result["designs"])
    head = json.dumps({**result, "designs": []}, indent=1)
    given.out.write_text(head.replace('"designs": []', f'"designs": [\n  {lines}\n ]') + "\n")
    print(format_tables(result, FAMILIES))  # noqa: T201


if __name__ == "__main__":
    main()
