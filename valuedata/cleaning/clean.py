"""Everything that drops pairs before labelling, in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from valuedata.accounting import Step, Verdict
from valuedata.cleaning.contamination import find_contamination
from valuedata.cleaning.dedup import (
    find_contradictions,
    find_exact_duplicates,
    find_near_duplicates,
    warn_of_loss,
)
from valuedata.cleaning.filters import screen_quality
from valuedata.engine import LOCAL, Engine
from valuedata.progress import Progress
from valuedata.recipe import Recipe

__all__ = ["Cleaned", "clean_pairs"]


@dataclass(frozen=True)
class Cleaned:
    """The pairs that passed cleaning.

    Attributes:
        flags: For each of n pairs, what was found in it without dropping it.
        steps: The stages, over the n pairs.
        rows: (m,) int64 rows of the n pairs that passed.
        pairs: Those m pairs.
    """

    flags: Sequence[Sequence[str]]
    steps: tuple[Step, ...]
    rows: npt.NDArray[np.int64]
    pairs: Dataset


def clean_pairs(
    pairs: Dataset, recipe: Recipe, progress: Progress, engine: Engine = LOCAL
) -> Cleaned:
    """Drops pairs that should not be learned from.

    Args:
        pairs: n pairs, the best source first.
        recipe: Thresholds, and the evaluation prompts to keep clear of.
        progress: Shows how far each stage is.
        engine: Where the quality filters run.

    Raises:
        RecipeError: If a file of evaluation prompts cannot be read.
        EngineError: If the filters cannot run there.
    """
    with progress("Filtering", len(pairs)) as advance:
        quality, flags = screen_quality(pairs, recipe.quality, advance, engine)
    steps = [Step(np.arange(len(pairs)), quality)]
    prompt_files = [Path(file) for file in recipe.decontaminate]
    stages: tuple[Callable[[Dataset], Verdict], ...] = (
        find_contradictions,
        find_exact_duplicates,
        lambda kept: find_near_duplicates(kept, recipe.dedup, recipe.seed),
        lambda kept: find_contamination(kept, prompt_files, recipe.dedup.contamination_ngram),
    )
    with progress("Deduplicating", len(stages) * len(pairs)) as advance:
        for find in stages:
            rows = steps[-1].kept
            verdict = find(pairs.select(rows))
            warn_of_loss(verdict, recipe.dedup.warn_share)
            steps.append(Step(rows, verdict))
            advance(len(pairs))
    rows = steps[-1].kept
    return Cleaned(flags, tuple(steps), rows, pairs.select(rows))
