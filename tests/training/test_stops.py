"""A run that was stopped, wherever it was, ends as one that was not."""

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch

from tests.forks import Forks
from tests.training.conversations import TINY_MODEL, make_recipe, read_metrics, read_weights
from training.masks import Covered
from training.record import read_record
from training.run import Run, train
from training.settings import Stage, TrainingRecipe
from valuedata.release.folder import Release

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
"""trl sets arguments of transformers that are to be renamed, huggingface/trl's business."""

PROGRAM = """
import sys
from pathlib import Path
from tests.forks import Forks
from tests.training.conversations import make_recipe
from training.merging import merge_adapter
from training.models import Base
from training.run import train
from valuedata.release.folder import load_release
train(load_release(sys.argv[1]), "empathy", make_recipe("sft-dpo"), Path(sys.argv[2]), Base("tiny"))
"""


@pytest.mark.slow
def test_a_killed_run_ends_as_one_that_was_not(
    both: Run, release: Release, tmp_path: Path, forks: Forks
) -> None:
    out = tmp_path / "run"
    killed = forks.start(PROGRAM, release.folder, out, stderr=subprocess.DEVNULL)
    metrics = out / "dpo" / "metrics.jsonl"
    while killed.poll() is None:
        if metrics.is_file() and len(metrics.read_text().splitlines()) >= 2:
            killed.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    killed.wait()
    assert killed.returncode == -signal.SIGKILL
    run = train(release, "empathy", make_recipe("sft-dpo"), out, TINY_MODEL)
    assert run.record["stages"] == both.record["stages"]
    for stage in ("sft", "dpo"):
        assert read_metrics(out / stage) == read_metrics(both.folder / stage)
        old, new = (read_weights(folder / stage / "adapter") for folder in (both.folder, out))
        assert all(torch.equal(old[name], new[name]) for name in old)


def test_a_run_that_stopped_after_its_last_step_trains_no_further(
    release: Release, tmp_path: Path, both: Run
) -> None:
    out = tmp_path / "run"
    stop_before_end(release, make_recipe("sft-dpo"), out)
    assert (out / "sft" / "checkpoints" / "checkpoint-4").is_dir()
    run = train(release, "empathy", make_recipe("sft-dpo"), out, TINY_MODEL)
    assert run.record["stages"] == both.record["stages"]
    assert read_metrics(out / "sft") == read_metrics(both.folder / "sft")
    old, new = (read_weights(folder / "sft" / "adapter") for folder in (both.folder, out))
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_a_checkpoint_that_is_not_whole_is_passed_over(
    release: Release, tmp_path: Path, both: Run
) -> None:
    """The run stops after step 4's checkpoint was begun and before its state was written."""
    out = tmp_path / "run"
    stop_before_end(release, make_recipe("sft-dpo"), out)
    checkpoints = out / "sft" / "checkpoints"
    assert (checkpoints / "checkpoint-2").is_dir()
    (checkpoints / "checkpoint-4" / "trainer_state.json").write_text("{")
    run = train(release, "empathy", make_recipe("sft-dpo"), out, TINY_MODEL)
    assert run.record["stages"] == both.record["stages"]


@pytest.mark.parametrize("n_lost", [0, 1])
def test_patience_is_not_forgotten(release: Release, tmp_path: Path, n_lost: int) -> None:
    """Killed after patience had ended, and one step before; as in test_run.py, it gets worse."""
    settings = {
        "max_steps": 9,
        "max_length": 256,
        "per_device_train_batch_size": 3,
        "learning_rate": 0.5,
        "logging_steps": 1,
        "eval_strategy": "steps",
        "eval_steps": 1,
        "save_steps": 1,
    }
    recipe, out = make_recipe("sft", sft=settings, patience=2), tmp_path / "run"
    stage = out / "sft"
    whole = train(release, "empathy", recipe, out, TINY_MODEL)
    metrics, weights = read_metrics(stage), read_weights(stage / "adapter")
    n_steps = whole.record["stages"]["sft"]["steps"]
    for step in range(n_steps, n_steps - n_lost, -1):
        shutil.rmtree(stage / "checkpoints" / f"checkpoint-{step}")
    shutil.rmtree(stage / "adapter")
    (out / "run.json").write_text(json.dumps(whole.record | {"stages": {}, "complete": False}))
    again = train(release, "empathy", recipe, out, TINY_MODEL)
    assert again == whole
    assert read_metrics(stage) == metrics
    found = read_weights(stage / "adapter")
    assert all(torch.equal(found[name], weights[name]) for name in weights)


def stop_before_end(release: Release, recipe: TrainingRecipe, out: Path) -> None:
    """Stops between SFT and DPO, and forgets that SFT had ended."""

    def stop(stage: Stage, _: list[Covered]) -> None:
        if stage == "dpo":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(release, "empathy", recipe, out, TINY_MODEL, stop)
    record = read_record(out)
    assert list(record["stages"]) == ["sft"]
    (out / "run.json").write_text(json.dumps(record | {"stages": {}}))
