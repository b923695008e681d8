"""The tiny model that runs start from is made once, and only the same one is taken again."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.conversations import make_recipe, write_conversations
from training.base import make_base
from valuedata.errors import TrainingError
from valuedata.release.folder import Release

SIZE = {"vocabulary": 300, "hidden": 16, "layers": 1, "heads": 2, "steps": 0}


@pytest.mark.filterwarnings("ignore::FutureWarning")  # as in test_run.py
def test_a_base_of_another_seed_size_or_release_is_not_taken(
    release: Release, tmp_path: Path
) -> None:
    folder = tmp_path / "base"

    def ask(release: Release, **changes: Any) -> int:
        recipe = make_recipe("dpo", **{"tiny": SIZE} | changes)
        return make_base(release, "empathy", recipe, folder)

    n_parameters = ask(release)
    weights = (folder / "model.safetensors").read_bytes()
    assert ask(release) == n_parameters
    with pytest.raises(TrainingError, match=r"base holds another tiny model \(its seed differ\)"):
        ask(release, seed=1)
    with pytest.raises(TrainingError, match=r"\(its seed and tiny differ\); give another --out"):
        ask(release, seed=1, tiny=SIZE | {"hidden": 32})
    other = write_conversations(tmp_path / "other", weights=[1.0, 2.0, 3.0])
    with pytest.raises(TrainingError, match=r"\(its subset_hash differ\)"):
        ask(other)
    made = folder / "made-from.json"
    made.write_text(json.dumps(json.loads(made.read_text()) | {"value": "humour"}))
    with pytest.raises(TrainingError, match=r"\(its value differ\)"):
        ask(release)
    made.unlink()
    with pytest.raises(TrainingError, match="base does not say what it was made from; give anoth"):
        ask(release)
    assert (folder / "model.safetensors").read_bytes() == weights
