"""Capability: questions of multiple choice with one right answer.

A score is 1 where the right option is chosen, so a mean is the accuracy; guessing gives one over
the number of options. Where the arms are models on this machine, the choice is the likeliest
letter, so that a model which has lost its manners but not its knowledge still scores; otherwise it
is the letter that the reply names, and a reply that names none is wrong.

Source: Hendrycks et al. 2021, "Measuring Massive Multitask Language Understanding", arXiv
2009.03300, who compare the probabilities of the letters.
"""

import re
from typing import Final

from evaluation.judges.bench import Bench
from evaluation.judges.judge import (
    LOG_PROBABILITY,
    PATTERNS,
    ArmJudge,
    Judge,
    PatternJudge,
    Validity,
)
from evaluation.judges.log_probability import Choice, LogProbabilityJudge
from evaluation.prompts.records import LETTERS, Prompt
from evaluation.side_effects.measure import Measure

__all__ = ["CAPABILITY", "read_letter"]

FIRST: Final = re.compile(r"\W*([A-Z])(?:[.):*]|\s*[-\u2013\u2014(]|\W*$|\s*\n)")
NAMED: Final = re.compile(
    r"\b(?i:answer|option|choice|it|that)(?: (?i:is|would be)|:)*\s*\W{0,4}"
    r"((?<=\()[a-z](?=\))|A\b(?!\s+[a-z])|[B-Z]\b)"
)
LAST: Final = re.compile(r":\s*\W{0,3}([A-Z])\W*$")
READ: Final = Validity(None, None, None, "", "", "exact where the reply names a letter")


def read_letter(prompt: Prompt, reply: str) -> str | None:
    """The letter that a reply chooses; None where it names none."""
    options = list(prompt.key["options"])
    text = reply.strip()
    for found in (FIRST.match(text), NAMED.search(text), LAST.search(text)):
        if found is not None and found[1].upper() in LETTERS[: len(options)]:
            return found[1].upper()
    named = [k for k, option in enumerate(options) if _names(text, option)]
    return LETTERS[named[0]] if len(named) == 1 else None


def _names(text: str, option: str) -> bool:
    return (
        re.search(rf"(?<!\w){re.escape(option.rstrip('.'))}(?!\w)", text, re.IGNORECASE) is not None
    )


def _read(bench: Bench) -> Judge:  # noqa: ARG001
    return PatternJudge(
        lambda prompt, reply: float(read_letter(prompt, reply) == prompt.key["answer"]), READ
    )


def _choose(prompt: Prompt) -> Choice:
    letters = LETTERS[: len(prompt.key["options"])]
    return Choice(tuple(letters), letters.index(prompt.key["answer"]), per_character=False)


def _weigh(bench: Bench) -> ArmJudge:
    return LogProbabilityJudge(bench.models, _choose)


CAPABILITY: Final = (
    Measure(
        name="qa",
        dimension="capability",
        meaning="share of questions of multiple choice that are answered rightly",
        source="Hendrycks et al. 2021, arXiv 2009.03300",
        kinds=frozenset({"qa"}),
        judges={LOG_PROBABILITY: _weigh, PATTERNS: _read},
        direction="higher is better",
        is_primary=True,
    ),
)
