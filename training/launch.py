"""`valuedata train` with a recipe that says everything, as a program."""

from collections.abc import Sequence

from training.settings import Stage
from valuedata.cli import main

__all__ = ["run_recipe"]


def run_recipe(stage: Stage, words: Sequence[str]) -> None:
    """Runs `valuedata train --method STAGE --recipe RECIPE` and ends the program.

    Args:
        stage: The training.
        words: The recipe, and options of the command behind it.
    """
    is_asked = not words or words[0].startswith("-")
    rest = ["--help"] if is_asked else ["--recipe", *words]
    main(["train", "--method", stage, *rest], prog_name="valuedata")
