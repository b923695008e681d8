"""Options that several commands share, and the recipe that they make."""

from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from valuedata.cli.llm import LLM_SETTINGS
from valuedata.cli.logs import verbose_option
from valuedata.labelling.scoring.settings import MIN_RESAMPLES
from valuedata.seeds import MAX_SEED

if TYPE_CHECKING:
    from valuedata.recipe import Recipe

__all__ = [
    "RecipeCommand",
    "cleaning_options",
    "isolation_options",
    "json_option",
    "make_resampling_options",
    "read_recipe",
    "reading_options",
    "run_options",
    "selection_options",
    "source_option",
    "value_option",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

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


def _combine(*decorators: Decorator) -> Decorator:
    """One decorator of several, shown in the help in the order given."""
    return lambda command: reduce(lambda inner, outer: outer(inner), reversed(decorators), command)


value_option = click.option(
    "--value",
    multiple=True,
    metavar="NAME",
    help="Value to build, or 'all'; repeatable.  `valuedata values` lists them, with "
    "--weights those of your own too.",
)
source_option = click.option(
    "--source",
    multiple=True,
    metavar="SOURCE",
    help="Known name, Hub data set ORG/NAME[:CONFIG][@REVISION], or local file, folder or glob; "
    "repeatable.  Without any, the bundled starter corpus.",
)
reading_options = _combine(
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Recipe in YAML; options given beside it win.",
    ),
    click.option(
        "--format",
        "row_format",
        metavar="NAME",
        help="Format of the rows of every source.  Without it, detected by columns.",
    ),
    click.option(
        "--max-bad-rows",
        type=float,
        metavar="SHARE",
        help="Share of bad rows in a source that stops the run.",
    ),
    click.option(
        "--weights",
        metavar="FOLDER",
        help="Classifier that `valuedata fit` trained.  Without it, the packaged one.",
    ),
    click.option(
        "--precision",
        metavar="NAME",
        help="Arithmetic of the classifier: 'float32', 'bfloat16', or 'auto', which is bfloat16 "
        "where the hardware multiplies in it.",
    ),
)
cleaning_options = _combine(
    click.option("--language", metavar="CODE", help="Language to keep, as in ISO 639-1."),
    click.option(
        "--drop-personal-data",
        is_flag=True,
        default=None,
        help="Drop pairs with personal data instead of flagging them.",
    ),
    click.option(
        "--decontaminate",
        multiple=True,
        metavar="FILE",
        help="File of evaluation prompts that no pair may overlap with; repeatable.",
    ),
    click.option("--seed", type=int, metavar="N", help="Seed of everything random."),
)
selection_options = _combine(
    click.option(
        "--min-pairs", type=int, metavar="N", help="One-sided pairs that 'all' asks of a value."
    ),
    click.option(
        "--min-margin",
        type=float,
        metavar="P",
        help="Smallest probability of the value in the rewarded reply minus that in the other.",
    ),
    click.option(
        "--max-pairs",
        type=int,
        metavar="N",
        help="Largest subset; the largest margins stay.  Without it, no limit.",
    ),
    click.option(
        "--max-source-share",
        type=float,
        metavar="SHARE",
        help="Share of --max-pairs that one source may fill.",
    ),
    click.option(
        "--max-cluster-share",
        type=float,
        metavar="SHARE",
        help="Share of --max-pairs that one cluster of prompts may fill.",
    ),
    click.option("--validation", type=float, metavar="SHARE", help="Share held out to validate."),
    click.option("--test", type=float, metavar="SHARE", help="Share held out to test."),
)
isolation_options = _combine(
    click.option(
        "--isolate",
        is_flag=False,
        flag_value="subset",
        type=click.Choice(["subset", "weights"]),
        help="Choose the subset, or weights of the pairs, in which the side effects cancel.  "
        "Without a word after it, the subset.",
    ),
    click.option(
        "--hold",
        multiple=True,
        metavar="NAME",
        help="Value, behaviour or marker to hold with --isolate, 'quality' or 'embedding'; "
        "repeatable.  Without it, all but the target and the markers held out for the audit.",
    ),
    click.option(
        "--tolerance",
        type=float,
        metavar="SD",
        help="Largest difference of each side effect, in standard deviations.",
    ),
    click.option(
        "--objective",
        type=click.Choice(["size", "margin"]),
        help="What --isolate makes largest: the size, or the sum of the target margins.",
    ),
    click.option(
        "--min-share",
        type=float,
        metavar="SHARE",
        help="Share of the candidate pairs, or of --max-pairs, that --isolate must keep.",
    ),
    click.option(
        "--ban-unsafe",
        is_flag=True,
        default=None,
        help="With --isolate, leave out pairs whose rewarded reply expresses a value of negative "
        "valence (deception, violence), where that is not the target.",
    ),
    click.option(
        "--audit-labels",
        metavar="FILE",
        help="Labels by another extractor, of `valuedata label`, to audit --isolate by.",
    ),
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
run_options = _combine(
    click.option("--quiet", is_flag=True, help="Print only warnings and errors."), verbose_option
)


def make_resampling_options(n_resamples: int, seed: int) -> Decorator:
    """--resamples and --seed of a command that prints intervals, with their defaults."""
    return _combine(
        click.option(
            "--resamples",
            type=click.IntRange(MIN_RESAMPLES),
            default=n_resamples,
            show_default=True,
            metavar="N",
            help="Bootstrap resamples behind the 95 % intervals.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(0, MAX_SEED),
            default=seed,
            show_default=True,
            metavar="N",
            help="Seed of the resamples.",
        ),
    )


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
