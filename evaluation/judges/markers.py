"""The markers of replies as judges: counts that are read off the text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from evaluation.judges.judge import EXACT, Floats, Validity
from evaluation.prompts.records import Prompt
from valuedata.labelling.markers import FORM_ONLY, MARKERS, measure_markers

__all__ = ["MarkerJudge", "MarkerSheet"]


@dataclass(eq=False)
class MarkerSheet:
    """All markers of each distinct reply, measured once for all judges."""

    _found: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)

    def measure(self, replies: Sequence[str], name: str) -> Floats:
        """(n,) the marker of each reply."""
        fresh = [reply for reply in dict.fromkeys(replies) if reply not in self._found]
        self._found.update(zip(fresh, measure_markers(fresh), strict=True))
        column = list(MARKERS).index(name)
        return np.array([self._found[reply][column] for reply in replies], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class MarkerJudge:
    """One marker.

    Attributes:
        sheet: The measured replies.
        name: The marker.
        is_presence: Whether a score is 1 where the marker is there at all, and 0 where not.
    """

    sheet: MarkerSheet
    name: str
    is_presence: bool = False

    @property
    def validity(self) -> Validity:
        """The marker's own note on how far it agrees with labels."""
        note = MARKERS[self.name].validity
        return EXACT if note == FORM_ONLY else Validity(None, None, None, "", "", note)

    @property
    def threshold(self) -> float:
        """Presence."""
        return 0.5

    def score(
        self,
        prompts: Sequence[Prompt],  # noqa: ARG002
        replies: Sequence[str],
        advance: Callable[[int], None],
    ) -> Floats:
        """Scores replies."""
        found = self.sheet.measure(replies, self.name)
        advance(len(replies))
        return (found > 0).astype(np.float64) if self.is_presence else found
