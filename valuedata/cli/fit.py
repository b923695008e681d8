"""fit: the command that trains the classifier."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from valuedata.cli.options import json_option, run_options
from valuedata.cli.output import echo_json, echo_table
from valuedata.cli.progress import choose_progress

__all__ = ["fit", "show_quality"]

MAX_SEED = 2**31 - 1
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
@click.argument("gold", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="GOLD...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    required=True,
    help="Where the weights go; --weights takes it elsewhere.",
)
@click.option(
    "--exclude-source",
    multiple=True,
    metavar="NAME",
    help="Leave out the pairs of this source; repeatable.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the folds.",
)
@json_option
@run_options
def fit(
    *,
    gold: tuple[Path, ...],
    out: Path,
    exclude_source: tuple[str, ...],
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train the classifier on pairs that people have labelled, and measure it on unseen prompts.

    GOLD is a JSONL file; each row has prompt, chosen, rejected, chosen_labels and rejected_labels.
    'starter' is the bundled corpus with the labels that its writers meant.

    \b
    Examples:
    valuedata fit gold.jsonl --out weights
    valuedata fit gold.jsonl starter --exclude-source pku-saferlhf --out weights
    """
    from valuedata.labelling.encoder import load_encoder
    from valuedata.labelling.fitting import fit_classifier
    from valuedata.labelling.gold import load_gold
    from valuedata.labelling.heads import save_heads

    pairs = load_gold(gold, exclude_source)
    heads = fit_classifier(pairs, load_encoder(), seed, progress=choose_progress(quiet=quiet))
    save_heads(heads, out)
    if as_json:
        echo_json(heads.metadata)
    elif not quiet:
        show_quality(heads.metadata["quality"])
        click.echo(f"\nWeights of {len(pairs):,} labelled pairs in {out}; use them with")
        click.echo(f"    valuedata build --value all --weights {out}")


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


def _format_measure(measure: float | None) -> int | str:
    if measure is None:
        return "undefined"
    return measure if isinstance(measure, int) else f"{measure:.3f}"
