"""evaluate: the command that says what training changed beyond its target."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from valuedata.cli.options import json_option, run_options
from valuedata.cli.output import clean_line, echo_json, echo_table
from valuedata.cli.progress import choose_progress

__all__ = ["evaluate"]


@click.command
@click.option(
    "--base",
    metavar="MODEL",
    help="Model before training: folder of a model, an adapter or a training run, or ORG/NAME on "
    "the Hub.",
)
@click.option("--tuned", metavar="MODEL", help="Model that was trained on the value.")
@click.option(
    "--control",
    "controls",
    multiple=True,
    metavar="MODEL",
    help="Model that was trained on something else; repeatable.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Base, value and controls of `valuedata train --arms` in place of the three above.",
)
@click.option(
    "--outputs",
    multiple=True,
    metavar="ARM=FILE",
    help="JSONL of replies made elsewhere, for base, tuned or control-N; repeatable.",
)
@click.option(
    "--server",
    metavar="URL",
    help="OpenAI-compatible server; the models are then names on it.",
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Ask servers anew, arms and judge, where a model was replaced under its old name; what "
    "they said before counts no more.  A run that is stopped goes on without it.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="The evaluation.")
@click.option(
    "--value",
    metavar="NAME",
    help="Value that was trained; its measure is then a primary one.  With --runs it is known.",
)
@click.option(
    "--prompts",
    multiple=True,
    metavar="SET",
    help="Prompt set: a bundled name, a YAML file, or a public one as NAME=PATH or Hub id; "
    "repeatable.  Without it, all bundled ones.  `valuedata prompts` lists them.",
)
@click.option(
    "--write-prompts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the prompts as JSONL for a model elsewhere, and do nothing else.",
)
@click.option("--samples", type=int, metavar="N", help="Replies to each prompt.  [default: 1]")
@click.option(
    "--temperature",
    type=float,
    metavar="T",
    help="0 takes the likeliest token each time; above, replies are drawn.  [default: 0]",
)
@click.option("--seed", type=int, metavar="N", help="Seed of everything random.  [default: 0]")
@click.option(
    "--max-tokens", type=int, metavar="N", help="Longest reply in tokens.  [default: 256]"
)
@click.option("--system-prompt", metavar="TEXT", help="System message before every prompt.")
@click.option(
    "--chat-template",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Jinja template for all arms.  Without it, their own, which must be the same.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the models run.",
)
@click.option(
    "--judge",
    "judges",
    multiple=True,
    metavar="NAME",
    help="Kind of judge: classifier, patterns, log-probability or llm; repeatable.  Without it, "
    "all that can take part.",
)
@click.option(
    "--llm-model", metavar="NAME", help="Language model that judges, as its server names it."
)
@click.option(
    "--llm-base-url",
    metavar="URL",
    help="OpenAI-compatible server of the judge; a key is read from the environment variable "
    "VALUEDATA_LLM_KEY.",
)
@click.option(
    "--qa",
    metavar="TASKS",
    help="Public benchmarks of lm-evaluation-harness with commas between, such as "
    'mmlu,truthfulqa_mc1; needs the extra "qa" and arms that are models here.',
)
@click.option(
    "--qa-limit",
    type=click.IntRange(1),
    metavar="N",
    help="Items of each of these.  Without it, all.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Classifier that `valuedata fit` trained, with values of your own.  Without it, the "
    "packaged one, which reads refusals in any case.",
)
@click.option(
    "--classify",
    type=click.IntRange(1),
    metavar="N",
    help="Let the classifier read the replies to N prompts of a measure, whole families drawn "
    "with --seed and the same for all arms.  Without it, to all.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    show_default=True,
    help="Arithmetic of the classifier; auto is bfloat16 where the hardware multiplies in it.",
)
@click.option(
    "--smallest-effect",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="Least difference of a share that would matter; 'equivalent' is shown against it.",
)
@click.option(
    "--smallest-effect-sd",
    type=click.FloatRange(0.0, min_open=True),
    default=0.2,
    show_default=True,
    metavar="SD",
    help="The same for lengths and counts, in standard deviations.",
)
@click.option(
    "--least-judged",
    type=click.FloatRange(0.0, 1.0),
    metavar="SHARE",
    help="Share of a measure's prompts that all arms compared must have a score for; under it the "
    "verdict is inconclusive.  [default: 0.5]",
)
@json_option
@run_options
def evaluate(*, out: Path | None, as_json: bool, quiet: bool, **options: Any) -> None:  # noqa: ANN401
    """Say what training changed beyond its target, with intervals and a verdict a dimension.

    Values, refusal and over-refusal, anthropomorphism, sycophancy, style and knowledge of a tuned
    model, beside its base and beside controls that were trained on something else.  All arms get
    the same prompts, template and limits.  A run that was stopped goes on from what it has.

    FOLDER gets replies.parquet, scores.parquet, report.md, report.html and, last, results.json.

    \b
    Examples:
    valuedata evaluate --runs arms --out evaluation
    valuedata evaluate --base ORG/NAME --tuned tuned --control control --out evaluation
    valuedata evaluate --write-prompts prompts.jsonl
    valuedata evaluate --outputs base=base.jsonl --outputs tuned=tuned.jsonl --out evaluation
    """
    from evaluation.prompts.sets import load_prompt_sets

    sets = load_prompt_sets(*([options["prompts"]] if options["prompts"] else []))
    if options["write_prompts"] is not None:
        from evaluation.replies import write_prompts

        number = write_prompts(sets, options["write_prompts"])
        if not quiet:
            click.echo(f"{number:,} prompts written to {options['write_prompts']}.")
        return
    if out is None:
        raise click.UsageError("Missing option '--out'")
    from transformers.utils.logging import disable_progress_bar

    from evaluation.run import evaluate as run_evaluation
    from valuedata.cli.evaluate_plan import make_bench, make_plan

    disable_progress_bar()
    plan = make_plan(sets, options)
    bench = make_bench(plan, options)
    content = run_evaluation(plan, bench, out, choose_progress(quiet=quiet))
    if as_json:
        echo_json(content)
    elif not quiet:
        _show(content, out)


def _show(content: Mapping[str, Any], out: Path) -> None:
    echo_table(
        ("dimension", "verdict", "measures that changed"),
        (
            (found["name"], found["verdict"], ", ".join(found["changed"]))
            for found in content["dimensions"]
        ),
    )
    against = "the controls" if content["verdict_against"] == "controls" else "the base"
    kept = list(_list_kept(content))
    if kept:
        click.echo()
    for line in kept:
        click.echo(clean_line(line))
    click.echo(f"\nThe tuned arm beside {against}; intervals and judges in {out / 'report.html'}.")


def _list_kept(content: Mapping[str, Any]) -> Iterator[str]:
    """How much of what was said is from earlier runs, for each arm and question."""
    arms = [arm for arm in content["arms"] if arm["n_kept"] is not None]
    counts = {arm["name"]: (arm["n_kept"], arm["replies"]["n_replies"]) for arm in arms}
    judge = content["judges"].get("llm", {})
    if arms:
        told = (f"{name} {n_kept:,} of {n:,}" for name, (n_kept, n) in counts.items())
        yield f"Replies kept from earlier runs: {', '.join(told)}"
    if judge:
        told = (f"{name} {n['n_kept']:,} of {n['n']:,}" for name, n in judge["calls"].items())
        yield f"Judgements kept from earlier runs: {', '.join(told)}"
    if judge or any("server" in arm["source"] for arm in arms):
        yield "A server whose model was replaced under its old name is asked anew with --fresh."
