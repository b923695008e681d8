"""How good labels are, reply by reply and as subsets of pairs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from valuedata.labelling.scoring.intervals import number_groups
from valuedata.labelling.scoring.scores import Matched, measure_matched, measure_mean_f1

__all__ = ["choose_best_f1", "choose_threshold", "measure_subset", "measure_unseen"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# Source: arXiv 2605.07925 reports 76.67 % for humans and 71.69 % to 80.95 % for large models.
TARGET_PRECISION = 0.8
MIN_RECALL = 0.2  # a purer subset than at this recall has too few pairs to be of use
THRESHOLDS = np.arange(2, 99) / 100
N_RESAMPLES = 1_000


def measure_subset(expressed: Bools, truth: Bools) -> tuple[float, float]:
    """Measures the subset of a value after XOR and flip.

    Args:
        expressed: (2 n,) bool: which replies are labelled with the value, the n chosen first.
        truth: (2 n,) bool: which express it.

    Returns:
        Precision: share of the subset's pairs with the value in the rewarded reply and not in the
        other, NaN where the subset is empty. Recall: share of the truly one-sided pairs that are in
        the subset, right way round; NaN where there is none.
    """
    n = len(truth) // 2
    labelled = expressed[:n].astype(np.int8) - expressed[n:].astype(np.int8)
    true = truth[:n].astype(np.int8) - truth[n:].astype(np.int8)
    n_right = int(((labelled == true) & (true != 0)).sum())
    n_labelled, n_true = int((labelled != 0).sum()), int((true != 0).sum())
    return (
        n_right / n_labelled if n_labelled else float("nan"),
        n_right / n_true if n_true else float("nan"),
    )


def choose_threshold(probabilities: Floats, truth: Bools) -> float:
    """Chooses the threshold of a value by the subset that it makes.

    Of the thresholds whose subset has a recall of at least `MIN_RECALL`, the one with the highest
    recall whose precision reaches `TARGET_PRECISION`; where none reaches it, the most precise one.

    Args:
        probabilities: (2 n,) of the replies, the n chosen first.
        truth: (2 n,) bool: which express it.

    Returns:
        A threshold in hundredths; 0.5 where no threshold has that recall.
    """
    measured = [
        (*measure_subset(probabilities >= threshold, truth), float(threshold))
        for threshold in THRESHOLDS
    ]
    useful = [entry for entry in measured if entry[1] >= MIN_RECALL]
    pure = [entry for entry in useful if entry[0] >= TARGET_PRECISION]
    if pure:
        return max(pure, key=lambda entry: (entry[1], entry[0]))[2]
    return max(useful)[2] if useful else 0.5


def choose_best_f1(probabilities: Floats, truth: Bools) -> float:
    """Chooses the threshold, in hundredths, of the highest F1 over replies; the lowest of equals.

    Args:
        probabilities: (n,) of the replies.
        truth: (n,) bool: which express the name.
    """
    expressed = probabilities >= THRESHOLDS[:, None]
    n_right = (expressed & truth).sum(axis=1)
    scores = 2 * n_right / np.maximum(expressed.sum(axis=1) + truth.sum(), 1)
    return float(THRESHOLDS[int(scores.argmax())])


def measure_unseen(
    names: Sequence[str], probabilities: Floats, truth: Bools, folds: Ints, groups: Sequence[str]
) -> dict[str, Any]:
    """Measures labels by probabilities and thresholds that the reply's own fold had no part in.

    Args:
        names: v names.
        probabilities: (2 n, v) of the replies, the n chosen first; from models of other folds.
        truth: (2 n, v) bool: which express each name.
        folds: (2 n,) of the replies.
        groups: The n pairs' prompts, in which the intervals are clustered.

    Returns:
        As JSON types: `quality`, name to what `score` measures, with the threshold chosen on all
        replies; `means` of these over the values; and `best_f1`, the mean of F1 at the thresholds
        that are best for it.
    """

    def express(choose: Callable[[Floats, Bools], float]) -> Bools:
        expressed = np.zeros(truth.shape, dtype=np.bool_)
        for fold in np.unique(folds):
            inside, outside = folds != fold, folds == fold
            for v in range(len(names)):
                threshold = choose(probabilities[inside, v], truth[inside, v])
                expressed[outside, v] = probabilities[outside, v] >= threshold
        return expressed

    def match(choose: Callable[[Floats, Bools], float]) -> Matched:
        shape = (2, len(groups), len(names))
        return Matched(
            names=tuple(names),
            probabilities=probabilities.reshape(shape),
            expressed=express(choose).reshape(shape),
            truth=truth.reshape(shape),
            groups=number_groups(groups),
        )

    scores, means = measure_matched(match(choose_threshold), N_RESAMPLES, np.random.default_rng(0))
    best = measure_mean_f1(match(choose_best_f1), N_RESAMPLES, np.random.default_rng(0))
    return {
        "quality": {
            name: {"threshold": choose_threshold(p, y), **scores[name].to_json()}
            for name, p, y in zip(names, probabilities.T, truth.T, strict=True)
        },
        "means": {measure: mean.to_json() for measure, mean in means.items()},
        "best_f1": best.to_json(),
    }
