"""Replies to scores: each judge sees each distinct reply once, without its arm, in random order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluation.judges.bench import Bench
from evaluation.judges.judge import (
    CLASSIFIER,
    LOG_PROBABILITY,
    ArmJudge,
    Floats,
    Judge,
    Validity,
)
from evaluation.prompts.records import Prompt
from evaluation.replies import Reply, Slot
from evaluation.side_effects.measure import Measure
from evaluation.tables import read_table, write_table
from valuedata.progress import Progress, show_nothing

__all__ = [
    "SCORES",
    "SCORE_SCHEMA",
    "Answers",
    "Scored",
    "draw_rows",
    "read_scores",
    "score_all",
    "tabulate_scores",
    "write_scores",
]

Ints = npt.NDArray[np.int64]

SCORES: Final = "scores.parquet"
SCORE_SCHEMA: Final = pa.schema(
    [
        ("measure", pa.string()),
        ("judge", pa.string()),
        ("arm", pa.string()),
        ("prompt_id", pa.string()),
        ("family", pa.string()),
        ("sample", pa.int32()),
        ("score", pa.float64()),
    ]
)


@dataclass(frozen=True, eq=False)
class Answers:
    """What all arms replied.

    Attributes:
        slots: What they replied to.
        replies: Arm to a reply a slot, the arms in the order of a report.
        n_kept: Arm to how many of them an earlier run kept, of the arms that were asked.
    """

    slots: Sequence[Slot]
    replies: Mapping[str, Sequence[Reply]]
    n_kept: Mapping[str, int] = field(default_factory=dict)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms' names in order."""
        return tuple(self.replies)


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of one measure by one judge.

    Attributes:
        measure: The measure.
        judge: Kind of judge.
        validity: How far that judge agrees with people.
        threshold: The score from which on it says yes.
        rows: (n,) slots that have a score.
        scores: Arm to (n,) float64; NaN where a reply could not be judged.
        reads_replies: False where the judge asked the arm itself.
    """

    measure: Measure
    judge: str
    validity: Validity
    threshold: float
    rows: Ints
    scores: Mapping[str, Floats]
    reads_replies: bool = True


def score_all(
    measures: Sequence[Measure],
    bench: Bench,
    answers: Answers,
    seed: int,
    progress: Progress = show_nothing,
) -> list[Scored]:
    """Lets every judge that takes part score every reply that a measure is about.

    Args:
        measures: The measures; each has at least one judge that takes part, or is left out.
        bench: The judges' tools.
        answers: The replies.
        seed: Of the order in which a judge sees them.
        progress: Shows how far each judge is.

    Returns:
        Scores by measure and then judge, in the order of preference.

    Raises:
        ValuedataError: If a judge cannot go on; there are no scores then.
    """
    jobs: list[Scored] = []
    blind: dict[int, Judge] = {}
    asking: dict[int, ArmJudge] = {}
    for measure in measures:
        rows = np.flatnonzero([slot.prompt.kind in measure.kinds for slot in answers.slots])
        for name, make in measure.judges.items():
            if bench.explain_absence(name) is not None:
                continue
            judge = make(bench)
            limit = bench.classify if name == CLASSIFIER else None
            some = draw_rows(rows, answers.slots, limit, seed)
            reads_replies = name != LOG_PROBABILITY
            if reads_replies:
                blind[len(jobs)] = judge  # type: ignore[assignment]
            else:
                asking[len(jobs)] = judge  # type: ignore[assignment]
                some = some[[answers.slots[row].sample == 0 for row in some]]
            jobs.append(
                Scored(measure, name, judge.validity, judge.threshold, some, {}, reads_replies)
            )
    found = _ask_arms(jobs, asking, bench, answers, progress)
    for place, judge in blind.items():
        job = jobs[place]
        with progress(f"{job.measure.name} by {job.judge}", None) as advance:
            found[place] = _score_blindly(judge, answers, job.rows, seed, advance)
    return [replace(job, scores=found[place]) for place, job in enumerate(jobs)]


def _ask_arms(
    jobs: Sequence[Scored],
    asking: Mapping[int, ArmJudge],
    bench: Bench,
    answers: Answers,
    progress: Progress,
) -> dict[int, dict[str, Floats]]:
    """Asks the arms themselves, one after the other, since a device may hold but one of them."""
    found: dict[int, dict[str, Floats]] = {place: {} for place in asking}
    for arm in answers.arms if asking else ():
        with progress(f"log-probabilities of {arm}", len(asking)) as advance:
            for place, judge in asking.items():
                prompts = [
                    _lead(answers.slots[row].prompt, bench.system_prompt)
                    for row in jobs[place].rows
                ]
                found[place][arm] = judge.score_arm(arm, prompts)
                advance(1)
        bench.models[arm].release()
    return found


def _lead(prompt: Prompt, system_prompt: str) -> Prompt:
    """The prompt as the arms were given it."""
    if not system_prompt:
        return prompt
    system = {"role": "system", "content": system_prompt}
    return replace(prompt, messages=(system, *prompt.messages))


def draw_rows(rows: Ints, slots: Sequence[Slot], limit: int | None, seed: int) -> Ints:
    """Draws whole families until a number of prompts is reached.

    Which families come first depends on their names and the seed alone, so that all measures and
    all later runs take the same ones.

    Args:
        rows: (n,) slots to draw from.
        slots: All slots.
        limit: Prompts to reach; None takes all.
        seed: Of the draw.

    Returns:
        Some of the rows, in their order.
    """
    if limit is None:
        return rows
    families: dict[str, set[str]] = {}
    for row in rows:
        families.setdefault(slots[row].prompt.family, set()).add(slots[row].prompt.prompt_id)
    order = sorted(families, key=lambda name: sha256(f"{seed} {name}".encode()).digest())
    drawn: set[str] = set()
    n_prompts = 0
    for name in order:
        if n_prompts >= limit:
            break
        drawn.add(name)
        n_prompts += len(families[name])
    return rows[[slots[row].prompt.family in drawn for row in rows]]


def _score_blindly(
    judge: Judge,
    answers: Answers,
    rows: Ints,
    seed: int,
    advance: Callable[[int], None],
) -> dict[str, Floats]:
    """Scores each distinct reply to a prompt once, whichever arms gave it."""
    places: dict[tuple[str, str], int] = {}
    asked: list[int] = []
    seen = np.empty((len(answers.arms), len(rows)), dtype=np.int64)
    for k, replies in enumerate(answers.replies.values()):
        for j, row in enumerate(rows):
            key = (answers.slots[row].prompt.prompt_id, replies[row].text)
            if key not in places:
                places[key] = len(places)
                asked.append(int(row))
            seen[k, j] = places[key]
    texts = [text for _, text in places]
    order = np.random.default_rng(seed).permutation(len(texts))
    found = judge.score(
        [answers.slots[asked[place]].prompt for place in order],
        [texts[place] for place in order],
        advance,
    )
    scores = np.empty(len(texts))
    scores[order] = found
    return {arm: scores[seen[k]] for k, arm in enumerate(answers.arms)}


def tabulate_scores(scored: Sequence[Scored], slots: Sequence[Slot]) -> pa.Table:
    """All scores as one table: a row a measure, judge, arm and reply."""
    tables = [_tabulate(one, arm, slots) for one in scored for arm in one.scores]
    return pa.concat_tables(tables) if tables else SCORE_SCHEMA.empty_table()


def _tabulate(one: Scored, arm: str, slots: Sequence[Slot]) -> pa.Table:
    some = [slots[row] for row in one.rows]
    n = len(some)
    return pa.table(
        {
            "measure": [one.measure.name] * n,
            "judge": [one.judge] * n,
            "arm": [arm] * n,
            "prompt_id": [slot.prompt.prompt_id for slot in some],
            "family": [slot.prompt.family for slot in some],
            "sample": [slot.sample for slot in some],
            "score": pa.array(one.scores[arm], from_pandas=True),  # NaN becomes null
        },
        schema=SCORE_SCHEMA,
    )


def write_scores(table: pa.Table, folder: Path) -> None:
    """Writes the table into a folder in one move."""
    write_table(table, folder / SCORES)


def read_scores(folder: Path) -> pa.Table:
    """Reads the table from a folder that `valuedata evaluate` wrote.

    Raises:
        EvaluationError: If there is none, or it has other columns.
    """
    return read_table(folder / SCORES, SCORE_SCHEMA, "scores")
