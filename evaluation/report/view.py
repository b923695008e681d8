"""What a report shows, apart from how it is laid out and from the files that it was read from."""

from dataclasses import dataclass

from evaluation.statistics.equivalence import Verdict

__all__ = [
    "ArmView",
    "Change",
    "ControlEffect",
    "Dimension",
    "JudgeNote",
    "Matrix",
    "MatrixCell",
    "MeasureView",
    "Range",
    "ReportView",
    "ScoreChange",
]


@dataclass(frozen=True)
class Range:
    """A number with its interval; None where undefined."""

    estimate: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ControlEffect:
    """What a control arm differs from what the tuned arm is compared with by."""

    arm: str
    effect: float | None


@dataclass(frozen=True)
class MeasureView:
    """One measure by one judge: the tuned arm against the base or the mean of the controls.

    Attributes:
        key: Names it in filters; unique.
        title: What people call it.
        meaning: What its mean says.
        dimension: The side effect that it belongs to.
        is_share: Whether it lies from 0 to 1, and is shown in percent.
        is_primary: Whether it decides the verdict of its dimension.
        verdict: None where none was given.
        reason: Why it is inconclusive whatever its p-value; may be empty.
        other: Mean of what the tuned arm is compared with.
        tuned: Mean of the tuned arm.
        difference: Tuned minus other.
        from_base: Tuned minus base; None where that is the difference, or there is no base.
        at_equal_length: The difference left at equal length; None where not asked.
        smallest_effect: The least difference that would matter; None where none was stated.
        p_adjusted: Of the verdict; None where there is none.
        controls: What each control arm differs from the same by.
        placebo: Where the tuned arm lies among the control arms, in one sentence; may be empty.
        judge: Who scored it.
        n_prompts: Prompts that both arms have a score for.
        n_families: Their families.
        n_left_out: Prompts without a score from one of the arms.
    """

    key: str
    title: str
    meaning: str
    dimension: str
    is_share: bool
    is_primary: bool
    verdict: Verdict | None
    reason: str
    other: float | None
    tuned: float | None
    difference: Range
    from_base: Range | None
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
        n_half_judged: Families that are left out because only a part of them was judged.
    """

    judge: str
    measure: str
    validity: str
    agreement: str
    n_unjudged: int
    n_half_judged: int = 0


@dataclass(frozen=True)
class ScoreChange:
    """By how much a measure differs between two replies to one prompt."""

    key: str
    title: str
    is_share: bool
    other: float
    score: float


@dataclass(frozen=True)
class Change:
    """A reply that differs much from another arm's reply to the same prompt.

    Attributes:
        arm: Whose reply it is.
        other_arm: Whose reply it stands beside.
        kind: Kind of the prompt.
        prompt_id: The prompt.
        sample: Number of the reply, from 0.
        messages: The prompt's turns: role and text.
        other_reply: What that arm said.
        reply: What the arm said.
        scores: The measures on which it is among those that changed most.
    """

    arm: str
    other_arm: str
    kind: str
    prompt_id: str
    sample: int
    messages: tuple[tuple[str, str], ...]
    other_reply: str
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
class Dimension:
    """A side effect with its verdict.

    Attributes:
        name: Its name.
        verdict: The verdict.
        decisive: The measures that it rests on.
        n_measures: All measures that it has.
        changed: Titles of the others that changed.
    """

    name: str
    verdict: Verdict
    decisive: tuple[MeasureView, ...]
    n_measures: int
    changed: tuple[str, ...]


@dataclass(frozen=True)
class ReportView:
    """Everything that a report shows.

    Attributes:
        title: What was evaluated.
        against: What the verdicts compare the tuned arm with.
        arms: The base first, then the tuned arm, then the controls.
        dimensions: The verdicts that the report opens with.
        measures: In the order in which they are shown.
        changes: The replies that changed most, the largest changes first.
        judges: One note a judge and measure.
        matrices: Crosstalk; empty where there is none.
        notes: What a reader must know beside the verdicts.
        hashes: What was evaluated: name and digest.
        settings: How: name and setting.
        command: What makes the same again, or empty.
    """

    title: str
    against: str
    arms: tuple[ArmView, ...]
    dimensions: tuple[Dimension, ...]
    measures: tuple[MeasureView, ...]
    changes: tuple[Change, ...] = ()
    judges: tuple[JudgeNote, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    notes: tuple[str, ...] = ()
    hashes: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    command: str = ""
