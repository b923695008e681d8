"""How a build grows: seconds and memory of every stage at 10,000, 100,000 and 1,000,000 pairs.

    python -m benchmarks.build_scale made --pairs 10000 --pairs 100000 --out RESULT.json
    python -m benchmarks.build_scale real --source hh-rlhf=FOLDER --out RESULT.json

`made` builds synthetic pairs (`synthetic_pairs.py`) with the stand-in of `stand_in.py` in place of
classifier and encoder: everything but the encoder. `real` builds real pairs with the packaged
classifier and an empty cache, then a second value, then the same once more. Every build runs in a
process of its own. A result that is there is added to.
"""

import argparse
import json
import math
import os
import platform
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SECONDS_A_SAMPLE = 0.2
MADE_VALUES = ("empathy", "honesty", "curiosity", "privacy", "violence")
REAL_VALUES = ("empathy", "honesty")


@dataclass
class Clock:
    """Notes when each stage ran, by the bars that a build shows."""

    stages: dict[str, dict[str, float]] = field(default_factory=dict)

    @contextmanager
    def show(self, stage: str, total: int | None) -> Iterator[Any]:  # noqa: ARG002
        """A bar that is not seen."""
        began = _read_clocks()
        yield lambda _: None
        self.add(stage, began)

    def add(self, stage: str, began: dict[str, float]) -> None:
        """Adds what passed since `began` to a stage."""
        told = self.stages.setdefault(stage, {"seconds": 0.0, "cpu_seconds": 0.0})
        for name, now in _read_clocks().items():
            told[name] = round(told[name] + now - began[name], 2)
        told["peak_mb_so_far"] = round(_read_peak() / 1e6)
        told["mb_at_end_without_mapped_files"] = round(_read_status("RssAnon") / 1e6)


@dataclass
class Memory:
    """Samples what this process and those it started hold beside mapped files."""

    most_anonymous: int = 0

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Samples in a thread."""
        stop = threading.Event()

        def sample() -> None:
            while not stop.wait(SECONDS_A_SAMPLE):
                self.most_anonymous = max(self.most_anonymous, _read_anonymous())

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def build_made(n_pairs: int, folder: Path) -> dict[str, Any]:
    """Builds synthetic pairs with the stand-in and tells what it took."""
    from benchmarks.stand_in import StandIn, embed
    from benchmarks.synthetic_pairs import write_sources
    from valuedata.pipeline import build
    from valuedata.recipe import Recipe

    began = _read_clocks()
    sources = write_sources(folder, n_pairs)
    made = _read_clocks()["seconds"] - began["seconds"]
    recipe = Recipe(values=MADE_VALUES, sources=tuple(sources))
    clock, memory = Clock(), Memory()
    with memory.watch():
        began = _read_clocks()
        release = build(recipe, folder / "release", clock.show, extractor=StandIn(), embed=embed)
        clock.add("whole", began)
    return {
        "n_rows": n_pairs,
        "labels": StandIn().fingerprint,
        "seconds": clock.stages["whole"]["seconds"],
        "cpu_seconds": clock.stages["whole"]["cpu_seconds"],
        "peak_mb": round(_read_peak() / 1e6),
        "peak_mb_without_mapped_files": round(memory.most_anonymous / 1e6),
        "input_mb": _measure_folder(folder, "made-*"),
        "release_mb": _measure_folder(release.folder, "**/*"),
        "seconds_to_make_the_pairs": round(made, 1),
        "content_hash": release.content_hash,
        "n_pairs": {value: told["n_pairs"] for value, told in release.manifest["values"].items()},
        "stages": clock.stages,
    }


def build_real(sources: Sequence[str], value: str, folder: Path) -> dict[str, Any]:
    """Builds real pairs as the command line does and tells what it took."""
    from valuedata.pipeline import build
    from valuedata.rebuild import find_unchanged, note_build, read_inputs
    from valuedata.recipe import Recipe

    recipe = Recipe(values=(value,), sources=tuple(sources))
    clock, began = Clock(), _read_clocks()
    inputs = read_inputs(recipe)
    standing = find_unchanged(recipe, folder, inputs)
    if standing is None:
        note_build(folder, inputs, build(recipe, folder, clock.show))
    clock.add("whole", began)
    return {"value": value, "was_unchanged": standing is not None, "stages": clock.stages}


def rebuild(sources: Sequence[str], value: str, folder: Path) -> dict[str, Any]:
    """Runs the command line itself on a release that nothing has changed since."""
    options = [part for source in sources for part in ("--source", source)]
    program = "from valuedata.cli import main; main()"
    words = [sys.executable, "-c", program, "build", "--value", value, *options, "--out", folder]
    began = time.perf_counter()
    told = subprocess.run(  # noqa: S603 - the words are ours
        [str(word) for word in words], capture_output=True, text=True, check=True
    )
    seconds = round(time.perf_counter() - began, 2)
    return {"seconds": seconds, "was_unchanged": "Nothing has changed" in told.stderr}


def measure_real(sources: Sequence[str]) -> dict[str, Any]:
    """Times a build with an empty cache, of a second value, and once more."""
    with TemporaryDirectory() as work:
        folder = Path(work)
        os.environ["VALUEDATA_CACHE"] = str(folder / "cache")
        builds = [_run(build_real, tuple(sources), value, folder / value) for value in REAL_VALUES]
        unchanged = rebuild(sources, REAL_VALUES[0], folder / REAL_VALUES[0])
        manifest_file = folder / REAL_VALUES[0] / "manifest.json"
        manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    whole, second = (told["stages"]["whole"] for told in builds)
    labelling = builds[0]["stages"]["Labelling"]
    return {
        "n_rows": manifest["stages"][0]["rows_in"],
        "n_labelled": manifest["stages"][-1]["rows_out"],
        "labels": manifest["labels"]["extractor"],
        "whole_over_labelling": _divide(whole, labelling),
        "second_value_over_first": _divide(second, whole),
        "unchanged": unchanged,
        "builds": builds,
    }


def _divide(told: dict[str, float], by: dict[str, float]) -> dict[str, float]:
    return {clock: round(told[clock] / by[clock], 3) for clock in ("seconds", "cpu_seconds")}


def fit_exponents(runs: Sequence[dict[str, Any]], clock: str) -> list[float]:
    """Exponents of the growth between neighbouring sizes: log of the times over log of the rows."""
    ordered = sorted(runs, key=lambda run: run["n_rows"])
    return [
        round(math.log(more[clock] / less[clock]) / math.log(more["n_rows"] / less["n_rows"]), 3)
        for less, more in pairwise(ordered)
    ]


def _run(measure: Any, *arguments: object) -> dict[str, Any]:  # noqa: ANN401 - any of the above
    """Measures in a fresh process; adds its seconds from start to end."""
    began = time.perf_counter()
    # no Pool, whose workers may not start the processes that a large build starts
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        found: dict[str, Any] = process.submit(measure, *arguments).result()
    return found | {"process_seconds": round(time.perf_counter() - began, 2)}


def _read_clocks() -> dict[str, float]:
    return {"seconds": time.perf_counter(), "cpu_seconds": _read_cpu()}


def _read_cpu() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def _read_peak() -> int:
    """Most bytes resident at once, mapped files among them."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def _read_anonymous() -> int:
    """Bytes of this process and of those it started, beside mapped files."""
    started: list[str] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # a thread that has ended
            started += path.read_text(encoding="ascii").split()
    return sum(_read_status("RssAnon", process) for process in ("self", *started))


def _read_status(name: str, process: str = "self") -> int:
    """Bytes that Linux states of a process under a name; 0 elsewhere, and of one that has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)


def _measure_folder(folder: Path, pattern: str) -> int:
    return round(sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file()) / 1e6)


def _describe_machine() -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    } | {name: version(name) for name in ("datasets", "faiss-cpu", "numpy", "pyarrow", "torch")}


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("made", "real"))
    parser.add_argument(
        "--pairs", type=int, action="append", default=[], help="rows of a made build"
    )
    parser.add_argument("--source", action="append", default=[], help="what --source takes")
    parser.add_argument("--work", type=Path, help="folder with room for the files that are made")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    result = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    result["machine"] = _describe_machine()
    if given.kind == "real":
        result["real"] = measure_real(given.source)
        print({name: found for name, found in result["real"].items() if name != "builds"})  # noqa: T201
    for n_pairs in given.pairs:
        with TemporaryDirectory(dir=given.work) as work:
            run = _run(build_made, n_pairs, Path(work))
        runs = [other for other in result.get("made", []) if other["n_rows"] != n_pairs]
        result["made"] = sorted([*runs, run], key=lambda run: run["n_rows"])
        result["exponents"] = {
            clock: fit_exponents(result["made"], clock) for clock in ("seconds", "cpu_seconds")
        }
        print(json.dumps(run, indent=1))  # noqa: T201
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
