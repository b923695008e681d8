"""Arms found in folders: whole models, adapters, and what `valuedata train` leaves."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from peft import PeftModel
from transformers import AutoModelForCausalLM

from evaluation.arms import Arm, find_arms, list_roles
from evaluation.generation.loading import choose_template
from evaluation.generation.local_model import LocalModel
from evaluation.generation.model_files import ModelFiles, find_model, identify_model
from tests.training.conversations import TINY_MODEL, make_recipe, write_conversations
from training.run import train
from valuedata.cli import main
from valuedata.errors import EvaluationError

MESSAGES = [{"role": "user", "content": "I lost my keys."}]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of arms: SFT and then DPO of an adapter, and the same again as a control."""
    folder = tmp_path_factory.mktemp("arms")
    release = write_conversations(folder / "release")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # trl sets arguments by old names
        train(release, "empathy", make_recipe("sft-dpo"), folder / "value", TINY_MODEL)
    shutil.move(folder / "value" / "base", folder / "base")
    shutil.copytree(folder / "value", folder / "random-0")
    shutil.copytree(folder / "value", folder / "swapped")  # no placebo, so no control
    (folder / "release.txt").write_text("no arm", encoding="utf-8")
    return folder


def rewrite(folder, change):
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    change(record)
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")


def test_a_folder_of_runs_names_its_arms(runs):
    found = find_arms(runs)
    assert [(arm.name, arm.role) for arm in found.arms] == [
        ("base", "base"), ("value", "tuned"), ("random-0", "control"),
    ]  # fmt: skip
    assert found.value == "empathy"
    assert found.arms[1].files == ModelFiles(
        str(runs / "base"), None, runs / "value" / "dpo" / "adapter"
    )
    roles = list_roles(found.arms)
    assert (roles.base, roles.tuned, roles.controls) == ("base", "value", ("random-0",))
    assert roles.contrasts == ("base", "controls")


def test_an_adapter_speaks_as_peft_has_it(runs):
    """Log-probabilities beside peft's own model with the adapter unmerged."""
    files = find_model(str(runs / "value"))
    model = LocalModel(files, choose_template({"value": files}, None), "cpu")
    (score,) = model.score_continuations([(MESSAGES, "Poor you!")])
    base = AutoModelForCausalLM.from_pretrained(runs / "base")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        other = PeftModel.from_pretrained(base, str(files.adapter)).eval()
    start = model._encode(MESSAGES)
    end = model.tokenizer("Poor you!", add_special_tokens=False).input_ids
    with torch.inference_mode():
        logits = other(torch.tensor([start + end])).logits[0].double()
    expected = sum(
        float(torch.log_softmax(logits[len(start) + k - 1], 0)[token])
        for k, token in enumerate(end)
    )
    assert score == pytest.approx(expected, abs=1e-4)
    plain = LocalModel(ModelFiles(str(runs / "base")), model.template, "cpu")
    assert not np.allclose(plain.score_continuations([(MESSAGES, "Poor you!")]), score)


def test_the_command_takes_a_folder_of_runs(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "cache"))
    families = [{"family": f"f{k}", "domain": "work", "neutral": f"What of {k}?"} for k in range(6)]
    told = {"measures": "values", "licence": "CC0-1.0", "citation": "me", "families": families}
    Path("mine.yaml").write_text(
        yaml.safe_dump({"name": "mine", "kind": "open", **told}), encoding="utf-8"
    )
    words = ["evaluate", "--runs", str(runs), "--prompts", "mine.yaml", "--max-tokens", "8"]
    result = CliRunner().invoke(main, [*words, "--out", "out", "--json"])
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert content["value"] == "empathy"
    assert [arm["name"] for arm in content["arms"]] == ["base", "value", "random-0"]
    assert "adapter_sha256" in content["arms"][1]["source"]
    for found in content["measures"]:  # the control is a copy of the value
        assert found["contrasts"]["controls"]["difference"]["estimate"] == 0.0
    assert Path("out", "results.json").is_file()


def test_a_role_is_filled_once():
    two = (Arm("one", "base"), Arm("two", "base"), Arm("tuned", "tuned"))
    with pytest.raises(EvaluationError, match="Two base arms are given; give one"):
        list_roles(two)


def test_an_adapters_folder_names_its_model(runs):
    adapter = runs / "value" / "dpo" / "adapter"
    found = find_model(str(adapter))
    assert found.adapter == adapter
    told = identify_model(ModelFiles(str(runs / "base"), None, adapter))
    assert set(told) == {"sha256", "adapter_sha256"}


def test_a_model_on_the_hub_is_known_by_its_commit(runs, tmp_path, monkeypatch):
    """A model in the Hub's cache, without a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    commit = "c0ffee" + "0" * 34
    folder = tmp_path / "models--org--small"
    shutil.copytree(runs / "base", folder / "snapshots" / commit)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit, encoding="utf-8")
    files = find_model("org/small")
    assert identify_model(files) == {"name": "org/small", "commit": commit}
    model = LocalModel(files, choose_template({"base": files}, None), "cpu")
    other = LocalModel(ModelFiles(str(runs / "base")), model.template, "cpu")
    asked = [(MESSAGES, "Poor you!")]
    assert model.score_continuations(asked) == pytest.approx(other.score_continuations(asked))
    model.release()
    assert "model" not in vars(model)
    assert model.score_continuations(asked) == pytest.approx(other.score_continuations(asked))
    with pytest.raises(EvaluationError, match="The model org/absent at v1 cannot be loaded"):
        identify_model(find_model("org/absent@v1"))
    with pytest.raises(EvaluationError, match="The model org/absent cannot be loaded"):
        _ = LocalModel(find_model("org/absent"), "x", "cpu").model


def test_cuda_is_asked_for_only_where_it_is(runs):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(EvaluationError, match="--device cuda needs a GPU"):
        _ = LocalModel(ModelFiles(str(runs / "base")), "x", "cuda").model


def test_a_broken_adapter_is_one_sentence(runs, tmp_path):
    shutil.copytree(runs / "value" / "dpo" / "adapter", tmp_path / "adapter")
    (tmp_path / "adapter" / "adapter_model.safetensors").unlink()
    model = LocalModel(ModelFiles(str(runs / "base"), None, tmp_path / "adapter"), "x", "cpu")
    with pytest.raises(EvaluationError, match="adapter cannot be loaded"):
        _ = model.model
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EvaluationError, match="does not say which model the adapter is on"):
        find_model(str(tmp_path / "adapter"))


def test_all_weights_of_a_run_are_a_model(runs, tmp_path):
    shutil.copytree(runs / "value", tmp_path / "value")
    shutil.copytree(runs / "base", tmp_path / "value" / "dpo" / "model")
    found = find_model(str(tmp_path / "value"))
    assert found == ModelFiles(str(tmp_path / "value" / "dpo" / "model"))
    rewrite(tmp_path / "value", lambda r: r.update(stages={}))
    with pytest.raises(EvaluationError, match="names no training; give a folder"):
        find_model(str(tmp_path / "value"))


def test_a_run_of_a_named_model_names_it(runs, tmp_path):
    shutil.copytree(runs / "value", tmp_path / "value")
    rewrite(tmp_path / "value", lambda r: r.update(model={"name": "org/m", "revision": "abc"}))
    found = find_model(str(tmp_path / "value"))
    assert (found.name, found.revision) == ("org/m", "abc")
    assert find_model("org/m@abc") == ModelFiles("org/m", "abc")
    shutil.copytree(runs / "value", tmp_path / "other")
    shutil.copytree(runs / "base", tmp_path / "base")
    with pytest.raises(EvaluationError, match="started from different models"):
        find_arms(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: rewrite(f, lambda r: r.update(complete=False)), "has not ended; finish it"),
        (lambda f: (f / "run.json").write_text("{}"), "holds no run that can be read"),
        (lambda f: (f / "run.json").write_text("[]"), "holds no run that can be read"),
        (lambda f: rewrite(f, lambda r: r.pop("release")), "holds no run that can be read"),
        (lambda _: None, "started from is gone; train it again"),
    ],
)
def test_a_run_that_cannot_be_used_is_one_sentence(runs, tmp_path, spoil, sentence):
    shutil.copytree(runs / "value", tmp_path / "value")
    spoil(tmp_path / "value")
    with pytest.raises(EvaluationError, match=sentence):
        find_arms(tmp_path)
