"""Functions for workers of a cluster: they import this module, so it is light."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from valuedata.engine import BatchFunction
from valuedata.errors import LabelError


def make_double() -> BatchFunction:
    return lambda batch: pa.table({"x": pa.array([2 * x for x in batch["x"].to_pylist()])})


def make_dying(marks: Path, deaths: int) -> Callable[[pa.Table], pa.Table]:
    """Kills its worker at the batch that holds 50, so many times."""
    double = make_double()

    def run(batch: pa.Table) -> pa.Table:
        if 50 in batch["x"].to_pylist() and len(list(marks.iterdir())) < deaths:
            (marks / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return double(batch)

    return run


def make_killed_once(make: Callable[[], BatchFunction], mark: Path) -> BatchFunction:
    """Does what `make` makes, but kills its worker at its second batch, unless that was done."""
    inner = make()
    seen = []

    def run(batch: pa.Table) -> pa.Table:
        seen.append(len(batch))
        if len(seen) == 2 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(batch)

    return run


def make_refusing() -> BatchFunction:
    def run(batch: pa.Table) -> pa.Table:
        raise LabelError(f"{len(batch)} rows are refused; give others.")

    return run


def make_wrong() -> BatchFunction:
    return lambda batch: batch["no such column"]


def slice_numbers(n_rows: int, size: int) -> list[pa.Table]:
    return [
        pa.table({"x": range(start, min(start + size, n_rows))}) for start in range(0, n_rows, size)
    ]
