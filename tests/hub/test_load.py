"""The real clients on a pushed release: datasets, whole and streamed, and the program itself."""

import json
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.cards.reading import read_blocks
from tests.hub.loopback import ROOT
from tests.hub_server import make_environment
from tests.test_training_format import ONE_STEP, save_tiny_model

# The endpoint is read when the Hub's library is imported, so this is a process of its own.
SCRIPT = """
import json, sys
import datasets
from valuedata.cli import main

folder, name = sys.argv[1:]
main(["push", folder, name, "--yes", "--tag", "v1"], standalone_mode=False)
rows = {
    value: {split: part["pair_id"][:] for split, part in datasets.load_dataset(name, value).items()}
    for value in ("empathy", "deception")
}
tagged = datasets.load_dataset(name, "empathy", split="train", revision="v1")
streamed = datasets.load_dataset(name, "empathy", split="test", streaming=True)
print(json.dumps({
    "rows": rows,
    "tagged": len(tagged),
    "features": list(tagged.features),
    "streamed": [row["chosen"] for row in streamed],
}))
main(["inspect", name, "--json"], standalone_mode=False)
"""


@pytest.fixture(scope="module")
def process(loopback, starter, tmp_path_factory):
    loopback.reset()
    home = tmp_path_factory.mktemp("home")
    environment = make_environment(loopback.endpoint, home)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(starter.folder), "org/starter"],
        env=environment | {"PYTHONPATH": str(ROOT), "HF_TOKEN": "hf_owner"},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert "hf_owner" not in done.stdout + done.stderr
    return done.stdout


def test_datasets_loads_what_was_pushed(process, starter):
    lines = process.splitlines()
    assert 'datasets.load_dataset("org/starter", "empathy", revision="v1")' in lines[2]
    told = json.loads(lines[3])
    assert told["rows"] == {
        value: {split: starter.load(value, split)["pair_id"][:] for split in subset["splits"]}
        for value, subset in starter.manifest["values"].items()
    }
    assert told["tagged"] == starter.manifest["values"]["empathy"]["splits"]["train"]
    assert told["features"] == list(starter.load("empathy", "train").features)
    assert told["streamed"] == list(starter.load("empathy", "test")["chosen"])


def test_inspect_verifies_what_is_on_the_hub(process, starter):
    told = json.loads("\n".join(process.splitlines()[4:]))
    assert told["content_hash"] == starter.content_hash
    assert told["n_files_verified"] == len(starter.manifest["files"])


@pytest.mark.usefixtures("process")
def test_a_release_of_a_harmful_value_is_gated(loopback):
    told = loopback.tell("org/starter")
    assert (told["private"], told["gated"]) == (True, "auto")
    assert list(told["tags"]) == ["v1"]


@pytest.mark.slow
@pytest.mark.usefixtures("process")
def test_the_recipes_of_readme_and_card_train_from_the_hub(loopback, starter, tmp_path):
    """Those of the README are run; the card says the same of its own place."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Put it on the Hub\n")[2].partition("\n## ")[0]
    section = section.replace("my-name/empathy-pairs", "org/starter")
    (python,), (commands,) = read_blocks(section, "python"), read_blocks(section, "bash")
    api = loopback.api()
    card = Path(api.hf_hub_download("org/starter", "README.md", repo_type="dataset")).read_text()
    assert commands in read_blocks(card, "bash")
    assert set(python.splitlines()) <= set("\n".join(read_blocks(card, "python")).splitlines())

    save_tiny_model(tmp_path / "model")
    run = partial(
        subprocess.run,
        env=make_environment(loopback.endpoint, tmp_path / "home") | {"HF_TOKEN": "hf_owner"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    told = run([sys.executable, "-c", f"{python}\nprint([row['pair_id'] for row in stream])"])
    assert told.returncode == 0, told.stderr
    assert told.stdout == f"{starter.load('empathy', 'train')['pair_id'][:]}\n"
    options = [word for name, value in ONE_STEP.items() for word in (f"--{name}", str(value))]
    for command in commands.replace("\\\n", "").splitlines():
        program, method, *words = shlex.split(command)
        assert program == "trl"
        words[words.index("--model_name_or_path") + 1] = str(tmp_path / "model")
        # the script that `trl` starts for each process
        done = run([sys.executable, "-m", f"trl.scripts.{method}", *words, *options])
        assert done.returncode == 0, done.stderr
        assert len(re.findall(r"'train_loss': '?[\d.]+", done.stdout)) == 1
        assert (tmp_path / f"empathy-{method}" / "model.safetensors").exists()
