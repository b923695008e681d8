"""What a report shows, apart from how it is laid out and from the files that it was read from."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.equivalence import Verdict

__all__ = [
    "ArmView",
    "Change",
    "ControlEffect",
    "JudgeNote",
    "Matrix",
    "MatrixCell",
    "MeasureView",
    "Range",
    "ReportView",
    "ScoreChange",
    "join_verdicts",
]


@dataclass(frozen=True)
class Range:
    """A number with its interval; None where undefined."""

    estimate: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ControlEffect:
    """What a control arm differs from the base by; None where undefined."""

    arm: str
    effect: float | None


@dataclass(frozen=True)
class MeasureView:
    """One measure by one judge: the tuned arm against its base.

    Attributes:
        key: Names it in filters; unique.
        title: What people call it.
        dimension: The side effect that it belongs to.
        is_share: Whether it lies from 0 to 1, and is shown in percent.
        is_primary: Whether its verdict was corrected together with the others.
        verdict: None where none was given.
        base: Mean of the base.
        tuned: Mean of the tuned arm.
        difference: Tuned minus base.
        at_equal_length: The difference left at equal length; None where not asked.
        smallest_effect: The least difference that would matter; None where none was stated.
        p_adjusted: Of the verdict; None where there is none.
        controls: What each control arm differs from the base by.
        placebo: Where the tuned arm lies among the control arms, in one sentence.
        judge: Who scored it.
        n_prompts: Prompts that both arms have a score for.
        n_families: Their families.
        n_left_out: Prompts without a score from one of the arms.
    """

    key: str
    title: str
    dimension: str
    is_share: bool
    is_primary: bool
    verdict: Verdict | None
    base: float | None
    tuned: float | None
    difference: Range
    at_equal_length: Range | None
    smallest_effect: float | None
    p_adjusted: float | None
    controls: tuple[ControlEffect, ...]
    placebo: str
    judge: str
    n_prompts: int
    n_families: int
    n_left_out: int


@dataclass(frozen=True)
class ArmView:
    """An arm, and how many of its replies went wrong as texts; counts are None where unknown."""

    name: str
    role: str
    model: str
    n_replies: int
    n_truncated: int
    n_empty: int
    n_degenerate: int
    mean_tokens: float | None


@dataclass(frozen=True)
class JudgeNote:
    """How far a judge of a measure can be trusted.

    Attributes:
        judge: The judge.
        measure: What it judged.
        validity: Its agreement with people, or that nobody has measured it.
        agreement: Its agreement with the other judges of the measure; empty where there is none.
        n_unjudged: Replies that it could not judge.
    """

    judge: str
    measure: str
    validity: str
    agreement: str
    n_unjudged: int


@dataclass(frozen=True)
class ScoreChange:
    """By how much a measure differs between two replies to one prompt."""

    key: str
    title: str
    is_share: bool
    base: float
    score: float

    @property
    def gap(self) -> float:
        """The reply's score minus that of the base's reply."""
        return self.score - self.base


@dataclass(frozen=True)
class Change:
    """A reply that differs much from the base's reply to the same prompt.

    Attributes:
        arm: Whose reply it is.
        kind: Kind of the prompt.
        prompt_id: The prompt.
        sample: Number of the reply, from 0.
        messages: The prompt's turns: role and text.
        base_reply: What the base said.
        reply: What the arm said.
        scores: The measures on which it is among those that changed most.
    """

    arm: str
    kind: str
    prompt_id: str
    sample: int
    messages: tuple[tuple[str, str], ...]
    base_reply: str
    reply: str
    scores: tuple[ScoreChange, ...]


@dataclass(frozen=True)
class MatrixCell:
    """A cell; its number is None where undefined."""

    number: float | None
    text: str
    explanation: str
    is_found: bool = False
    is_target: bool = False


@dataclass(frozen=True)
class Matrix:
    """Numbers of rows by columns.

    Attributes:
        title: What it shows.
        caption: How to read it.
        rows: Names downwards.
        columns: Names across.
        cells: One tuple a row.
        colours_end: The number, up or down, at which the colours end.
    """

    title: str
    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[MatrixCell, ...], ...]
    colours_end: float


@dataclass(frozen=True)
class ReportView:
    """Everything that a report shows.

    Attributes:
        title: What was evaluated.
        arms: The base first, then the tuned arm, then the controls.
        measures: In the order in which they are shown.
        changes: The replies that changed most, the largest changes first.
        judges: One note a judge and measure.
        matrices: Crosstalk; empty where there is none.
        notes: What a reader must know before the verdicts.
        hashes: What was evaluated: name and digest.
        settings: How: name and setting.
        command: What makes the same again, or empty.
    """

    title: str
    arms: tuple[ArmView, ...]
    measures: tuple[MeasureView, ...]
    changes: tuple[Change, ...] = ()
    judges: tuple[JudgeNote, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    notes: tuple[str, ...] = ()
    hashes: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    command: str = ""

    @property
    def dimensions(self) -> dict[str, list[MeasureView]]:
        """Dimension to its measures, both in the order of the measures."""
        found: dict[str, list[MeasureView]] = {}
        for measure in self.measures:
            found.setdefault(measure.dimension, []).append(measure)
        return found


def join_verdicts(measures: Sequence[MeasureView]) -> Verdict | None:
    """The verdict on a dimension.

    Args:
        measures: Those of one dimension; the primary ones decide.

    Returns:
        Changed where any has changed, equivalent where all are, None where there is no verdict.
    """
    verdicts = {measure.verdict for measure in measures if measure.is_primary} - {None}
    if not verdicts:
        return None
    if Verdict.CHANGED in verdicts:
        return Verdict.CHANGED
    return Verdict.EQUIVALENT if verdicts == {Verdict.EQUIVALENT} else Verdict.INCONCLUSIVE
