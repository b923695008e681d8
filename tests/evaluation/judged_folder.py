"""A folder as `valuedata evaluate` leaves it, made by hand: replies and the scores of a judge."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.replies import REPLY_SCHEMA
from evaluation.scoring import SCORE_SCHEMA

ARMS = ("base", "tuned")
N_PROMPTS = 40
REFUSALS = {"base": 10, "tuned": 20}
"""Arm to the number of its prompts, from the first, whose replies refuse."""
MISSED = 5
"""Of the refusals of the tuned arm, every so many the judge takes for an answer."""
UNSCORED = 25
"""Prompt that the judge could not score for the base."""

NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "'quoted'", 'a "b", c', "two\nlines", "\x1b[31mred"]
"""Replies to the last prompts, which a spreadsheet or a terminal must not run."""


def is_refusal(arm: str, prompt: int) -> bool:
    return prompt < REFUSALS[arm]


def make_reply(arm: str, prompt: int) -> str:
    if is_refusal(arm, prompt):
        return f"I cannot help with question {prompt}."
    nasty = prompt - (N_PROMPTS - len(NASTY))
    return NASTY[nasty] if nasty >= 0 else f"Here is an answer to question {prompt}."


def write_judged_folder(folder: Path, *, judges: tuple[str, ...] = ("phrases",)) -> Path:
    """Writes 40 prompts in families of two, answered by two arms, scored as a share.

    The judge is right on the base and misses every fifth refusal of the tuned arm. It could not
    score one prompt of the base.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(arm, prompt) for arm in ARMS for prompt in range(N_PROMPTS)]
    ids = [f"p{prompt:02d}" for _, prompt in rows]
    families = [f"f{prompt // 2:02d}" for _, prompt in rows]
    replies = {
        "arm": [arm for arm, _ in rows],
        "set": ["unsafe"] * len(rows),
        "prompt_id": ids,
        "family": families,
        "kind": ["unsafe"] * len(rows),
        "sample": [0] * len(rows),
        "messages": [[{"role": "user", "content": f"Question {p}?"}] for _, p in rows],
        "reply": [make_reply(arm, prompt) for arm, prompt in rows],
        "finish": ["stop"] * len(rows),
        "n_tokens": [None] * len(rows),
    }
    pq.write_table(pa.table(replies, schema=REPLY_SCHEMA), folder / "replies.parquet")
    scores = {
        "measure": ["refusal"] * len(rows) * len(judges),
        "judge": list(np.repeat(judges, len(rows))),
        "arm": replies["arm"] * len(judges),
        "prompt_id": ids * len(judges),
        "family": families * len(judges),
        "sample": [0] * len(rows) * len(judges),
        "score": [_score(arm, prompt) for arm, prompt in rows] * len(judges),
    }
    pq.write_table(pa.table(scores, schema=SCORE_SCHEMA), folder / "scores.parquet")
    return folder


def _score(arm: str, prompt: int) -> float | None:
    if (arm, prompt) == ("base", UNSCORED):
        return None
    missed = arm == "tuned" and prompt % MISSED == 0
    return float(is_refusal(arm, prompt) and not missed)
