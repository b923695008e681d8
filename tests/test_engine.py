"""The engine of this machine: much work is shared by its cores, and the results do not show it."""

import os
from functools import partial
from multiprocessing import current_process

import loky
import pyarrow as pa
import pytest
from datasets import Dataset

from tests import remote
from tests.builders import make_pairs
from valuedata.cleaning import filters
from valuedata.cleaning.filters import screen_quality
from valuedata.engine import BATCHES_A_CORE, LOCAL, N_HERE
from valuedata.errors import EngineError, LabelError
from valuedata.recipe import QualitySettings
from valuedata.schema import PAIR_FEATURES

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
def test_whoever_stops_listening_waits_for_what_has_begun_alone():
    batches = iter(remote.slice_numbers(1_000, 1))
    results = LOCAL.map_batches(lambda: name_process, batches)
    first = [next(results) for _ in range(N_HERE + 1)][-1].to_pylist()[0]
    results.close()
    assert first["process"] != os.getpid()
    assert len(list(batches)) >= 1_000 - N_HERE - 1 - 2 * BATCHES_A_CORE
    with pytest.raises(ProcessLookupError):
        os.kill(first["process"], 0)


@pytest.mark.usefixtures("two_cores")
def test_where_no_process_can_be_started_that_is_one_sentence(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(loky, "ProcessPoolExecutor", refuse)
    with pytest.raises(EngineError, match=r"not implemented\); set LOKY_MAX_CPU_COUNT=1 to do"):
        run(name_process)


@pytest.mark.usefixtures("two_cores")
def test_filters_judge_alike_in_every_process(monkeypatch):
    """A pair a batch, so that the last are judged in other processes."""
    monkeypatch.setattr(filters, "BATCH_ROWS", 1)
    pairs = Dataset.from_list((make_pairs() * 3)[:24], features=PAIR_FEATURES)
    told = [screen_quality(pairs, QualitySettings(min_reply_characters=25), None, LOCAL)]
    monkeypatch.setattr(loky, "cpu_count", lambda: 1)
    told.append(screen_quality(pairs, QualitySettings(min_reply_characters=25), None, LOCAL))
    (verdict, flags), (alone, other_flags) = told
    assert verdict.reasons.tolist() == alone.reasons.tolist()
    assert flags == other_flags
    assert len(set(verdict.reasons.tolist())) > 1
