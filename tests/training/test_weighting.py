"""Weights multiply the loss of each row, and weights of one change nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conversations import make_recipe, write_conversations
from training.data import make_rows
from training.models import Base, load_tokenizer
from training.settings import Stage
from training.trainers import build_trainer
from training.weighting import check_weighable, slice_row
from valuedata.errors import RecipeError
from valuedata.release.folder import Release

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
"""trl sets arguments of transformers that are to be renamed, huggingface/trl's business."""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return write_conversations(tmp_path_factory.mktemp("release") / "out", weights=[0.5, 1.5, 4.0])


def build(release: Release, base: Base, stage: Stage, out: Path, *, weights: bool) -> Any:
    recipe = make_recipe(stage, weights=weights)
    tokenizer, _ = load_tokenizer(base, recipe)
    rows = make_rows(release, "empathy", stage, tokenizer, recipe, 256)
    trainer = build_trainer(recipe, stage, base, tokenizer, rows, out)
    torch.manual_seed(1)
    for name, parameter in trainer.model.named_parameters():
        if "lora" in name:  # a new adapter changes nothing, and all DPO losses are the same
            torch.nn.init.normal_(parameter, std=0.3)
    trainer.model.eval()
    return trainer


def read_batch(trainer: Any) -> dict[str, Any]:
    return dict(next(iter(trainer.get_train_dataloader())))


@pytest.mark.parametrize("n_tokens", [None, 50])
def test_sft_weighs_the_tokens_of_each_row(
    release: Release, base: Base, tmp_path: Path, n_tokens: int | None
) -> None:
    plain = build(release, base, "sft", tmp_path / "a", weights=False)
    weighted = build(release, base, "sft", tmp_path / "b", weights=True)
    batch = read_batch(weighted)
    weights = batch.pop("weight")
    assert sorted(weights.tolist()) == pytest.approx([0.25, 0.75, 2.0])  # of mean 2
    ones = torch.ones(3)
    with torch.no_grad():
        whole = plain.compute_loss(plain.model, dict(batch), num_items_in_batch=n_tokens)
        same = weighted.compute_loss(
            weighted.model, {**batch, "weight": ones}, num_items_in_batch=n_tokens
        )
        found = weighted.compute_loss(
            weighted.model, {**batch, "weight": weights}, num_items_in_batch=n_tokens
        )
        total = n_tokens or int((batch["labels"][:, 1:] != -100).sum())
        rows = [
            float(
                plain.compute_loss(plain.model, slice_row(batch, row, 3), num_items_in_batch=total)
            )
            for row in range(3)
        ]
    assert float(same) == pytest.approx(float(whole), rel=1e-5)
    expected = sum(w * loss for w, loss in zip(weights.tolist(), rows, strict=True))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_dpo_weighs_each_pair(release: Release, base: Base, tmp_path: Path) -> None:
    plain = build(release, base, "dpo", tmp_path / "a", weights=False)
    weighted = build(release, base, "dpo", tmp_path / "b", weights=True)
    batch = read_batch(weighted)
    weights = batch.pop("weight")
    with torch.no_grad():
        rows = [
            float(plain.compute_loss(plain.model, slice_row(batch, row, 3))) for row in range(3)
        ]
        whole = float(plain.compute_loss(plain.model, dict(batch)))
        found = float(weighted.compute_loss(weighted.model, {**batch, "weight": weights}))
    assert len({round(loss, 4) for loss in rows}) == 3
    assert whole == pytest.approx(sum(rows) / 3, rel=1e-5)
    expected = sum(w * loss for w, loss in zip(weights.tolist(), rows, strict=True)) / 3
    assert found == pytest.approx(expected, rel=1e-5)
    assert found != pytest.approx(whole, rel=1e-3)


def test_a_pair_is_cut_out_with_both_its_sides() -> None:
    batch = {
        "input_ids": torch.tensor([[1], [2], [3], [4]]),
        "ref_chosen_logps": torch.tensor([5.0, 6.0]),
    }
    found = slice_row(batch, 1, 2)
    assert found["input_ids"].tolist() == [[2], [4]]
    assert found["ref_chosen_logps"].tolist() == [6.0]


def test_losses_that_compare_pairs_are_refused() -> None:
    check_weighable("dpo", ["sigmoid", "sft"])
    with pytest.raises(
        RecipeError, match=r"'dpo\.loss_type' cannot be 'aot' where the release has"
    ):
        check_weighable("dpo", ["sigmoid", "aot"])
