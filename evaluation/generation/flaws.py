"""Replies that went wrong as texts: cut off, empty or going round in circles.

They are counted for each arm and never left out: an arm that babbles more has changed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from evaluation.replies import Reply

__all__ = ["Flaws", "count_flaws", "measure_repetition"]

N: Final = 4
MIN_GRAMS: Final = 16
"""4-grams from which on a reply is long enough to go round in circles."""
MAX_REPETITION: Final = 0.5
"""Share of repeated 4-grams from which on a reply is degenerate.

Of the 1,350 completions that three models gave to XSTest, none is above 0.24.
"""


@dataclass(frozen=True)
class Flaws:
    """How many replies of an arm went wrong as texts; one may count in several.

    Attributes:
        n_replies: All replies.
        n_truncated: Ended by the limit of their length.
        n_empty: Without a character besides white space.
        n_degenerate: More than half of whose 4-grams of words repeat an earlier one.
        mean_tokens: Mean length; None where an arm's tokens were not counted.
    """

    n_replies: int
    n_truncated: int
    n_empty: int
    n_degenerate: int
    mean_tokens: float | None

    def to_json(self) -> dict[str, int | float | None]:
        """As JSON types."""
        return asdict(self)


def count_flaws(replies: Sequence[Reply]) -> Flaws:
    """Counts what went wrong with the replies of one arm."""
    tokens = [reply.n_tokens for reply in replies]
    counted = [n for n in tokens if n is not None]
    return Flaws(
        n_replies=len(replies),
        n_truncated=sum(reply.finish == "length" for reply in replies),
        n_empty=sum(not reply.text.strip() for reply in replies),
        n_degenerate=int(np.sum(measure_repetition([r.text for r in replies]) >= MAX_REPETITION)),
        mean_tokens=float(np.mean(counted)) if counted and len(counted) == len(tokens) else None,
    )


def measure_repetition(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """(n,) shares of each text's 4-grams of words that repeat an earlier one; 0 in short texts.

    Source: seq-rep-4 of Welleck et al. 2019, "Neural Text Generation with Unlikelihood Training",
    arXiv 1908.04319, section 6, on words in place of tokens.
    """
    return np.array([_repeat(text.split()) for text in texts], dtype=np.float64)


def _repeat(words: list[str]) -> float:
    grams = list(zip(*(words[start:] for start in range(N)), strict=False))
    return 1 - len(set(grams)) / len(grams) if len(grams) >= MIN_GRAMS else 0.0
