"""How fast and how surely near-duplicates are found, beside datasketch on the same rows.

    python -m benchmarks.near_duplicates hh=FILE... --pairs 10000 100000 --out FILE.json
    python -m benchmarks.near_duplicates hh=FILE... --pairs 1000000 --alone --out FILE.json

The rows are the real pairs of the sources, then made ones: words drawn by their frequency among the
real ones, as many as a real pair has. One row in ten is a copy of a made one of which words were
replaced, so that its Jaccard similarity lies anywhere between 0.5 and 1.

datasketch gets the shingles of the same definition as bytes, `MinHash.bulk` with as many
permutations, `MinHashLSH` with the same bands, and rows one after the other: query, then insert
where no candidate is near. It is measured up to its candidates (`MinHashLSH.query`) and up to what
an exact comparison of the sets leaves, which its documentation recommends for exact results. Its
own choice of bands for the threshold is measured beside, once. Each run is a process of its own;
the rounds alternate. All run on one thread; ratios of processor seconds depend less than those of
seconds on what else the machine does. Memory is read from Linux's /proc. Needs
`pip install 'valuedata[bench]'`.
"""

import argparse
import json
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from datasets import Dataset, disable_progress_bars, load_from_disk
from datasketch import MinHash, MinHashLSH

from benchmarks.planted_duplicates import SIDES, make_rows
from valuedata.cleaning.dedup import SIDE_SHARE, find_near_duplicates
from valuedata.cleaning.text import iterate_pairs, join_messages, split_words
from valuedata.intake.collect import read_pairs
from valuedata.intake.naming import resolve_source
from valuedata.recipe import DedupSettings
from valuedata.schema import Pair

N_PERMUTATIONS = 128
BANDS = (32, 4)
THRESHOLD = DedupSettings().near_jaccard
BINS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)

Shingles = set[bytes]
Outcome = dict[str, object]


def shingle(pair: Pair) -> tuple[Shingles, ...]:
    """Cuts the parts of a pair into runs of three words, each marked with its part."""
    parts = []
    for side in SIDES:
        words = split_words(join_messages(pair[side]))  # type: ignore[literal-required]
        runs = range(max(len(words) - 2, 1) if words else 0)
        parts.append({f"{side[0]}:{' '.join(words[run : run + 3])}".encode() for run in runs})
    return tuple(parts)


def measure_jaccard(a: Shingles, b: Shingles) -> float:
    """Divides what two sets have in common by what either has."""
    return len(a & b) / len(a | b) if a | b else 1.0


def are_near(a: Sequence[Shingles], b: Sequence[Shingles]) -> bool:
    """Says whether two pairs are near-duplicates as the recipe defines them."""
    sides = min(measure_jaccard(a[1], b[1]), measure_jaccard(a[2], b[2]))
    return sides >= SIDE_SHARE * THRESHOLD and (
        measure_jaccard(set().union(*a), set().union(*b)) >= THRESHOLD
    )


def run_ours(rows: Dataset) -> Outcome:
    """Finds near-duplicates as a build does."""
    verdict = find_near_duplicates(rows, DedupSettings(), 0)
    return {"duplicate_of": verdict.duplicate_of}


def run_datasketch(rows: Dataset, bands: tuple[int, int] | None) -> Outcome:
    """Finds near-duplicates by datasketch; `bands` of None leaves them to it."""
    parts = [shingle(pair) for pair in iterate_pairs(rows)]
    sketches = MinHash.bulk([set().union(*own) for own in parts], num_perm=N_PERMUTATIONS)
    index = MinHashLSH(threshold=THRESHOLD, num_perm=N_PERMUTATIONS, params=bands)
    verifying = 0.0
    n_candidates = 0
    duplicate_of = np.full(len(rows), -1)
    for row, sketch in enumerate(sketches):
        candidates = sorted(index.query(sketch))
        begun = time.thread_time()
        n_candidates += len(candidates)
        keeper = next((other for other in candidates if are_near(parts[row], parts[other])), -1)
        verifying += time.thread_time() - begun
        duplicate_of[row] = keeper
        if keeper < 0:
            index.insert(row, sketch, check_duplication=False)
    return {
        "cpu_seconds_comparing": verifying,
        "bands": [index.b, index.r],
        "n_candidates": n_candidates,
        "duplicate_of": duplicate_of,
    }


RUNS: dict[str, Callable[[Dataset], Outcome]] = {
    "valuedata": run_ours,
    "datasketch": lambda rows: run_datasketch(rows, BANDS),
    "datasketch_own_bands": lambda rows: run_datasketch(rows, None),
}


def _run(name: str, folder: Path) -> Outcome:
    disable_progress_bars()
    rows = load_from_disk(folder / "rows")
    RUNS[name](rows.select(range(100)))  # imports and first calls
    with watch_memory() as peaks:
        start, start_cpu = time.perf_counter(), time.process_time()
        outcome = RUNS[name](rows)
        spent = {
            "seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - start_cpu,
        }
    return {**outcome, **spent, **peaks}


@contextmanager
def watch_memory() -> Iterator[dict[str, float]]:
    """Measures the peak of resident memory in MB, with and without the mapped pages of files."""
    peaks = {"peak_mb": 0.0, "peak_without_files_mb": 0.0}
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.05):
            lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
            sizes = dict(line.split(":", 1) for line in lines)
            for key, field in (("peak_mb", "VmRSS"), ("peak_without_files_mb", "RssAnon")):
                peaks[key] = max(peaks[key], int(sizes[field].split()[0]) / 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peaks
    finally:
        is_over.set()
        watcher.join()


def judge(rows: Dataset, duplicate_of: npt.NDArray[np.int64]) -> Outcome:
    """Compares decisions with the shingles themselves, and with what was planted.

    Returns:
        Share of the dropped rows that are near what they repeat; share of the planted copies that
        were dropped, among those that are near; and counts by Jaccard similarity, where some copies
        at the threshold are not near because one reply by itself is too different.
    """
    dropped = np.flatnonzero(duplicate_of >= 0)
    originals = np.array(rows["source_row"])
    copies = np.flatnonzero(originals >= 0)
    pairs_of_rows = {(row, int(duplicate_of[row])) for row in dropped.tolist()}
    pairs_of_rows |= {(row, int(originals[row])) for row in copies.tolist()}
    near, similarity = {}, {}
    for row, other in sorted(pairs_of_rows):
        a, b = (shingle(rows[place]) for place in (row, other))
        near[row, other] = are_near(a, b)
        similarity[row, other] = measure_jaccard(set().union(*a), set().union(*b))
    right = [near[row, int(duplicate_of[row])] for row in dropped.tolist()]
    planted = [(row, int(originals[row])) for row in copies.tolist()]
    at_threshold = [place for place in planted if near[place]]
    found = [bool(duplicate_of[row] >= 0) for row, _ in at_threshold]
    bins: list[Outcome] = []
    for low, high in pairwise(BINS):
        inside = [
            place
            for place in planted
            if low <= similarity[place] < high or high == similarity[place] == BINS[-1]
        ]
        bins.append(
            {
                "jaccard": [low, high],
                "n_planted": len(inside),
                "n_near": sum(near[place] for place in inside),
                "n_dropped": sum(bool(duplicate_of[row] >= 0) for row, _ in inside),
            }
        )
    return {
        "n_dropped": len(dropped),
        "precision": float(np.mean(right)) if right else None,
        "n_planted_near": len(at_threshold),
        "recall": float(np.mean(found)) if found else None,
        "by_jaccard": bins,
    }


def measure(folder: Path, names: Sequence[str], n_rounds: int) -> Outcome:
    """Runs each in turn, round after round, and judges what it decided."""
    rows = load_from_disk(folder / "rows")
    rounds: dict[str, list[Outcome]] = {name: [] for name in names}
    for number in range(n_rounds):
        for name in names:
            if name == "datasketch_own_bands" and number:
                continue  # for its recall; once is enough
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                rounds[name].append(pool.submit(_run, name, folder).result())
    result: Outcome = {"n_rows": len(rows)}
    for name, outcomes in rounds.items():
        decided = [outcome.pop("duplicate_of") for outcome in outcomes]
        result[name] = {
            **{key: [outcome[key] for outcome in outcomes] for key in outcomes[0]},
            "same_decisions_every_round": all(np.array_equal(one, decided[0]) for one in decided),
            **judge(rows, decided[0]),
        }
        if name != "valuedata":
            result[f"{name}_over_ours"] = _compare(outcomes, rounds["valuedata"])
    return result


def _compare(theirs: Sequence[Outcome], ours: Sequence[Outcome]) -> Outcome:
    """Divides what they took by what we took in the same round: the median and all."""
    ratios: dict[str, list[float]] = {"cpu_seconds": [], "cpu_seconds_to_candidates": []}
    ratios |= {"seconds": [], "peak_without_files_mb": []}
    for their_round, our_round in zip(theirs, ours, strict=False):
        their = {key: float(str(their_round[key])) for key in (*our_round, "cpu_seconds_comparing")}
        to_candidates = their["cpu_seconds"] - their["cpu_seconds_comparing"]
        their["cpu_seconds_to_candidates"] = to_candidates
        our = {**our_round, "cpu_seconds_to_candidates": our_round["cpu_seconds"]}
        for key, values in ratios.items():
            values.append(their[key] / float(str(our[key])))
    return {
        key: {"median": statistics.median(values), "rounds": values}
        for key, values in ratios.items()
    }


def main() -> None:
    """Makes rows, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", help="what --source of valuedata takes")
    parser.add_argument("--pairs", type=int, nargs="+", required=True, help="how many, in turn")
    parser.add_argument("--rounds", type=int, default=5, help="of each, alternating")
    parser.add_argument("--alone", action="store_true", help="without datasketch")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    disable_progress_bars()
    results = []
    with TemporaryDirectory() as work:
        sources = [resolve_source(source, None) for source in given.sources]
        real = read_pairs(sources, Path(work), 1.0, lambda _: None).pairs
        for n_rows in given.pairs:
            folder = Path(work) / str(n_rows)
            folder.mkdir()
            make_rows(real, n_rows, folder)
            names = ("valuedata",) if given.alone else tuple(RUNS)
            results.append(measure(folder, names, given.rounds))
            print(json.dumps(results[-1]))  # noqa: T201
    machine = {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("datasketch", "numpy", "rensa")},
    }
    document = {"machine": machine, "n_real": len(real), "results": results}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
