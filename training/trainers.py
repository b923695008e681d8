"""trl's trainers, built from a recipe and rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.arguments import make_arguments, make_lora
from training.data import WEIGHT, Rows
from training.masks import Covered, check_covered, read_batch
from training.models import Base, load_model
from training.settings import Stage, TrainingRecipe
from training.weighting import check_weighable, weigh_trainer
from valuedata.errors import RecipeError

__all__ = ["ParameterCounts", "build_trainer", "check_first_batch", "count_parameters"]


@dataclass(frozen=True)
class ParameterCounts:
    """How many parameters a training moves.

    Attributes:
        n_trained: Those that move.
        n_total: All.
    """

    n_trained: int
    n_total: int


def build_trainer(
    recipe: TrainingRecipe,
    stage: Stage,
    base: Base,
    tokenizer: Any,  # noqa: ANN401
    rows: Rows,
    out: Path,
) -> Any:  # noqa: ANN401
    """Builds the trainer of one stage.

    The reference of DPO is the model as it is before this stage: without its adapter where that is
    new, beside a copy of it where it has been trained before, and loaded a second time where all
    weights are trained.

    Args:
        recipe: The recipe.
        stage: Which training.
        base: The model to start from.
        tokenizer: Its tokenizer.
        rows: The rows.
        out: Folder of checkpoints.

    Returns:
        A `trl.SFTTrainer` or `trl.DPOTrainer`.

    Raises:
        ValuedataError: Whatever the user can mend: arguments, the model, or the device.
    """
    import transformers
    import trl

    arguments = make_arguments(recipe, stage, out)
    transformers.set_seed(recipe.seed)
    model, lora = load_model(base, recipe), make_lora(recipe)
    if base.adapter is not None:
        from peft import PeftModel

        model, lora = PeftModel.from_pretrained(model, base.adapter, is_trainable=True), None
    trainer_class: Any = trl.SFTTrainer if stage == "sft" else trl.DPOTrainer
    if WEIGHT in rows.train.column_names:
        check_weighable(stage, arguments.loss_type if stage == "dpo" else ())
        trainer_class = weigh_trainer(trainer_class, stage)
    extra: dict[str, Any] = {}
    if stage == "dpo" and recipe.full and not arguments.precompute_ref_log_probs:
        extra["ref_model"] = load_model(base, recipe)  # trl would load the main branch
    try:
        trainer = trainer_class(
            model=model,
            args=arguments,
            train_dataset=rows.train,
            eval_dataset=rows.validation,
            processing_class=tokenizer,
            peft_config=lora,
            **extra,
        )
    except (ValueError, NotImplementedError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RecipeError(
            f"trl or peft cannot train {base.name} by this recipe ({reason}); change what stands "
            f"under {stage!r} or 'lora'."
        ) from error
    if recipe.patience is not None:
        trainer.add_callback(transformers.EarlyStoppingCallback(recipe.patience))
    trainer.remove_callback(transformers.PrinterCallback)  # results alone go to stdout
    return trainer


def check_first_batch(trainer: Any, rows: Rows, stage: Stage) -> list[Covered]:  # noqa: ANN401
    """Reads the first rows back through trl's collator and checks what the loss covers.

    Args:
        trainer: The trainer.
        rows: The rows that it was built with.
        stage: Which training.

    Returns:
        Each sequence, for `--show-batch`.

    Raises:
        TrainingError: If the chat template does not keep a prompt and its reply apart.
    """
    n_rows = min(trainer.args.per_device_train_batch_size, len(rows.train))
    prepared = trainer.train_dataset
    trainer._set_signature_columns_if_needed()
    columns = [name for name in trainer._signature_columns if name in prepared.column_names]
    batch = trainer.data_collator(list(prepared.select_columns(columns).select(range(n_rows))))
    tokenizer = trainer.processing_class
    found = read_batch(batch, tokenizer, stage)
    sides = ("completion",) if stage == "sft" else ("chosen", "rejected")
    expected = [(row["prompt"], row[side]) for side in sides for row in _first(rows, n_rows)]
    for covered, (prompt, reply) in zip(found, expected, strict=True):
        check_covered(covered, prompt, reply, tokenizer)
    return found


def count_parameters(model: Any) -> ParameterCounts:  # noqa: ANN401
    """Counts the parameters of a model and those that are trained, without a reference's."""
    sizes = [
        (parameter.numel(), parameter.requires_grad)
        for name, parameter in model.named_parameters()
        if ".ref." not in name
    ]
    return ParameterCounts(
        n_trained=sum(size for size, moves in sizes if moves),
        n_total=sum(size for size, _ in sizes),
    )


def _first(rows: Rows, n_rows: int) -> list[dict[str, Any]]:
    return list(rows.train.select(range(n_rows)))
