"""What an arm itself holds more likely, read off its log-probabilities."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evaluation.judges.judge import Floats, Validity
from evaluation.prompts.records import Prompt

__all__ = ["Choice", "LogProbabilityJudge", "Scorer"]

READ_OFF = Validity(
    None, None, None, "", "", "read off the model's own probabilities; no reply is judged"
)

Messages = Sequence[Mapping[str, str]]


class Scorer(Protocol):
    """A model whose log-probabilities can be read."""

    def score_continuations(self, conversations: Sequence[tuple[Messages, str]]) -> Floats:
        """(n,) log-probabilities of given replies to conversations."""
        ...

    def release(self) -> None:
        """Gives its memory back."""
        ...


@dataclass(frozen=True)
class Choice:
    """What a model chooses from.

    Attributes:
        options: At least two texts, distinct and not empty.
        chosen: The one whose choice scores 1.
        per_character: Whether a log-probability is divided by the characters of its option, which
            options of different length need.
    """

    options: tuple[str, ...]
    chosen: int
    per_character: bool


@dataclass(frozen=True)
class LogProbabilityJudge:
    """Scores 1 where a given option is the likeliest continuation, else 0; a tie counts in part.

    Attributes:
        models: Arm to model.
        choose: What a prompt lets the model choose from.

    Source: multiple choice by likelihood as in Brown et al. 2020, arXiv 2005.14165, section 2.4;
    the division by characters as `acc_norm` of EleutherAI's lm-evaluation-harness, which divides by
    bytes.
    """

    models: Mapping[str, Scorer]
    choose: Callable[[Prompt], Choice]

    @property
    def validity(self) -> Validity:
        """Nothing to agree with."""
        return READ_OFF

    @property
    def threshold(self) -> float:
        """Scores are yes or no."""
        return 0.5

    def score_arm(self, arm: str, prompts: Sequence[Prompt]) -> Floats:
        """Scores an arm on prompts.

        Raises:
            EvaluationError: If the model cannot be loaded or has no room.
        """
        choices = [self.choose(prompt) for prompt in prompts]
        found = self.models[arm].score_continuations(
            [
                (prompt.messages, option)
                for prompt, choice in zip(prompts, choices, strict=True)
                for option in choice.options
            ]
        )
        scores = np.empty(len(prompts))
        start = 0
        for row, choice in enumerate(choices):
            sums = found[start : start + len(choice.options)]
            start += len(choice.options)
            if choice.per_character:
                sums = sums / np.array([len(option) for option in choice.options])
            best = sums == sums.max()
            scores[row] = best[choice.chosen] / best.sum()
        return scores
