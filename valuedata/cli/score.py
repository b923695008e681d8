"""score: the command that measures labels, against gold or against other labels."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import rich_click as click

from valuedata.cli.options import json_option, make_resampling_options, run_options
from valuedata.cli.output import clean_line, echo_json
from valuedata.cli.plots import check_plot, draw_plot, make_plot_option
from valuedata.cli.progress import choose_progress
from valuedata.cli.score_tables import show_agreement, show_scores
from valuedata.labelling.scoring.settings import ScoreSettings

__all__ = ["score"]

DEFAULTS = ScoreSettings()


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
@make_resampling_options(DEFAULTS.n_resamples, DEFAULTS.seed)
@make_plot_option("the measures with their intervals, and the reliability,")
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
    check_plot(plot)
    from valuedata.labelling.scoring import scoring

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
        from cards.scores import draw_agreement, draw_scores

        draw_plot(partial(draw_agreement if compared else draw_scores, content), plot)
    if as_json:
        echo_json({**content, "n_resamples": chosen.n_resamples, "seed": chosen.seed})
    elif not quiet:
        if compared:
            show_agreement(content)
        else:
            show_scores(content)
        if plot is not None:
            click.echo(f"\nPlot in {plot}")


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
