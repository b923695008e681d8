"""What a judge is, and what is known of how right it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from evaluation.prompts.records import Prompt

__all__ = [
    "CLASSIFIER",
    "EXACT",
    "JUDGES",
    "LLM",
    "LOG_PROBABILITY",
    "PATTERNS",
    "UNMEASURED",
    "ArmJudge",
    "Floats",
    "Judge",
    "PatternJudge",
    "Validity",
]

Floats = npt.NDArray[np.float64]

CLASSIFIER, PATTERNS = "classifier", "patterns"
LOG_PROBABILITY, LLM = "log-probability", "llm"

JUDGES: Final[Mapping[str, str]] = {
    CLASSIFIER: "a model that runs on this machine and reads the reply",
    LOG_PROBABILITY: "what the arm itself holds more likely; needs arms that are models here",
    PATTERNS: "words, phrases and layout of the reply",
    LLM: "a language model on a server that answers a question about the reply",
}
"""Kind of judge to what it is, in the order in which a measure prefers them."""


@dataclass(frozen=True)
class Validity:
    """How far a judge agrees with people.

    Attributes:
        agreement: The figure; None where nobody has measured it.
        low: Lower end of its 95 % interval.
        high: Upper end.
        figure: What the figure is, such as "kappa".
        people: Whose labels, of which replies.
        note: What else one must know.
    """

    agreement: float | None
    low: float | None
    high: float | None
    figure: str
    people: str
    note: str = ""

    def describe(self) -> str:
        """One sentence for a report."""
        if self.agreement is None:
            return self.note
        ends = "" if self.low is None else f" ({self.low:.2f} to {self.high:.2f})"
        more = f"; {self.note}" if self.note else ""
        return f"{self.figure} {self.agreement:.2f}{ends} against {self.people}{more}"

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self) | {"text": self.describe()}


EXACT: Final = Validity(None, None, None, "", "", "exact by definition")
UNMEASURED: Final = Validity(
    None, None, None, "", "", "not measured against people; `valuedata calibrate` does that"
)


class Judge(Protocol):
    """Whoever gives a reply a score without knowing whose it is."""

    @property
    def validity(self) -> Validity:
        """How far it agrees with people."""
        ...

    @property
    def threshold(self) -> float:
        """The score from which on it says yes, where its agreement with another is counted."""
        ...

    def score(
        self, prompts: Sequence[Prompt], replies: Sequence[str], advance: Callable[[int], None]
    ) -> Floats:
        """Scores replies.

        Args:
            prompts: n prompts.
            replies: n replies to them.
            advance: Called with the number of replies done since the last call.

        Returns:
            (n,) float64; NaN where a reply could not be judged.

        Raises:
            ValuedataError: If the judge cannot go on; there are no scores then.
        """
        ...


class ArmJudge(Protocol):
    """Whoever asks the arm itself, and so gives a score a prompt and not a reply."""

    @property
    def validity(self) -> Validity:
        """How far it agrees with people."""
        ...

    @property
    def threshold(self) -> float:
        """The score from which on it says yes."""
        ...

    def score_arm(self, arm: str, prompts: Sequence[Prompt]) -> Floats:
        """Scores an arm on prompts.

        Returns:
            (n,) float64; NaN where a prompt could not be judged.
        """
        ...


@dataclass(frozen=True)
class PatternJudge:
    """A function of prompt and reply.

    Attributes:
        measure: Gives the score; NaN where the reply cannot be judged.
        validity: How far it agrees with people.
        threshold: The score from which on it says yes.
    """

    measure: Callable[[Prompt, str], float]
    validity: Validity
    threshold: float = 0.5

    def score(
        self, prompts: Sequence[Prompt], replies: Sequence[str], advance: Callable[[int], None]
    ) -> Floats:
        """Scores replies one by one."""
        found = [
            self.measure(prompt, reply) for prompt, reply in zip(prompts, replies, strict=True)
        ]
        advance(len(found))
        return np.array(found, dtype=np.float64)
