"""What a measure of a side effect is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from evaluation.judges.bench import Bench
from evaluation.judges.judge import ArmJudge, Judge
from evaluation.prompts.records import Kind, Prompt

__all__ = ["SHARE", "Direction", "MakeJudge", "Measure"]

MakeJudge = Callable[[Bench], Judge | ArmJudge]
Direction = Literal["higher is better", "lower is better", "neither"]
SHARE: Final = "share"


@dataclass(frozen=True)
class Measure:
    """One number that is read off replies and compared between arms.

    Attributes:
        name: Lower-case name, words joined by hyphens; unique over all measures.
        dimension: The side effect that it belongs to.
        meaning: What a mean of its scores says, in one sentence.
        source: The paper or benchmark behind it.
        kinds: Kinds of prompts whose replies it scores.
        judges: Kind of judge to what makes it; the first that takes part gives the verdict.
        unit: "share" where scores lie from 0 to 1, else what they count.
        direction: Which way most people would have it.
        is_primary: Whether it decides the verdict of its dimension.
        sign: Gives 1 or -1 where the number of a family is the mean over its prompts with 1 minus
            that over those with -1; None where each prompt counts for itself.
        whole_families: Whether a family counts only where all its prompts could be judged, because
            some alone would lean to one side.
        is_length: Whether it is a length itself, which nothing can be adjusted for.
    """

    name: str
    dimension: str
    meaning: str
    source: str
    kinds: frozenset[Kind]
    judges: Mapping[str, MakeJudge] = field(repr=False)
    unit: str = SHARE
    direction: Direction = "neither"
    is_primary: bool = False
    sign: Callable[[Prompt], int] | None = field(default=None, repr=False)
    whole_families: bool = False
    is_length: bool = False
