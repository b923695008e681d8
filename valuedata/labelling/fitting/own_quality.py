"""How good the head of a user's own value is, how sure that is, and what more examples would do."""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from valuedata.labelling.fitting.quality import MIN_RECALL, TARGET_PRECISION, THRESHOLDS

__all__ = [
    "FLOOR",
    "USUAL_SHARE",
    "Interval",
    "bound_quality",
    "choose_own_threshold",
    "expect_precision",
    "forecast_examples",
    "weigh_evenly",
]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FLOOR = 0.75
"""Least lower end of the interval of the average precision on an even mix.

At it, three of four replies that the head picks from an even mix express the value, on average over
all recalls.
"""

# Source: arXiv 2605.07925: a random pair is right about a value in 5.89 % of cases.
USUAL_SHARE = 0.0589

N_DRAWS = 1_000
TAILS = (2.5, 97.5)  # percentiles: a 95 % interval
STEP = 10  # a forecast speaks of tens of examples
FURTHEST = 1_000  # examples; a forecast looks no further
# Source: in trials with packaged values as own ones, two of eight curves of 20 examples looked flat
# and were not.
ENOUGH_TO_DOUBT = 50


@dataclass(frozen=True)
class Interval:
    """A measure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def weigh_evenly(truth: Bools, counts: Floats | None = None) -> Floats:
    """(n,) weights by which the replies with the value weigh as much as those without.

    Args:
        truth: (n,) bool, some of each.
        counts: (n,) how often each reply is there; once without.
    """
    counts = np.ones(len(truth)) if counts is None else counts
    weights: Floats = counts / np.where(truth, counts[truth].sum(), counts[~truth].sum()) / 2
    return weights


def measure_evenly(
    probabilities: Floats, truth: Bools, threshold: float, weights: Floats
) -> dict[str, float]:
    """Average precision, precision, recall and F1 under weights.

    Precision is NaN where no reply is expressed.
    """
    expressed = probabilities >= threshold
    right, picked = weights[expressed & truth].sum(), weights[expressed].sum()
    there = weights[truth].sum()
    return {
        "average_precision": float(
            average_precision_score(truth, probabilities, sample_weight=weights)
        ),
        "precision": float(right / picked) if picked else float("nan"),
        "recall": float(right / there),
        "f1": float(2 * right / (picked + there)),
    }


def bound_quality(
    probabilities: Floats,
    truth: Bools,
    groups: npt.NDArray[np.int64],
    threshold: float,
    rng: np.random.Generator,
) -> dict[str, Interval]:
    """Measures a head on an even mix, with 95 % intervals by a bootstrap over prompts.

    The measures themselves are of the replies as they are. The draws that make the intervals know
    of two replies more, each with a prompt of its own: one with the value scored lowest and one
    without scored highest. This is Laplace's rule of succession, one more case of each kind:
    without it, few replies that happen to be told apart would give an interval of no width at 1.

    Args:
        probabilities: (n,) of the replies, from heads not trained on their prompts.
        truth: (n,) which express the value.
        groups: (n,) numbers of their prompts, from 0.
        threshold: Expressed where p reaches it.
        rng: Draws the prompts.

    Returns:
        Average precision, precision, recall and F1, each in [0, 1]; an end is NaN where the measure
        is undefined in more than half of the draws.
    """
    found = measure_evenly(probabilities, truth, threshold, weigh_evenly(truth))
    probabilities = np.concatenate([probabilities, [0.0, 1.0]])
    truth = np.concatenate([truth, [True, False]])
    n_groups = int(groups.max()) + 1
    groups = np.concatenate([groups, [n_groups, n_groups + 1]])
    draws: dict[str, list[float]] = {name: [] for name in found}
    while len(draws["recall"]) < N_DRAWS:
        drawn = rng.multinomial(n_groups + 2, np.full(n_groups + 2, 1 / (n_groups + 2)))
        counts = drawn[groups].astype(np.float64)
        if not (counts[truth].any() and counts[~truth].any()):
            continue
        measured = measure_evenly(probabilities, truth, threshold, weigh_evenly(truth, counts))
        for name, number in measured.items():
            draws[name].append(number)
    return {
        name: Interval(found[name], *_find_tails(np.array(numbers)))
        for name, numbers in draws.items()
    }


def _find_tails(numbers: Floats) -> tuple[float, float]:
    defined = numbers[~np.isnan(numbers)]
    if 2 * len(defined) < len(numbers):
        return float("nan"), float("nan")
    low, high = np.percentile(defined, TAILS)
    return float(low), float(high)


def expect_precision(recall: float, false_share: float, share: float = USUAL_SHARE) -> float:
    """Precision among replies of which a share expresses the value; NaN where none is picked.

    Args:
        recall: Share of the replies with the value that are picked.
        false_share: Share of the replies without it that are picked.
        share: Share of replies with the value.

    Source: Bayes' rule.
    """
    right, wrong = share * recall, (1.0 - share) * false_share
    return right / (right + wrong) if right + wrong else float("nan")


def choose_own_threshold(probabilities: Floats, truth: Bools, others: Floats) -> float:
    """Chooses the threshold of an own value as that of a packaged one, from expected precisions.

    Of the thresholds that reach a recall of `MIN_RECALL`, the one with the highest recall whose
    precision among usual replies is expected to reach `TARGET_PRECISION`; where none is, the one
    with the highest expected precision.

    Args:
        probabilities: (n,) of the labelled replies, from heads not trained on their prompts.
        truth: (n,) which express the value.
        others: (m,) of usual replies, all presumed not to express it, from the same heads.

    Returns:
        A threshold in hundredths; 0.5 where no threshold reaches that recall.
    """
    without = np.concatenate([probabilities[~truth], others])
    measured = []
    for threshold in THRESHOLDS:
        recall = float((probabilities[truth] >= threshold).mean())
        false_share = float((without >= threshold).mean())
        measured.append((expect_precision(recall, false_share), recall, float(threshold)))
    useful = [entry for entry in measured if entry[1] >= MIN_RECALL]
    pure = [entry for entry in useful if entry[0] >= TARGET_PRECISION]
    if pure:
        return max(pure, key=lambda entry: (entry[1], entry[0]))[2]
    return max(useful)[2] if useful else 0.5


def forecast_examples(sizes: Floats, precisions: Floats, low: float) -> int | None:
    """How many more examples are likely to lift the lower end to the floor.

    The average precision of n examples is taken as a - b / sqrt(n) with b >= 0, fitted to the
    learning curve by least squares, and as at most 1; the lower end lies below it by a width that
    shrinks with 1 / sqrt(n).

    Args:
        sizes: (k,) numbers of examples of the learning curve, the last all of them.
        precisions: (k,) average precision with so many.
        low: Lower end of the interval with all.

    Returns:
        A number of examples, rounded up to tens; None where `FURTHEST` in all would not be enough,
        so that more of the same kind are unlikely to help. Fewer than `ENOUGH_TO_DOUBT` examples do
        not show that: with them, the number that is missing to it.

    Source: the rate 1 / sqrt(n) is that of sampling error; for learning curves as power laws see
    Hestness et al. 2017, arXiv 1712.00409.
    """
    n_now = float(sizes[-1])
    inverse = 1.0 / np.sqrt(sizes)
    centred = inverse - inverse.mean()
    slope = min(0.0, float((centred * (precisions - precisions.mean())).sum() / (centred**2).sum()))
    limit = float(precisions.mean()) - slope * float(inverse.mean())
    width = max(0.0, float(precisions[-1]) - low)
    for n_more in range(STEP, FURTHEST + 1 - int(n_now), STEP):
        n = n_now + n_more
        reached = min(1.0, limit + slope / sqrt(n)) - width * sqrt(n_now / n)
        if reached >= FLOOR:
            return n_more
    n_missing = ENOUGH_TO_DOUBT - int(n_now)
    return STEP * ceil(n_missing / STEP) if n_missing > 0 else None
