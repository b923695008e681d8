"""score: the command that measures labels, against gold or against other labels."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from valuedata.cli.options import json_option, run_options
from valuedata.cli.output import clean_line, echo_json, echo_table, format_reasons
from valuedata.cli.progress import choose_progress
from valuedata.labelling.score_settings import MIN_RESAMPLES, ScoreSettings

__all__ = ["score", "show_agreement", "show_scores"]

MAX_SEED = 2**31 - 1
N_REASONS = 3
DEFAULTS = ScoreSettings()
PLOT_SUFFIXES = (".png", ".svg")
REPLY_COLUMNS = ("precision", "recall", "f1", "average_precision", "brier", "ece")
SUBSET_COLUMNS = ("subset_precision_rewarded", "subset_precision", "subset_recall")
MEANS = {
    "average_precision": "average precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "brier": "Brier score",
    "ece": "expected calibration error",
    "subset_precision_rewarded": "subsets: in the rewarded reply",
    "subset_precision": "subsets: in the rewarded reply alone",
    "subset_recall": "subsets: recall",
    "agreement": "agreement",
    "kappa": "Cohen's kappa",
    "pabak": "PABAK",
    "first_share": "share in the first file",
    "second_share": "share in the second file",
}
"""Measure to what it is called, for those that have a mean."""


@click.command
@click.argument("gold", nargs=-1, type=click.Path(path_type=Path), metavar="[GOLD]...")
@click.option(
    "--labels",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Score these labels, of `valuedata label`, in place of a classifier.  Given twice and "
    "without GOLD, compare the two.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Classifier that `valuedata fit` trained.  Without it, the packaged one.",
)
@click.option(
    "--value",
    multiple=True,
    metavar="NAME",
    help="Measure this value or behaviour only; repeatable.  Without it, all that are labelled.",
)
@click.option(
    "--exclude-source",
    multiple=True,
    metavar="NAME",
    help="Leave out the labelled pairs of this source; repeatable.",
)
@click.option(
    "--prompts",
    multiple=True,
    metavar="SOURCE",
    help="What the two compared files label, as `valuedata label` took it; repeatable.  Then whole "
    "prompts are resampled; without it, pairs.",
)
@click.option(
    "--resamples",
    type=click.IntRange(MIN_RESAMPLES),
    default=DEFAULTS.n_resamples,
    show_default=True,
    metavar="N",
    help="Bootstrap resamples behind the 95 % intervals.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    default=DEFAULTS.seed,
    show_default=True,
    metavar="N",
    help="Seed of the resamples.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw the measures with their intervals, and the reliability, as .png or .svg.",
)
@json_option
@run_options
def score(
    *,
    gold: tuple[Path, ...],
    labels: tuple[Path, ...],
    plot: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - click has checked them
) -> None:
    """Measure labels against pairs that people have labelled, or two label files on each other.

    GOLD is a JSONL file; each row has prompt, chosen, rejected, chosen_labels and rejected_labels.
    'starter' is the bundled corpus with the labels that its writers meant.

    Measured are the replies, and the subset that each value makes after XOR and flip.  Intervals
    come from a bootstrap that draws whole prompts; the means are over values, not behaviours.

    \b
    Examples:
    valuedata score starter
    valuedata score gold.jsonl --weights weights --plot scores.png
    valuedata score gold.jsonl --labels llm.jsonl
    valuedata score --labels llm.jsonl --labels classifier.parquet --prompts my-pairs.jsonl
    """
    compared = _check_usage(gold, labels, options)
    _check_plot(plot)
    from valuedata.labelling import scoring

    chosen = ScoreSettings(
        names=options["value"],
        excluded_sources=options["exclude_source"],
        n_resamples=options["resamples"],
        seed=options["seed"],
    )
    progress = choose_progress(quiet=quiet)
    if compared:
        agreement = scoring.compare(labels[0], labels[1], options["prompts"], chosen, progress)
        content = agreement.to_json()
    else:
        scores = scoring.score(
            gold, labels[0] if labels else None, options["weights"], chosen, progress
        )
        content = scores.to_json()
        _warn_of_training(scores.trained_on)
    if plot is not None:
        _draw(content, plot, compared=compared)
    if as_json:
        echo_json({**content, "n_resamples": chosen.n_resamples, "seed": chosen.seed})
    elif not quiet:
        if compared:
            show_agreement(content)
        else:
            show_scores(content)
        if plot is not None:
            click.echo(f"\nPlot in {plot}")


def show_scores(content: Mapping[str, Any]) -> None:
    """Prints scores: what was measured, two tables of the names, and the means.

    Args:
        content: What `Scores.to_json` gives.
    """
    from valuedata.labelling.scores import MIN_ONE_SIDED

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
    _show_means(content["means"])
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
    _show_means(content["means"])


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


def _show_means(means: Mapping[str, Any]) -> None:
    click.echo("\nMeans over the values")
    echo_table(
        ("measure", "mean", "95 % interval", "values"),
        (
            (MEANS[key], _format(mean), _format_interval(mean), len(mean["names"]))
            for key, mean in means.items()
        ),
    )
    for key, mean in means.items():
        if mean["undefined"]:
            names = clean_line(", ".join(mean["undefined"]))
            click.echo(f"{MEANS[key]} has no mean, for it is undefined for {names}; see --value")


def _check_usage(
    gold: tuple[Path, ...],
    labels: tuple[Path, ...],
    options: Mapping[str, Any],
) -> bool:
    """Whether two label files are compared; refuses what does not go together."""
    if not gold and len(labels) != 2:
        raise click.UsageError("Give GOLD to score against it, or --labels twice to compare")
    if gold and len(labels) > 1:
        raise click.UsageError(
            "Give one --labels with GOLD; two are compared with each other, without GOLD"
        )
    if labels and options["weights"]:
        raise click.UsageError("Give --labels or --weights; with --labels no classifier runs")
    if gold and options["prompts"]:
        raise click.UsageError("--prompts is for two --labels without GOLD, which has prompts")
    if not gold and options["exclude_source"]:
        raise click.UsageError("--exclude-source leaves out pairs of GOLD; give one")
    return not gold


def _check_plot(plot: Path | None) -> None:
    from valuedata.errors import RecipeError

    if plot is None:
        return
    if plot.suffix not in PLOT_SUFFIXES:
        raise RecipeError(
            f"Plot {plot} has the suffix {plot.suffix!r}; give one that ends in "
            f"{' or '.join(PLOT_SUFFIXES)}."
        )
    if not plot.parent.is_dir():
        raise RecipeError(f"Folder {plot.parent} is missing; make it or give another --plot.")


def _warn_of_training(trained_on: Mapping[str, int]) -> None:
    """Says on stderr that the classifier may have seen what it is measured on."""
    if trained_on:
        sources = ", ".join(f"{clean_line(name)} ({n:,} pairs)" for name, n in trained_on.items())
        click.echo(
            f"Warning: this classifier was trained on pairs of {sources}, which GOLD has, too; "
            "where they are the same, its figures are too good. Leave these sources out with "
            "--exclude-source, or score weights that were trained without them.",
            err=True,
        )


def _draw(content: Mapping[str, Any], plot: Path, *, compared: bool) -> None:
    from cards.scores import draw_agreement, draw_scores
    from valuedata.errors import RecipeError

    try:
        (draw_agreement if compared else draw_scores)(content, plot)
    except OSError as error:
        raise RecipeError(
            f"Plot {plot} cannot be written ({error.strerror or error}); give another --plot."
        ) from error


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
