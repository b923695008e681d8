"""What isolation takes at scale: seconds, peak memory, and how near its sets come to the bound.

    python -m benchmarks.isolation_scale --pairs 100000 --out FILE.json

The pairs are made: 35 side effects that share 8 factors, mean differences drawn with a standard
deviation of 0.3, one column known for 60 % of the pairs only; and 5 held-out columns of the same
factors, which isolation does not see. Each case runs in a process of its own.
"""

import argparse
import json
import math
import os
import platform
import resource
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy

from valuedata.selection.candidates import Candidates, Limits
from valuedata.selection.isolation import Mode, Objective, audit, isolate
from valuedata.selection.relaxation import make_constraints, relax

N_COLUMNS, N_HELD_OUT, N_FACTORS = 35, 5, 8
MEAN_SPREAD = 0.3  # standard deviations, between the columns' mean differences
N_SOURCES = 4
LIMITS = Limits(
    tolerance=0.1,
    min_pairs=500,
    max_pairs=None,
    max_source_share=0.5,
    max_cluster_share=0.05,
    max_weight=10.0,
)
CAPPED = 5_000


def make_pairs(n_pairs: int) -> tuple[Candidates, npt.NDArray[np.float64]]:
    """Makes candidates and their (n, `N_HELD_OUT`) held-out differences, the same every time."""
    rng = np.random.default_rng(0)
    n_columns = N_COLUMNS + N_HELD_OUT
    loadings = 0.35 * rng.normal(size=(N_FACTORS, n_columns))
    differences = rng.normal(size=(n_pairs, N_FACTORS)) @ loadings
    differences += 0.8 * rng.normal(size=differences.shape)
    differences += MEAN_SPREAD * rng.normal(size=n_columns)
    differences /= differences.std(axis=0)
    differences[rng.random(n_pairs) < 0.4, N_COLUMNS - 1] = np.nan
    n_clusters = max(1, round(math.sqrt(n_pairs / 2)))
    candidates = Candidates(
        names=tuple(f"column {column}" for column in range(N_COLUMNS)),
        differences=differences[:, :N_COLUMNS],
        margins=rng.beta(2, 2, n_pairs),
        sources=rng.integers(0, N_SOURCES, n_pairs),
        clusters=(n_clusters * rng.random(n_pairs) ** 2).astype(np.int64),
        banned=rng.random(n_pairs) < 0.02,
    )
    return candidates, differences[:, N_COLUMNS:]


def measure_isolation(
    n_pairs: int, mode: Mode, objective: Objective, max_pairs: int | None
) -> dict[str, object]:
    """Isolates once, and audits the columns balanced and those held out."""
    candidates, held_out = make_pairs(n_pairs)
    limits = Limits(**{**vars(LIMITS), "max_pairs": max_pairs})
    start = time.perf_counter(), time.process_time()
    isolated = isolate(candidates, limits, mode, objective)
    seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    balanced = audit(candidates.names, candidates.differences, ~candidates.banned, isolated)
    names = tuple(f"held out {i}" for i in range(N_HELD_OUT))
    unseen = audit(names, held_out, ~candidates.banned, isolated)
    return {
        "seconds": round(seconds[0], 2),
        "cpu_seconds": round(seconds[1], 2),
        "peak_megabytes": _read_peak(),
        "rows": len(isolated.rows),
        "effective_size": round(isolated.effective_size, 1),
        "sum_of_margins": round(float(candidates.margins[isolated.rows] @ isolated.weights), 3),
        "bound": isolated.bound,
        "worst_before": float(np.abs(balanced.before).max()),
        "worst_after": float(np.abs(balanced.after).max()),
        "held_out_mean_before": float(np.abs(unseen.before).mean()),
        "held_out_mean_after": float(np.abs(unseen.after).mean()),
    }


def measure_solver(n_pairs: int, solver: str) -> dict[str, object]:
    """Solves the linear program alone."""
    candidates, _ = make_pairs(n_pairs)
    constraints = make_constraints(candidates, LIMITS, (None, None))
    start = time.perf_counter(), time.process_time()
    relaxed = relax(np.ones(n_pairs), constraints, solver)
    seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    return {
        "seconds": round(seconds[0], 2),
        "cpu_seconds": round(seconds[1], 2),
        "peak_megabytes": _read_peak(),
        "bound": None if relaxed is None else relaxed.bound,
    }


def _read_peak() -> int:
    """Peak memory of this process, the made data included; Linux counts it in KiB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


CASES: dict[str, tuple[Callable[..., dict[str, object]], tuple[object, ...]]] = {
    "subset, size": (measure_isolation, ("subset", "size", None)),
    "subset, margin": (measure_isolation, ("subset", "margin", None)),
    f"subset, size, at most {CAPPED}": (measure_isolation, ("subset", "size", CAPPED)),
    "weights, size": (measure_isolation, ("weights", "size", None)),
    "weights, margin": (measure_isolation, ("weights", "margin", None)),
    "linear program, dual simplex": (measure_solver, ("highs-ds",)),
    "linear program, interior point": (measure_solver, ("highs-ipm",)),
}


def main() -> None:
    """Measures each case in its own process, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, required=True, help="how many candidate pairs")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    cases = {}
    for name, (measure, arguments) in CASES.items():
        with get_context("spawn").Pool(1) as pool:
            cases[name] = pool.apply(measure, (given.pairs, *arguments))
        print(name, cases[name])  # noqa: T201
    result = {
        "n_pairs": given.pairs,
        "n_columns": N_COLUMNS,
        "limits": vars(LIMITS),
        "cases": cases,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "scipy": scipy.__version__,
        },
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
