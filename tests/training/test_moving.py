"""What is trained moves, value by value, and nothing else does."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conversations import make_recipe
from training.data import make_rows
from training.models import Base, load_tokenizer
from training.run import Run
from training.settings import Stage, TrainingRecipe
from training.trainers import build_trainer
from valuedata.release.folder import Release

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
"""trl sets arguments of transformers that are to be renamed, huggingface/trl's business."""

Weights = dict[str, torch.Tensor]


def copy_weights(model: Any) -> Weights:
    return {name: weights.detach().clone() for name, weights in model.named_parameters()}


def build(release: Release, base: Base, recipe: TrainingRecipe, stage: Stage, out: Path) -> Any:
    tokenizer, _ = load_tokenizer(base, recipe)
    rows = make_rows(release, "empathy", stage, tokenizer, recipe, 256)
    return build_trainer(recipe, stage, base, tokenizer, rows, out)


def train_a_little(trainer: Any) -> tuple[Weights, Weights]:
    before = copy_weights(trainer.model)
    trainer.train()
    return before, copy_weights(trainer.model)


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_an_adapter_moves_and_every_bit_below_it_stays(
    release: Release, base: Base, tmp_path: Path, stage: Stage
) -> None:
    trainer = build(release, base, make_recipe(stage), stage, tmp_path)
    before, after = train_a_little(trainer)
    trained = {name for name, weights in trainer.model.named_parameters() if weights.requires_grad}
    # seven linear layers, with A and B each, and the rest is the base
    assert {name.rpartition(".lora_")[2] for name in trained} == {
        "A.default.weight",
        "B.default.weight",
    }
    assert len(trained) == 14
    for name in before:
        same = torch.equal(before[name], after[name])
        assert same == (name not in trained), name
        if name.endswith("lora_B.default.weight"):
            assert not before[name].any()
    changed = {name: (before[name] != after[name]).float().mean().item() for name in trained}
    assert min(changed.values()) > 0.99, changed  # value by value, not a few of each


def test_an_adapter_that_goes_on_leaves_its_reference(
    release: Release, both: Run, tmp_path: Path
) -> None:
    """DPO after SFT: the copy of the adapter that is the reference stays as SFT left it."""
    after_sft = Base(str(both.folder / "base"), adapter=both.folder / "sft" / "adapter")
    trainer = build(release, after_sft, make_recipe("sft-dpo"), "dpo", tmp_path)
    before, after = train_a_little(trainer)
    reference = {name for name in before if ".ref." in name}
    trained = {name for name in before if ".default." in name}
    assert len(reference) == len(trained) == 14
    for name in before:
        assert torch.equal(before[name], after[name]) == (name not in trained), name
    for name in reference:
        assert torch.equal(before[name], before[name.replace(".ref.", ".default.")])


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_all_weights_move_where_all_are_trained(
    release: Release, base: Base, tmp_path: Path, stage: Stage
) -> None:
    trainer = build(release, base, make_recipe(stage, full=True), stage, tmp_path)
    reference = copy_weights(trainer.ref_model) if stage == "dpo" else {}
    before, after = train_a_little(trainer)
    assert all(weights.requires_grad for weights in trainer.model.parameters())
    changed = {name: (before[name] != after[name]).float().mean().item() for name in before}
    # tokens that no row has move, too, for the embedding is the output layer
    assert min(changed.values()) > 0.99, changed
    if stage == "dpo":
        for name, weights in copy_weights(trainer.ref_model).items():
            assert torch.equal(weights, reference[name]), name
            assert torch.equal(weights, before[name]), name
