"""The measures of one name, from sums over replies and pairs that a cluster's weight multiplies."""

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["COUNTS", "N_BINS", "derive", "divide", "rank_auc", "rank_precision", "sum_up"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

N_BINS = 15  # Source: Guo et al. 2017, arXiv 1706.04599, who measure with 15 bins.

COUNTS: Final = (
    "n_replies",
    "n_positives",
    "n_expressed",
    "n_right",
    "squared_error",
    "n_pairs",
    "n_one_sided",
    "n_subset",
    "n_rewarded",
    "n_rewarded_only",
)
"""Columns of the sums; after them come for each bin its replies, probabilities and positives."""


def sum_up(
    probabilities: Floats, expressed: Bools, truth: Bools, groups: Ints, n_groups: int
) -> Floats:
    """Sums what the measures of a name are made of, a cluster of pairs at a time.

    Args:
        probabilities: (2, n) of the replies of n pairs, chosen first; NaN where one has no label.
        expressed: (2, n): which are labelled with the name.
        truth: (2, n): which express it.
        groups: (n,) numbers of the pairs' clusters.
        n_groups: Clusters.

    Returns:
        (n_groups, len(COUNTS) + 3 * N_BINS) float64: `COUNTS`, then the bins.
    """
    labelled = ~np.isnan(probabilities)
    p = np.where(labelled, probabilities, 0.0)
    whole = labelled.all(axis=0)
    one_sided = whole & (truth[0] != truth[1])
    subset = whole & (expressed[0] != expressed[1])
    rewarded = np.where(expressed[0], truth[0], truth[1])
    other = np.where(expressed[0], truth[1], truth[0])
    sums = {
        "n_replies": labelled.sum(axis=0),
        "n_positives": (truth & labelled).sum(axis=0),
        "n_expressed": (expressed & labelled).sum(axis=0),
        "n_right": (expressed & truth & labelled).sum(axis=0),
        "squared_error": (np.where(labelled, p - truth, 0.0) ** 2).sum(axis=0),
        "n_pairs": whole,
        "n_one_sided": one_sided,
        "n_subset": subset,
        "n_rewarded": subset & rewarded,
        "n_rewarded_only": subset & rewarded & ~other,
    }
    totals = np.zeros((n_groups, len(COUNTS) + 3 * N_BINS))
    for column, name in enumerate(COUNTS):
        totals[:, column] = np.bincount(groups, sums[name], minlength=n_groups)
    bins = totals[:, len(COUNTS) :].reshape(n_groups, 3, N_BINS)
    cells = np.minimum((p * N_BINS).astype(np.int64), N_BINS - 1)
    for side in range(2):
        kept = labelled[side]
        place = (groups[kept], cells[side, kept])
        np.add.at(bins[:, 0], place, 1.0)
        np.add.at(bins[:, 1], place, p[side, kept])
        np.add.at(bins[:, 2], place, truth[side, kept].astype(np.float64))
    return totals


def derive(sums: Floats) -> dict[str, Floats]:
    """Measures of weighted sums; NaN where a share is one of nothing.

    Args:
        sums: (b, len(COUNTS) + 3 * N_BINS) float64, of all clusters of b resamples.

    Returns:
        Measure to (b,) float64. F1 is 2 TP / (2 TP + FP + FN). The Brier score is the mean of
        (p - y)². The expected calibration error is the sum over the bins of
        |sum of y - sum of p| / n, which is their share times |observed share - mean p|. A subset's
        pairs are those labelled on exactly one side, which is the rewarded one; its precision is
        the share with the name in the rewarded reply ("rewarded"), and not in the other as well;
        its recall the share of the truly one-sided pairs that are in it, right way round.

    Source: Brier 1950; Naeini et al. 2015 (AAAI, "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning") and Guo et al. 2017 (arXiv 1706.04599) for the expected calibration error
    over bins of equal width; XOR and flip of arXiv 2605.07925.
    """
    n = {name: sums[:, column] for column, name in enumerate(COUNTS)}
    bins = sums[:, len(COUNTS) :].reshape(len(sums), 3, N_BINS)
    gaps = np.abs(bins[:, 2] - bins[:, 1]).sum(axis=1)
    return {
        "prevalence": divide(n["n_positives"], n["n_replies"]),
        "precision": divide(n["n_right"], n["n_expressed"]),
        "recall": divide(n["n_right"], n["n_positives"]),
        "f1": divide(2 * n["n_right"], n["n_expressed"] + n["n_positives"]),
        "brier": divide(n["squared_error"], n["n_replies"]),
        "ece": divide(gaps, n["n_replies"]),
        "subset_precision_rewarded": divide(n["n_rewarded"], n["n_subset"]),
        "subset_precision": divide(n["n_rewarded_only"], n["n_subset"]),
        "subset_recall": divide(n["n_rewarded_only"], n["n_one_sided"]),
    }


def rank_precision(probabilities: Floats, truth: Bools, groups: Ints, counts: Floats) -> Floats:
    """Average precision of weighted replies.

    Args:
        probabilities: (m,) of m labelled replies.
        truth: (m,): which express the name.
        groups: (m,) numbers of their clusters.
        counts: (b, n_groups) how often each cluster counts, in each of b resamples.

    Returns:
        (b,) float64: the sum over the distinct probabilities, downwards, of the recall gained there
        times the precision down to there; NaN where no reply expresses the name.

    Source: the step-wise sum of scikit-learn's `average_precision_score`, which interpolates
    nothing; replies of one probability enter together.
    """
    if not truth.any():
        return np.full(len(counts), np.nan)
    order = np.argsort(-probabilities, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(probabilities[order])), len(order) - 1)
    # Recall grows only where a positive enters, so precision matters only there.
    positives = np.flatnonzero(truth[order])
    steps, step_of_positive = np.unique(np.searchsorted(ends, positives), return_inverse=True)
    weights = counts[:, groups[order]]
    n_found = np.cumsum(weights, axis=1)[:, ends[steps]]
    starts = np.flatnonzero(np.diff(step_of_positive, prepend=-1))
    gained = np.add.reduceat(weights[:, positives], starts, axis=1)
    n_right = np.cumsum(gained, axis=1)
    precision = np.divide(n_right, n_found, out=np.zeros_like(n_right), where=n_found > 0)
    return divide((gained * precision).sum(axis=1), n_right[:, -1])


def rank_auc(scores: Floats, truth: Bools, groups: Ints, counts: Floats) -> Floats:
    """Area under the ROC curve of weighted replies, by ranks.

    Args:
        scores: (m,) of m replies.
        truth: (m,): which are positives.
        groups: (m,) numbers of their clusters.
        counts: (b, n_groups) how often each cluster counts, in each of b resamples.

    Returns:
        (b,) float64: the chance that a positive scores above a negative, ties counted half; NaN
        where there is no positive or no negative.

    Source: Hanley and McNeil 1982, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve".
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    weights = counts[:, groups[order]]
    positives = np.add.reduceat(weights * truth[order], starts, axis=1)
    negatives = np.add.reduceat(weights * ~truth[order], starts, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives / 2
    n_compared = positives.sum(axis=1) * negatives.sum(axis=1)
    return divide((positives * below).sum(axis=1), n_compared)


def divide(part: Floats, whole: Floats) -> Floats:
    """Divides arrays of one shape; NaN where the whole is 0."""
    shares: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return shares
