"""The Python on a card runs: loading, DPO and SFT. Its commands: tests/hub/test_load.py."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.cards.reading import read_blocks, read_section
from tests.forks import Forks
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


def run(forks: Forks, code: str, folder: Path) -> str:
    process = forks.start(code, cwd=folder, stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = process.stdout.read().decode()
    assert process.wait() == 0, told
    return told


def test_the_python_on_a_card_trains(starter: Release, folder: Path, forks: Forks) -> None:
    blocks = read_blocks(read_section(starter, "How to use it"), "python")
    assert len(blocks) == 4
    settings = ", ".join(f"{name}={value!r}" for name, value in ONE_STEP.items())
    code = put_in("\n".join(blocks), starter, folder)
    code = re.sub(r'(DPOConfig|SFTConfig)\((output_dir="[^"]*")\)', rf"\1(\2, {settings})", code)
    assert code.count("max_steps") == 2
    code += '\nprint(next(iter(stream))["pair_id"])'
    told = run(forks, code, folder)
    assert len(TRAINED.findall(told)) == 2
    assert told.splitlines()[-1] == str(starter.load("empathy", "train")[0]["pair_id"])
    written = {file.name for file in (folder / "empathy-replies").iterdir()}
    assert written == {"train.jsonl", "validation.jsonl", "test.jsonl"}
