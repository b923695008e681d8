"""evaluate: an adapter on the Hub as an arm, at a commit, on the model that it names."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from evaluation.generation.local_model import LocalModel
from evaluation.generation.model_files import ModelFiles, fetch_adapter, find_model
from tests.evaluation.conftest import tiny_model
from tests.hub.loopback import UPLOADS, LoopbackHub
from valuedata.errors import EvaluationError

__all__ = ["tiny_model"]

pytestmark = [UPLOADS, pytest.mark.filterwarnings("ignore::FutureWarning")]

PROMPTS = {
    "name": "mine",
    "kind": "open",
    "measures": "values",
    "licence": "CC0-1.0",
    "citation": "me",
    "families": [
        {"family": f"f{k}", "domain": "work", "neutral": f"What of number {k}?"} for k in range(6)
    ],
}


@pytest.fixture
def adapter(tmp_path: Path, tiny_model: Path) -> Path:
    """An adapter whose weights change what the model says."""
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    settings = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    model = get_peft_model(base, settings)
    folder = tmp_path / "adapter"
    model.save_pretrained(folder)
    told = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    told["base_model_name_or_path"] = "org/base"
    (folder / "adapter_config.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def upload(hub: LoopbackHub, folder: Path, name: str) -> str:
    api = hub.api()
    api.create_repo(name, private=True)
    return str(api.upload_folder(folder_path=folder, repo_id=name).oid)


def test_an_adapter_of_the_hub_is_an_arm(run, hub, tiny_model, adapter) -> None:
    base_commit = upload(hub, tiny_model, "org/base")
    adapter_commit = upload(hub, adapter, "org/adapter")
    hub.api().create_tag("org/adapter", tag="v1", revision=adapter_commit)
    (adapter / "extra.txt").write_text("later", encoding="utf-8")
    hub.api().upload_folder(folder_path=adapter, repo_id="org/adapter")
    Path("mine.yaml").write_text(yaml.safe_dump(PROMPTS), encoding="utf-8")
    words = ("evaluate", "--base", "org/base", "--tuned", "org/adapter@v1", "--prompts",
             "mine.yaml", "--judge", "patterns", "--max-tokens", "8")  # fmt: skip
    result = run(*words, "--out", "out", "--json")
    assert result.exit_code == 0, result.output
    base, tuned = (arm["source"] for arm in json.loads(result.stdout)["arms"])
    told = {"name": "org/base", "commit": base_commit}
    assert {key: base[key] for key in told} == told
    told |= {"model": "org/adapter@v1", "adapter": "org/adapter", "adapter_commit": adapter_commit}
    assert {key: tuned[key] for key in told} == told
    assert "adapter_sha256" not in tuned
    report = Path("out/report.html").read_text(encoding="utf-8")
    assert adapter_commit in report

    shutil.rmtree(adapter / ".cache", ignore_errors=True)
    here = LocalModel(ModelFiles(str(tiny_model), None, adapter), tuned["template"], "cpu")
    there = LocalModel(fetch_adapter(find_model("org/adapter@v1")), tuned["template"], "cpu")
    asked = [([{"role": "user", "content": "What now?"}], "Poor you!")]
    assert there.score_continuations(asked) == pytest.approx(here.score_continuations(asked))
    plain = LocalModel(ModelFiles(str(tiny_model)), tuned["template"], "cpu")
    assert abs(plain.score_continuations(asked) - here.score_continuations(asked)) > 1e-3


@pytest.mark.usefixtures("run")
def test_what_is_wrong_with_an_adapter_of_the_hub_is_one_sentence(hub, adapter) -> None:
    config = adapter / "adapter_config.json"
    text = config.read_text(encoding="utf-8").replace("org/base", "org/gone")
    config.write_text(text, encoding="utf-8")
    upload(hub, adapter, "org/adapter")
    with pytest.raises(EvaluationError, match=r"The model org/gone cannot be loaded \("):
        fetch_adapter(find_model("org/adapter"))
    upload(hub, adapter, "org/closed")
    hub.fail(r"(GET|HEAD) /org/closed/resolve/.*/adapter_model.safetensors", 403)
    with pytest.raises(EvaluationError, match=r"The model org/closed cannot be loaded \("):
        fetch_adapter(find_model("org/closed"))
    absent = find_model("org/absent@v2")
    assert fetch_adapter(absent) == absent == ModelFiles("org/absent", "v2")
