"""How many pairs and prompts each value has, and the paper's counts to hold them against."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xxhash
from datasets import Dataset

from valuedata.labelling.labels import Labels
from valuedata.schema import BATCH_ROWS
from valuedata.selection.xor import SideCounts, count_sides

__all__ = ["PAPER_MIN_PAIRS", "PUBLISHED", "ValueCounts", "count_values", "number_prompts"]

PAPER_MIN_PAIRS: Final = 500
"""One-sided pairs that a value needs to be studied.

Source: arXiv 2605.07925, choice of values.
"""

PUBLISHED: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "empathy": (31_157, 35_352),
        "honesty": (14_286, 17_197),
        "creativity": (15_570, 15_209),
        "curiosity": (7_306, 8_452),
        "fairness": (6_286, 6_132),
        "privacy": (3_173, 3_252),
        "humor": (2_410, 2_801),
        "deception": (685, 1_095),
        "violence": (230, 407),
    }
)
"""Value to its pairs in the chosen reply only and in the rejected reply only, of four sources.

Source: the table of subset sizes in arXiv 2605.07925.
"""


@dataclass(frozen=True)
class ValueCounts:
    """What is counted over some pairs, for each value and behaviour.

    Attributes:
        sides: Name to the sides that it is on.
        positive_prompts: Name to the distinct prompts with at least one one-sided pair.
        n_prompts: Distinct prompts.
    """

    sides: Mapping[str, SideCounts]
    positive_prompts: Mapping[str, int]
    n_prompts: int

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Name to all that is counted of it and, where known, published, as JSON types."""
        return {
            name: {
                **found.to_json(),
                "positive_prompts": self.positive_prompts[name],
                "positive_prompt_share": round(self.positive_prompts[name] / self.n_prompts, 4),
                "reaches_500": found.one_sided >= PAPER_MIN_PAIRS,
                "published": _describe_published(name),
            }
            for name, found in self.sides.items()
        }


def count_values(labels: Labels, prompts: npt.NDArray[np.int64]) -> ValueCounts:
    """Counts the sides and the positive prompts of every name.

    Args:
        labels: Labels of n pairs, at least one.
        prompts: (n,) int64: the prompt of each pair, by number.
    """
    one_sided = labels.expressed("chosen") != labels.expressed("rejected")
    return ValueCounts(
        sides={name: count_sides(labels, name) for name in labels.names},
        positive_prompts={
            name: len(np.unique(prompts[one_sided[:, column]]))
            for column, name in enumerate(labels.names)
        },
        n_prompts=len(np.unique(prompts)),
    )


def number_prompts(pairs: Dataset) -> npt.NDArray[np.int64]:
    """(n,) int64: pairs with the same messages before the replies have the same number."""
    numbers: dict[bytes, int] = {}
    found = []
    for batch in pairs.select_columns("prompt").iter(batch_size=BATCH_ROWS):
        for prompt in batch["prompt"]:
            digest = xxhash.xxh3_128()
            for turn in prompt:
                digest.update(f"{turn['role']}\x1f{turn['content']}\x1e".encode())
            found.append(numbers.setdefault(digest.digest(), len(numbers)))
    return np.array(found, dtype=np.int64)


def _describe_published(name: str) -> dict[str, int] | None:
    if name not in PUBLISHED:
        return None
    chosen_only, rejected_only = PUBLISHED[name]
    return {
        "chosen_only": chosen_only,
        "rejected_only": rejected_only,
        "one_sided": chosen_only + rejected_only,
    }
