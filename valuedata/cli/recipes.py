"""The recipe that a command's options make, and help that shows its defaults."""

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from valuedata.cli.llm import LLM_SETTINGS

if TYPE_CHECKING:
    from valuedata.recipe import Recipe

__all__ = ["RecipeCommand", "read_recipe"]

SETTINGS: Final = {
    "value": "values",
    "source": "sources",
    "row_format": "format",
    "seed": "seed",
    "max_bad_rows": "max_bad_rows",
    "weights": "labels.weights",
    "precision": "labels.precision",
    "decontaminate": "decontaminate",
    "language": "quality.language",
    "drop_personal_data": "quality.drop_personal_data",
    "min_pairs": "selection.min_pairs",
    "min_margin": "selection.min_margin",
    "max_pairs": "selection.max_pairs",
    "max_source_share": "selection.max_source_share",
    "max_cluster_share": "selection.max_cluster_share",
    "isolate": "isolation.mode",
    "hold": "isolation.hold",
    "tolerance": "isolation.tolerance",
    "objective": "isolation.objective",
    "min_share": "isolation.min_share",
    "ban_unsafe": "isolation.ban_unsafe",
    "audit_labels": "isolation.audit_labels",
    "validation": "splits.validation",
    "test": "splits.test",
    **LLM_SETTINGS,
}
"""Name of an option to the setting of the recipe that it replaces."""

STARTER_HINT = (
    "No --source given, so this uses the small bundled corpus; for real data add for example "
    "--source hh-rlhf --source ultrafeedback, or a file of your own "
    "(`valuedata sources` lists more)."
)


class RecipeCommand(click.RichCommand):
    """A command whose help reads the defaults from the recipe, where alone they live."""

    def get_help(self, ctx: click.Context) -> str:
        """The help, with the recipe's defaults beside the options."""
        from valuedata.recipe import make_recipe

        content: Any = make_recipe({"values": ["all"]}, {"isolation.mode": "subset"}).model_dump()
        for option in self.params:
            is_setting = option.name in SETTINGS and option.name != "isolate"
            if isinstance(option, click.Option) and is_setting and not option.is_flag:
                keys = SETTINGS[option.name].split(".")
                default = reduce(lambda part, key: part[key], keys, content)
                if isinstance(default, (int, float, str)):
                    shown = f"  [default: {default}]"
                    option.help = (option.help or "").removesuffix(shown) + shown
        return super().get_help(ctx)


def read_recipe(config: Path | None, options: Mapping[str, object], *, quiet: bool) -> "Recipe":
    """Makes the recipe of a command: the file's, with the given options in place of its settings.

    Args:
        config: Recipe file, where there is one.
        options: Value of each option by its name; None or empty where it was not given.
        quiet: Say nothing of the bundled corpus.

    Raises:
        RecipeError: If no value is named, or a key or a value is not allowed.
    """
    from valuedata.errors import RecipeError
    from valuedata.recipe import load_recipe, make_recipe

    changes = {
        SETTINGS[name]: given
        for name, given in options.items()
        if given is not None and given != ()
    }
    if config is None and "values" not in changes:
        raise RecipeError(
            "No value is named; give --value empathy, --value all or --config FILE "
            "(`valuedata values` lists them)."
        )
    recipe = make_recipe({}, changes) if config is None else load_recipe(config, changes)
    if "sources" not in recipe.model_fields_set and not quiet:
        _check_names(recipe)
        click.echo(STARTER_HINT, err=True)
    return recipe


def _check_names(recipe: "Recipe") -> None:
    """Lets a wrong name be the one thing that is said."""
    from valuedata.cleaning.language import check_language
    from valuedata.intake.formats import find_format
    from valuedata.labelling.metadata import PACKAGED, read_metadata
    from valuedata.labelling.values import list_values, resolve_values
    from valuedata.recipe import ALL_VALUES

    if recipe.values != (ALL_VALUES,):
        weights = Path(recipe.labels.weights) if recipe.labels.weights else PACKAGED
        resolve_values(recipe.values, list_values(read_metadata(weights)[0]))
    if recipe.format is not None:
        find_format(recipe.format)
    if recipe.quality.language is not None:
        check_language(recipe.quality.language)
