"""The engine of this machine: much work is shared by its cores, and the results do not show it."""

import os
from functools import partial
from multiprocessing import current_process

import loky
import pyarrow as pa
import pytest

from tests import remote
from valuedata.engine import LOCAL, N_HERE
from valuedata.errors import EngineError, LabelError

N_ROWS = 30
assert N_ROWS > N_HERE, "else all of it is done here"


def name_process(batch: pa.Table) -> pa.Table:
    return pa.table({"x": batch["x"], "process": [os.getpid()] * len(batch)})


def kill_at_the_end(here: int, batch: pa.Table) -> pa.Table:
    if batch["x"].to_pylist() == [N_ROWS - 1]:
        assert os.getpid() != here
        os._exit(1)
    return batch


def refuse_at_the_end(batch: pa.Table) -> pa.Table:
    if batch["x"].to_pylist() == [N_ROWS - 1]:
        raise LabelError("The last row is refused; give another.")
    return batch


def run(function, n_rows: int = N_ROWS) -> list[dict[str, int]]:
    batches = iter(remote.slice_numbers(n_rows, 1))
    return [
        row for done in LOCAL.map_batches(lambda: function, batches) for row in done.to_pylist()
    ]


@pytest.fixture
def two_cores(monkeypatch) -> None:
    monkeypatch.setattr(loky, "cpu_count", lambda: 2)


@pytest.mark.usefixtures("two_cores")
def test_rows_come_in_their_order_from_every_process():
    found = run(name_process)
    assert [row["x"] for row in found] == list(range(N_ROWS))
    processes = [row["process"] for row in found]
    assert set(processes[:N_HERE]) == {os.getpid()}
    assert os.getpid() not in processes[N_HERE:]


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("n_rows", [0, 1, N_HERE])
def test_little_work_starts_no_process(n_rows, monkeypatch):
    monkeypatch.delattr(loky, "ProcessPoolExecutor")
    assert [row["x"] for row in run(name_process, n_rows)] == list(range(n_rows))


def test_one_core_needs_no_process(monkeypatch):
    monkeypatch.setattr(loky, "cpu_count", lambda: 1)
    assert {row["process"] for row in run(name_process)} == {os.getpid()}


@pytest.mark.usefixtures("two_cores")
def test_a_process_that_may_have_no_children_has_none(monkeypatch):
    monkeypatch.setitem(current_process()._config, "daemon", True)  # as a worker of a pool has it
    assert {row["process"] for row in run(name_process)} == {os.getpid()}


@pytest.mark.usefixtures("two_cores")
def test_a_process_that_is_killed_is_one_sentence():
    with pytest.raises(EngineError, match="was killed, most often for want of memory; free some"):
        run(partial(kill_at_the_end, os.getpid()))


@pytest.mark.usefixtures("two_cores")
def test_what_a_user_can_mend_comes_back_as_it_is():
    with pytest.raises(LabelError, match=r"^The last row is refused; give another\.$"):
        run(refuse_at_the_end)


@pytest.mark.usefixtures("two_cores")
def test_whoever_stops_listening_waits_for_nothing():
    results = LOCAL.map_batches(lambda: name_process, remote.slice_numbers(N_ROWS, 1))
    first = [next(results) for _ in range(N_HERE + 1)][-1].to_pylist()[0]
    results.close()
    assert first["process"] != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(first["process"], 0)
