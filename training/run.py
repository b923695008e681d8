"""One run: a subset of a release, a model and a recipe to tuned weights in a folder."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from cards.model import render_model_card
from training.arguments import check_arguments, choose_device, make_arguments, make_lora
from training.base import count_base, make_base
from training.data import WEIGHT, Rows, make_rows, warn_of_long
from training.figure import draw_curves
from training.masks import Covered
from training.models import Base, describe_template, find_commit, load_tokenizer, save_weights
from training.processes import (
    is_main,
    join_processes,
    main_first,
    wait_for_all,
)
from training.prompts import settle_system_prompt
from training.record import (
    COMPLETE,
    drop_clocks,
    identify,
    is_complete,
    make_metrics_callback,
    note_refusal,
    open_run,
    write_record,
)
from training.resume import name_shortages, train_to_end
from training.settings import Stage, TrainingRecipe
from training.tiny import BASE, TINY
from training.trainers import build_trainer, check_first_batch, count_parameters
from valuedata.errors import RecipeError
from valuedata.release.folder import Release, verify_release

__all__ = [
    "Run",
    "SeeBatch",
    "ignore_batch",
    "locate_weights",
    "train",
]

logger = logging.getLogger(__name__)

CHECKPOINTS, ADAPTER, MODEL = "checkpoints", "adapter", "model"
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
    join_processes(choose_device(recipe))
    for stage in recipe.stages:  # what trl refuses, before anything is written
        make_arguments(recipe, stage, out / stage / CHECKPOINTS)
    make_lora(recipe)
    release.files(value, "train")
    verify_release(release)
    recipe = settle_system_prompt(recipe, release, value)
    with main_first():
        record = open_run(out, identify(release, value, base, recipe))
    if is_complete(record):
        logger.info("%s is complete, nothing to do", out)
        return Run(out, record)
    with name_shortages(out):
        try:
            _train_stages(Start(release, value, recipe, out), base, record, see_batch)
        except RecipeError:
            if is_main():
                note_refusal(out, record)
            raise
        record[COMPLETE] = True
        _write(out, record)
    return Run(out, record)


def locate_weights(run: Run) -> Path:
    """The folder of the adapter, or of all weights, that the last training of a run left."""
    name = MODEL if run.record["recipe"]["full"] else ADAPTER
    last: str = list(run.record["stages"])[-1]
    return run.folder / last / name


def _train_stages(start: Start, base: Base, record: dict[str, Any], see_batch: SeeBatch) -> None:
    """Trains what the record does not have yet, and adds it there."""
    recipe, out = start.recipe, start.out
    if base.name == TINY:
        folder = base.made or out / BASE
        if base.made is None:
            n_parameters = make_base(start.release, start.value, recipe, folder)
        else:  # made from the value that the arms share, which may be another than this run's
            n_parameters = count_base(folder)
        base = Base(str(folder.resolve()))  # the adapter names it, wherever it is loaded from
        record["made"] = f"tiny: {n_parameters:,} random parameters, trained here for trying out"
    for stage in recipe.stages:
        if stage not in record["stages"]:
            record["stages"][stage] = _train_stage(start, stage, base, see_batch)
            if is_main():
                render_model_card(out / stage / (MODEL if recipe.full else ADAPTER), record)
            _write(out, record)
        base = _follow(base, recipe, out / stage)


def _write(out: Path, record: dict[str, Any]) -> None:
    """The main process writes the record; the others go on when it is there."""
    if is_main():
        write_record(out, record)
    wait_for_all()


def _train_stage(start: Start, stage: Stage, base: Base, see_batch: SeeBatch) -> dict[str, Any]:
    """Trains one stage to its end and says what it did, as JSON types."""
    recipe, folder = start.recipe, start.out / stage
    tokenizer, template = load_tokenizer(base, recipe)
    checkpoints = folder / CHECKPOINTS
    arguments = make_arguments(recipe, stage, checkpoints)
    rows = make_rows(start.release, start.value, stage, tokenizer, recipe, arguments.max_length)
    warn_of_long(rows)
    if recipe.system_prompt is not False:
        _warn_of_own_turns(rows)
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
    model = trainer.accelerator.unwrap_model(trainer.model)
    if is_main():
        draw_curves(trainer.state.log_history, folder / FIGURE)
        if recipe.full:
            save_weights(model, tokenizer, folder / MODEL)
        else:
            save_weights(model, tokenizer, folder / ADAPTER, selected_adapters=["default"])
    return {
        "rows": [report.to_json() for report in rows.reports],
        "model_commit": find_commit(base),
        "weighted": WEIGHT in rows.train.column_names,
        "longest": rows.longest,
        "own_system_turns": rows.n_own_system,
        "chat_template": describe_template(template),
        "teaches_the_end": all(one.ends for one in sequences),
        "parameters": asdict(count_parameters(model)),
        "steps": trainer.state.global_step,
        "validation": metrics,
    }


def _warn_of_own_turns(rows: Rows) -> None:
    if rows.n_own_system:
        logger.warning(
            "Rows with a system turn of their own, which stays in place of the system prompt: %d",
            rows.n_own_system,
        )


def _follow(base: Base, recipe: TrainingRecipe, folder: Path) -> Base:
    """What the next stage starts from."""
    if recipe.full:
        return Base(str(folder / MODEL))
    return replace(base, adapter=folder / ADAPTER)
