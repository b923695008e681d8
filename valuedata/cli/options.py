"""Options that several commands share."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.logs import verbose_option
from valuedata.labelling.scoring.settings import MIN_RESAMPLES
from valuedata.seeds import MAX_SEED

if TYPE_CHECKING:
    pass

__all__ = [
    "cleaning_options",
    "isolation_options",
    "json_option",
    "make_resampling_options",
    "reading_options",
    "run_options",
    "selection_options",
    "source_option",
    "value_option",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


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
