"""The loss of each row times its weight, by trl's own loss."""

from collections.abc import Sequence
from typing import Any, Final

from training.data import WEIGHT
from training.masks import IGNORED
from training.settings import Stage
from valuedata.errors import RecipeError

__all__ = ["check_weighable", "slice_row", "weigh_trainer"]

UNWEIGHABLE: Final = frozenset({"aot", "aot_unpaired"})
"""Losses of trl that compare the rows of a batch with each other."""


class WeightCollator:
    """A collator of trl that keeps the weight of each row beside what trl made."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401
        self.inner = inner

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        import torch

        weights = torch.tensor([row[WEIGHT] for row in rows], dtype=torch.float32)
        plain = [{key: value for key, value in row.items() if key != WEIGHT} for row in rows]
        return {**self.inner(plain), WEIGHT: weights}


def check_weighable(stage: Stage, losses: Sequence[str]) -> None:
    """Refuses losses that have no part for each row.

    Raises:
        RecipeError: Naming the loss.
    """
    wrong = sorted(UNWEIGHABLE.intersection(losses))
    if stage == "dpo" and wrong:
        raise RecipeError(
            f"Recipe key 'dpo.loss_type' cannot be {wrong[0]!r} where the release has weights, for "
            "it compares the pairs of a batch; choose another, or write 'weights: false'."
        )


def slice_row(batch: dict[str, Any], row: int, n_rows: int) -> dict[str, Any]:
    """One row of a batch as a batch of its own.

    Args:
        batch: Tensors with a row each; with two rows each, chosen ones first, where trl stacks the
            two sides of a pair.
        row: Which row.
        n_rows: Rows of the batch, pairs counted once.
    """
    return {
        key: tensor[row::n_rows] if len(tensor) == 2 * n_rows else tensor[row : row + 1]
        for key, tensor in batch.items()
    }


def weigh_trainer(trainer_class: Any, stage: Stage) -> Any:  # noqa: ANN401
    """A trainer of trl whose loss counts each row by its weight.

    The loss of a batch is sum(w_i * loss_i) / b for DPO, where trl has mean(loss_i), and the sum of
    the w_i * loss of each token of row i by the number of tokens for SFT, where trl has the mean
    over tokens. So weights of one change nothing, and the rows are computed one by one.

    Args:
        trainer_class: `trl.SFTTrainer` or `trl.DPOTrainer`.
        stage: Which of the two.
    """

    class WeightedTrainer(trainer_class):  # type: ignore[misc] # trl has no types here
        data_collator: Any
        _signature_columns: list[str]

        def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
            super().__init__(*args, **kwargs)
            self.data_collator = WeightCollator(self.data_collator)

        def _set_signature_columns_if_needed(self) -> None:
            super()._set_signature_columns_if_needed()
            if WEIGHT not in self._signature_columns:
                self._signature_columns = [*self._signature_columns, WEIGHT]

        def compute_loss(
            self,
            model: Any,  # noqa: ANN401
            inputs: dict[str, Any],
            return_outputs: bool = False,  # noqa: ARG002 - asked for by metrics of logits only
            num_items_in_batch: Any = None,  # noqa: ANN401
        ) -> Any:  # noqa: ANN401
            inputs = dict(inputs)
            weights = inputs.pop(WEIGHT)
            n_rows = len(weights)
            shares = weights / n_rows
            if stage == "sft":
                shares = weights
                if num_items_in_batch is None:  # each row is then the mean over its own tokens
                    n_tokens = (inputs["labels"][:, 1:] != IGNORED).sum(dim=1)
                    shares = weights * n_tokens / n_tokens.sum()
            losses = [
                super(WeightedTrainer, self).compute_loss(
                    model,
                    slice_row(inputs, row, n_rows),
                    num_items_in_batch=num_items_in_batch,
                )
                for row in range(n_rows)
            ]
            return sum(share * loss for share, loss in zip(shares, losses, strict=True))

    return WeightedTrainer
