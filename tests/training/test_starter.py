"""A run on the bundled corpus by the command line: held-out margins, and a kill in between."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.forks import COMMAND, Forks
from tests.training.conversations import read_metrics
from valuedata.cli import main
from valuedata.release.folder import Release

pytestmark = pytest.mark.slow

SMOKE = "valuedata train {release} --value empathy --model tiny --out {out}"
FEWER = (
    *("--set", "tiny.steps=10", "--set", "sft.max_steps=4", "--set", "dpo.max_steps=12"),
    *("--set", "sft.eval_steps=2", "--set", "dpo.eval_steps=6"),
    *("--set", "sft.save_steps=2", "--set", "dpo.save_steps=6"),
)


def list_words(release: Release, out: Path) -> list[str]:
    return [*SMOKE.format(release=release.folder, out=out).split()[1:], *FEWER]


@pytest.fixture(scope="module")
def undisturbed(starter: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    result = CliRunner().invoke(main, list_words(starter, out))
    assert result.exit_code == 0, result.output
    return out


def read_validation(stage: Path, metric: str) -> list[Any]:
    return [line[metric] for line in read_metrics(stage) if metric in line]


def test_the_margin_of_held_out_pairs_rises(undisturbed: Path) -> None:
    record = json.loads((undisturbed / "run.json").read_text())
    assert record["stages"]["dpo"]["rows"][1]["rows_out"] >= 4
    margins = read_validation(undisturbed / "dpo", "eval_rewards/margins")
    assert 0.0 < margins[0] < margins[-1]  # it is zero before the first step
    losses = read_validation(undisturbed / "sft", "eval_loss")
    assert losses[-1] < losses[0]


def test_a_killed_run_ends_with_the_same_metrics(
    undisturbed: Path, starter: Release, tmp_path: Path, forks: Forks
) -> None:
    """The same seed in another folder, killed between two checkpoints of DPO."""
    out = tmp_path / "run"
    words = list_words(starter, out)
    killed = forks.start(COMMAND, *words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    metrics = out / "dpo" / "metrics.jsonl"
    while killed.poll() is None:
        if metrics.is_file() and len(metrics.read_text().splitlines()) >= 9:
            killed.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    assert killed.wait() == -signal.SIGKILL
    assert (out / "dpo" / "checkpoints" / "checkpoint-6").is_dir()
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    for stage in ("sft", "dpo"):
        file = f"{stage}/metrics.jsonl"
        assert (out / file).read_bytes() == (undisturbed / file).read_bytes()
