"""The hand-made conversations, and a run of SFT and then DPO on them."""

import warnings

import pytest
import torch

from tests.training.conversations import TINY_MODEL, make_recipe, write_conversations
from training.models import Base
from training.run import Run, train
from training.settings import TinySettings
from training.tiny import make_tiny_model, read_all_texts
from valuedata.release.folder import Release


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return write_conversations(tmp_path_factory.mktemp("release") / "out")


@pytest.fixture(scope="module")
def base(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """An untrained tiny model whose tokenizer knows the conversations."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    size = TinySettings(vocabulary=300, hidden=16, layers=1, heads=2)
    make_tiny_model(folder, read_all_texts(release, "empathy"), size)
    return Base(str(folder))


@pytest.fixture(scope="session")
def both(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """SFT and then DPO of one adapter."""
    out = tmp_path_factory.mktemp("both") / "run"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # whichever test asks first
        return train(release, "empathy", make_recipe("sft-dpo"), out, TINY_MODEL)
