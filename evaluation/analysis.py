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
from evaluation.statistics.small_samples import count_interval, difference_interval

__all__ = [
    "Arms",
    "Finding",
    "SmallestEffect",
    "Units",
    "analyse",
    "find_agreement",
    "find_spread",
    "make_units",
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
class Units:
    """Scores as the statistics take them: a row a prompt, or a family that is set off in itself.

    Attributes:
        names: (u,) prompts or families.
        clusters: (u,) family of each as a number.
        scores: Arm to (u, k) scores of k samples.
        lengths: Arm to (u, k) words of the replies; None where nothing is to be adjusted.
    """

    names: tuple[str, ...]
    clusters: Ints
    scores: Mapping[str, Floats]
    lengths: Mapping[str, Floats] | None


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
        placebo: The tuned arm among the controls, each against the base; None without both.
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
    means = {arm: _mean(found, units.clusters) for arm, found in units.scores.items()}
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


def make_units(scored: Scored, answers: Answers) -> Units:
    """Puts scores into a row a prompt, or a family where the measure sets its prompts off."""
    slots = [answers.slots[row] for row in scored.rows]
    prompts = list(dict.fromkeys(slot.prompt.prompt_id for slot in slots))
    places = {name: place for place, name in enumerate(prompts)}
    n_samples = 1 + max((slot.sample for slot in slots), default=0)
    cells = (
        np.array([places[slot.prompt.prompt_id] for slot in slots], dtype=np.int64),
        np.array([slot.sample for slot in slots], dtype=np.int64),
    )
    scores = {
        arm: _place(found, cells, (len(prompts), n_samples)) for arm, found in scored.scores.items()
    }
    lengths = None
    if scored.reads_replies and not scored.measure.is_length:
        lengths = {
            arm: _place(
                np.array([len(replies[row].text.split()) for row in scored.rows], dtype=np.float64),
                cells,
                (len(prompts), n_samples),
            )
            for arm, replies in answers.replies.items()
        }
    first = {slot.prompt.prompt_id: slot for slot in reversed(slots)}
    families = [first[name].prompt.family for name in prompts]
    _, clusters = np.unique(families, return_inverse=True)
    if scored.measure.sign is None:
        return Units(tuple(prompts), clusters.astype(np.int64), scores, lengths)
    signs = np.array([scored.measure.sign(first[name].prompt) for name in prompts])
    names = tuple(str(name) for name in np.unique(families))
    set_off = {arm: _set_off(found, clusters, signs) for arm, found in scores.items()}
    return Units(names, np.arange(len(names)), set_off, None)


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


def _place(values: Floats, cells: tuple[Ints, Ints], shape: tuple[int, int]) -> Floats:
    table = np.full(shape, np.nan)
    table[cells] = values
    return table


def _set_off(scores: Floats, clusters: Ints, signs: Ints) -> Floats:
    """(g, k): mean over a family's prompts with sign 1 minus that over those with -1."""
    n_families = clusters.max() + 1 if len(clusters) else 0
    found = np.full((n_families, scores.shape[1]), np.nan)
    for family in range(n_families):
        rows = clusters == family
        up, down = scores[rows & (signs == 1)], scores[rows & (signs == -1)]
        if len(up) and len(down):
            found[family] = average_samples(up.T) - average_samples(down.T)
    return found


def _choose_interval(measure: Measure, spread: float) -> Callable[[Floats, Ints], Interval]:
    """The interval that fits what the scores are: counts, shares, or differences of shares."""
    if measure.unit != SHARE:
        return lambda values, clusters: count_interval(values, clusters, spread)
    reach = 1.0 if measure.sign is None else 2.0
    return lambda values, clusters: difference_interval(values, clusters, reach=reach)


def _mean(scores: Floats, clusters: Ints) -> Interval:
    found = average_samples(scores)
    judged = ~np.isnan(found)
    return mean_interval(found[judged], clusters[judged])


def _is_binary(scores: Floats) -> bool:
    return scores.shape[1] == 1 and bool(np.isin(scores, (0.0, 1.0)).all())


def _find_placebo(units: Units, arms: Arms, contrasts: Mapping[str, Comparison]) -> Placebo | None:
    if arms.base is None or not arms.controls:
        return None
    base = average_samples(units.scores[arms.base])
    effects = [average_samples(units.scores[arm]) - base for arm in arms.controls]
    means = np.array([np.nanmean(one) if not np.isnan(one).all() else np.nan for one in effects])
    return rank_among_controls(contrasts[BASE].difference.estimate, means)
