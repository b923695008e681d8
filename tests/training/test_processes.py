"""Two processes of `accelerate launch` train one run: one writes, and both go on alike."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from accelerate import PartialState

from tests.forks import Forks
from tests.training.conversations import TINY_MODEL, make_recipe, read_metrics, read_weights
from training.processes import count_processes, is_main, join_processes, main_first, wait_for_all
from training.run import Run, train
from valuedata.errors import TrainingError
from valuedata.release.folder import Release

ROOT = Path(__file__).parents[2]
# accelerate starts one process for --cpu, whatever --num_processes says; --multi_gpu starts two,
# and the recipe's device lets them meet by gloo
LAUNCH = (
    *("launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"),
    *("--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"),
)


PROGRAM = "from runpy import run_module; run_module('training.dpo', run_name='__main__')"


def launch(folder: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "accelerate.commands.accelerate_cli", *LAUNCH]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    return subprocess.run(
        [*program, "-m", "training.dpo", "recipe.yaml"],
        cwd=folder,
        env=kept | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def fork_two(forks: Forks, folder: Path) -> list[int]:
    """The exit statuses of two processes with what `accelerate launch` puts into their place."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    common = {
        "ACCELERATE_MIXED_PRECISION": "no",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
    }
    started = [
        forks.start(
            PROGRAM,
            "recipe.yaml",
            cwd=folder,
            env={**os.environ, **common, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.DEVNULL,
        )
        for rank in "01"
    ]
    return [process.wait() for process in started]


@pytest.mark.slow
def test_two_processes_write_one_run_and_go_on_alike(
    release: Release, tmp_path: Path, forks: Forks
) -> None:
    content = make_recipe("dpo").model_dump(mode="json")
    named = {"release": str(release.folder), "model": "tiny", "out": "run"}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content | named), encoding="utf-8")
    done = launch(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Written to run.") == 1
    run = tmp_path / "run"
    record = json.loads((run / "run.json").read_text())
    assert (record["complete"], record["processes"]) == (True, 2)
    metrics = read_metrics(run / "dpo")
    # three rows, so each process reads two and one of them twice
    assert [line["step"] for line in metrics if "loss" in line] == [1, 2, 3, 4]
    weights = read_weights(run / "dpo" / "adapter")
    assert all(tensor.any() for tensor in weights.values())

    # as if both had been killed after step 3
    shutil.rmtree(run / "dpo" / "adapter")
    shutil.rmtree(run / "dpo" / "checkpoints" / "checkpoint-4")
    (run / "dpo" / "checkpoints" / "checkpoint-4").mkdir()
    (run / "run.json").write_text(json.dumps(record | {"complete": False, "stages": {}}))
    assert fork_two(forks, tmp_path) == [0, 0]
    assert json.loads((run / "run.json").read_text()) == record
    assert read_metrics(run / "dpo") == metrics
    resumed = read_weights(run / "dpo" / "adapter")
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)
    assert (run / "dpo" / "adapter" / "README.md").is_file()


def test_one_process_waits_for_nobody() -> None:
    join_processes("cpu")
    wait_for_all()
    with main_first():
        assert (count_processes(), is_main()) == (1, True)


def test_processes_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a group of one, which is first the main process and then another."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1"}
    for name, value in {**group, "MASTER_PORT": str(port)}.items():
        monkeypatch.setenv(name, value)
    join_processes("cpu")
    try:
        assert torch.distributed.get_backend() == "gloo"
        for rank in "01":
            monkeypatch.setenv("RANK", rank)
            with main_first():
                assert is_main() == (rank == "0")
    finally:
        torch.distributed.destroy_process_group()
        PartialState._reset_state()


@pytest.mark.filterwarnings("ignore::FutureWarning")  # as in test_run.py
def test_a_run_does_not_go_on_in_another_number_of_processes(
    both: Run, release: Release, tmp_path: Path
) -> None:
    """Each step would be over other rows."""
    out = tmp_path / "run"
    shutil.copytree(both.folder, out)
    (out / "run.json").write_text(json.dumps(both.record | {"processes": 2}))
    with pytest.raises(TrainingError, match=r"holds another run \(its processes differ\)"):
        train(release, "empathy", make_recipe("sft-dpo"), out, TINY_MODEL)
