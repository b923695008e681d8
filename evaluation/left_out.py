"""Replies that no judge could score: how many, whether enough are left, whether arms differ."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from evaluation.analysis import Finding
from evaluation.statistics.differences import average_samples

__all__ = [
    "LEAST_JUDGED",
    "WARNED_GAP",
    "explain_remnant",
    "find_left_out",
    "list_warnings",
]

LEAST_JUDGED: Final = 0.5
"""Share of a measure's prompts under which what is left says little of the rest."""
WARNED_GAP: Final = 0.1
"""Difference between the arms' left-out shares that could make up a difference that matters."""


def find_left_out(found: Finding) -> dict[str, float]:
    """Arm to the share of its prompts, or families, that have no score; NaN without any."""
    return {
        arm: float(np.isnan(average_samples(scores)).mean()) if len(scores) else np.nan
        for arm, scores in found.units.scores.items()
    }


def explain_remnant(found: Finding, contrast: str, least: float) -> str:
    """Why a contrast rests on too little; empty where it does not.

    Args:
        found: The finding.
        contrast: What the tuned arm is compared with.
        least: Share of the prompts that all arms compared must have a score for.
    """
    comparison = found.contrasts[contrast]
    n = comparison.difference.n
    total = n + comparison.n_left_out
    if n >= least * total:
        return ""
    what = "prompts" if found.scored.measure.sign is None else "families"
    return (
        f"only {n:,} of {total:,} {what} have a score from every arm compared, under the "
        f"{100 * least:g} % that a verdict takes"
    )


def list_warnings(findings: Sequence[Finding], contrast: str, least: float) -> list[str]:
    """What a reader must know of left-out replies, a sentence each.

    Args:
        findings: One a measure.
        contrast: What the verdicts compare the tuned arm with.
        least: As of `explain_remnant`.
    """
    warnings = []
    for found in findings:
        name = f"{found.scored.measure.name} ({found.scored.judge})"
        reason = explain_remnant(found, contrast, least)
        if reason:
            warnings.append(f"{name} is inconclusive: {reason}.")
        shares = find_left_out(found)
        most, fewest = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
        if shares[most] - shares[fewest] >= WARNED_GAP:
            warnings.append(
                f"{name} leaves out {_percent(shares[most])} of {most} and "
                f"{_percent(shares[fewest])} of {fewest}, so what is left of them may differ for "
                "that alone."
            )
    return warnings


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
