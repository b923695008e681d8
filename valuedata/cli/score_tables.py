"""What `score` prints: tables of names, means with intervals, and what was left out."""

from collections.abc import Iterator, Mapping
from typing import Any

import rich_click as click

from valuedata.cli.output import clean_line, echo_table, format_reasons
from valuedata.labelling.scoring.titles import AGREEMENT_TITLES, SCORE_TITLES

__all__ = ["show_agreement", "show_means", "show_scores"]

N_REASONS = 3
REPLY_COLUMNS = ("precision", "recall", "f1", "average_precision", "brier", "ece")
SUBSET_COLUMNS = ("subset_precision_rewarded", "subset_precision", "subset_recall")
TITLES = SCORE_TITLES | AGREEMENT_TITLES


def show_scores(content: Mapping[str, Any]) -> None:
    """Prints scores: what was measured, two tables of the names, and the means.

    Args:
        content: What `Scores.to_json` gives.
    """
    from valuedata.labelling.scoring.scores import MIN_ONE_SIDED

    click.echo(
        f"{content['n_pairs']:,} of {content['n_gold']:,} labelled pairs measured, of "
        f"{content['n_prompts']:,} prompts"
    )
    for note in _list_notes(content):
        click.echo(clean_line(note))
    click.echo("\nReplies")
    echo_table(
        ("name", "with it", "precision", "recall", "F1", "average precision", "Brier", "ECE"),
        (
            (name, found["n_positives"], *(_format(found[key]) for key in REPLY_COLUMNS))
            for name, found in content["names"].items()
        ),
    )
    click.echo("\nSubsets, after XOR and flip, with 95 % intervals")
    echo_table(
        ("name", "one-sided", "subset", "in the rewarded", "in it alone", "recall"),
        (
            (
                name,
                found["n_one_sided"],
                found["n_subset"],
                *(_format_with_interval(found[key]) for key in SUBSET_COLUMNS),
            )
            for name, found in content["names"].items()
        ),
    )
    show_means(content["means"])
    click.echo(f"Subsets: over the values with at least {MIN_ONE_SIDED} one-sided pairs")


def show_agreement(content: Mapping[str, Any]) -> None:
    """Prints an agreement: what was compared, a table of the names, and the means.

    Args:
        content: What `Agreement.to_json` gives.
    """
    click.echo(
        f"{content['n_pairs']:,} pairs in both files; {content['n_first_only']:,} only in the "
        f"first, {content['n_second_only']:,} only in the second"
    )
    click.echo(f"Intervals resample {content['n_clusters']:,} {content['clusters']}")
    if content["clusters"] == "pairs":
        click.echo("  Pairs of one prompt are alike; with --prompts the intervals heed that.")
    if content["n_unlabelled"]:
        click.echo(f"{content['n_unlabelled']:,} replies lack labels in a file and are left out")
    if content["names_of_one"]:
        click.echo(clean_line(f"Names in one file only: {', '.join(content['names_of_one'])}"))
    click.echo()
    echo_table(
        ("name", "first", "second", "agreement", "Cohen's kappa", "PABAK"),
        (
            (
                name,
                _format(found["first_share"]),
                _format(found["second_share"]),
                _format(found["agreement"]),
                _format_with_interval(found["kappa"]),
                _format(found["pabak"]),
            )
            for name, found in content["names"].items()
        ),
    )
    show_means(content["means"])


def _list_notes(content: Mapping[str, Any]) -> Iterator[str]:
    """What a reader must know before the figures."""
    n_missing = content["n_gold"] - content["n_pairs"]
    if n_missing:
        yield f"{n_missing:,} labelled pairs are not in the label file and are left out"
    if content["n_unused"]:
        yield f"{content['n_unused']:,} pairs of the label file are not in GOLD and are left out"
    if content["n_repeated"]:
        yield f"{content['n_repeated']:,} pairs of GOLD repeat an earlier one; each counts"
    if content["n_repeated_records"]:
        yield (
            f"{content['n_repeated_records']:,} records repeat a pair, "
            f"{content['n_conflicting_records']:,} with other labels; the first of a pair counts"
        )
    if content["errors"]:
        yield (
            f"{sum(content['errors'].values()):,} replies without labels are left out: "
            f"{format_reasons(content['errors'], N_REASONS)}"
        )
    if content["unscored"]:
        yield f"Names of GOLD without labels: {', '.join(content['unscored'])}"


def show_means(means: Mapping[str, Any]) -> None:
    """Prints the means over the values, with their intervals.

    Args:
        means: Measure to its mean, as `Scores.to_json` and the metadata of weights hold them.
    """
    click.echo("\nMeans over the values")
    echo_table(
        ("measure", "mean", "95 % interval", "values"),
        (
            (TITLES[key], _format(mean), _format_interval(mean), len(mean["names"]))
            for key, mean in means.items()
        ),
    )
    for key, mean in means.items():
        if mean["undefined"]:
            names = clean_line(", ".join(mean["undefined"]))
            click.echo(f"{TITLES[key]} has no mean, for it is undefined for {names}; see --value")


def _format(found: Mapping[str, Any]) -> str:
    return "undefined" if found["value"] is None else f"{found['value']:.3f}"


def _format_interval(found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return "undefined"
    return f"[{found['low']:.3f}, {found['high']:.3f}]"


def _format_with_interval(found: Mapping[str, Any]) -> str:
    if found["value"] is None or found["low"] is None:
        return _format(found)
    return f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"
