"""build, label: the commands that read sources and write what they make of them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.engine import choose_engine, engine_options
from valuedata.cli.llm import llm_options, show_estimate, tell_tally
from valuedata.cli.options import (
    cleaning_options,
    isolation_options,
    json_option,
    reading_options,
    run_options,
    selection_options,
    source_option,
    value_option,
)
from valuedata.cli.output import echo_json, echo_table, format_count, format_reasons
from valuedata.cli.progress import choose_progress
from valuedata.cli.push_to import check_destination, push_built, push_options, read_destination
from valuedata.cli.recipes import RecipeCommand, read_recipe

if TYPE_CHECKING:
    from valuedata.engine import Engine
    from valuedata.recipe import Recipe
    from valuedata.release.folder import Release

__all__ = [
    "build",
    "label",
    "name_release",
    "show_release",
    "summarise_release",
]

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
@llm_options
@cleaning_options
@selection_options
@isolation_options
@engine_options
@push_options
@json_option
@run_options
def build(
    *,
    out: Path | None,
    config: Path | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **options: object,
) -> None:
    """Build a release: the subset of every value asked for, with the life of every pair.

    Where nothing has changed since the release in FOLDER was built there, its files are verified
    and it stands as it is.

    \b
    Examples:
    valuedata build --value empathy
    valuedata build --value all --source hh-rlhf --source ultrafeedback
    valuedata build --value privacy --source my-pairs.jsonl.gz --max-pairs 500
    valuedata build --value empathy --source hh-rlhf --isolate
    """
    destination, engine = read_destination(options), choose_engine(options)
    recipe = read_recipe(config, options, quiet=quiet)
    if dry_run:
        show_estimate(recipe, clean=True, as_json=as_json, quiet=quiet)
        return
    asked = check_destination(destination, recipe) if destination else ()
    release = _build(recipe, out or Path(name_release(recipe)), engine, quiet=quiet)
    if as_json:
        echo_json(summarise_release(release))
    elif not quiet:
        show_release(release)
    if destination:
        push_built(release, destination, asked, quiet=quiet or as_json)


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
@llm_options
@engine_options
@run_options
def label(*, out: Path, config: Path | None, dry_run: bool, quiet: bool, **options: object) -> None:
    """Label both replies of every pair with the probability of each value.

    INPUT is what --source takes elsewhere: a known name, a Hub data set, or a local file, folder
    or glob.

    \b
    Examples:
    valuedata label starter --out labels.parquet
    valuedata label my-pairs.jsonl --out labels.jsonl
    valuedata label my-pairs.jsonl --out labels.jsonl --config llm.yaml --dry-run
    """
    engine = choose_engine(options)
    recipe = read_recipe(config, {**options, "value": ("all",)}, quiet=quiet)
    if dry_run:
        show_estimate(recipe, clean=False, as_json=False, quiet=quiet)
        return
    from valuedata import pipeline

    tell_tally(quiet=quiet)
    with engine as opened:
        n_pairs = pipeline.label(recipe, out, choose_progress(quiet=quiet), opened)
    if not quiet:
        click.echo(f"{n_pairs:,} labelled pairs in {out}")


def _build(
    recipe: "Recipe", folder: Path, engine: AbstractContextManager["Engine"], *, quiet: bool
) -> "Release":
    """Builds a release, unless the one in the folder is what would be built again."""
    from valuedata.rebuild import find_unchanged, note_build, read_inputs

    inputs = read_inputs(recipe)
    standing = find_unchanged(recipe, folder, inputs)
    if standing is not None:
        if not quiet:
            click.echo(
                f"Nothing has changed since {folder} was built; its files are whole.", err=True
            )
        return standing
    from valuedata import pipeline

    tell_tally(quiet=quiet)
    with engine as opened:
        release = pipeline.build(recipe, folder, choose_progress(quiet=quiet), opened)
    note_build(folder, inputs, release)
    return release


def name_release(recipe: "Recipe") -> str:
    """Names a release's folder by its values, where no other name is given."""
    return "-".join(recipe.values) + "-release"


def summarise_release(release: "Release") -> dict[str, Any]:
    """What a build tells a script, as JSON types."""
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


def show_release(release: "Release") -> None:
    """Prints what a build tells a person: the subsets, the stages, and how to load them."""
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
    _show_isolation(values)
    first = next(iter(values))
    click.echo(f"\nRelease written to {release.folder}; load it with")
    click.echo(f'    datasets.load_dataset("{release.folder}", "{first}")')


def _show_isolation(values: Mapping[str, Any]) -> None:
    """What isolation did to each subset that has it, beside the plain subset."""
    rows = []
    for value, content in values.items():
        if "isolation" not in content:
            continue
        told = content["isolation"]
        worst = [
            _find_worst(told, side, is_held=is_held)
            for is_held in (True, False)
            for side in ("plain", "isolated")
        ]
        sizes = (told["n_plain"], told["n_pairs"])
        separations = (told["separation"][side]["value"] for side in ("plain", "isolated"))
        margins = (told["margin"][side] for side in ("plain", "isolated"))
        rows.append(
            (
                value,
                "{:,} > {:,}".format(*sizes),
                "{:.2f} > {:.2f}".format(*margins),
                " > ".join("-" if found is None else f"{found:.2f}" for found in separations),
                f"{worst[0]} > {worst[1]}",
                f"{worst[2]} > {worst[3]}",
            )
        )
    if rows:
        click.echo("\nSide effects, plain > isolated, in standard deviations")
        echo_table(("value", "pairs", "margin", "AUC", "largest held", "largest not held"), rows)


def _find_worst(told: Mapping[str, Any], side: str, *, is_held: bool) -> str:
    """The largest difference of a side of the isolation; a dash where there is none."""
    sizes = [
        abs(effect[side])
        for effect in told["effects"]
        if effect["held"] == is_held
        and effect[side] is not None
        and effect["kind"] != "target by the second extractor"
    ]
    return f"{max(sizes):.2f}" if sizes else "-"


def _describe_subset(value: str, content: Mapping[str, Any]) -> tuple[object, ...]:
    n_pairs = content["n_pairs"]
    splits = (content["splits"].get(split, 0) for split in ("train", "validation", "test"))
    flipped = f"{content['n_flipped'] / n_pairs:.0%}"
    sources = sorted(content["sources"].items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{name} {format_count(n)}" for name, n in sources[:N_SOURCES])
    more = f", {len(sources) - N_SOURCES} more" if len(sources) > N_SOURCES else ""
    return (value, n_pairs, *splits, flipped, named + more)
