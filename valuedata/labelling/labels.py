"""The carrier of labels: calibrated probabilities of both replies of n pairs, with thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from valuedata.errors import UnknownValueError, name_nearest

__all__ = ["Labels", "Side"]

Side = Literal["chosen", "rejected"]


@dataclass(frozen=True, eq=False)
class Labels:
    """Which values the replies of n pairs express; name v is expressed where p >= threshold.

    Attributes:
        names: v distinct names of values and behaviours, one a column.
        chosen: (n, v) float32 in [0, 1]: calibrated probabilities of the chosen replies.
        rejected: (n, v) float32 in [0, 1]: the same of the rejected replies.
        thresholds: (v,) float32 in [0, 1].

    Raises:
        ValueError: If shapes or dtypes disagree, or a number is outside [0, 1].
    """

    names: tuple[str, ...]
    chosen: npt.NDArray[np.float32]
    rejected: npt.NDArray[np.float32]
    thresholds: npt.NDArray[np.float32]

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
        for side in ("chosen", "rejected", "thresholds"):
            numbers = getattr(self, side)
            if numbers.dtype != np.float32:
                raise ValueError(f"Labels must be float32, but {side} is {numbers.dtype}.")
            if not ((numbers >= 0) & (numbers <= 1)).all():
                raise ValueError(f"Labels must lie in [0, 1], but {side} does not.")

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
        return Labels(self.names, self.chosen[index], self.rejected[index], self.thresholds)
