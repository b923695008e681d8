"""Answers written into rows, one place a reply, and what they took."""

import logging
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from valuedata.labelling.labels import LABELLED
from valuedata.labelling.llm.answers import Answer, InvalidAnswerError, read_answer
from valuedata.labelling.llm.open_ended import load_synonyms, map_word, normalise_word
from valuedata.labelling.llm.rubric import Rubric
from valuedata.labelling.llm.tally import Tally, compute_price
from valuedata.settings import LlmSettings

__all__ = ["Sheet", "log_tally", "make_sheet"]

logger = logging.getLogger(__name__)

N_SHOWN = 10


@dataclass
class Sheet:
    """What is known of n pairs, filled in round by round.

    Attributes:
        rubric: What is asked.
        sides: (2, n, v) float32, NaN where nothing is known.
        failures: (n, 2) object: reasons.
        tokens: Digest of each distinct reply to its tokens.
        unmapped: Free word to number of replies with it.
        n_asked: Calls of this run.
    """

    rubric: Rubric
    sides: npt.NDArray[np.float32]
    failures: npt.NDArray[np.object_]
    tokens: dict[bytes, tuple[int | None, int | None]] = field(default_factory=dict)
    unmapped: Counter[str] = field(default_factory=Counter)
    n_asked: int = 0

    def write(self, row: int, side: int, answer: Answer) -> None:
        """Fills in one reply; side 0 is the chosen one."""
        try:
            names = self._name(answer)
        except InvalidAnswerError as error:
            self.failures[row, side] = str(error)
            return
        self.sides[side, row] = 0.0
        self.sides[side, row, [self.rubric.names.index(name) for name in names]] = 1.0

    def count(self, settings: LlmSettings) -> Tally:
        """Adds up what the run took."""
        reasons = Counter(why for why in self.failures.ravel().tolist() if why != LABELLED)
        tokens = (
            sum(tokens_in or 0 for tokens_in, _ in self.tokens.values()),
            sum(tokens_out or 0 for _, tokens_out in self.tokens.values()),
        )
        in_open_mode = self.rubric.mode == "open"
        return Tally(
            n_replies=self.failures.size,
            n_distinct=len(self.tokens),
            n_asked=self.n_asked,
            failures=_sort(reasons),
            tokens_in=tokens[0],
            tokens_out=tokens[1],
            n_uncounted=sum(None in pair for pair in self.tokens.values()),
            price=compute_price(tokens, (settings.price_in, settings.price_out)),
            unmapped=_sort(self.unmapped) if in_open_mode else None,
        )

    def _name(self, answer: Answer) -> list[str]:
        if answer.content is None:
            raise InvalidAnswerError(answer.failure)
        words = read_answer(answer.content, self.rubric)
        if self.rubric.mode == "closed":
            return list(words)
        table = load_synonyms(self.rubric.names)
        names = {word: map_word(word, table) for word in words}
        self.unmapped.update({normalise_word(word) for word in words if names[word] is None})
        return [name for name in names.values() if name is not None]


def make_sheet(n_pairs: int, rubric: Rubric) -> Sheet:
    """An empty sheet for n pairs."""
    sides = np.full((2, n_pairs, len(rubric.names)), np.nan, dtype=np.float32)
    return Sheet(rubric, sides, np.full((n_pairs, 2), LABELLED, dtype=object))


def _sort(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def log_tally(tally: Tally) -> None:
    """Says what a run took; replies without a label are worth a warning."""
    price = "" if tally.price is None else f", price {tally.price:,.4f}"
    uncounted = f" ({tally.n_uncounted:,} replies not counted)" if tally.n_uncounted else ""
    logger.info(
        "Asked about %s of %s distinct replies, %s came from the cache; with these, %s tokens in "
        "and %s out%s%s.",
        f"{tally.n_asked:,}",
        f"{tally.n_distinct:,}",
        f"{tally.n_distinct - tally.n_asked:,}",
        f"{tally.tokens_in:,}",
        f"{tally.tokens_out:,}",
        uncounted,
        price,
    )
    if tally.unmapped:
        shown = list(tally.unmapped.items())[:N_SHOWN]
        logger.info(
            "%s words mean no known value; the most frequent: %s.",
            f"{len(tally.unmapped):,}",
            ", ".join(f"{word} {n:,}" for word, n in shown),
        )
    if tally.failures:
        logger.warning(
            "%s of %s replies have no label (%s); --llm-retry-failed asks about them again.",
            f"{tally.n_failed:,}",
            f"{tally.n_replies:,}",
            ", ".join(f"{why} {n:,}" for why, n in tally.failures.items()),
        )
