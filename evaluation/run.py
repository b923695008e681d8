"""An evaluation from arms to results: replies, scores, findings, verdicts and a report."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from evaluation.analysis import Arms, SmallestEffect, analyse
from evaluation.arms import Arm
from evaluation.calibration.results import RESULTS as CALIBRATION
from evaluation.calibration.sheet import KEYS
from evaluation.generation.flaws import count_flaws
from evaluation.generation.generate import GenerationSettings, Generator, generate, open_reply_cache
from evaluation.generation.local_model import LocalModel
from evaluation.judges.bench import Bench
from evaluation.left_out import LEAST_JUDGED
from evaluation.lm_tasks import Task, score_tasks
from evaluation.prompts.records import PromptSet
from evaluation.replies import (
    REPLIES,
    Reply,
    Slot,
    list_slots,
    read_outputs,
    tabulate_replies,
    write_replies,
)
from evaluation.report.markdown import REPORT, render_report
from evaluation.report.page import PAGE, write_page
from evaluation.report.reading import read_view
from evaluation.results import (
    RESULTS,
    describe_judges,
    describe_measures,
    describe_sets,
    hash_file,
    list_absences,
    list_versions,
    write_results,
)
from evaluation.scoring import SCORES, Answers, score_all, tabulate_scores, write_scores
from evaluation.side_effects.measure import Measure
from evaluation.tables import explain_write, write_text
from valuedata.errors import EvaluationError
from valuedata.progress import Progress, show_nothing

__all__ = ["Plan", "collect_replies", "evaluate", "read_given"]

logger = logging.getLogger(__name__)

WRITTEN: Final = (RESULTS, REPORT, PAGE, SCORES, REPLIES)
"""What an evaluation leaves, the verdict first."""


@dataclass(frozen=True)
class Plan:
    """What is evaluated, and how.

    Attributes:
        arms: The arms.
        roles: Which is what.
        generators: Arm to who replies, for all arms but those whose outputs are given.
        sets: The prompts.
        measures: The measures.
        settings: How replies are drawn.
        smallest: The least difference that would matter.
        value: The value that was trained; None where that is not known.
        command: What the user typed.
        tasks: Public benchmarks of lm-evaluation-harness.
        task_limit: Items of each of these; None for all.
        least_judged: Share of a measure's prompts that all arms compared must have a score for;
            under it there is no verdict.
    """

    arms: Sequence[Arm]
    roles: Arms
    generators: Mapping[str, Generator]
    sets: Sequence[PromptSet]
    measures: Sequence[Measure]
    settings: GenerationSettings
    smallest: SmallestEffect
    value: str | None = None
    command: str = ""
    tasks: Sequence[Task] = ()
    task_limit: int | None = None
    least_judged: float = LEAST_JUDGED


def evaluate(
    plan: Plan, bench: Bench, out: Path, progress: Progress = show_nothing
) -> dict[str, Any]:
    """Evaluates the arms; results.json is written last, so its presence means a whole evaluation.

    What the arms said and what the judges found is kept between runs, so a run that was stopped
    goes on where it was.

    Args:
        plan: What and how.
        bench: The judges' tools.
        out: Folder of the evaluation; an earlier one in it is replaced, once files of outputs and
            judges are checked.
        progress: Shows how far each stage is.

    Returns:
        The content of results.json.

    Raises:
        ValuedataError: Whatever the user can mend; there is no verdict then.
    """
    models = _choose_models(plan)
    _check_judged(plan.measures, bench)
    slots = list_slots(plan.sets, plan.settings.samples)
    given = read_given(plan, slots)
    _open_folder(out)
    answers = collect_replies(plan, slots, given, progress)
    tables = [tabulate_replies(arm, slots, said) for arm, said in answers.replies.items()]
    write_replies(pa.concat_tables(tables), out)
    scored = score_all(plan.measures, bench, answers, plan.settings.seed, progress)
    extra, items = score_tasks(models, plan.tasks, plan.task_limit)
    tables = [tabulate_scores(scored, slots), tabulate_scores(extra, items.slots)]
    write_scores(pa.concat_tables(tables), out)
    findings = [analyse(one, answers, plan.roles, plan.smallest) for one in scored]
    findings += [analyse(one, items, plan.roles, plan.smallest) for one in extra]
    measures, dimensions, warnings = describe_measures(
        findings, plan.roles.contrasts, plan.least_judged
    )
    for warning in warnings:
        logger.warning("%s", warning)
    content = {
        "format": 1,
        "command": plan.command,
        "value": plan.value,
        "verdict_against": plan.roles.contrasts[-1],
        "settings": {
            **plan.settings.model_dump(mode="json"),
            "smallest_effect_share": plan.smallest.share,
            "smallest_effect_spreads": plan.smallest.spreads,
            "least_judged": plan.least_judged,
        },
        "warnings": warnings,
        "arms": [_describe_arm(arm, plan, answers) for arm in plan.arms],
        "prompt_sets": describe_sets(plan.sets),
        "judges": describe_judges(bench, frozenset(one.judge for one in scored)),
        "judges_left_out": list_absences(plan.measures, bench),
        "dimensions": dimensions,
        "measures": measures,
        "files": {name: hash_file(out / name) for name in (REPLIES, SCORES)},
        "versions": list_versions(),
    }
    _write_reports(content, out)
    return content


def _write_reports(content: Mapping[str, Any], out: Path) -> None:
    """Writes the reports and then results.json, or none of them."""
    try:
        write_text(render_report(content), out / REPORT)
        write_page(read_view(content, out), out / PAGE)
        write_results(content, out)
    except EvaluationError:
        for name in (REPORT, PAGE):
            (out / name).unlink(missing_ok=True)
        raise


def _choose_models(plan: Plan) -> dict[str, LocalModel]:
    """The models of all arms, where public benchmarks are asked for."""
    models = {arm.name: plan.generators.get(arm.name) for arm in plan.arms if plan.tasks}
    here = {name: model for name, model in models.items() if isinstance(model, LocalModel)}
    missing = [name for name in models if name not in here]
    if missing:
        raise EvaluationError(
            f"--qa asks models on this machine and {missing[0]} is none; leave --qa out."
        )
    return here


def _check_judged(measures: Sequence[Measure], bench: Bench) -> None:
    judges = {judge for measure in measures for judge in measure.judges}
    if all(bench.explain_absence(judge) is not None for judge in judges):
        raise EvaluationError(
            "No judge that takes part scores any measure; name more with --judge."
        )


def read_given(plan: Plan, slots: Sequence[Slot]) -> dict[str, list[Reply]]:
    """The replies of the arms whose outputs are given.

    Args:
        plan: The arms.
        slots: What they reply to.

    Raises:
        ValuedataError: If a file is wrong.
    """
    return {
        arm.name: read_outputs(arm.name, arm.outputs, slots)
        for arm in plan.arms
        if arm.outputs is not None
    }


def collect_replies(
    plan: Plan, slots: Sequence[Slot], given: Mapping[str, list[Reply]], progress: Progress
) -> Answers:
    """What every arm says.

    Args:
        plan: The arms, and who replies for them.
        slots: What they reply to.
        given: What `read_given` read.
        progress: Shows how far each arm is.

    Raises:
        ValuedataError: If an arm cannot reply to all.
    """
    replies = dict(given)
    n_kept: dict[str, int] = {}
    cache = open_reply_cache()
    for name, generator in plan.generators.items():
        with progress(f"{name} replies", len(slots)) as advance:
            replies[name], n_kept[name] = generate(generator, slots, plan.settings, cache, advance)
    answers = Answers(slots, {arm.name: replies[arm.name] for arm in plan.arms}, n_kept)
    for name, said in answers.replies.items():
        flaws = count_flaws(said)
        if flaws.n_truncated or flaws.n_empty or flaws.n_degenerate:
            logger.warning(
                "%s: of %d replies %d are cut off, %d empty and %d go round in circles; all count.",
                *(name, flaws.n_replies, flaws.n_truncated, flaws.n_empty, flaws.n_degenerate),
            )
    return answers


def _open_folder(out: Path) -> None:
    """Makes the folder, and takes an earlier verdict away before anything of this one is there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        foreign = [path.name for path in out.iterdir() if path.name.lstrip(".") not in WRITTEN]
        if foreign and set(foreign) <= {KEYS, CALIBRATION}:
            raise EvaluationError(
                f"{out} holds a calibration with labels of these replies; give another --out."
            )
        if foreign:
            raise EvaluationError(
                f"{out} holds something else than an evaluation ({sorted(foreign)[0]}); give "
                "another --out."
            )
        for name in WRITTEN:
            (out / name).unlink(missing_ok=True)
        with (out / f".{RESULTS}").open("wb") as probe:  # before hours of work
            probe.write(b" ")
        (out / f".{RESULTS}").unlink()
    except OSError as error:
        raise EvaluationError(
            f"{out} cannot be written ({explain_write(error)}); mend that or give another --out."
        ) from error


def _describe_arm(arm: Arm, plan: Plan, answers: Answers) -> dict[str, Any]:
    source: dict[str, Any] = {"outputs": str(arm.outputs)}
    if arm.outputs is not None:
        source["sha256"] = hash_file(arm.outputs)
    else:
        source = {"model": arm.model, **plan.generators[arm.name].identity}
    return {
        "name": arm.name,
        "role": arm.role,
        "source": source,
        "replies": count_flaws(answers.replies[arm.name]).to_json(),
        "n_kept": answers.n_kept.get(arm.name),
    }
