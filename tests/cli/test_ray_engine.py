"""A Ray cluster gives what this process gives, whatever becomes of its workers."""

import contextlib
import importlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests import remote
from tests.cli.rows import choose_rows, write_rows
from valuedata.cleaning import filters
from valuedata.engine import LOCAL
from valuedata.errors import EngineError, LabelError
from valuedata.labelling.encoding import filling
from valuedata.pipeline import build
from valuedata.ray_engine import (
    MAX_TRIES,
    RayEngine,
    _raise_refusal,
    _Tally,
    _Worker,
    open_ray,
)
from valuedata.recipe import make_recipe

try:
    import ray
except ModuleNotFoundError:
    pytest.skip("needs Ray: pip install 'valuedata[ray]'", allow_module_level=True)

pytestmark = [
    pytest.mark.slow,
    # Ray sets deprecated settings of its own to their defaults: DataContext.__setattr__ there.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
]
BATCHES = remote.slice_numbers(100, 7)


def test_where_no_cluster_runs_auto_finds_none() -> None:
    """The first test, because one process uses one cluster."""
    message = "Ray cannot be used at auto .*; see that the cluster runs"
    with pytest.raises(EngineError, match=message), open_ray("auto"):
        pass


@pytest.fixture(scope="module")
def engine():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        with open_ray() as opened:
            yield opened
    assert not ray.is_initialized()


def read(results) -> list[int]:
    return [x for batch in results for x in batch["x"].to_pylist()]


def test_results_come_in_the_order_of_the_rows(engine) -> None:
    expected = list(range(0, 200, 2))
    assert read(LOCAL.map_batches(remote.make_double, BATCHES)) == expected
    assert read(engine.map_batches(remote.make_double, BATCHES)) == expected


def test_no_rows_start_nothing(engine) -> None:
    assert list(engine.map_batches(remote.make_wrong, [])) == []


def test_workers_wait_for_no_gpu_that_no_node_has(engine) -> None:
    with pytest.raises(EngineError, match=r"offers no GPU, which .* \(`ray start --num-gpus`\)"):
        read(engine.map_batches(remote.make_double, BATCHES, on_gpu=True))


def test_a_worker_that_dies_alters_nothing(engine, tmp_path) -> None:
    (tmp_path / "marks").mkdir()
    make = partial(remote.make_dying, tmp_path / "marks", 2)
    assert read(engine.map_batches(make, BATCHES)) == list(range(0, 200, 2))
    assert len(list((tmp_path / "marks").iterdir())) == 2


def test_rows_that_kill_every_worker_are_one_sentence(engine, tmp_path) -> None:
    (tmp_path / "marks").mkdir()
    make = partial(remote.make_dying, tmp_path / "marks", 1_000)
    with pytest.raises(EngineError, match=rf"were lost {MAX_TRIES} times over the same rows"):
        read(engine.map_batches(make, BATCHES))
    assert len(list((tmp_path / "marks").iterdir())) == MAX_TRIES


def test_what_a_user_can_mend_comes_back_as_it_is(engine) -> None:
    with pytest.raises(LabelError, match=r"^7 rows are refused; give others\.$"):
        read(engine.map_batches(remote.make_refusing, BATCHES))


def test_other_versions_on_a_node_are_refused() -> None:
    other = RayEngine({**RayEngine().versions, "numpy": "1.0"})
    with pytest.raises(EngineError, match=r"has numpy [\d.]+ where this machine has 1\.0; install"):
        read(other.map_batches(remote.make_double, BATCHES))


def test_a_node_that_lacks_the_code_is_told(engine, tmp_path, monkeypatch) -> None:
    (tmp_path / "only_here.py").write_text("def make():\n    return lambda batch: batch\n")
    monkeypatch.syspath_prepend(tmp_path)
    only_here = importlib.import_module("only_here")
    message = r"cluster failed \(.*No module named 'only_here'.*\); see that valuedata is installed"
    with pytest.raises(EngineError, match=message):
        read(engine.map_batches(only_here.make, BATCHES))


def test_a_worker_counts_what_it_begins(engine) -> None:
    """A worker in this process, which shows its lines to the coverage."""
    tally = ray.remote(num_cpus=0)(_Tally).remote()
    (batch,) = remote.slice_numbers(3, 3)
    named = batch.append_column("batch", [[7, 7, 7]])
    worker = _Worker(remote.make_double, engine.versions, tally)
    assert worker(named)["x"].to_pylist() == [0, 2, 4]
    assert ray.get(tally.begin.remote(7)) == 2
    for _ in range(MAX_TRIES - 2):
        assert worker(named).column_names == ["x"]
    with pytest.raises(EngineError, match="over the same rows"):
        _raise_refusal(worker(named))
    _raise_refusal(batch)


def test_a_fault_of_ours_is_named(engine) -> None:
    with pytest.raises(ray.exceptions.RayTaskError, match="no such column"):
        read(engine.map_batches(remote.make_wrong, BATCHES))


class Killing:
    """An engine whose workers die at the second batch that one of them gets, once a call."""

    is_remote = True

    def __init__(self, engine: RayEngine, marks: Path) -> None:
        self.engine, self.marks, self.n_calls = engine, marks, 0

    def map_batches(self, make, batches, *, on_gpu=False):
        self.n_calls += 1
        make = partial(remote.make_killed_once, make, self.marks / str(self.n_calls))
        return self.engine.map_batches(make, batches, on_gpu=on_gpu)


def test_a_release_is_that_of_this_process_whatever_dies(
    engine, tmp_path, monkeypatch, starter_rows
) -> None:
    recipe = make_recipe({"values": ["empathy"], "sources": [str(starter_rows)]})
    here = build(recipe, tmp_path / "here")
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(filling, "READINGS_A_BATCH", 8)
    monkeypatch.setattr(filters, "BATCH_ROWS", 8)
    (tmp_path / "marks").mkdir()
    killing = Killing(engine, tmp_path / "marks")
    heard: list[int] = []
    there = build(recipe, tmp_path / "there", partial(hear, heard), killing)
    assert there.content_hash == here.content_hash
    assert read_files(there.folder) == read_files(here.folder)
    # The filters, the classifier's vectors, and MiniLM's own of the one-sided pairs.
    assert killing.n_calls >= 3
    assert {"1", "2"} <= {path.name for path in (tmp_path / "marks").iterdir()}
    assert sum(heard) == 2 * there.manifest["stages"][-1]["rows_out"]  # every reply once


@pytest.fixture
def starter_rows(tmp_path, vector_cache) -> Path:  # noqa: ARG001 - what is computed here is kept
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 40))
    return tmp_path / "rows.jsonl"


@contextlib.contextmanager
def hear(heard: list[int], stage: str, total: int | None):  # noqa: ARG001
    """The progress of labelling alone."""
    yield heard.append if stage == "Labelling" else lambda _: None


def read_files(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_cache_too_small_for_the_run_is_refused(engine, tmp_path, monkeypatch) -> None:
    """The bundled corpus has more vectors than fit into 1 MB."""
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "small"))
    monkeypatch.setenv("VALUEDATA_CACHE_LIMIT", "1MB")
    with pytest.raises(LabelError, match=r"the cache may take 1 MB; set VALUEDATA_CACHE_LIMIT"):
        build(make_recipe({"values": ["empathy"]}), tmp_path / "out", engine=engine)
    assert not (tmp_path / "out").exists()


def test_a_second_ray_in_one_process_is_refused(engine) -> None:
    assert engine.is_remote
    with pytest.raises(EngineError, match="uses Ray already"), open_ray():
        pass


def test_the_command_line_says_nothing_of_ray_on_stdout(run, tmp_path, starter_rows) -> None:
    assert run("label", starter_rows, "--out", "here.jsonl").exit_code == 0
    environment = {
        **os.environ,
        "VALUEDATA_CACHE": str(tmp_path / "empty"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    words = ["label", str(starter_rows), "--out", "there.jsonl", "--engine", "ray"]
    done = subprocess.run(
        [sys.executable, "-c", "from valuedata.cli import main; main()", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "40 labelled pairs in there.jsonl\n"
    assert "Traceback" not in done.stderr
    assert (tmp_path / "there.jsonl").read_bytes() == (tmp_path / "here.jsonl").read_bytes()
