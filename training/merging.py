"""An adapter merged into the weights below it, for what takes whole models alone."""

import shutil
from pathlib import Path
from typing import Final

from cards.model import render_model_card
from training.models import Base, load_model, save_weights
from training.resume import name_shortages
from training.run import Run, locate_weights
from training.settings import make_training_recipe
from training.tiny import BASE, TINY
from valuedata.errors import RecipeError

__all__ = ["MERGED", "merge_adapter"]

MERGED: Final = "merged"


def merge_adapter(run: Run, base: Base) -> Path:
    """Writes the weights with the adapter of the last training merged into them.

    Args:
        run: A finished run.
        base: The model that it started from.

    Returns:
        Folder of the merged model; one that is there already stays.

    Raises:
        RecipeError: If the run has no adapter, because it trained all weights.
        TrainingError: If the model cannot be loaded, or the memory or the disk is full.
    """
    from peft import PeftModel
    from transformers import AutoTokenizer

    recipe = make_training_recipe(run.record["recipe"])
    if recipe.full:
        raise RecipeError(
            f"The run {run.folder} trained all weights and has no adapter to merge; leave --merge "
            "out."
        )
    folder = run.folder / MERGED
    if folder.is_dir():
        return folder
    if base.name == TINY:
        base = Base(str(base.made or run.folder / BASE))
    adapter = locate_weights(run)
    partial = run.folder / f".{MERGED}"
    shutil.rmtree(partial, ignore_errors=True)
    with name_shortages(run.folder):
        model = PeftModel.from_pretrained(load_model(base, recipe), adapter).merge_and_unload()
        save_weights(model, AutoTokenizer.from_pretrained(adapter), partial)
        render_model_card(partial, run.record, is_merged=True)
        partial.replace(folder)
    return folder
