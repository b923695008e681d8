"""The numbers of a card, recounted from the Parquet files by other means than the card's."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from valuedata.release.folder import Release

Row = dict[str, Any]


def read_pairs(release: Release, value: str) -> dict[str, list[Row]]:
    """Split to its rows, in the order in which the manifest has the splits."""
    return {
        split: [
            row
            for file in sorted((release.folder / "data" / value).glob(f"{split}-*.parquet"))
            for row in pq.read_table(file, partitioning=None).to_pylist()
        ]
        for split in release.manifest["values"][value]["splits"]
    }


def read_decisions(release: Release) -> list[Row]:
    return pq.read_table(release.folder / "decisions.parquet").to_pylist()


def count_shared_drops(decisions: list[Row], stages: list[str]) -> list[tuple[str, int, int, dict]]:
    """Stage, rows in, rows out, and reasons, of the stages that all rows pass."""
    n_rows, told = len(decisions), []
    for stage in stages:
        reasons = Counter(row["reason"] for row in decisions if row["stage"] == stage)
        left = n_rows - sum(reasons.values())
        told.append((stage, n_rows, left, dict(reasons)))
        n_rows = left
    return told


def count_own_drops(release: Release, decisions: list[Row], value: str) -> list[tuple]:
    """The same of the stages of a value; the first counts sides by the thresholds."""
    labels = release.manifest["labels"]
    column = labels["names"].index(value)
    threshold = np.float32(labels["thresholds"][column])
    sides = Counter(
        tuple(
            np.float32(row[f"{side}_probabilities"][column]) >= threshold
            for side in ("chosen", "rejected")
        )
        for row in decisions
        if row["chosen_probabilities"] is not None
    )
    n_rows = sum(sides.values())
    reasons = {
        "value in both replies": sides[True, True],
        "value in neither reply": sides[False, False],
    }
    reasons = {reason: n for reason, n in reasons.items() if n}
    fates = [fate for row in decisions for fate in row["subsets"] if fate["value"] == value]
    left = n_rows - sum(reasons.values())
    assert len(fates) == left
    told = [("one-sided", n_rows, left, reasons)]
    for stage in [entry["stage"] for entry in release.manifest["values"][value]["stages"][1:]]:
        reasons = Counter(fate["reason"] for fate in fates if fate["stage"] == stage)
        told.append((stage, left, left - sum(reasons.values()), dict(reasons)))
        left -= sum(reasons.values())
    return told


def measure_differences(release: Release, value: str | None) -> dict[str, float]:
    """Feature to its standardised mean difference in a subset; of the whole source without one.

    mean(rewarded - other) / sqrt((var(chosen) + var(rejected)) / 2), the variances of the source.
    """
    names = release.manifest["labels"]["names"]
    rows = [row for row in read_decisions(release) if row["chosen_probabilities"] is not None]
    markers = pq.read_table(release.folder / "markers.parquet").to_pylist()
    signs = np.zeros(len(rows))
    for number, row in enumerate(rows):
        kept = [f for f in row["subsets"] if (f["value"], f["outcome"]) == (value, "kept")]
        if value is None:
            signs[number] = 1
        elif kept:
            signs[number] = -1 if kept[0]["flipped"] else 1
    found = {}
    styles = [name.removeprefix("chosen_") for name in markers[0] if name.startswith("chosen_")]
    for name in [*names, *styles]:
        if name in names:
            column = names.index(name)
            chosen, rejected = (
                np.array([row[f"{side}_probabilities"][column] for row in rows])
                for side in ("chosen", "rejected")
            )
        else:
            chosen, rejected = (
                np.array([row[f"{side}_{name}"] for row in markers], dtype=float)
                for side in ("chosen", "rejected")
            )
        spread = np.sqrt((chosen.var(ddof=1) + rejected.var(ddof=1)) / 2)
        used = signs != 0
        if spread > 0:
            mean = float((signs[used] * (chosen - rejected)[used]).mean())
            found[name] = mean / float(spread)
    return found
