"""What the judges of an evaluation share: the classifier, the server, and the arms' models."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluation.judges.classifier import Labeller
from evaluation.judges.judge import CLASSIFIER, LLM, LOG_PROBABILITY, PATTERNS
from evaluation.judges.llm import Asker
from evaluation.judges.log_probability import Scorer
from evaluation.judges.markers import MarkerSheet

__all__ = ["Bench"]


@dataclass(frozen=True, eq=False)
class Bench:
    """The judges' tools.

    Attributes:
        arms: All arms.
        labeller: The classifier.
        packaged: The packaged classifier, which the refusal detector was fitted to; the same as
            `labeller` where the user gives no other.
        markers: The markers of replies.
        asker: The judge's server; None where no language model judges.
        models: Arm to the model whose log-probabilities can be read, of the arms that have one.
        allowed: Kinds of judges that take part.
        classify: Prompts of a kind that the classifier reads the replies to; None for all.
        system_prompt: What the arms were told before every prompt; empty for nothing.
    """

    arms: tuple[str, ...]
    labeller: Labeller = field(default_factory=Labeller)
    packaged: Labeller = field(default_factory=Labeller)
    markers: MarkerSheet = field(default_factory=MarkerSheet)
    asker: Asker | None = None
    models: Mapping[str, Scorer] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset({CLASSIFIER, LOG_PROBABILITY, PATTERNS, LLM})
    classify: int | None = None
    system_prompt: str = ""

    def explain_absence(self, judge: str) -> str | None:
        """Why a kind of judge takes no part; None where it does."""
        if judge not in self.allowed:
            return "not asked for with --judge"
        if judge == LLM and self.asker is None:
            return "no --llm-model is given"
        if judge == LOG_PROBABILITY:
            without = [arm for arm in self.arms if arm not in self.models]
            if without:
                return f"{without[0]} is no model on this machine"
        return None

    @property
    def server(self) -> Asker:
        """The judge's server, which is there where a language model judges."""
        if self.asker is None:
            raise ValueError("No language model judges.")
        return self.asker
