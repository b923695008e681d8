"""Findings to verdicts: one a measure, one a dimension, each with the evidence that it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from evaluation.analysis import CONTROLS, Finding
from evaluation.left_out import explain_remnant
from evaluation.statistics.comparison import Decision, decide_all
from evaluation.statistics.equivalence import ALPHA, Verdict, decide
from evaluation.statistics.multiplicity import benjamini_hochberg
from evaluation.statistics.placebo import MIN_CONTROLS

__all__ = ["BENJAMINI_HOCHBERG", "HOLM", "Ruling", "rule", "rule_dimension"]

HOLM: Final = "Holm over the primary measures"
BENJAMINI_HOCHBERG: Final = "Benjamini-Hochberg over the other measures"


@dataclass(frozen=True)
class Ruling:
    """What is said of one measure against one other arm.

    Attributes:
        verdict: Changed, equivalent or inconclusive.
        p_adjusted: The p-value that it rests on.
        adjustment: How that was adjusted for the other measures.
        reason: Why it is inconclusive whatever the p-value; empty where it is not for that.
    """

    verdict: Verdict
    p_adjusted: float
    adjustment: str
    reason: str = ""


def rule(findings: Sequence[Finding], contrast: str, least_judged: float) -> dict[str, Ruling]:
    """Gives each measure its verdict.

    Args:
        findings: One a measure.
        contrast: What the tuned arm is compared with.
        least_judged: Share of a measure's prompts that all arms compared must have a score for.
    """
    primary = {
        found.scored.measure.name: found.contrasts[contrast]
        for found in findings
        if found.scored.measure.is_primary
    }
    decided: Mapping[str, Decision] = decide_all(primary)
    rulings = {name: Ruling(one.verdict, one.p_adjusted, HOLM) for name, one in decided.items()}
    others = [found for found in findings if not found.scored.measure.is_primary]
    q = benjamini_hochberg(np.array([found.contrasts[contrast].p for found in others]))
    for found, adjusted in zip(others, q.tolist(), strict=True):
        verdict = decide(adjusted, found.contrasts[contrast].equivalence, ALPHA)
        rulings[found.scored.measure.name] = Ruling(verdict, adjusted, BENJAMINI_HOCHBERG)
    return {
        found.scored.measure.name: _heed_left_out(
            _heed_controls(rulings[found.scored.measure.name], found, contrast),
            explain_remnant(found, contrast, least_judged),
        )
        for found in findings
    }


def _heed_controls(ruling: Ruling, found: Finding, contrast: str) -> Ruling:
    """Takes back a change from the controls that some control shows too: it may be their seeds'.

    The intervals hold the prompts, not what training with another seed would change.
    """
    placebo = found.placebo
    if contrast != CONTROLS or ruling.verdict is not Verdict.CHANGED or placebo is None:
        return ruling
    if placebo.n_controls < MIN_CONTROLS or placebo.rank == 1:
        return ruling
    n = placebo.rank - 1
    reason = f"{n} control arm{'s lie' if n > 1 else ' lies'} as far from the others' mean"
    return replace(ruling, verdict=Verdict.INCONCLUSIVE, reason=reason)


def _heed_left_out(ruling: Ruling, reason: str) -> Ruling:
    """Takes back a verdict that rests on too few of the replies."""
    if not reason:
        return ruling
    return replace(ruling, verdict=Verdict.INCONCLUSIVE, reason=reason)


def rule_dimension(rulings: Sequence[Ruling]) -> Verdict:
    """The verdict of a dimension: changed where a measure is, equivalent only where all are."""
    verdicts = [ruling.verdict for ruling in rulings]
    if Verdict.CHANGED in verdicts:
        return Verdict.CHANGED
    if all(verdict == Verdict.EQUIVALENT for verdict in verdicts):
        return Verdict.EQUIVALENT
    return Verdict.INCONCLUSIVE
