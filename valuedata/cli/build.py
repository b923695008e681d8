"""build, survey, label: the commands that read sources."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import (
    RecipeCommand,
    cleaning_options,
    json_option,
    read_recipe,
    reading_options,
    run_options,
    selection_options,
    source_option,
    value_option,
)
from valuedata.cli.output import echo_json, echo_table, format_count, format_reasons
from valuedata.cli.progress import choose_progress

if TYPE_CHECKING:
    from valuedata.recipe import Recipe
    from valuedata.release.folder import Release

__all__ = ["build", "label", "survey"]

N_REASONS = 3
N_SOURCES = 3


@click.command(cls=RecipeCommand)
@value_option
@source_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where the release goes, in place of an older one.  Without it, named by the values.",
)
@reading_options
@cleaning_options
@selection_options
@json_option
@run_options
def build(
    *, out: Path | None, config: Path | None, as_json: bool, quiet: bool, **options: object
) -> None:
    """Build a release: the subset of every value asked for, with the life of every pair.

    \b
    Examples:
    valuedata build --value empathy
    valuedata build --value all --source hh-rlhf --source ultrafeedback
    valuedata build --value privacy --source my-pairs.jsonl.gz --max-pairs 500
    """
    recipe = read_recipe(config, options, quiet=quiet)
    from valuedata import pipeline

    folder = out or Path(_name_release(recipe))
    release = pipeline.build(recipe, folder, choose_progress(quiet=quiet))
    if as_json:
        echo_json(_summarise(release))
    elif not quiet:
        _show_release(release)


@click.command(cls=RecipeCommand)
@source_option
@click.option("--by-source", is_flag=True, help="Count each source apart as well.")
@reading_options
@cleaning_options
@json_option
@run_options
def survey(
    *, by_source: bool, config: Path | None, as_json: bool, quiet: bool, **options: object
) -> None:
    """Count, for each value, the pairs that have it in one reply, in both or in neither.

    \b
    Examples:
    valuedata survey
    valuedata survey --source hh-rlhf --source ultrafeedback --by-source
    """
    values = {} if config else {"value": ("all",)}
    recipe = read_recipe(config, {**options, **values}, quiet=quiet)
    from valuedata import pipeline

    found = pipeline.survey(recipe, choose_progress(quiet=quiet))
    tables = {"all sources": found.counts, **(found.by_source if by_source else {})}
    if as_json:
        content = {
            source: {value: counts.to_json() for value, counts in table.items()}
            for source, table in tables.items()
        }
        stages = [report.to_json() for report in found.stages]
        everything = {"values": content.pop("all sources"), "stages": stages}
        echo_json({**everything, "by_source": content} if by_source else everything)
        return
    for source, table in tables.items():
        if by_source:
            click.echo(f"\n{source}")
        echo_table(
            ("value", "chosen only", "rejected only", "one-sided", "both", "neither"),
            (
                (name, n.chosen_only, n.rejected_only, n.one_sided, n.both, n.neither)
                for name, n in table.items()
            ),
        )


@click.command(cls=RecipeCommand)
@click.argument("source", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="Where the labels go: a .jsonl or .parquet file.",
)
@reading_options
@run_options
def label(*, out: Path, config: Path | None, quiet: bool, **options: object) -> None:
    """Label both replies of every pair with the probability of each value.

    INPUT is what --source takes elsewhere: a known name, a Hub data set, or a local file, folder
    or glob.

    \b
    Examples:
    valuedata label starter --out labels.parquet
    valuedata label my-pairs.jsonl --out labels.jsonl
    """
    values = {} if config else {"value": ("all",)}
    recipe = read_recipe(config, {**options, **values}, quiet=quiet)
    from valuedata import pipeline

    n_pairs = pipeline.label(recipe, out, choose_progress(quiet=quiet))
    if not quiet:
        click.echo(f"{n_pairs:,} labelled pairs in {out}")


def _name_release(recipe: "Recipe") -> str:
    return "-".join(recipe.values) + "-release"


def _summarise(release: "Release") -> dict[str, Any]:
    manifest = release.manifest
    facts = ("n_pairs", "splits", "n_flipped", "sources", "margin")
    return {
        "release": str(release.folder),
        "content_hash": release.content_hash,
        "values": {
            value: {name: content[name] for name in facts}
            for value, content in manifest["values"].items()
        },
        "stages": manifest["stages"],
    }


def _show_release(release: "Release") -> None:
    values = release.manifest["values"]
    echo_table(
        ("value", "pairs", "train", "validation", "test", "flipped", "sources"),
        (_describe_subset(value, content) for value, content in values.items()),
    )
    click.echo()
    stages = list(release.manifest["stages"])
    if len(values) == 1:
        stages += next(iter(values.values()))["stages"]
    echo_table(
        ("stage", "in", "kept", "dropped"),
        (
            (
                report["stage"],
                report["rows_in"],
                report["rows_out"],
                format_reasons(report["dropped"], N_REASONS),
            )
            for report in stages
        ),
    )
    first = next(iter(values))
    click.echo(f"\nRelease written to {release.folder}; load it with")
    click.echo(f'    datasets.load_dataset("{release.folder}", "{first}")')


def _describe_subset(value: str, content: Mapping[str, Any]) -> tuple[object, ...]:
    n_pairs = content["n_pairs"]
    splits = (content["splits"].get(split, 0) for split in ("train", "validation", "test"))
    flipped = f"{content['n_flipped'] / n_pairs:.0%}"
    sources = sorted(content["sources"].items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{name} {format_count(n)}" for name, n in sources[:N_SOURCES])
    more = f", {len(sources) - N_SOURCES} more" if len(sources) > N_SOURCES else ""
    return (value, n_pairs, *splits, flipped, named + more)
