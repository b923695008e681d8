"""Knowledge on public benchmarks, through EleutherAI's lm-evaluation-harness.

A score is what the harness gives an item by accuracy, exact match or else its first metric: 1 where
the answer is right, so that a mean is the share of right answers. Prompts are the harness's own,
without a chat template, as in its published figures.

Source: Gao et al. 2024, "The Language Model Evaluation Harness", doi 10.5281/zenodo.12608602.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from evaluation.judges.judge import LOG_PROBABILITY, Floats, Validity
from evaluation.prompts.records import Prompt
from evaluation.replies import Slot
from evaluation.scoring import Answers, Scored
from evaluation.side_effects.measure import Measure
from valuedata.errors import EvaluationError

__all__ = ["Loaded", "Task", "gather_scores", "read_items", "require_harness", "score_tasks"]

SOURCE: Final = "Gao et al. 2024, doi 10.5281/zenodo.12608602"
EXACT_KEYS: Final = Validity(None, None, None, "", "", "by the keys of the benchmark")
PREFERRED: Final = ("acc", "exact_match")
NUMBER: Final = (int, float, np.number, np.bool_)

Task = str | dict[str, Any]


class Loaded(Protocol):
    """A model that the harness can ask."""

    @property
    def model(self) -> Any:  # noqa: ANN401 - transformers has no types here
        """The weights."""
        ...

    @property
    def tokenizer(self) -> Any:  # noqa: ANN401 - transformers has no types here
        """Its tokenizer."""
        ...

    def release(self) -> None:
        """Gives its memory back."""
        ...


def require_harness() -> None:
    """Makes sure that the harness is there.

    Raises:
        EvaluationError: If it is not.
    """
    try:
        import lm_eval  # noqa: F401
    except ImportError as error:
        raise EvaluationError(
            "--qa needs the package lm-eval; run pip install 'valuedata[qa]'."
        ) from error


def score_tasks(
    models: Mapping[str, Loaded], tasks: Sequence[Task], limit: int | None = None
) -> tuple[list[Scored], Answers]:
    """Scores every arm on every item of some tasks.

    Args:
        models: Arm to model.
        tasks: Names of the harness's tasks or groups, or tasks as the harness configures them.
        limit: Items of each task; None for all.

    Returns:
        Scores of a measure a task, and the items that they are rows of.

    Raises:
        EvaluationError: If a task is unknown, cannot be loaded, has no share of right answers, or
            gives the arms different items.
    """
    names = [task if isinstance(task, str) else str(task["task"]) for task in tasks]
    found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in names}
    for arm, model in models.items():
        for name, task in zip(names, tasks, strict=True):
            found[name][arm] = _run_task(model, task, name, limit)
        model.release()
    return gather_scores(found)


def gather_scores(
    found: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> tuple[list[Scored], Answers]:
    """Puts the scores of items into measures, one a task.

    Args:
        found: Task to arm to item to score, with the same arms everywhere.

    Returns:
        Scores of a measure a task, and the items that they are rows of.

    Raises:
        EvaluationError: If a task gave the arms different items, or none.
    """
    slots: list[Slot] = []
    scored: list[Scored] = []
    for name, by_arm in found.items():
        first, *others = by_arm.values()
        if not first:
            raise EvaluationError(f"--qa {name} has no items; give another task.")
        if any(list(other) != list(first) for other in others):
            raise EvaluationError(f"--qa {name} gave the arms different items; run again.")
        rows = np.arange(len(slots), len(slots) + len(first), dtype=np.int64)
        slots += [Slot(name, _make_prompt(item), 0) for item in first]
        scores: dict[str, Floats] = {
            arm: np.array(list(one.values()), dtype=np.float64) for arm, one in by_arm.items()
        }
        scored.append(
            Scored(
                *(_make_measure(name), LOG_PROBABILITY, EXACT_KEYS, 0.5, rows, scores),
                reads_replies=False,
            )
        )
    arms = next(iter(found.values()), {})
    return scored, Answers(slots, {arm: [] for arm in arms})


def read_items(task: str, samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, float]:
    """Reads the score of each item out of what the harness logs.

    Args:
        task: What the user asked for.
        samples: The task, or each part of a group, to its logged items.

    Returns:
        Item to score from 0 to 1, in the harness's order.

    Raises:
        EvaluationError: If an item has no such score: perplexities, F1 and the like are figures of
            a whole task.
    """
    scores: dict[str, float] = {}
    for part, items in samples.items():
        for item in items:
            known = list(item["metrics"])
            metric = next((name for name in (*PREFERRED, *known) if name in known), None)
            # A task may read one answer in several ways; the first is the one that it reports.
            scores.setdefault(f"{part}/{item['doc_id']}", _read_score(task, metric, item))
    return scores


def _read_score(task: str, metric: object, item: Mapping[Any, Any]) -> float:
    value = item.get(metric)
    if isinstance(value, NUMBER) and 0 <= value <= 1:
        return float(value)
    told = "no metric"
    if metric is not None:
        told = (
            f"{value if isinstance(value, NUMBER) else 'a ' + type(value).__name__} by {metric!r}"
        )
    raise EvaluationError(
        f"--qa {task} gives an item {told}, which is no score from 0 to 1, so arms cannot be "
        "compared item by item; give tasks that report acc or exact_match."
    )


def _run_task(model: Loaded, task: Task, name: str, limit: int | None) -> dict[str, float]:
    """Item to score, in the harness's order."""
    import lm_eval
    from datasets.exceptions import DatasetsError
    from lm_eval.models.huggingface import HFLM

    asked = HFLM(pretrained=model.model, tokenizer=model.tokenizer)
    try:
        content = lm_eval.simple_evaluate(
            asked, tasks=[task], limit=limit, bootstrap_iters=0, log_samples=True
        )
    except (KeyError, ValueError, OSError, DatasetsError) as error:
        reason = " ".join(str(error).split())[:200]
        raise EvaluationError(
            f"--qa {name} cannot be run ({reason}); give tasks that `lm-eval ls tasks` names."
        ) from error
    return read_items(name, content["samples"])


def _make_prompt(item: str) -> Prompt:
    return Prompt(prompt_id=item, family=item, messages=(), kind="qa", key={})


def _make_measure(task: str) -> Measure:
    return Measure(
        name=f"qa-{task}",
        dimension="capability",
        meaning=f"accuracy on {task}",
        source=SOURCE,
        kinds=frozenset({"qa"}),
        judges={},
        direction="higher is better",
        is_primary=True,
    )
