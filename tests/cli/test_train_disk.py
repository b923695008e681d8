"""A disk that is full, wherever in a run, is one sentence, and a run goes on from what is whole."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.cli.test_disk_errors import mount_disk
from tests.training.conversations import make_recipe, write_conversations


@pytest.mark.parametrize(
    ("kilobytes", "what"),
    [
        (8, "the record"),
        (40, "the tiny model"),
        (140, "a checkpoint"),
        (220, "a later one"),
        (300, "the adapter"),
    ],
)
def test_a_full_disk_is_one_sentence(run, tmp_path: Path, kilobytes: int, what: str) -> None:
    release = write_conversations(tmp_path / "talk")
    recipe = make_recipe("sft-dpo").model_dump(mode="json")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    words = ["train", release.folder, "--model", "tiny", "--recipe", "recipe.yaml", "--out"]
    with mount_disk(tmp_path / "disk", kilobytes):
        result = run(*words, "disk/run")
        assert result.exit_code == 2, what
        error = result.stderr.splitlines()[-1]
        assert error.startswith("Error: The disk of disk/run is full; free some space and run the")
        shutil.copytree(tmp_path / "disk" / "run", tmp_path / "run")
    again = run(*words, "run")
    assert again.exit_code == 0, again.output
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [stage["steps"] for stage in record["stages"].values()] == [4, 4]
