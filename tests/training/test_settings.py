"""Recipes: what they hold, and what trl and peft take, is checked before anything is loaded."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from training.arguments import check_arguments, choose_device, make_arguments, make_lora
from training.settings import (
    list_recipes,
    load_job,
    load_training_recipe,
    make_training_recipe,
)
from valuedata.errors import RecipeError, TrainingError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
"""trl sets arguments of transformers that are to be renamed, huggingface/trl's business."""


@pytest.mark.parametrize("name", list_recipes())
def test_every_packaged_recipe_is_taken(name: str) -> None:
    recipe = load_training_recipe(name)
    check_arguments(recipe)
    assert all(recipe.arguments(stage)["max_length"] for stage in recipe.stages)


def test_options_replace_settings() -> None:
    recipe = load_training_recipe("smoke-cpu", {"seed": 7, "dpo.beta": 0.5})
    assert recipe.seed == 7
    assert recipe.dpo["beta"] == 0.5
    assert recipe.dpo["max_steps"] == 20
    assert recipe.stages == ("sft", "dpo")


def test_a_recipe_of_ones_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("method: sft\nsft: {learning_rate: 1e-4}\n", encoding="utf-8")
    recipe = load_training_recipe(file)
    assert recipe.sft == {"learning_rate": "1e-4"}  # as YAML reads it
    assert make_arguments(recipe, "sft", tmp_path).learning_rate == 0.0001


def test_a_recipe_may_name_what_is_trained_on_what(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("method: sft\nrelease: here\nvalue: empathy\nseed: 2\n", encoding="utf-8")
    job, recipe = load_job(file)
    assert (job.release, job.value, job.model, job.out) == ("here", "empathy", None, None)
    assert recipe == make_training_recipe({"method": "sft", "seed": 2})
    with pytest.raises(RecipeError, match="Recipe key 'release' is unknown"):
        load_training_recipe(file)
    for text, sentence in (
        ("method: sft\nvalue: [empathy]\n", r"Recipe key 'value' cannot be \['empathy'\]: "),
        ("method: sft\nrelaese: here\n", "'relaese' is unknown; did you mean 'release'?"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(RecipeError, match=sentence):
            load_job(file)


def test_only_the_recipe_of_the_paper_leads_conversations() -> None:
    led = [name for name in list_recipes() if load_training_recipe(name).system_prompt]
    assert led == ["paper-dpo"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, "Recipe key 'method' is missing; write for example 'method: dpo'."),
        ({"method": "ppo"}, "Recipe key 'method' cannot be 'ppo'"),
        ({"method": "dpo", "sed": 1}, "Recipe key 'sed' is unknown; did you mean 'seed'?"),
        (
            {"method": "dpo", "tiny": {"hiden": 8}},
            "Recipe key 'tiny.hiden' is unknown; did you mean 'hidden'?",
        ),
        (
            {"method": "dpo", "tiny": {"hidden": 65}},
            "Recipe key 'tiny' cannot be {'hidden': 65}: hidden is 65, which 4 heads cannot share; "
            "give a multiple of 8.",
        ),
    ],
)
def test_wrong_settings_are_named(content: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        make_training_recipe(content)
    assert str(caught.value).startswith(sentence)


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'smoke-cup'; did you mean 'smoke-cpu'\?"):
        load_training_recipe("smoke-cup")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"dpo": {"betta": 1}}, "Recipe key 'dpo.betta' is unknown; did you mean 'beta'"),
        (
            {"dpo": {"learning_rat": 1}},
            "Recipe key 'dpo.learning_rat' is unknown; did you mean 'learning_rate'",
        ),
        ({"lora": {"lora_alfa": 1}}, "Recipe key 'lora.lora_alfa' is unknown; did you mean 'lora_"),
        ({"dpo": {"max_steps": "few"}}, "Recipe key 'dpo.max_steps' cannot be 'few': "),
        ({"dpo": {"output_dir": "x"}}, "Recipe key 'dpo.output_dir' is not set here; give --out."),
        (
            {"dpo": {"learning_rate": -1}},
            "Recipe key 'dpo.learning_rate' cannot be -1.0; give 0 or more.",
        ),
        ({"dpo": {"learning_rate": float("nan")}}, "Recipe key 'dpo.learning_rate' cannot be nan;"),
        ({"dpo": {"learning_rate": float("inf")}}, "Recipe key 'dpo.learning_rate' cannot be inf;"),
        (
            {"dpo": {"gradient_accumulation_steps": 0}},
            "Recipe key 'dpo.gradient_accumulation_steps' cannot be 0; give 1 or more.",
        ),
        (
            {"dpo": {"per_device_train_batch_size": 0}},
            "Recipe key 'dpo.per_device_train_batch_size' cannot be 0; give 1 or more.",
        ),
        ({"lora": {"r": 0}}, "Recipe key 'lora.r' cannot be 0; give 1 or more."),
        (
            {"dpo": {"loss_type": ["sigmoid", "hing"]}},
            "Recipe key 'dpo.loss_type' cannot be 'hing'; did you mean 'hinge'?",
        ),
    ],
)
def test_wrong_arguments_are_named(content: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_arguments(make_training_recipe({"method": "dpo", **content}))
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("group", ["sft", "dpo", "lora"])
def test_what_pushes_while_training_is_refused_and_no_token_is_shown(group: str) -> None:
    import trl

    names = [field.name for field in fields(trl.DPOConfig) if "hub" in field.name]
    assert {"push_to_hub", "hub_token", "hub_model_id", "hub_revision"} <= set(names)
    for name in [*names, "push_to_hub_token"]:
        content = {"method": "dpo", "full": True, group: {name: "hf_SECRET"}}
        with pytest.raises(RecipeError) as caught:
            check_arguments(make_training_recipe(content))
        assert str(caught.value) == (
            f"Recipe key '{group}.{name}' is not set here; push the finished run with --push-to, "
            "and give the token by `hf auth login` or in HF_TOKEN."
        )


def test_what_trl_refuses_is_one_sentence(tmp_path: Path) -> None:
    recipe = make_training_recipe({"method": "dpo", "dpo": {"eval_strategy": "never"}})
    with pytest.raises(RecipeError, match=r"trl refuses the arguments under 'dpo' \(.*never.*\);"):
        make_arguments(recipe, "dpo", tmp_path)


def test_what_peft_refuses_is_one_sentence() -> None:
    recipe = make_training_recipe({"method": "dpo", "lora": {"layers_pattern": "h"}})
    with pytest.raises(RecipeError, match=r"peft refuses the arguments under 'lora' \(.*\); chan"):
        make_lora(recipe)


def test_every_loss_that_trl_names_is_taken() -> None:
    names = ["sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard"]
    names += ["aot", "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft"]
    check_arguments(make_training_recipe({"method": "dpo", "dpo": {"loss_type": names}}))


def test_all_weights_need_no_adapter() -> None:
    recipe = make_training_recipe({"method": "dpo", "full": True, "lora": {"unknown": 1}})
    check_arguments(recipe)
    assert make_lora(recipe) is None


def test_cuda_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(TrainingError, match=r"asks for the device cuda, and torch finds none"):
        choose_device(make_training_recipe({"method": "dpo", "device": "cuda"}))
    assert choose_device(make_training_recipe({"method": "dpo"})) == "cpu"
