"""One run: a subset of a release, a model and a recipe to tuned weights in a folder."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from cards.model import render_model_card
from training.arguments import check_arguments, choose_device, make_arguments
from training.data import WEIGHT, Rows, check_any_left, limit_length, make_rows, measure_rows
from training.figure import draw_curves
from training.masks import Covered
from training.models import Base, describe_template, load_tokenizer
from training.record import (
    COMPLETE,
    drop_clocks,
    identify,
    is_complete,
    make_metrics_callback,
    open_run,
    write_record,
)
from training.resume import train_to_end
from training.settings import Stage, TrainingRecipe
from training.tiny import TINY, make_tiny_model, read_all_replies
from training.trainers import build_trainer, check_first_batch, count_parameters
from valuedata.errors import RecipeError
from valuedata.release.folder import Release, verify_release

__all__ = [
    "ADAPTER",
    "BASE",
    "Run",
    "SeeBatch",
    "ignore_batch",
    "make_base",
    "save_weights",
    "train",
]

logger = logging.getLogger(__name__)

BASE, CHECKPOINTS, ADAPTER, MODEL = "base", "checkpoints", "adapter", "model"
FIGURE: Final = "curves.png"

SeeBatch = Callable[[Stage, list[Covered]], None]
"""Called with the first batch of each training, before its first step."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: Where it is.
        record: The content of run.json.
    """

    folder: Path
    record: dict[str, Any]


@dataclass(frozen=True)
class Start:
    """What all trainings of a run have in common.

    Attributes:
        release: The release.
        value: Name of the subset.
        recipe: The recipe.
        out: Folder of the run.
    """

    release: Release
    value: str
    recipe: TrainingRecipe
    out: Path


def ignore_batch(stage: Stage, sequences: list[Covered]) -> None:
    """Shows nothing of a first batch."""


def train(
    release: Release,
    value: str,
    recipe: TrainingRecipe,
    out: Path,
    base: Base,
    see_batch: SeeBatch = ignore_batch,
) -> Run:
    """Trains a model on a subset of a release, or goes on where a stopped run was.

    Args:
        release: The release.
        value: Name of the subset.
        recipe: The recipe.
        out: Folder of the run; a complete one of the same run is left as it is.
        base: The model to start from; its name "tiny" makes one in the run.
        see_batch: Called with the first batch of each training.

    Returns:
        The run, with `adapter` or `model` in the folder of its last training.

    Raises:
        ValuedataError: Whatever the user can mend; what was trained until then stays.
    """
    check_arguments(recipe)
    device = choose_device(recipe)
    release.files(value, "train")
    verify_release(release)
    record = open_run(out, identify(release, value, base, recipe))
    if is_complete(record):
        logger.info("%s is complete, nothing to do", out)
        return Run(out, record)
    start = Start(release, value, recipe, out)
    if base.name == TINY:
        folder = base.made or out / BASE
        n_parameters = make_base(release, value, recipe, folder)
        base = Base(str(folder.resolve()))  # the adapter names it, wherever it is loaded from
        record["made"] = f"tiny: {n_parameters:,} random parameters, trained here for trying out"
    for stage in recipe.stages:
        if stage not in record["stages"]:
            record["stages"][stage] = _train_stage(start, stage, base, see_batch)
            render_model_card(out / stage / (MODEL if recipe.full else ADAPTER), record)
            write_record(out, record)
        base = _follow(base, recipe, out / stage)
    return Run(out, write_record(out, record | {COMPLETE: True, "device": device}))


def _train_stage(start: Start, stage: Stage, base: Base, see_batch: SeeBatch) -> dict[str, Any]:
    """Trains one stage to its end and says what it did, as JSON types."""
    recipe, folder = start.recipe, start.out / stage
    tokenizer, template = load_tokenizer(base, recipe)
    checkpoints = folder / CHECKPOINTS
    arguments = make_arguments(recipe, stage, checkpoints)
    rows = make_rows(start.release, start.value, stage, tokenizer, recipe, arguments.max_length)
    _warn_of_long(rows)
    if rows.validation is None and str(arguments.eval_strategy.value) != "no":
        raise RecipeError(
            f"The validation split of {start.value!r} has no rows to evaluate on; write "
            f"'eval_strategy: \"no\"' under {stage!r}."
        )
    trainer = build_trainer(recipe, stage, base, tokenizer, rows, checkpoints)
    sequences = check_first_batch(trainer, rows, stage)
    see_batch(stage, sequences)
    trainer.add_callback(make_metrics_callback(folder))
    train_to_end(trainer, checkpoints)
    metrics = {} if rows.validation is None else drop_clocks(trainer.evaluate())
    draw_curves(trainer.state.log_history, folder / FIGURE)
    model = trainer.accelerator.unwrap_model(trainer.model)
    if recipe.full:
        save_weights(model, tokenizer, folder / MODEL)
    else:
        save_weights(model, tokenizer, folder / ADAPTER, selected_adapters=["default"])
    return {
        "rows": [report.to_json() for report in rows.reports],
        "model_commit": getattr(model.config, "_commit_hash", None),
        "weighted": WEIGHT in rows.train.column_names,
        "longest": rows.longest,
        "chat_template": describe_template(template),
        "teaches_the_end": all(one.ends for one in sequences),
        "parameters": asdict(count_parameters(model)),
        "steps": trainer.state.global_step,
        "validation": metrics,
    }


def _warn_of_long(rows: Rows) -> None:
    for report in rows.reports:
        for reason, n_rows in report.dropped.items():
            logger.warning(
                "%s: %d of %d rows are %s and left out",
                *(report.stage, n_rows, report.rows_in, reason),
            )


def _follow(base: Base, recipe: TrainingRecipe, folder: Path) -> Base:
    """What the next stage starts from."""
    if recipe.full:
        return Base(str(folder / MODEL))
    return replace(base, adapter=folder / ADAPTER)


def make_base(release: Release, value: str, recipe: TrainingRecipe, folder: Path) -> int:
    """Makes the tiny model and trains it on all replies; one that is there already stays.

    Args:
        release: The release.
        value: Name of the subset whose training split it reads.
        recipe: Says its size, and the seed.
        folder: Where it goes.

    Returns:
        Number of its parameters.

    Raises:
        TrainingError: If all replies are too long for it.
    """
    import transformers

    tiny = recipe.tiny
    if folder.is_dir():
        return int(transformers.AutoModelForCausalLM.from_pretrained(folder).num_parameters())
    untrained = folder.with_name(f".{folder.name}-untrained")
    transformers.set_seed(recipe.seed)
    n_parameters = make_tiny_model(untrained, release, value, tiny)
    own = TrainingRecipe(
        method="sft",
        seed=recipe.seed,
        full=True,
        device=recipe.device,
        sft={
            "max_steps": tiny.steps,
            "per_device_train_batch_size": tiny.batch_size,
            "learning_rate": tiny.learning_rate,
            "max_length": tiny.max_length,
            "save_strategy": "no",
        },
    )
    first = Base(str(untrained))
    tokenizer, _ = load_tokenizer(first, own)
    replies = read_all_replies(release, value)
    lengths = measure_rows(replies, tokenizer)
    verdict = limit_length(lengths, "the tiny model's train", tiny.max_length)
    check_any_left(lengths, verdict, value, tiny.max_length)
    longest = int(lengths[verdict.kept].max())
    rows = Rows(replies.select(verdict.kept), None, (verdict.report,), longest)
    _warn_of_long(rows)
    trainer = build_trainer(own, "sft", first, tokenizer, rows, untrained / CHECKPOINTS)
    train_to_end(trainer, untrained / CHECKPOINTS)
    trained = folder.with_name(f".{folder.name}")
    save_weights(trainer.model, tokenizer, trained)
    trained.replace(folder)
    shutil.rmtree(untrained)
    return n_parameters


def save_weights(model: Any, tokenizer: Any, folder: Path, **extra: Any) -> None:  # noqa: ANN401
    """Writes a model, or an adapter, with its tokenizer.

    Args:
        model: The model.
        tokenizer: The tokenizer.
        folder: Where they go.
        extra: Further arguments of `save_pretrained`.
    """
    model.save_pretrained(folder, **extra)
    tokenizer.save_pretrained(folder)
