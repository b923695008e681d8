"""Evaluations to what each induced value did; they must have asked and judged alike."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.crosstalk.matrix import Induction
from evaluation.generation.model_files import read_run
from evaluation.results import RESULTS, hash_file
from evaluation.scoring import SCORES, read_scores
from evaluation.side_effects.value_expression import name_measure
from valuedata.errors import EvaluationError, name_nearest
from valuedata.labelling.values import VALUE_NAMES

__all__ = ["EvaluatedRun", "read_runs"]

MEASURES: Final = {name_measure(value): value for value in VALUE_NAMES}
"""Measure to the value that it measures."""
READ: Final = ("arms", "files", "judges", "measures", "prompt_sets", "settings")
"""What is read of results.json beside the value."""
OPEN: Final = "open"
"""Kind of the prompts that values are measured on."""
TUNED, CONTROL = "tuned", "control"
GENERATION: Final = ("temperature", "max_tokens", "system_prompt")
"""Settings that decide how much of a value a reply has room for."""
TALLIES: Final = ("calls", "unreadable_answers")
"""What a judge was asked and could not read, which are no settings of it.

"round" is one: `--fresh` raises it where another model has the name now.
"""

Content = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class EvaluatedRun:
    """One evaluation of a model that a value was induced in.

    Attributes:
        folder: Where it is.
        induction: Its scores.
        values: The values that were measured.
        judge: Who measured them.
        n_controls: Its control arms.
        trained_on: Content hash of the release that the tuned arm was trained on; None if unknown.
    """

    folder: Path
    induction: Induction
    values: tuple[str, ...]
    judge: str
    n_controls: int
    trained_on: str | None

    @property
    def value(self) -> str:
        """The value that was induced."""
        return self.induction.value


def read_runs(names: Sequence[str], judge: str | None = None) -> list[EvaluatedRun]:
    """Reads evaluations that belong in one matrix.

    Args:
        names: Folders that `valuedata evaluate` wrote, or VALUE=FOLDER.
        judge: Whose scores; None takes the judge that gives the verdicts.

    Raises:
        EvaluationError: If one is none, lacks controls, its value or that judge, or if two induced
            one value or were not asked and judged alike.
    """
    opened = [_open(name) for name in names]
    first = opened[0]
    runs: dict[str, EvaluatedRun] = {}
    for folder, content, value in opened:
        _check_alike(first[:2], (folder, content))
        run = _read(folder, content, value, judge)
        if run.value in runs:
            raise EvaluationError(
                f"{runs[run.value].folder} and {folder} both induced {run.value!r}; give one."
            )
        runs[run.value] = run
    found = list(runs.values())
    for run in found:
        if (run.judge, run.values) != (found[0].judge, found[0].values):
            raise EvaluationError(
                f"{found[0].folder} and {run.folder} have scores by different judges or of "
                f"different values ({found[0].judge} and {run.judge}); name one with --judge."
            )
    return found


def _open(name: str) -> tuple[Path, Content, str]:
    """Folder, content of results.json and induced value of what a user named."""
    given, sign, path = name.partition("=")
    if not sign or Path(name).is_dir():
        given, path = "", name
    folder = Path(path)
    try:
        content = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        _ = [arm["role"] for arm in content["arms"]].index(TUNED), content["files"][SCORES]
        known = content["value"] or _read_value(content)
        _ = [content[key] for key in READ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"{folder} holds no evaluation that can be read; give a folder that `valuedata "
            "evaluate` wrote."
        ) from error
    if given and known and given != known:
        raise EvaluationError(f"{folder} induced {known!r}, not {given!r}; give {folder} alone.")
    value = given or known
    if not value:
        raise EvaluationError(
            f"{folder} does not say which value its tuned arm induced; write VALUE={folder}."
        )
    if value not in VALUE_NAMES:
        raise EvaluationError(f"Value {value!r} is unknown; {name_nearest(value, VALUE_NAMES)}")
    return folder, content, value


def _read_training(content: Content) -> dict[str, Any] | None:
    """What `valuedata train` recorded of the tuned arm; None where it did not train it."""
    model = next(arm["source"].get("model") for arm in content["arms"] if arm["role"] == TUNED)
    if model is None or not (Path(model) / "run.json").is_file():
        return None
    return read_run(Path(model))


def _read_value(content: Content) -> str | None:
    record = _read_training(content)
    return None if record is None or record["control"] else str(record["release"]["value"])


def _check_alike(first: tuple[Path, Content], other: tuple[Path, Content]) -> None:
    """Refuses two evaluations that were not asked and judged alike."""
    (folder, content), (other_folder, other_content) = first, other
    for what, describe in (
        ("were asked different prompts", _describe_prompts),
        ("replied under different settings", _describe_settings),
        ("were judged by different judges", _describe_judges),
    ):
        own, others = describe(content), describe(other_content)
        differing = sorted(k for k in own.keys() | others.keys() if own.get(k) != others.get(k))
        if differing:
            raise EvaluationError(
                f"{folder} and {other_folder} {what} ({', '.join(differing)}); evaluate both alike."
            )


def _describe_prompts(content: Content) -> dict[str, Any]:
    return {one["name"]: one["sha256"] for one in content["prompt_sets"] if OPEN in one["kinds"]}


def _describe_settings(content: Content) -> dict[str, Any]:
    return {name: content["settings"][name] for name in GENERATION}


def _describe_judges(content: Content) -> dict[str, Any]:
    used = {found["judge"] for found in content["measures"] if found["measure"] in MEASURES}
    return {
        name: {key: setting for key, setting in settings.items() if key not in TALLIES}
        for name, settings in content["judges"].items()
        if name in used
    }


def _read(folder: Path, content: Content, value: str, judge: str | None) -> EvaluatedRun:
    controls = [arm["name"] for arm in content["arms"] if arm["role"] == CONTROL]
    tuned = next(arm["name"] for arm in content["arms"] if arm["role"] == TUNED)
    if not controls:
        raise EvaluationError(
            f"{folder} has no control arm, so nothing tells the value from training on anything; "
            "evaluate again with --control."
        )
    chosen = judge or _find_judge(folder, content)
    measures = [
        found["measure"]
        for found in content["measures"]
        if found["measure"] in MEASURES and found["judge"] == chosen
    ]
    if name_measure(value) not in measures:
        raise EvaluationError(
            f"{folder} has no scores of {value!r} by the judge {chosen!r}; evaluate it on prompts "
            "of the kind open, or name another --judge."
        )
    table = read_scores(folder)
    if hash_file(folder / SCORES) != content["files"][SCORES]:
        raise EvaluationError(
            f"{folder} is damaged: {SCORES} is not the one that {RESULTS} was made of; evaluate "
            "again."
        )
    scores = table.filter(
        pc.field("measure").isin(measures)
        & (pc.field("judge") == chosen)
        & pc.field("arm").isin([tuned, *controls])
    )
    levels, clusters = _tabulate(scores, measures, [tuned, *controls])
    record = _read_training(content)
    return EvaluatedRun(
        folder=folder,
        induction=Induction(value, clusters, levels[0], levels[1:]),
        values=tuple(MEASURES[measure] for measure in measures),
        judge=chosen,
        n_controls=len(controls),
        trained_on=None if record is None else record["release"]["content_hash"],
    )


def _find_judge(folder: Path, content: Content) -> str:
    """The judge that gives the verdicts on values."""
    leading: set[str] = {
        found["judge"]
        for found in content["measures"]
        if found["measure"] in MEASURES and found["gives_verdict"]
    }
    if len(leading) != 1:
        judged = " and ".join(sorted(leading)) or "nobody"
        raise EvaluationError(
            f"The values of {folder} were judged by {judged}; name one judge with --judge."
        )
    (judge,) = leading
    return judge


def _tabulate(
    scores: pa.Table, measures: Sequence[str], arms: Sequence[str]
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.int64]]]:
    """(a, v, n, k) scores of arms, values, prompts and samples, and (n,) families."""
    prompts, families = (
        scores[name].combine_chunks().dictionary_encode() for name in ("prompt_id", "family")
    )
    rows = prompts.indices.to_numpy()
    samples = scores["sample"].to_numpy()
    shape = (len(arms), len(measures), len(prompts.dictionary), int(samples.max()) + 1)
    table = np.full(shape, np.nan)
    places = (
        pc.index_in(scores[name], value_set=pa.array(names)).to_numpy()
        for name, names in (("arm", arms), ("measure", measures))
    )
    table[(*places, rows, samples)] = scores["score"].to_numpy()
    clusters = np.empty(shape[2], dtype=np.int64)
    clusters[rows] = families.indices.to_numpy()
    return table, clusters
