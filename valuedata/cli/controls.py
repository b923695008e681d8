"""controls: the command that draws what a subset is compared with."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import json_option, run_options
from valuedata.cli.output import echo_json, echo_table
from valuedata.cli.progress import choose_progress
from valuedata.seeds import MAX_SEED

if TYPE_CHECKING:
    from valuedata.release.folder import Release

__all__ = ["controls"]

SEEDS_OPTION = "--seeds"


class SeedsCommand(click.RichCommand):
    """A command that takes several numbers after --seeds."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads `--seeds 0 1 2` as `--seeds 0 --seeds 1 --seeds 2`."""
        return super().parse_args(ctx, _repeat_option(args))


@click.command(cls=SeedsCommand)
@click.argument("release", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    required=True,
    help="Where the controls go, as a release of their own, in place of an older one.",
)
@click.option(
    "--value",
    multiple=True,
    metavar="NAME",
    help="Value to make controls of; repeatable.  Without it, every value of the release.",
)
@click.option(
    SEEDS_OPTION,
    type=click.IntRange(0, MAX_SEED),
    multiple=True,
    default=(0, 1, 2),
    show_default="0 1 2",
    metavar="N...",
    help="Seeds of the random and of the length-matched controls, one of each a seed.",
)
@click.option(
    "--source",
    multiple=True,
    metavar="NAME=PATH",
    help="Where a source of the release is now; repeatable.  Without it, where its recipe says.",
)
@json_option
@run_options
def controls(
    *,
    release: Path,
    out: Path,
    as_json: bool,
    quiet: bool,
    **options: tuple[Any, ...],
) -> None:
    """Draw control arms for a subset: random, matched in length, and with the replies swapped.

    Each is a config of a new release, with as many pairs in each split as the subset, and as many
    of them flipped.  random-SEED is drawn from all clean labelled pairs that the build saw;
    length-matched-SEED from the same pairs, within quantiles of the difference in length of the two
    replies; swapped has the pairs of the subset with the replies exchanged.  With several values,
    each name begins with its value.

    The sources are read again, because a release holds the texts of its own pairs only.

    \b
    Examples:
    valuedata controls empathy-release --out empathy-controls
    valuedata controls empathy-release --out empathy-controls --seeds 0 1 2 3 4
    """
    from valuedata.controls import build_controls
    from valuedata.hub.pull import open_release

    built = build_controls(
        open_release(release),
        out,
        options["seeds"],
        values=options["value"],
        sources=options["source"],
        progress=choose_progress(quiet=quiet),
    )
    if as_json:
        echo_json(_summarise(built))
    elif not quiet:
        _show(built)


def _repeat_option(args: Sequence[str]) -> list[str]:
    repeated: list[str] = []
    takes_more = False
    for word in args:
        is_number = word.isdecimal()
        if takes_more and is_number and repeated[-1] != SEEDS_OPTION:
            repeated.append(SEEDS_OPTION)
        repeated.append(word)
        takes_more = word == SEEDS_OPTION or (takes_more and is_number)
    return repeated


def _summarise(built: "Release") -> dict[str, Any]:
    manifest = built.manifest
    facts = ("control", "n_pairs", "n_flipped", "splits", "sources", "margin")
    return {
        "release": str(built.folder),
        "content_hash": built.content_hash,
        "of": manifest["controls"]["of"],
        "controls": {
            name: {fact: content[fact] for fact in facts}
            for name, content in manifest["values"].items()
        },
        "splits": manifest["splits"],
    }


def _show(built: "Release") -> None:
    found = built.manifest["values"]
    echo_table(
        (
            "control",
            "pairs",
            "train",
            "validation",
            "test",
            "flipped",
            "shared",
            "longer by",
            "subset",
            "distance",
        ),
        (_describe(name, content) for name, content in found.items()),
    )
    first = next(iter(found))
    click.echo(
        "\nShared pairs are in the subset, too.  Rewarded replies are longer by so many characters "
        "in the\nmean, beside those of the subset; the distance of the two distributions is "
        "between 0 and 1."
    )
    click.echo(f"Controls written to {built.folder}; load one with")
    click.echo(f'    datasets.load_dataset("{built.folder}", "{first}")')


def _describe(name: str, content: dict[str, Any]) -> tuple[object, ...]:
    control = content["control"]
    lengths = control["length_difference"]
    return (
        name,
        content["n_pairs"],
        *(content["splits"].get(split, 0) for split in ("train", "validation", "test")),
        f"{content['n_flipped'] / content['n_pairs']:.0%}",
        control["n_shared"],
        f"{lengths['control']['mean']:,.0f}",
        f"{lengths['subset']['mean']:,.0f}",
        f"{lengths['distance']:.2f}",
    )
