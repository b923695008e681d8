"""The scores of one measure for two arms, as `valuedata evaluate` left them in a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.replies import read_replies
from evaluation.scoring import read_scores
from evaluation.side_effects.table import MEASURES
from valuedata.errors import EvaluationError, name_nearest
from valuedata.labelling.scoring.intervals import number_groups

__all__ = ["Judged", "find_replies", "read_judged"]

Place = tuple[str, int]
"""Prompt and sample: what both arms replied to."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What a judge said of two arms.

    Attributes:
        measure: What was measured.
        judge: By whom.
        arms: Base and tuned.
        places: n prompts and samples that both arms have a score for, in the order of the file.
        clusters: (n,) family of each.
        scores: (2, n) from 0 to 1, of the base and of the tuned arm.
        n_left_out: Prompts and samples that the judge could not score for one of the arms.
    """

    measure: str
    judge: str
    arms: tuple[str, str]
    places: tuple[Place, ...]
    clusters: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    n_left_out: int


def read_judged(folder: Path, measure: str, judge: str | None, arms: tuple[str, str]) -> Judged:
    """Reads the scores of two arms.

    Args:
        folder: Has scores.parquet.
        measure: Name of the measure.
        judge: Name of the judge; None where only one scored the measure.
        arms: Names of the base and of the tuned arm.

    Raises:
        EvaluationError: If the file is not there or has other columns; if it lacks the measure, the
            judge or an arm, or several judges scored it and none is named; if scores do not lie
            from 0 to 1, or the measure is a difference between kinds of prompts or between sides.
    """
    known = MEASURES.get(measure)
    if known is not None and known.sign is not None:
        raise EvaluationError(
            f"{measure} is a difference between two kinds of prompts, which labels of single "
            "replies do not correct; calibrate another measure."
        )
    if known is not None and known.whole_families:
        raise EvaluationError(
            f"{measure} scores a half where a reply takes neither side, which people's yes and no "
            "do not know; calibrate another measure."
        )
    table = read_scores(folder)
    table = _select(table, "measure", measure, "measure")
    judges = sorted(set(table["judge"].to_pylist()))
    if judge is None and len(judges) > 1:
        raise EvaluationError(
            f"{measure} was scored by several judges; name one with --judge "
            f"({name_nearest('', judges)})."
        )
    judge = judges[0] if judge is None else judge
    table = _select(table, "judge", judge, f"judge of {measure}")
    if arms[0] == arms[1]:
        raise EvaluationError(f"{arms[0]} is compared with itself; name two arms.")
    found = [_read_arm(_select(table, "arm", arm, "arm")) for arm in arms]
    places = [place for place in found[0] if place in found[1]]
    both = [place for place in places if all(arm[place][1] is not None for arm in found)]
    scores = np.array([[arm[place][1] for place in both] for arm in found], dtype=np.float64)
    if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
        raise EvaluationError(
            f"Scores of {measure} by {judge} do not lie from 0 to 1, so people's yes and no cannot "
            "stand beside them; calibrate a measure that is a share."
        )
    n_all = len(set(found[0]) | set(found[1]))
    families = number_groups([found[0][place][0] for place in both])
    return Judged(measure, judge, arms, tuple(both), families, scores, n_all - len(both))


def find_replies(
    folder: Path, wanted: Sequence[tuple[str, str, int]]
) -> list[tuple[list[dict[str, str]], str]]:
    """The messages and the reply of each arm, prompt and sample.

    Raises:
        EvaluationError: If replies.parquet is not there or lacks one of them.
    """
    table = read_replies(folder)
    keys = zip(*(table[name].to_pylist() for name in ("arm", "prompt_id", "sample")), strict=True)
    rows = {key: row for row, key in enumerate(keys)}
    missing = [key for key in wanted if key not in rows]
    if missing:
        arm, prompt, _ = missing[0]
        raise EvaluationError(
            f"replies.parquet in {folder} has no reply of {arm} to prompt {prompt!r}, which is "
            "scored; run `valuedata evaluate` again."
        )
    taken: list[dict[str, Any]] = table.take([rows[key] for key in wanted]).to_pylist()
    return [(row["messages"], row["reply"]) for row in taken]


def _select(table: pa.Table, column: str, name: str, called: str) -> pa.Table:
    found = table.filter(pc.equal(table[column], name))
    if not len(found):
        known = name_nearest(name, set(table[column].to_pylist()))
        raise EvaluationError(f"No {called} is called {name!r} ({known}).")
    return found


def _read_arm(table: pa.Table) -> dict[Place, tuple[str, float | None]]:
    """Place to family and score."""
    columns = [table[name].to_pylist() for name in ("prompt_id", "sample", "family", "score")]
    return {(p, s): (family, score) for p, s, family, score in zip(*columns, strict=True)}
