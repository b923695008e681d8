"""fit: the command that trains the classifier."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import json_option, run_options
from valuedata.cli.output import echo_json, echo_table
from valuedata.cli.own import fit_own_values, refuse_weak, show_fitted
from valuedata.cli.progress import choose_progress
from valuedata.cli.score_tables import show_means
from valuedata.seeds import MAX_SEED

if TYPE_CHECKING:
    from valuedata.labelling.heads import Heads
    from valuedata.progress import Progress

__all__ = ["fit", "show_quality"]

MEASURES = {
    "n_positives": "replies with it",
    "threshold": "threshold",
    "precision": "precision",
    "recall": "recall",
    "average_precision": "average precision",
    "subset_precision": "subset precision",
    "subset_recall": "subset recall",
}
"""Measure of the metadata to its heading."""


@click.command
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="VALUE.yaml...|GOLD...",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    required=True,
    help="Where the weights go; --weights takes it elsewhere.",
)
@click.option(
    "--add",
    "added",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="GOLD",
    help="Labelled pairs to train on and not to measure on; repeatable.",
)
@click.option(
    "--exclude-source",
    multiple=True,
    metavar="NAME",
    help="Leave out the labelled pairs of this source; repeatable.",
)
@click.option(
    "--licence",
    "licences",
    multiple=True,
    metavar="SOURCE=LICENCE",
    help="Licence of the labelled pairs of a source, for the classifier card; repeatable.",
)
@click.option(
    "--extend",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Add the values of VALUE.yaml to these weights.  Without it, to the packaged ones.",
)
@click.option(
    "--accept-weak",
    is_flag=True,
    help="Write the weights of a value under the floor too; what is built with them says so.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the folds and draws.",
)
@json_option
@run_options
def fit(  # noqa: PLR0913 - an argument an option
    *,
    files: tuple[Path, ...],
    out: Path,
    added: tuple[Path, ...],
    exclude_source: tuple[str, ...],
    licences: tuple[str, ...],
    extend: Path | None,
    accept_weak: bool,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Teach the classifier a value of your own, or train all of it; measure it on unseen prompts.

    VALUE.yaml says what a value means and holds 20 to 200 labelled replies; the new weights hold
    all other values too.  A value whose measured quality is under a floor is not written.

    GOLD is a JSONL file; each row has prompt, chosen, rejected, chosen_labels and rejected_labels.
    'starter' is the bundled corpus with the labels that its writers meant, 'written' are the pairs
    that were written to train the packaged classifier.  The folder gets a classifier card as well.

    \b
    Examples:
    valuedata fit my-value.yaml --out my-weights
    valuedata fit gold.jsonl --out weights
    valuedata fit gold.jsonl --add starter --add written --out weights
    """
    from valuedata.labelling.metadata import check_weights_folder

    progress = choose_progress(quiet=quiet)
    is_own = _holds_values(
        files,
        takes_values=extend is not None or accept_weak,
        takes_gold=bool(exclude_source or added or licences),
    )
    check_weights_folder(out)
    if is_own:
        heads, fitted = fit_own_values(files, extend, seed, progress)
        if as_json:
            echo_json(fitted)
        elif not quiet:
            show_fitted(fitted)
        if not accept_weak:
            refuse_weak(fitted)
        first, what = next(iter(fitted)), f"{len(heads.names)} values and behaviours"
    else:
        known = _parse_licences(licences)
        heads = _fit_all(files, added, exclude_source, known, seed, progress)
        if as_json:
            echo_json(heads.metadata)
        elif not quiet:
            show_quality(heads.metadata["quality"])
            show_means(heads.metadata["means"])
            click.echo()
        n_pairs = sum([*heads.metadata["sources"].values(), *heads.metadata["added"].values()])
        first, what = "all", f"{n_pairs:,} labelled pairs"
    _save(heads, out)
    if not (as_json or quiet):
        click.echo(f"Weights of {what} in {out}; use them with")
        click.echo(f"    valuedata build --value {first} --weights {out}")


def _fit_all(
    gold: Sequence[Path],
    added: Sequence[Path],
    excluded: Sequence[str],
    licences: Mapping[str, str],
    seed: int,
    progress: "Progress",
) -> "Heads":
    from dataclasses import replace

    from valuedata.labelling.encoding.encoder import load_encoder
    from valuedata.labelling.fitting.probes import try_probes
    from valuedata.labelling.fitting.training import fit_classifier
    from valuedata.labelling.gold import BUNDLED_LICENCES, check_sources, load_gold

    pairs, more = load_gold(gold), load_gold(added)
    check_sources([*excluded, *sorted(licences.keys() - BUNDLED_LICENCES.keys())], pairs + more)
    pairs, more = ([pair for pair in some if pair.source not in excluded] for some in (pairs, more))
    heads = fit_classifier(pairs, seed, added=more, progress=progress)
    probes = try_probes(heads, load_encoder(adapter=heads.adapter))
    metadata = {**heads.metadata, "licences": dict(licences), "probes": probes}
    return replace(heads, metadata=metadata)


def _save(heads: "Heads", out: Path) -> None:
    from cards.classifier import render_classifier_card
    from valuedata.labelling.heads import save_heads

    save_heads(heads, out)
    render_classifier_card(out)


def show_quality(quality: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints the measures of each name as a table.

    Args:
        quality: Name to its measures, as the metadata of weights holds them.
    """
    echo_table(
        ("value", *MEASURES.values()),
        (
            (name, *(_format_measure(measures[measure]) for measure in MEASURES))
            for name, measures in quality.items()
        ),
    )


def _parse_licences(texts: Sequence[str]) -> dict[str, str]:
    """Source to licence; those of the bundled pairs are known."""
    from valuedata.errors import RecipeError
    from valuedata.labelling.gold import BUNDLED_LICENCES

    licences = dict(BUNDLED_LICENCES)
    for text in texts:
        source, _, licence = text.partition("=")
        if not (source and licence):
            raise RecipeError(
                f"--licence {text!r} names no source or no licence; write SOURCE=LICENCE, such as "
                "hh-helpful=MIT."
            )
        licences[source] = licence
    return licences


def _holds_values(files: Sequence[Path], *, takes_values: bool, takes_gold: bool) -> bool:
    """Whether the files are value files, by their suffixes; options of the other kind fail."""
    from valuedata.errors import RecipeError
    from valuedata.labelling.fitting.own_values import VALUE_SUFFIXES

    n_values = sum(file.suffix in VALUE_SUFFIXES for file in files)
    if 0 < n_values < len(files):
        raise RecipeError(
            "Value files and labelled pairs stand side by side; fit each in a run of its own."
        )
    if n_values and takes_gold:
        raise RecipeError(
            "--add, --exclude-source and --licence speak of labelled pairs; leave them out for a "
            "value file."
        )
    if not n_values and takes_values:
        raise RecipeError(
            "--extend and --accept-weak speak of value files, which end in "
            f"{' or '.join(VALUE_SUFFIXES)}; leave them out for labelled pairs."
        )
    return n_values > 0


def _format_measure(measure: float | Mapping[str, float | None] | None) -> int | str:
    if isinstance(measure, Mapping):
        return _format_measure(measure["value"])
    if measure is None:
        return "undefined"
    return measure if isinstance(measure, int) else f"{measure:.3f}"
