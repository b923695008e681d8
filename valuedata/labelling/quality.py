"""How good labels are, reply by reply and as subsets of pairs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, brier_score_loss

from valuedata.labelling.values import VALUE_NAMES

__all__ = ["choose_threshold", "measure_quality", "measure_subset", "summarize_quality"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Source: arXiv 2605.07925 reports 76.67 % for humans and 71.69 % to 80.95 % for large models.
TARGET_PRECISION = 0.75
MIN_RECALL = 0.3  # a purer subset than at this recall has too few pairs to be of use
THRESHOLDS = np.arange(2, 99) / 100


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


def measure_quality(probabilities: Floats, truth: Bools, threshold: float) -> dict[str, Any]:
    """Measures the labels of one value.

    Args:
        probabilities: (2 n,) of the replies, the n chosen first; from heads not trained on them.
        truth: (2 n,) bool: which express it.
        threshold: Expressed where p reaches it.

    Returns:
        Counts, average precision, Brier score, precision, recall and F1 of the replies' labels, and
        precision and recall of the subset; None where a share is undefined.
    """
    n = len(truth) // 2
    expressed = probabilities >= threshold
    n_right = int((expressed & truth).sum())
    n_expressed, n_true = int(expressed.sum()), int(truth.sum())
    subset_precision, subset_recall = measure_subset(expressed, truth)
    shares = {
        "average_precision": float(average_precision_score(truth, probabilities)),
        "brier": float(brier_score_loss(truth, probabilities)),
        "precision": n_right / n_expressed if n_expressed else float("nan"),
        "recall": n_right / n_true,
        "f1": 2 * n_right / (n_expressed + n_true),
        "subset_precision": subset_precision,
        "subset_recall": subset_recall,
    }
    return {
        "n_positives": n_true,
        "n_one_sided": int((truth[:n] != truth[n:]).sum()),
        "threshold": threshold,
        **{name: None if np.isnan(share) else round(share, 4) for name, share in shares.items()},
    }


def summarize_quality(quality: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """Means over the values, behaviours left out; None where one of them is undefined."""
    values = [quality[name] for name in quality if name in VALUE_NAMES] or list(quality.values())
    means: dict[str, float | None] = {}
    for measure in ("average_precision", "f1", "subset_precision", "subset_recall"):
        numbers = [entry[measure] for entry in values]
        means[f"mean_{measure}"] = None if None in numbers else round(float(np.mean(numbers)), 4)
    return means
