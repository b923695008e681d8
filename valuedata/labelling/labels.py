"""The carrier of labels: calibrated probabilities of both replies of n pairs, with thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from valuedata.accounting import KEPT, Verdict
from valuedata.errors import UnknownValueError, name_nearest
from valuedata.labelling.llm.tally import Tally

__all__ = ["LABELLED", "Labels", "Side"]

LABELLED = ""  # in place of a failure
Side = Literal["chosen", "rejected"]


@dataclass(frozen=True, eq=False)
class Labels:
    """Which values the replies of n pairs express; name v is expressed where p >= threshold.

    Attributes:
        names: v distinct names of values and behaviours, one a column.
        chosen: (n, v) float32 in [0, 1]: calibrated probabilities of the chosen replies.
        rejected: (n, v) float32 in [0, 1]: the same of the rejected replies.
        thresholds: (v,) float32 in [0, 1].
        failures: (n, 2) object array of str, chosen before rejected: why a reply has no label,
            and "" where it has one; its probabilities are NaN then. None where the extractor
            labels every reply.
        tally: What the whole run of a language model took that these labels are from.

    Raises:
        ValueError: If shapes or dtypes disagree, or a number is outside [0, 1].
    """

    names: tuple[str, ...]
    chosen: npt.NDArray[np.float32]
    rejected: npt.NDArray[np.float32]
    thresholds: npt.NDArray[np.float32]
    failures: npt.NDArray[np.object_] | None = None
    tally: Tally | None = None

    def __post_init__(self) -> None:
        v = len(self.names)
        if len(set(self.names)) != v:
            raise ValueError(f"Label names repeat: {self.names}.")
        if self.thresholds.shape != (v,):
            raise ValueError(f"{v} names but thresholds of shape {self.thresholds.shape}.")
        if self.chosen.shape != self.rejected.shape or self.chosen.shape[1:] != (v,):
            raise ValueError(
                f"{v} names but chosen {self.chosen.shape} and rejected {self.rejected.shape}."
            )
        if self.failures is not None and self.failures.shape != (len(self), 2):
            raise ValueError(f"{len(self)} rows but failures of shape {self.failures.shape}.")
        nowhere = np.zeros((2, len(self)), dtype=bool)
        failed = nowhere if self.failures is None else self.failures.T != LABELLED
        _check_numbers("chosen", self.chosen, failed[0])
        _check_numbers("rejected", self.rejected, failed[1])
        _check_numbers("thresholds", self.thresholds, np.zeros(v, dtype=bool))

    def __len__(self) -> int:
        return len(self.chosen)

    def expressed(self, side: Side) -> npt.NDArray[np.bool_]:
        """(n, v) bool: which names the replies of a side express."""
        probabilities = self.chosen if side == "chosen" else self.rejected
        expressed: npt.NDArray[np.bool_] = probabilities >= self.thresholds
        return expressed

    def column(self, name: str) -> int:
        """Index of a name's column.

        Raises:
            UnknownValueError: If there is no label of that name.
        """
        if name not in self.names:
            raise UnknownValueError(f"Value {name!r} is unknown; {name_nearest(name, self.names)}")
        return self.names.index(name)

    def take(self, rows: npt.NDArray[np.int64] | Sequence[int]) -> "Labels":
        """The labels of some rows, in the order given."""
        index = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            chosen=self.chosen[index],
            rejected=self.rejected[index],
            failures=None if self.failures is None else self.failures[index],
        )

    def judge(self) -> Verdict | None:
        """Keeps the pairs of which both replies have a label; None where every reply has."""
        if self.failures is None:
            return None
        first = np.where(self.failures[:, 0] != LABELLED, self.failures[:, 0], self.failures[:, 1])
        reasons = [KEPT if why == LABELLED else f"label failed: {why}" for why in first]
        return Verdict("labels", np.array(reasons, dtype=object))


def _check_numbers(
    name: str, numbers: npt.NDArray[np.float32], failed: npt.NDArray[np.bool_]
) -> None:
    if numbers.dtype != np.float32:
        raise ValueError(f"Labels must be float32, but {name} is {numbers.dtype}.")
    if not ((numbers[~failed] >= 0) & (numbers[~failed] <= 1)).all():
        raise ValueError(f"Labels must lie in [0, 1], but {name} does not.")
    if not np.isnan(numbers[failed]).all():
        raise ValueError(f"A reply without a label must be NaN, but in {name} one is not.")
