"""Whether splits share prompts, counted from the result."""

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from valuedata.cleaning.prompts import group_near_prompts
from valuedata.recipe import Recipe
from valuedata.selection.distinct import read_user_turns
from valuedata.selection.splits import count_crossing

__all__ = ["count_leaks"]


def count_leaks(pairs: Dataset, recipe: Recipe, split: npt.NDArray[np.object_]) -> dict[str, int]:
    """Counts prompts and groups of near prompts in more than one split.

    The groups are formed anew, of the released pairs alone and from another seed.

    Args:
        pairs: n labelled pairs.
        recipe: The threshold of near prompts, and the seed.
        split: (n,) object: name of the split of each pair in any subset, None elsewhere.
    """
    released = np.flatnonzero(split != None)  # noqa: E711 - elementwise
    rows = pairs.select(released)
    prompts = read_user_turns(rows)
    groups = group_near_prompts(rows, recipe.splits.near_prompt_jaccard, recipe.seed + 1)
    return {
        "n_prompt_groups": len(np.unique(groups)),
        "n_crossing_prompts": count_crossing(prompts, split[released]),
        "n_crossing_groups": count_crossing(groups.tolist(), split[released]),
    }
