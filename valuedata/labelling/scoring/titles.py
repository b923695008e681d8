"""What the measures that have a mean are called."""

from typing import Final

__all__ = ["AGREEMENT_TITLES", "SCORE_TITLES"]

SCORE_TITLES: Final = {
    "average_precision": "average precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "ece": "expected calibration error",
    "brier": "Brier score",
    "subset_precision_rewarded": "subsets: in the rewarded reply",
    "subset_precision": "subsets: in the rewarded reply alone",
    "subset_recall": "subsets: recall",
}
AGREEMENT_TITLES: Final = {
    "agreement": "agreement",
    "kappa": "Cohen's kappa",
    "pabak": "PABAK",
    "first_share": "share in the first file",
    "second_share": "share in the second file",
}
