"""The replies that changed most, found in the tables of replies and scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.judges.judge import LOG_PROBABILITY
from evaluation.replies import read_replies
from evaluation.report.view import Change, MeasureView, ScoreChange
from evaluation.scoring import SCORES, read_scores
from valuedata.errors import EvaluationError

__all__ = ["list_changes"]

N_TUNED: Final = 5
"""Replies of the tuned arm that are shown for each measure."""
N_CONTROL: Final = 1
"""The same of each control arm."""

Place = tuple[str, str, int]
"""Arm, prompt and sample."""


@dataclass(frozen=True)
class Contrast:
    """An arm, whom its replies stand beside, and how many are shown for each measure."""

    arm: str
    other: str
    n_shown: int


def list_changes(
    content: Mapping[str, Any], measures: Sequence[MeasureView], folder: Path
) -> tuple[Change, ...]:
    """The replies whose scores differ most from those of another arm's reply.

    Args:
        content: Content of results.json.
        measures: Those that give verdicts; the primary ones come first on the page.
        folder: Where replies.parquet and scores.parquet are.

    Raises:
        EvaluationError: If one of them cannot be read, or does not fit the other.
    """
    contrasts = _choose_contrasts(content["arms"])
    scores = read_scores(folder)
    found: dict[tuple[Contrast, str, int], list[ScoreChange]] = {}
    ordered = sorted(measures, key=lambda measure: not measure.is_primary)
    for measure in ordered:
        if measure.judge == LOG_PROBABILITY:  # it asks the arm and reads no reply
            continue
        chosen = (pc.field("measure") == measure.title) & (pc.field("judge") == measure.judge)
        own = scores.filter(chosen)
        for contrast in contrasts:
            for (prompt, sample), change in _find_largest(own, measure, contrast):
                found.setdefault((contrast, prompt, sample), []).append(change)
    return _join_replies(found, read_replies(folder), folder)


def _choose_contrasts(arms: Sequence[Mapping[str, Any]]) -> list[Contrast]:
    """Every arm beside the base, or beside the first control where there is no base."""
    roles: dict[str, list[str]] = {"base": [], "tuned": [], "control": []}
    for arm in arms:
        roles[arm["role"]].append(arm["name"])
    other, *_ = [*roles["base"], *roles["control"]]
    contrasts = [Contrast(arm, other, N_TUNED) for arm in roles["tuned"]]
    return contrasts + [Contrast(arm, other, N_CONTROL) for arm in roles["control"] if arm != other]


def _find_largest(
    scores: pa.Table, measure: MeasureView, contrast: Contrast
) -> list[tuple[tuple[str, int], ScoreChange]]:
    """The replies to which the measure gives the most different scores, the largest first."""
    own, other = (scores.filter(pc.field("arm") == arm) for arm in (contrast.arm, contrast.other))
    if not own.select(["prompt_id", "sample"]).equals(other.select(["prompt_id", "sample"])):
        raise EvaluationError(
            f"{SCORES} has other prompts for {contrast.arm!r} than for {contrast.other!r}; "
            "evaluate again."
        )
    ours, theirs = (table["score"].to_numpy().astype(np.float64) for table in (own, other))
    gaps = np.nan_to_num(np.abs(ours - theirs))
    rows = np.argsort(-gaps, kind="stable")[: contrast.n_shown]
    prompts, samples = own["prompt_id"], own["sample"]
    return [
        (
            (prompts[row].as_py(), samples[row].as_py()),
            ScoreChange(
                measure.key,
                measure.title,
                measure.is_share,
                float(theirs[row]),
                float(ours[row]),
            ),
        )
        for row in rows.tolist()
        if gaps[row] > 0
    ]


def _join_replies(
    found: Mapping[tuple[Contrast, str, int], list[ScoreChange]], replies: pa.Table, folder: Path
) -> tuple[Change, ...]:
    """The texts of what was found, in the same order."""
    prompts = pa.array(list({prompt for _, prompt, _ in found}), pa.string())
    chosen = replies.filter(pc.is_in(replies["prompt_id"], prompts))
    rows: dict[Place, dict[str, Any]] = {
        (row["arm"], row["prompt_id"], row["sample"]): row for row in chosen.to_pylist()
    }
    changes = []
    for (contrast, prompt, sample), scores in found.items():
        try:
            own, other = (rows[arm, prompt, sample] for arm in (contrast.arm, contrast.other))
        except KeyError as error:
            raise EvaluationError(
                f"{folder} holds scores of a reply that it has not ({prompt!r} of "
                f"{error.args[0][0]!r}); evaluate again."
            ) from error
        changes.append(
            Change(
                arm=contrast.arm,
                other_arm=contrast.other,
                kind=own["kind"],
                prompt_id=prompt,
                sample=sample,
                messages=tuple((turn["role"], turn["content"]) for turn in own["messages"]),
                other_reply=other["reply"],
                reply=own["reply"],
                scores=tuple(scores),
            )
        )
    return tuple(changes)
