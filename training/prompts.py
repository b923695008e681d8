"""The system turn that asks for a value."""

from training.settings import TrainingRecipe
from valuedata.errors import RecipeError
from valuedata.labelling.values import VALUE_NAMES, load_values
from valuedata.release.folder import Release

__all__ = ["find_system_prompt", "settle_system_prompt"]


def find_system_prompt(release: Release, value: str) -> str | None:
    """The system prompt of a value: what its release says, or else the packaged one.

    Args:
        release: The release.
        value: Name of the subset; a control has the prompt of the value that it was drawn for.

    Returns:
        The text; None for a value of the user's own whose file has none.
    """
    told = release.manifest["values"][value]
    control = told.get("control")
    name = control["value"] if control else value
    text: str | None = (control or told.get("definition", {})).get("system_prompt")
    if text is None and name in VALUE_NAMES:
        return load_values()[name].system_prompt
    return text


def settle_system_prompt(recipe: TrainingRecipe, release: Release, value: str) -> TrainingRecipe:
    """The recipe with the text of the value's system prompt where it asks for that.

    Args:
        recipe: The recipe.
        release: The release.
        value: Name of the subset.

    Raises:
        RecipeError: If the value has no system prompt.
        ReleaseError: If the release has no such subset.
    """
    if recipe.system_prompt is not True:
        return recipe
    release.files(value, "train")
    text = find_system_prompt(release, value)
    if text is None:
        raise RecipeError(
            f"The value {value!r} has no system prompt; write 'system_prompt: TEXT' in the recipe, "
            "or add 'system_prompt' to its value file and build again."
        )
    return recipe.model_copy(update={"system_prompt": text})
