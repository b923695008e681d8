"""The system prompt of a value: where it comes from, and that it is never there twice."""

from pathlib import Path
from typing import Any

import pytest

from tests.training.conversations import (
    COLD,
    LED,
    PROMPTS,
    TINY_MODEL,
    WARM,
    make_recipe,
    rewrite_manifest,
    write_conversations,
)
from training.data import make_rows
from training.masks import Covered
from training.models import Base, load_tokenizer
from training.prompts import find_system_prompt, settle_system_prompt
from training.run import train
from training.settings import Stage, make_training_recipe
from valuedata.errors import RecipeError, ReleaseError
from valuedata.labelling.values import load_values
from valuedata.release.folder import Release

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
"""trl sets arguments of transformers that are to be renamed, huggingface/trl's business."""

EMPATHY = load_values()["empathy"].system_prompt


def describe(folder: Path, value: str, **told: Any) -> Release:
    """A release whose only subset has another name and is told of otherwise."""
    release = write_conversations(folder)
    manifest = release.manifest
    manifest["values"] = {value: manifest["values"]["empathy"] | told}
    (folder / "data" / "empathy").rename(folder / "data" / value)
    return rewrite_manifest(release)


def test_the_packaged_prompt_is_the_values_own(release: Release) -> None:
    assert EMPATHY is not None
    assert find_system_prompt(release, "empathy") == EMPATHY
    recipe = make_recipe("dpo", system_prompt=True)
    assert settle_system_prompt(recipe, release, "empathy").system_prompt == EMPATHY


@pytest.mark.parametrize("given", [False, "Be kind."])
def test_nothing_and_a_text_stay_as_they_are(release: Release, given: bool | str) -> None:
    recipe = make_recipe("dpo", system_prompt=given)
    assert settle_system_prompt(recipe, release, "empathy") is recipe


def test_a_release_may_have_words_of_its_own(tmp_path: Path) -> None:
    release = describe(tmp_path / "own", "calm", definition={"system_prompt": "Be calm."})
    assert find_system_prompt(release, "calm") == "Be calm."


def test_a_control_has_the_prompt_of_its_value(tmp_path: Path) -> None:
    control = {"kind": "random", "value": "empathy", "seed": 0}
    release = describe(tmp_path / "controls", "random-0", control=control)
    assert find_system_prompt(release, "random-0") == EMPATHY


@pytest.mark.parametrize("value", ["calm", "empathy"])
def test_a_control_has_the_words_of_the_release_that_it_was_drawn_from(
    tmp_path: Path, value: str
) -> None:
    control = {"kind": "random", "value": value, "seed": 0, "system_prompt": "Be calm."}
    release = describe(tmp_path / "controls", "random-0", control=control)
    assert find_system_prompt(release, "random-0") == "Be calm."


def test_a_value_without_a_prompt_is_named(tmp_path: Path, release: Release) -> None:
    own = describe(tmp_path / "own", "calm", definition={"system_prompt": None})
    recipe = make_recipe("dpo", system_prompt=True)
    with pytest.raises(RecipeError, match="value 'calm' has no system prompt; write 'system_prom"):
        settle_system_prompt(recipe, own, "calm")
    with pytest.raises(ReleaseError, match="has no subset 'humour'"):
        settle_system_prompt(recipe, release, "humour")


@pytest.mark.parametrize("wrong", ["", 3])
def test_a_wrong_prompt_is_named(wrong: object) -> None:
    with pytest.raises(RecipeError, match=r"Recipe key 'system_prompt\.?.*' cannot be"):
        make_training_recipe({"method": "dpo", "system_prompt": wrong})


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_every_row_has_one_system_turn(release: Release, base: Base, stage: Stage) -> None:
    """Rows without one are led by the prompt; the one that has its own keeps that alone."""
    recipe = make_recipe(stage, system_prompt="Be kind.")
    tokenizer, _ = load_tokenizer(base, recipe)
    rows = make_rows(release, "empathy", stage, tokenizer, recipe, 256)
    turn = {"role": "system", "content": "Be kind."}
    assert list(rows.train["prompt"]) == [[turn, *PROMPTS[0]], [turn, *PROMPTS[1]], LED]
    assert rows.n_own_system == 1
    plain = make_rows(release, "empathy", stage, tokenizer, make_recipe(stage), 256)
    assert list(plain.train["prompt"]) == PROMPTS
    assert plain.n_own_system == 1


def test_a_run_records_the_prompt_and_reads_it_once(
    release: Release, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Covered] = []
    recipe = make_recipe("dpo", system_prompt=True)
    run = train(
        *(release, "empathy", recipe, tmp_path / "run", TINY_MODEL),
        lambda _, sequences: seen.extend(sequences),
    )
    assert run.record["recipe"]["system_prompt"] == EMPATHY
    assert run.record["stages"]["dpo"]["own_system_turns"] == 1
    assert "in place of the system prompt: 1" in caplog.text
    card = (tmp_path / "run" / "dpo" / "adapter" / "README.md").read_text(encoding="utf-8")
    assert f"Conversations without a system turn were led by this one: {EMPATHY}\n" in card
    assert [one.read.count("<|system|>") for one in seen] == [1] * 6
    assert [EMPATHY in one.read for one in seen] == [True, True, False] * 2
    assert "You are a nurse." in seen[2].read
    assert [one.trained for one in seen] == [f"{reply}<|end|>" for reply in [*WARM, *COLD]]
