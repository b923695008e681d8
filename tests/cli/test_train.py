"""`valuedata train`: what it prints and what it refuses."""

import json
import runpy
from pathlib import Path

import pytest
import yaml

from tests.training.conversations import make_recipe, write_conversations
from training.arguments import check_installed
from training.launch import run_recipe
from valuedata.errors import TrainingError
from valuedata.release.folder import Release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return write_conversations(tmp_path_factory.mktemp("release") / "talk")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recipe") / "mine.yaml"
    content = make_recipe("dpo").model_dump(mode="json")
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def test_a_run_is_printed(run, release: Release, recipe: Path, tmp_path: Path) -> None:
    words = ["train", release.folder, "--model", "tiny", "--out", tmp_path / "r"]
    result = run(*words, "--recipe", recipe, "--show-batch", "--set", "dpo.max_steps=2")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "First batch of dpo:"
    assert lines[2] == (
        "[1] <|user|>I lost my keys.<|end|><|assistant|>⟦How annoying, poor you!<|end|>⟧"
    )
    assert any(line.split()[:5] == ["empathy", "dpo", "3", "0", "2"] for line in lines)
    assert any("random parameters, trained here for trying out" in line for line in lines)
    assert lines[-1] == f"Written to {tmp_path / 'r'}."
    assert "FutureWarning" not in result.stderr
    again = run(*words, "--recipe", recipe, "--set", "dpo.max_steps=2", "--json")
    record = json.loads(again.stdout)
    assert record["complete"] is True
    assert record["stages"]["dpo"]["steps"] == 2
    other = run(*words, "--recipe", recipe, "--seed", "3")
    assert other.exit_code == 2
    assert "holds another run (its recipe differ" in other.stderr
    arms = run(*words, "--recipe", recipe, "--arms", "value")
    assert arms.exit_code == 2
    assert "holds a run of one arm; give another --out." in arms.stderr
    silent = run(*words, "--recipe", recipe, "--set", "dpo.max_steps=2", "--quiet", "--merge")
    assert silent.output == ""
    assert (tmp_path / "r" / "merged" / "model.safetensors").is_file()


def test_an_adapter_finds_the_tiny_model_from_anywhere(
    run, release: Release, recipe: Path, tmp_path: Path
) -> None:
    words = ["train", release.folder, "--model", "tiny", "--out", "here", "--recipe", recipe]
    told = run(*words, "--set", "dpo.max_steps=1", "--json", "--show-batch")
    assert json.loads(told.stdout)["complete"] is True
    assert "First batch of dpo:" in told.stderr
    adapter = tmp_path / "here" / "dpo" / "adapter" / "adapter_config.json"
    name = json.loads(adapter.read_text())["base_model_name_or_path"]
    assert Path(name) == tmp_path / "here" / "base"


def test_a_recipe_may_say_everything(
    run, release: Release, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = yaml.safe_load(recipe.read_text()) | {
        "release": str(release.folder),
        "value": "empathy",
        "model": "tiny",
        "out": "said",
        "system_prompt": True,
    }
    (tmp_path / "all.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    told = run("train", "--recipe", "all.yaml", "--set", "dpo.max_steps=1", "--show-batch")
    assert told.exit_code == 0, told.output
    assert "Written to said." in told.stdout
    assert "The system prompt: You are an assistant who notices what people feel." in told.stdout
    assert told.stdout.count("<|system|>You are an assistant who notices") == 4
    for stage, other in (("dpo", "sft"), ("sft", "dpo")):
        words = ["all.yaml", "--out", stage, "--set", f"{stage}.max_steps=1", "--no-system-prompt"]
        monkeypatch.setattr("sys.argv", [f"training.{stage}", *words])
        with pytest.raises(SystemExit) as ended, pytest.warns(RuntimeWarning, match="found in sys"):
            runpy.run_module(f"training.{stage}", run_name="__main__")
        assert ended.value.code == 0
        record = json.loads((tmp_path / stage / "run.json").read_text())
        assert list(record["stages"]) == [stage]
        assert record["recipe"]["system_prompt"] is False
        assert not (tmp_path / stage / other).exists()


def test_a_program_without_a_recipe_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_recipe("dpo", [])
    assert ended.value.code == 0
    assert "valuedata train" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "No release is named; give RELEASE, or write 'release' in the recipe."),
        (["here"], "No model is named; give --model, or write 'model' in the recipe."),
        (["here", "--model", "tiny"], "No out is named; give --out, or write 'out' in the recipe."),
    ],
)
def test_what_is_not_named_anywhere_is_asked_for(run, words: list[str], sentence: str) -> None:
    result = run("train", *words)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {sentence}\n"


def test_arms_are_told_of_by_name(run, release: Release, recipe: Path, tmp_path: Path) -> None:
    words = ["train", release.folder, "--model", "tiny", "--out", tmp_path / "r", "--arms", "value"]
    result = run(*words, "--recipe", recipe, "--set", "dpo.max_steps=1", "--merge")
    assert result.exit_code == 0, result.output
    assert any(
        line.split()[:5] == ["value", "dpo", "3", "0", "1"] for line in result.stdout.splitlines()
    )
    assert (tmp_path / "r" / "value" / "merged" / "model.safetensors").is_file()
    told = run(*words, "--recipe", recipe, "--set", "dpo.max_steps=1", "--json")
    assert list(json.loads(told.stdout)) == ["value"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model", "tiny", "--value", "humour"], "has no subset 'humour'; known: empathy"),
        (["--model", "tiny", "--set", "dpo.bta=1"], "'dpo.bta' is unknown; did you mean 'beta'?"),
        (["--model", "tiny", "--set", "beta"], "--set 'beta' is no setting; write for example"),
        (["--model", "tiny", "--set", "a=["], "--set 'a=[' is no setting; write for example"),
        (["--model", "tiny", "--recipe", "smoke"], "no recipe 'smoke'; did you mean 'smoke-cpu'"),
        (["--model", "tiny", "--device", "cuda"], "asks for the device cuda, and torch finds no"),
        (
            ["--model", "tiny", "--merge", "--full"],
            "--merge is for adapters and --full trains none; leave one of them out.",
        ),
        (
            ["--model", "tiny", "--arms", "value,randm:2"],
            "Arm 'randm' is unknown; did you mean 'random'?",
        ),
        (
            ["--model", "./nowhere@v1", "--method", "sft"],
            "The model ./nowhere at v1 cannot be loaded (",
        ),
        (
            ["--model", "tiny", "--set", "dpo.max_length=9", "--set", "tiny.steps=1"],
            "All 3 training rows of 'empathy' are longer than 9 tokens (the shortest has ",
        ),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(
    run,
    release: Release,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    sentence: str,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    result = run("train", release.folder, "--out", tmp_path / "r", "--method", "dpo", *words)
    assert result.exit_code == 2, result.output
    error = result.stderr.splitlines()[-1]
    assert error.startswith("Error: ")
    assert sentence in error


def test_a_subset_must_be_named_where_there_are_several(run, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    release = write_conversations(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["values"]["humor"] = manifest["values"]["empathy"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    result = run("train", release.folder, "--model", "tiny", "--out", tmp_path / "r")
    assert result.exit_code == 2
    assert "has several subsets (empathy, humor); name one with --value." in result.stderr


def test_missing_packages_are_named() -> None:
    check_installed()
    with pytest.raises(TrainingError) as caught:
        check_installed(("trl", "no_such_package"))
    assert str(caught.value) == (
        "Training needs no_such_package, which is not installed; run: "
        "pip install 'valuedata[train]'."
    )
