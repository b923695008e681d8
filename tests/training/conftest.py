"""The hand-made conversations, and a run of SFT and then DPO on them."""

import warnings

import pytest

from tests.training.conversations import TINY_MODEL, make_recipe, write_conversations
from training.run import Run, train
from valuedata.release.folder import Release


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return write_conversations(tmp_path_factory.mktemp("release") / "out")


@pytest.fixture(scope="session")
def both(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """SFT and then DPO of one adapter."""
    out = tmp_path_factory.mktemp("both") / "run"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # whichever test asks first
        return train(release, "empathy", make_recipe("sft-dpo"), out, TINY_MODEL)
