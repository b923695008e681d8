"""Scores to findings: what each measure says of the tuned arm, beside the base and the controls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evaluation.judges.judge import Floats
from evaluation.scoring import Answers, Scored
from evaluation.side_effects.measure import SHARE, Measure
from evaluation.statistics.comparison import Comparison, compare
from evaluation.statistics.differences import (
    Interval,
    McNemar,
    average_samples,
    mcnemar_exact,
    mean_interval,
)
from evaluation.statistics.placebo import Placebo, rank_among_controls
from evaluation.statistics.small_samples import count_interval, difference_interval, score_interval
from evaluation.units import Units, make_units

__all__ = [
    "Arms",
    "Finding",
    "SmallestEffect",
    "analyse",
    "find_agreement",
    "find_spread",
]

BASE, CONTROLS = "base", "controls"
Ints = npt.NDArray[np.int64]
MIN_SPREAD: Final = 1e-12


@dataclass(frozen=True)
class Arms:
    """Which arm is what.

    Attributes:
        base: The model before training; None where it takes no part.
        tuned: The model that was trained on the target.
        controls: Models that were trained on something else.
    """

    base: str | None
    tuned: str
    controls: tuple[str, ...] = ()

    @property
    def contrasts(self) -> tuple[str, ...]:
        """What the tuned arm is compared with; the last gives the verdict."""
        return ((BASE,) if self.base else ()) + ((CONTROLS,) if self.controls else ())


@dataclass(frozen=True)
class SmallestEffect:
    """The least difference that would matter, stated before looking.

    Attributes:
        share: Of shares, as a share.
        spreads: Of all else, in standard deviations between prompts.
    """

    share: float
    spreads: float

    def of(self, measure: Measure, spread: float) -> float:
        """In the unit of a measure; NaN where the prompts do not differ.

        Args:
            measure: The measure.
            spread: Of its scores between prompts, by `find_spread`.
        """
        return self.share if measure.unit == SHARE else self.spreads * spread


@dataclass(frozen=True, eq=False)
class Finding:
    """What one judge's scores of one measure say.

    Attributes:
        scored: The scores.
        units: The same as the statistics take them.
        means: Arm to its mean.
        smallest_effect: The least difference that would matter, whatever is compared.
        contrasts: "base" or "controls" to the tuned arm's difference from it.
        mcnemar: Contrast to the exact test, where each prompt has one yes or no from each arm.
        placebo: The tuned arm among the controls, each against the base or, without one, the
            controls' mean; None without controls, or where an arm has no score.
    """

    scored: Scored
    units: Units
    means: Mapping[str, Interval]
    smallest_effect: float
    contrasts: Mapping[str, Comparison]
    mcnemar: Mapping[str, McNemar]
    placebo: Placebo | None


def analyse(scored: Scored, answers: Answers, arms: Arms, smallest: SmallestEffect) -> Finding:
    """Compares the arms on one measure.

    Args:
        scored: Its scores by one judge.
        answers: The replies, for their lengths.
        arms: Which arm is what.
        smallest: The least difference that would matter.
    """
    units = make_units(scored, answers)
    spread = find_spread([found for arm, found in units.scores.items() if arm != arms.tuned])
    effect = smallest.of(scored.measure, spread)
    contrasts, tests = {}, {}
    for name in arms.contrasts:
        others = [arms.base] if name == BASE else list(arms.controls)
        other = _join([units.scores[arm] for arm in others if arm])
        lengths = None
        if units.lengths is not None:
            beside = np.hstack([units.lengths[arm] for arm in others if arm])
            lengths = (units.lengths[arms.tuned], beside)
        tuned = units.scores[arms.tuned]
        contrasts[name] = compare(
            tuned,
            other,
            units.clusters,
            effect,
            lengths=lengths,
            find_interval=_choose_interval(scored.measure, spread),
        )
        if _is_binary(tuned) and _is_binary(other):
            tests[name] = mcnemar_exact(tuned[:, 0] == 1, other[:, 0] == 1)
    is_share = scored.measure.unit == SHARE and scored.measure.sign is None
    measure = score_interval if is_share else mean_interval
    means = {arm: _mean(found, units.clusters, measure) for arm, found in units.scores.items()}
    return Finding(
        scored, units, means, effect, contrasts, tests, _find_placebo(units, arms, contrasts)
    )


def find_spread(scores: Sequence[Floats]) -> float:
    """Root mean square over arms of the standard deviation between an arm's prompts.

    The mean of several arms varies less than each of them, so that their number would decide what
    matters if the deviation were that of the mean.

    Args:
        scores: (n, k) scores of k samples of each arm.

    Returns:
        NaN where the prompts differ in no arm.

    Source: the pooled standard deviation of groups of one size, Cohen 1988, "Statistical Power
    Analysis for the Behavioral Sciences", section 2.2.
    """
    variances = []
    for one in scores:
        found = average_samples(one)
        found = found[~np.isnan(found)]
        if len(found) > 1:
            variances.append(float(found.var(ddof=1)))
    spread = float(np.sqrt(np.mean(variances))) if variances else 0.0
    return spread if spread > MIN_SPREAD else np.nan


def find_agreement(first: Finding, second: Finding) -> dict[str, Any] | None:
    """How far two judges of one measure agree on the same replies.

    Returns:
        Cohen's kappa of their yes or no, Pearson's correlation of their scores and the number of
        replies that both judged; None where they judged different things.

    Source: Cohen 1960, "A Coefficient of Agreement for Nominal Scales".
    """
    if not (first.scored.reads_replies and second.scored.reads_replies):
        return None
    _, mine, theirs = np.intersect1d(
        first.scored.rows, second.scored.rows, assume_unique=True, return_indices=True
    )
    one = np.concatenate([scores[mine] for scores in first.scored.scores.values()])
    other = np.concatenate([scores[theirs] for scores in second.scored.scores.values()])
    both = ~np.isnan(one + other)
    one, other = one[both], other[both]
    if not len(one):
        return {"kappa": None, "correlation": None, "n": 0}
    yes, also = one >= first.scored.threshold, other >= second.scored.threshold
    chance = yes.mean() * also.mean() + (1 - yes.mean()) * (1 - also.mean())
    kappa = float((np.mean(yes == also) - chance) / (1 - chance)) if chance < 1 else None
    varies = one.std() > MIN_SPREAD and other.std() > MIN_SPREAD
    correlation = float(np.corrcoef(one, other)[0, 1]) if varies else None
    return {"kappa": kappa, "correlation": correlation, "n": len(one)}


def _join(scores: Sequence[Floats]) -> Floats:
    """The samples of several arms side by side, where each of the arms has one."""
    joined = np.hstack(scores)
    joined[np.any([np.isnan(one).all(axis=1) for one in scores], axis=0)] = np.nan
    return joined


def _choose_interval(measure: Measure, spread: float) -> Callable[[Floats, Ints], Interval]:
    """The interval that fits what the scores are: counts, shares, or differences of shares."""
    if measure.unit != SHARE:
        return lambda values, clusters: count_interval(values, clusters, spread)
    reach = 1.0 if measure.sign is None else 2.0
    return lambda values, clusters: difference_interval(values, clusters, reach=reach)


def _mean(scores: Floats, clusters: Ints, measure: Callable[[Floats, Ints], Interval]) -> Interval:
    found = average_samples(scores)
    judged = ~np.isnan(found)
    return measure(found[judged], clusters[judged])


def _is_binary(scores: Floats) -> bool:
    return scores.shape[1] == 1 and bool(np.isin(scores, (0.0, 1.0)).all())


def _find_placebo(units: Units, arms: Arms, contrasts: Mapping[str, Comparison]) -> Placebo | None:
    """The tuned arm among the controls, against the base, or without one against their mean.

    A rank and z are the same whatever all arms are compared with.
    """
    if not arms.controls:
        return None
    controls = [average_samples(units.scores[arm]) for arm in arms.controls]
    if arms.base is not None:
        origin = average_samples(units.scores[arms.base])
    else:
        origin = np.mean(controls, axis=0)
    effects = [one - origin for one in controls]
    means = np.array([np.nanmean(one) if not np.isnan(one).all() else np.nan for one in effects])
    against = contrasts[BASE if arms.base is not None else CONTROLS]
    return rank_among_controls(against.difference.estimate, means)
