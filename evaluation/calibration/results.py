"""From a labelled sheet to calibrated estimates of both arms and their difference."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from evaluation.calibration.estimates import (
    MIN_LABELLED,
    Calibrated,
    calibrate_difference,
    calibrate_mean,
)
from evaluation.calibration.judged import read_judged
from evaluation.calibration.sheet import ANSWERS, Key, Row, read_key
from evaluation.statistics.differences import Interval
from evaluation.tables import write_text
from valuedata.errors import EvaluationError

__all__ = ["RESULTS", "SheetResult", "calibrate_sheet", "write_results"]

RESULTS: Final = "calibration.json"
DIGITS = 6


@dataclass(frozen=True)
class SheetResult:
    """What a labelled sheet gives.

    Attributes:
        key: What the sheet is about.
        base: Of the base arm.
        tuned: Of the tuned arm.
        difference: Tuned minus base, on the same prompts.
        n_unlabelled: Items without a label.
        n_left_out: Prompts and samples that the judge could not score for one of the arms.
    """

    key: Key
    base: Calibrated
    tuned: Calibrated
    difference: Calibrated
    n_unlabelled: int
    n_left_out: int

    def to_json(self) -> dict[str, Any]:
        """All numbers as JSON types; None where undefined."""
        return {
            "measure": self.key.measure,
            "judge": self.key.judge,
            "base": self.key.base,
            "tuned": self.key.tuned,
            "seed": self.key.seed,
            "n_items": len(self.key.items),
            "n_unlabelled": self.n_unlabelled,
            "n_left_out": self.n_left_out,
            "estimates": {
                self.key.base: _describe(self.base),
                self.key.tuned: _describe(self.tuned),
                "difference": _describe(self.difference),
            },
        }


def calibrate_sheet(folder: Path, rows: Sequence[Row]) -> SheetResult:
    """Calibrates the scores that a sheet was drawn from by its labels.

    Args:
        folder: Of the evaluation.
        rows: The sheet, with labels of `ANSWERS`; an empty one is a reply that is left out.

    Raises:
        EvaluationError: If a label is none of the answers, too few prompts have both replies
            labelled, or the scores have changed since the sheet was drawn.
    """
    key = read_key(folder, rows)
    judged = read_judged(folder, key.measure, key.judge, (key.base, key.tuned))
    row_of = {place: row for row, place in enumerate(judged.places)}
    labels = np.full(judged.scores.shape, np.nan)
    for item, label in _read_labels(rows).items():
        arm, prompt, sample = key.items[item]
        row = row_of.get((prompt, sample))
        if row is None:
            raise EvaluationError(
                f"Item {item!r} has no score any more; draw a new sheet from these scores."
            )
        labels[judged.arms.index(arm), row] = label
    asked = ~np.isnan(labels).any(axis=0)
    n_families = len(set(judged.clusters[asked].tolist()))
    if n_families < MIN_LABELLED:
        raise EvaluationError(
            f"Only {n_families} families of prompts have both replies labelled; label those of at "
            f"least {MIN_LABELLED}."
        )
    base, tuned = (
        calibrate_mean(judged.scores[arm], labels[arm], judged.clusters) for arm in (0, 1)
    )
    difference = calibrate_difference(
        (judged.scores[1], judged.scores[0]), (labels[1], labels[0]), judged.clusters
    )
    n_labels = int((~np.isnan(labels)).sum())
    return SheetResult(key, base, tuned, difference, len(key.items) - n_labels, judged.n_left_out)


def write_results(folder: Path, result: SheetResult) -> Path:
    """Puts the result into calibration.json, beside those of other sheets.

    Raises:
        EvaluationError: If the file is damaged, or cannot be read or written; it stays as it was.
    """
    path = folder / RESULTS
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"sheets": {}}
        content["sheets"][result.key.sheet] = result.to_json()
    except (ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path} is damaged; delete it and run this again.") from error
    except OSError as error:
        raise EvaluationError(
            f"{path} cannot be read ({error.strerror}); make it readable."
        ) from error
    write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", path)
    return path


def _read_labels(rows: Sequence[Row]) -> dict[str, float]:
    labels = {}
    for row in rows:
        told = row.label.strip().lower()
        if told and told not in ANSWERS:
            raise EvaluationError(
                f"Label {row.label!r} of item {row.item!r} is no answer; write yes or no (1 or 0), "
                "or leave it empty."
            )
        if told:
            labels[row.item] = ANSWERS[told]
    return labels


def _describe(found: Calibrated) -> dict[str, Any]:
    return {
        "judge": _describe_interval(found.judge),
        "labels": _describe_interval(found.labels),
        "calibrated": _describe_interval(found.both),
        "weight": _round(found.weight),
        "shift": _round(found.shift),
        "n_labelled": found.n_labelled,
    }


def _describe_interval(interval: Interval) -> Mapping[str, float | int | None]:
    numbers = {name: _round(getattr(interval, name)) for name in ("estimate", "low", "high", "se")}
    return {**numbers, "n": interval.n, "n_clusters": interval.n_clusters}


def _round(number: float) -> float | None:
    return None if np.isnan(number) else round(number, DIGITS)
