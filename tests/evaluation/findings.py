"""Findings on scores that are given by hand."""

import numpy as np

from evaluation.analysis import Arms, SmallestEffect, analyse
from evaluation.judges.judge import EXACT
from evaluation.replies import Reply, list_slots
from evaluation.scoring import Answers, Scored
from evaluation.side_effects.measure import Measure
from tests.evaluation.made import make_prompt, make_set

__all__ = ["ARMS", "SMALLEST", "find", "make_answers", "make_measure", "make_scored"]

ARMS = Arms("base", "tuned", ("c0", "c1"))
SMALLEST = SmallestEffect(0.05, 0.2)


def make_measure(**changes):
    told = {
        "name": "m",
        "dimension": "d",
        "meaning": "a mean",
        "source": "us",
        "kinds": frozenset({"open"}),
        "judges": {},
        "is_primary": True,
    }
    return Measure(**(told | changes))


def make_scored(measure, rows, scores, judge="patterns"):
    found = {arm: np.array(values, dtype=np.float64) for arm, values in scores.items()}
    return Scored(measure, judge, EXACT, 0.5, np.array(rows), found)


def make_answers(prompts, arms, n_samples=1, text="one two"):
    slots = list_slots([make_set(*prompts)], n_samples)
    return Answers(slots, {arm: [Reply(text)] * len(slots) for arm in arms})


def find(tuned, base, c0, c1, **changes):
    """The finding on prompts of one family each."""
    prompts = [make_prompt(str(k)) for k in range(len(tuned))]
    answers = make_answers(prompts, ("base", "tuned", "c0", "c1"))
    scores = {"base": base, "tuned": tuned, "c0": c0, "c1": c1}
    scored = make_scored(make_measure(**changes), range(len(tuned)), scores)
    return analyse(scored, answers, ARMS, SMALLEST)
