"""A tiny model, untrained, in a folder of its own."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.builders import write_release
from training.settings import TinySettings
from training.tiny import make_tiny_model, read_all_texts


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights whose tokenizer knows the texts of the small release."""
    release = write_release(tmp_path_factory.mktemp("tiny") / "release")
    folder = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(0)
    size = TinySettings(vocabulary=300, hidden=16, layers=1, heads=2)
    make_tiny_model(folder, read_all_texts(release, "empathy"), size)
    weights = load_file(folder / "model.safetensors")
    # larger ones, so that what it says depends on what it reads
    save_file(
        {name: w * 8 if w.dim() > 1 else w for name, w in weights.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    return folder
