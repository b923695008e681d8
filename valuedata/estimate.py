"""What labelling by a language model would take, before any call is made."""

from pathlib import Path
from tempfile import TemporaryDirectory

from valuedata.cleaning.clean import clean_pairs
from valuedata.errors import RecipeError
from valuedata.intake.collect import read_pairs
from valuedata.intake.naming import resolve_source
from valuedata.labelling.llm.extractor import load_llm_extractor
from valuedata.labelling.llm.tally import Estimate
from valuedata.progress import Progress, show_nothing
from valuedata.recipe import Recipe

__all__ = ["estimate"]


def estimate(recipe: Recipe, progress: Progress = show_nothing, *, clean: bool = True) -> Estimate:
    """Counts the calls that labelling would make, and estimates tokens and price.

    Args:
        recipe: Sources, cleaning and labels.
        progress: Shows how far each stage is.
        clean: Clean the pairs first, as build and survey do; label does not.

    Raises:
        RecipeError: If the recipe's extractor calls nobody.
        ValuedataError: Whatever else the user can mend.
    """
    if recipe.labels.extractor != "llm":
        raise RecipeError(
            "--dry-run counts the calls of the extractor llm, and the classifier makes none; give "
            "--extractor llm or leave --dry-run out."
        )
    extractor = load_llm_extractor(recipe.labels.llm)
    sources = [resolve_source(text, recipe.format) for text in recipe.sources]
    with TemporaryDirectory(prefix="valuedata-") as work:
        with progress("Reading", None) as advance:
            pairs = read_pairs(sources, Path(work), recipe.max_bad_rows, advance).pairs
        return extractor.estimate(clean_pairs(pairs, recipe, progress).pairs if clean else pairs)
