"""survey: the command that counts what each value would have."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.engine import choose_engine, engine_options
from valuedata.cli.llm import llm_options, show_estimate, tell_tally
from valuedata.cli.logs import verbose_option
from valuedata.cli.options import cleaning_options, json_option, reading_options, source_option
from valuedata.cli.output import clean_line, echo_json, echo_table
from valuedata.cli.plots import check_plot, draw_plot, make_plot_option
from valuedata.cli.progress import choose_progress
from valuedata.cli.recipes import RecipeCommand, read_recipe

if TYPE_CHECKING:
    from valuedata.pipeline import Survey
    from valuedata.selection.survey import ValueCounts

__all__ = ["show_survey", "summarise_survey", "survey"]

TOTAL = "all sources"


@click.command(cls=RecipeCommand)
@source_option
@click.option("--by-source", is_flag=True, help="Count each source apart as well.")
@make_plot_option("the table")
@reading_options
@llm_options
@cleaning_options
@engine_options
@json_option
@verbose_option
def survey(
    *,
    by_source: bool,
    plot: Path | None,
    config: Path | None,
    dry_run: bool,
    as_json: bool,
    **options: object,
) -> None:
    """Count, for each value, the pairs that have it in one reply or in both.

    Prompts are the share of distinct prompts with a pair that has the value on exactly one side.
    Beside them stand the counts that the paper publishes (arXiv 2605.07925): chosen only +
    rejected only = total, of four sources.

    \b
    Examples:
    valuedata survey
    valuedata survey --plot survey.png
    valuedata survey --source hh-rlhf --source ultrafeedback --by-source
    """
    engine = choose_engine(options)
    recipe = read_recipe(config, {**options, "value": ("all",)}, quiet=False)
    if dry_run:
        show_estimate(recipe, clean=True, as_json=as_json, quiet=False)
        return
    check_plot(plot)
    from valuedata import pipeline

    tell_tally(quiet=False)
    with engine as opened:
        found = pipeline.survey(recipe, choose_progress(quiet=False), opened)
    if plot is not None:
        _draw(found, plot, by_source=by_source)
    if as_json:
        echo_json(summarise_survey(found, by_source=by_source))
        return
    show_survey(found, by_source=by_source)
    if plot is not None:
        click.echo(f"\nPlot in {plot}")


def summarise_survey(found: "Survey", *, by_source: bool) -> dict[str, Any]:
    """What a survey tells a script, as JSON types."""
    content: dict[str, Any] = {
        "values": found.total.to_json(),
        "n_prompts": found.total.n_prompts,
        "stages": [report.to_json() for report in found.stages],
    }
    if by_source:
        content["by_source"] = {
            source: counts.to_json() for source, counts in found.by_source.items()
        }
    return content


def show_survey(found: "Survey", *, by_source: bool) -> None:
    """Prints what a survey tells a person: one table, or one a source after that of all."""
    if not by_source:
        _show_counts(found.total)
        return
    for source, counts in {TOTAL: found.total, **found.by_source}.items():
        click.echo(f"\n{clean_line(source)}")
        _show_counts(counts)


def _show_counts(counts: "ValueCounts") -> None:
    from valuedata.selection.survey import PAPER_MIN_PAIRS

    echo_table(
        (
            "value",
            "chosen only",
            "rejected only",
            "total",
            "both",
            "prompts",
            f"≥ {PAPER_MIN_PAIRS}",
            "in the paper",
        ),
        (_describe(name, content) for name, content in counts.to_json().items()),
    )


def _describe(name: str, content: dict[str, Any]) -> tuple[object, ...]:
    paper = content["published"]
    return (
        name,
        *(content[count] for count in ("chosen_only", "rejected_only", "one_sided", "both")),
        f"{content['positive_prompt_share']:.1%}",
        "yes" if content["reaches_500"] else "no",
        f"{paper['chosen_only']:,}+{paper['rejected_only']:,}={paper['one_sided']:,}"
        if paper
        else "-",
    )


def _draw(found: "Survey", plot: Path, *, by_source: bool) -> None:
    from cards.figures import draw_survey
    from valuedata.selection.survey import PAPER_MIN_PAIRS

    panels = {TOTAL: found.total.to_json()}
    if by_source:
        panels |= {clean_line(source): n.to_json() for source, n in found.by_source.items()}
    draw_plot(partial(draw_survey, panels, PAPER_MIN_PAIRS), plot)
