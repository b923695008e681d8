"""The arms of a comparison: how they are named, and that they are trained alike."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.cli.rows import choose_rows, write_rows
from tests.training.conversations import make_recipe, rewrite_manifest
from training.arms import Arm, Trial, parse_arms, train_arms
from training.models import Base
from training.prompts import settle_system_prompt
from valuedata.controls import build_controls
from valuedata.errors import RecipeError, TrainingError
from valuedata.labelling.values import load_values
from valuedata.pipeline import build
from valuedata.recipe import make_recipe as make_build_recipe
from valuedata.release.folder import Release, load_release


def test_arms_are_named_by_their_draws() -> None:
    assert parse_arms("value, random:2,length-matched,swapped") == (
        Arm("value"),
        Arm("random-0", 0),
        Arm("random-1", 1),
        Arm("length-matched-0", 0),
        Arm("swapped"),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("value,radom", "Arm 'radom' is unknown; did you mean 'random'?"),
        ("", "Arm '' is unknown; known: length-matched, random, swapped, value"),
        (
            "random:0",
            "Arm 'random:0' cannot be drawn so; write for example random:3, with 1",
        ),
        ("random:101", "Arm 'random:101' cannot be drawn so; "),
        ("random:x", "Arm 'random:x' cannot be drawn so; "),
        ("value:2", "Arm 'value:2' cannot be drawn so; "),
        ("random:2,random", "Arms 'random:2,random' name one twice; name each kind once."),
    ],
)
def test_wrong_arms_are_named(text: str, sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_arms(text)
    assert str(caught.value).startswith(sentence)


@pytest.fixture(scope="module")
def release(vector_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:  # noqa: ARG001
    folder = tmp_path_factory.mktemp("arms")
    write_rows(folder / "talk.jsonl", choose_rows("empathy", 40))
    recipe = make_build_recipe({"values": ["empathy"], "sources": [str(folder / "talk.jsonl")]})
    return build(recipe, folder / "out")


@pytest.mark.filterwarnings("ignore::FutureWarning")  # as in test_run.py
def test_arms_are_trained_alike_and_side_by_side(release: Release, tmp_path: Path) -> None:
    out = tmp_path / "arms"
    settings = {"max_steps": 2, "max_length": 2048, "logging_steps": 1}
    recipe = make_recipe("dpo", system_prompt=True, dpo=settings)
    trial = Trial(release, "empathy", recipe, out, Base("tiny"))
    source = f"talk={release.folder.parent / 'talk.jsonl'}"
    first = train_arms(trial, parse_arms("value,swapped"), [source])
    controls = (out / "controls" / "manifest.json").read_text()
    runs = train_arms(trial, parse_arms("value,random,swapped"))
    assert list(runs) == ["value", "random-0", "swapped"]
    assert runs["value"] == first["value"]
    assert runs["swapped"] == first["swapped"]  # complete ones stay
    assert (out / "controls" / "manifest.json").read_text() == controls  # seed 0 was there
    records = [run.record for run in runs.values()]
    assert all(record["recipe"] == records[0]["recipe"] for record in records)
    prompt = load_values()["empathy"].system_prompt
    assert records[0]["recipe"]["system_prompt"] == prompt  # the controls', too
    assert [record["release"]["value"] for record in records] == ["empathy", "random-0", "swapped"]
    assert [record["control"] and record["control"]["kind"] for record in records] == [
        None,
        "random",
        "swapped",
    ]
    assert len({record["release"]["subset_hash"] for record in records}) == 3
    sizes = [record["stages"]["dpo"]["rows"][0]["rows_in"] for record in records]
    assert sizes == [release.manifest["values"]["empathy"]["splits"]["train"]] * 3
    adapters = [
        load_file(out / name / "dpo" / "adapter" / "adapter_model.safetensors") for name in runs
    ]
    assert any(not torch.equal(adapters[0][key], adapters[2][key]) for key in adapters[0])
    # the base is one for all
    assert (out / "base" / "model.safetensors").is_file()
    assert not any((out / name / "base").exists() for name in runs)
    config = json.loads((out / "swapped" / "dpo" / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(out / "base")


def test_a_folder_of_one_run_takes_no_arms(release: Release, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    trial = Trial(release, "empathy", make_recipe("dpo"), tmp_path, Base("tiny"))
    with pytest.raises(TrainingError, match="holds a run of one arm; give another --out"):
        train_arms(trial, parse_arms("value"))


@pytest.mark.filterwarnings("ignore::FutureWarning")  # as in test_run.py
def test_arms_do_not_start_from_a_base_of_another_seed(release: Release, tmp_path: Path) -> None:
    settings = {"max_steps": 1, "max_length": 2048}

    def ask(seed: int) -> None:
        recipe = make_recipe("dpo", seed=seed, dpo=settings)
        train_arms(Trial(release, "empathy", recipe, tmp_path, Base("tiny")), parse_arms("value"))

    ask(0)
    shutil.rmtree(tmp_path / "value")
    with pytest.raises(TrainingError, match=r"holds another tiny model \(its seed differ\)"):
        ask(1)
    assert not (tmp_path / "value").exists()


def test_controls_keep_the_system_prompt_of_their_release(release: Release, tmp_path: Path) -> None:
    own = load_release(shutil.copytree(release.folder, tmp_path / "own"))
    own.manifest["values"]["empathy"]["definition"]["system_prompt"] = "Be warm."
    source = f"talk={release.folder.parent / 'talk.jsonl'}"
    controls = build_controls(rewrite_manifest(own), tmp_path / "out", [0], sources=[source])
    for name in ("random-0", "length-matched-0", "swapped"):
        recipe = make_recipe("dpo", system_prompt=True)
        assert settle_system_prompt(recipe, controls, name).system_prompt == "Be warm."
