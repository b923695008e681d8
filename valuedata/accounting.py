"""Rows are conserved: a stage says how many came in, went on, and why the rest did not."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["KEPT", "StageReport", "Step", "Verdict"]

KEPT = ""  # the reason of a row that stays


@dataclass(frozen=True)
class StageReport:
    """What one stage did to its rows.

    Attributes:
        stage: Name of the stage.
        rows_in: Rows that came in.
        rows_out: Rows that went on.
        dropped: Reason to number of rows dropped for it, most frequent first.
        notes: Further counts worth publishing, such as rows flagged but kept.

    Raises:
        ValueError: If `rows_in` is not `rows_out` plus all that was dropped.
    """

    stage: str
    rows_in: int
    rows_out: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rows_in != self.rows_out + self.n_dropped:
            raise ValueError(
                f"Stage {self.stage} lost rows: {self.rows_in} in, {self.rows_out} out, "
                f"{self.n_dropped} dropped."
            )

    @property
    def n_dropped(self) -> int:
        """Number of rows dropped for any reason."""
        return sum(self.dropped.values())

    def to_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Verdict:
    """What a stage decided on each of its n rows.

    Attributes:
        stage: Name of the stage.
        reasons: (n,) object array of str; `KEPT` where the row stays, otherwise why it does not.
        duplicate_of: (n,) int64; the row of the same input that this one duplicates, -1 where
            there is none. None where the stage does not compare rows.
        notes: Further counts for the report.
    """

    stage: str
    reasons: npt.NDArray[np.object_]
    duplicate_of: npt.NDArray[np.int64] | None = None
    notes: Mapping[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> npt.NDArray[np.int64]:
        """(k,) int64: the rows that stay, ascending."""
        return np.flatnonzero(self.reasons == KEPT)

    @property
    def report(self) -> StageReport:
        """The counts of this verdict."""
        counts = Counter(reason for reason in self.reasons.tolist() if reason != KEPT)
        return StageReport(
            stage=self.stage,
            rows_in=len(self.reasons),
            rows_out=len(self.kept),
            dropped=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
            notes=self.notes,
        )


@dataclass(frozen=True)
class Step:
    """A stage that some rows of a table passed.

    Attributes:
        rows: (m,) int64 rows of the table that the verdict speaks of, in its order.
        verdict: What the stage decided on them.
    """

    rows: npt.NDArray[np.int64]
    verdict: Verdict

    @property
    def kept(self) -> npt.NDArray[np.int64]:
        """(k,) int64 rows of the table that stay."""
        return self.rows[self.verdict.kept]
