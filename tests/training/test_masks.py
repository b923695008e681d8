"""The loss covers the reply and what ends it, and nothing of the prompt, in every template."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.conversations import (
    CHATML,
    COLD,
    PROMPTS,
    WARM,
    make_recipe,
)
from training.arguments import make_arguments
from training.data import make_rows
from training.masks import Covered, check_covered, show_batch
from training.models import PLAIN, TEMPLATES, Base, load_tokenizer
from training.settings import Stage
from training.trainers import build_trainer, check_first_batch
from valuedata.errors import TrainingError
from valuedata.release.folder import Release

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
"""trl sets arguments of transformers that are to be renamed, huggingface/trl's business."""


def read_first_batch(
    release: Release, base: Base, stage: Stage, template: Path, out: Path
) -> list[Covered]:
    recipe = make_recipe(stage, chat_template=str(template))
    tokenizer, used = load_tokenizer(base, recipe)
    assert used == str(template)
    length = make_arguments(recipe, stage, out).max_length
    rows = make_rows(release, "empathy", stage, tokenizer, recipe, length)
    return check_first_batch(build_trainer(recipe, stage, base, tokenizer, rows, out), rows, stage)


def list_templates() -> Iterator[Any]:
    # by hand: each prompt as the model reads it, and what stands behind a reply
    tiny = [
        "<|user|>I lost my keys.<|end|><|assistant|>",
        "<|user|>Hello there.<|end|><|assistant|>Good day to you.<|end|>"
        "<|user|>My dog is ill.<|end|><|assistant|>",
        "<|system|>You are a nurse.<|end|><|user|>My arm hurts.<|end|><|assistant|>",
    ]
    plain = [
        "User: I lost my keys.\n\nAssistant: ",
        "User: Hello there.\n\nAssistant: Good day to you.<|end|>\n\n"
        "User: My dog is ill.\n\nAssistant: ",
        "System: You are a nurse.\n\nUser: My arm hurts.\n\nAssistant: ",
    ]
    chatml = [
        "<|im_start|>user\nI lost my keys.<|im_end|>\n<|im_start|>assistant\n",
        "<|im_start|>user\nHello there.<|im_end|>\n<|im_start|>assistant\nGood day to you."
        "<|im_end|>\n<|im_start|>user\nMy dog is ill.<|im_end|>\n<|im_start|>assistant\n",
        "<|im_start|>system\nYou are a nurse.<|im_end|>\n<|im_start|>user\nMy arm hurts."
        "<|im_end|>\n<|im_start|>assistant\n",
    ]
    yield pytest.param((TEMPLATES / "tiny.jinja").read_text(), tiny, "<|end|>", id="tiny")
    yield pytest.param(PLAIN.read_text(), plain, "<|end|>\n\n", id="plain")
    yield pytest.param(CHATML, chatml, "<|im_end|>\n", id="chatml")


@pytest.mark.parametrize("stage", ["sft", "dpo"])
@pytest.mark.parametrize(("template", "prompts", "tail"), list(list_templates()))
def test_the_loss_is_on_the_reply_alone(
    release: Release,
    base: Base,
    tmp_path: Path,
    stage: Stage,
    template: str,
    prompts: list[str],
    tail: str,
) -> None:
    file = tmp_path / "template.jinja"
    file.write_text(template, encoding="utf-8")
    found = read_first_batch(release, base, stage, file, tmp_path / "run")
    replies = WARM if stage == "sft" else [*WARM, *COLD]
    assert [one.trained for one in found] == [reply + tail for reply in replies]
    assert [one.read for one in found] == prompts * (1 if stage == "sft" else 2)
    assert all(one.ends == ("<|end|>" in tail) for one in found)
    shown = show_batch(found[:1])
    assert shown == f"[1] {prompts[0]}⟦{WARM[0]}{tail}⟧"


def test_a_template_that_changes_the_prompt_is_refused(
    release: Release, base: Base, tmp_path: Path
) -> None:
    file = tmp_path / "template.jinja"
    file.write_text(CHATML.replace("assistant\n{% e", "assistant\n<think>{% e"), encoding="utf-8")
    with pytest.raises(TrainingError, match=r"does not keep a prompt and its reply apart: the "):
        read_first_batch(release, base, "dpo", file, tmp_path / "run")


def test_a_template_that_takes_no_system_turn_is_named(
    release: Release, base: Base, tmp_path: Path
) -> None:
    file = tmp_path / "template.jinja"
    refusal = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system') }}{% endif %}"
    )
    file.write_text(refusal + CHATML, encoding="utf-8")
    with pytest.raises(TrainingError, match=r"does not take these conversations \(No system\); gi"):
        read_first_batch(release, base, "sft", file, tmp_path / "run")


@pytest.mark.parametrize(
    "wrong",
    [
        {"read": "<|user|>I lost my keys.<|end|>", "trained": "<|assistant|>Poor you!<|end|>"},
        {"read": "<|user|>I lost my keys.<|end|>" * 2},
        {"trained": "Poor you!"},
        {"is_whole": False},
    ],
)
def test_a_wrong_mask_is_refused(base: Base, wrong: dict[str, Any]) -> None:
    tokenizer, _ = load_tokenizer(base, make_recipe("sft"))
    right = {
        "read": "<|user|>I lost my keys.<|end|><|assistant|>",
        "trained": "Poor you!<|end|>",
        "ends": True,
        "is_whole": True,
    }
    reply: Any = [{"role": "assistant", "content": "Poor you!"}]
    prompt: Any = PROMPTS[0]
    check_covered(Covered(**right), prompt, reply, tokenizer)
    with pytest.raises(TrainingError, match="the reply is 'Poor you!'"):
        check_covered(Covered(**right | wrong), prompt, reply, tokenizer)
