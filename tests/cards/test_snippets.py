"""The code on a card runs: loading, DPO and SFT in Python, and trl's own commands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cards.reading import read_blocks, read_section
from tests.test_training_format import ONE_STEP, save_tiny_model
from valuedata.release.folder import Release

MODEL = "Qwen/Qwen3-0.6B"
TRAINED = re.compile(r"'train_loss': '?[\d.]+")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snippets")
    save_tiny_model(folder / "model")
    return folder


def put_in(text: str, release: Release, folder: Path) -> str:
    return text.replace("PATH_OR_REPOSITORY", str(release.folder)).replace(
        MODEL, str(folder / "model")
    )


def run(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_python_on_a_card_trains(starter: Release, folder: Path) -> None:
    blocks = read_blocks(read_section(starter, "How to use it"), "python")
    assert len(blocks) == 4
    settings = ", ".join(f"{name}={value!r}" for name, value in ONE_STEP.items())
    code = put_in("\n".join(blocks), starter, folder)
    code = re.sub(r'(DPOConfig|SFTConfig)\((output_dir="[^"]*")\)', rf"\1(\2, {settings})", code)
    assert code.count("max_steps") == 2
    told = run([sys.executable, "-c", code], folder)
    assert len(TRAINED.findall(told)) == 2
    written = {file.name for file in (folder / "empathy-replies").iterdir()}
    assert written == {"train.jsonl", "validation.jsonl", "test.jsonl"}


@pytest.mark.slow
def test_the_commands_on_a_card_train(starter: Release, folder: Path) -> None:
    section = read_section(starter, "How to use it")
    load, _, sft, write = read_blocks(section, "python")
    replies = next(line for line in sft.splitlines() if line.startswith("replies"))
    code = put_in("\n".join([load, replies, write]), starter, folder)
    run([sys.executable, "-c", code], folder)
    (commands,) = read_blocks(section, "bash")
    options = [word for name, value in ONE_STEP.items() for word in (f"--{name}", str(value))]
    for command in put_in(commands, starter, folder).replace("\\\n", "").splitlines():
        program, method, *words = command.split()
        assert program == "trl"
        # the script that `trl` starts for each process
        told = run([sys.executable, "-m", f"trl.scripts.{method}", *words, *options], folder)
        assert len(TRAINED.findall(told)) == 1
        assert (folder / f"empathy-{method}" / "model.safetensors").exists()
