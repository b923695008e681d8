"""A small model from nothing: made and trained once, for a run to start from."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from datasets import Dataset

from training.data import Rows, check_any_left, limit_length, measure_rows, warn_of_long
from training.models import Base, load_tokenizer, save_weights
from training.processes import is_main, wait_for_all
from training.record import hash_subset
from training.resume import train_to_end
from training.settings import TrainingRecipe
from training.tiny import make_tiny_model, read_all_replies, read_all_texts
from training.trainers import build_trainer
from valuedata.errors import TrainingError
from valuedata.release.folder import Release

__all__ = ["count_base", "make_base", "make_model"]

CHECKPOINTS: Final = "checkpoints"
ORIGIN: Final = "made-from.json"
"""Says beside the weights what they were made from; written after them."""


def make_base(release: Release, value: str, recipe: TrainingRecipe, folder: Path) -> int:
    """Makes the tiny model and trains it on all replies; the same one stays if it is there already.

    Args:
        release: The release.
        value: Name of the subset whose training split it reads.
        recipe: Says its size, and the seed.
        folder: Where it goes.

    Returns:
        Number of its parameters.

    Raises:
        TrainingError: If all replies are too long for it, or another one is there.
    """
    origin = {
        "value": value,
        "subset_hash": hash_subset(release, value),
        "seed": recipe.seed,
        "tiny": recipe.tiny.model_dump(mode="json"),
    }
    is_there = folder.is_dir()
    wait_for_all()
    if is_there:
        _check_origin(folder, origin)
    else:
        texts, replies = read_all_texts(release, value), read_all_replies(release, value)
        make_model(folder, texts, replies, recipe, value, origin)
    return count_base(folder)


def make_model(
    folder: Path,
    texts: Iterable[str],
    replies: Dataset,
    recipe: TrainingRecipe,
    subject: str,
    origin: Mapping[str, Any] | None = None,
) -> None:
    """Makes a small model of random weights and trains it.

    Args:
        folder: Where it goes.
        texts: What its tokenizer learns from.
        replies: What it is trained on: `prompt` and `completion`.
        recipe: Says its size, and the seed.
        subject: What the replies are of, for errors.
        origin: What it is made from, as JSON types, to be written beside it; None writes nothing.

    Raises:
        TrainingError: If all replies are too long for it.
    """
    import transformers

    tiny = recipe.tiny
    untrained = folder.with_name(f".{folder.name}-untrained")
    transformers.set_seed(recipe.seed)
    if is_main():
        make_tiny_model(untrained, texts, tiny)
    wait_for_all()
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
    lengths = measure_rows(replies, tokenizer)
    verdict = limit_length(lengths, "the tiny model's train", tiny.max_length)
    check_any_left(lengths, verdict, subject, tiny.max_length)
    longest = int(lengths[verdict.kept].max())
    rows = Rows(replies.select(verdict.kept), None, (verdict.report,), longest, n_own_system=0)
    warn_of_long(rows)
    trainer = build_trainer(own, "sft", first, tokenizer, rows, untrained / CHECKPOINTS)
    if tiny.steps:  # transformers takes zero for as many as the epochs have
        train_to_end(trainer, untrained / CHECKPOINTS)
    if is_main():
        trained = folder.with_name(f".{folder.name}")
        save_weights(trainer.accelerator.unwrap_model(trainer.model), tokenizer, trained)
        if origin is not None:
            (trained / ORIGIN).write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")
        trained.replace(folder)
        shutil.rmtree(untrained)
    wait_for_all()


def count_base(folder: Path) -> int:
    """Counts the parameters of a model in a folder."""
    from transformers import AutoModelForCausalLM

    return int(AutoModelForCausalLM.from_pretrained(folder).num_parameters())


def _check_origin(folder: Path, origin: Mapping[str, Any]) -> None:
    try:
        found = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{folder} does not say what it was made from; give another --out, or remove it."
        ) from error
    differing = [key for key in origin if found.get(key) != origin[key]]
    if differing:
        raise TrainingError(
            f"{folder} holds another tiny model (its {' and '.join(differing)} differ); give "
            "another --out, or remove it."
        )
