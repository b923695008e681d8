"""What the labels of each value rest on, read from the metadata of weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import ValidationError

from valuedata.errors import LabelError
from valuedata.labelling.values import ValueDefinition, load_values

__all__ = ["MIN_POSITIVES", "Evidence", "read_definitions", "read_evidence"]

MIN_POSITIVES = 200
"""Replies with a value from which on its evidence is not called thin.

Recall measured on n of them has a 95 % interval of at most 1.96 * sqrt(0.25 / n) to either side:
7 points at 200, 10 points at 100.
"""

MEASURES: Final = (
    "subset_precision",
    "subset_precision_rewarded",
    "subset_recall",
    "average_precision",
    "precision",
    "recall",
)
"""Measures of quality that a reader of a subset asks for, as `score` names them."""

ENDS: Final = ("value", "low", "high")


@dataclass(frozen=True)
class Evidence:
    """What the labels of one value rest on.

    Attributes:
        n_positives: Labelled replies that express it and that its quality is measured on.
        average_precision: Cross-validated; None where it is undefined.
        precision: Cross-validated, at the threshold; None where no reply reaches it.
        measured: Measure to its `value` and the ends of its 95 % interval, `low` and `high`; None
            where undefined. The measures of `MEASURES` that were made.
        mix: What all are measured on: the labelled replies as they are, or weighed to an even mix.
        doubt: "weak" where quality is under the floor of own values, else "thin" where the replies
            are few; None where neither holds.
        note: The doubt in a sentence; empty where there is none.
    """

    n_positives: int
    average_precision: float | None
    precision: float | None
    measured: Mapping[str, Mapping[str, float | None]]
    mix: Literal["as labelled", "even"]
    doubt: Literal["weak", "thin"] | None
    note: str


def read_definitions(
    names: Sequence[str], metadata: Mapping[str, Any]
) -> dict[str, ValueDefinition]:
    """What each name of weights means: packaged definitions, and those of own values.

    Args:
        names: Names that the weights label.
        metadata: Their metadata.

    Raises:
        LabelError: If the definition of a name is missing or damaged.
    """
    own = metadata.get("own", {})
    packaged = load_values()
    try:
        return {
            name: ValueDefinition.model_validate(own[name]["definition"])
            if name in own
            else packaged[name]
            for name in names
        }
    except (KeyError, TypeError, ValidationError) as error:
        raise LabelError(
            "Weights do not say what each of their values means; train them again with "
            "`valuedata fit`."
        ) from error


def read_evidence(names: Sequence[str], metadata: Mapping[str, Any]) -> dict[str, Evidence]:
    """What is known of the quality of each name; names of which nothing is known are left out.

    Args:
        names: Names that the weights label.
        metadata: Their metadata.

    Raises:
        LabelError: If a measure that the weights should tell is missing or damaged.
    """
    try:
        return _read_evidence(names, metadata)
    except (KeyError, TypeError, AttributeError) as error:
        raise LabelError(
            "Weights do not say what the quality of each of their values is; train them again with "
            "`valuedata fit`."
        ) from error


def _read_evidence(names: Sequence[str], metadata: Mapping[str, Any]) -> dict[str, Evidence]:
    own, packaged = metadata.get("own", {}), metadata.get("quality", {})
    found = {}
    for name in names:
        if name in own:
            found[name] = _read_own(own[name])
        elif name in packaged:
            quality = packaged[name]
            found[name] = Evidence(
                n_positives=quality["n_positives"],
                average_precision=quality["average_precision"]["value"],
                precision=quality["precision"]["value"],
                measured=_read_measures(quality),
                mix="as labelled",
                **_find_doubt(quality["n_positives"]),
            )
    return found


def _read_own(entry: Mapping[str, Any]) -> Evidence:
    precision = entry["average_precision"]
    doubt = _find_doubt(entry["n_positives"])
    if entry["is_weak"]:
        note = (
            f"Weak evidence: on an even mix its average precision may be as low as "
            f"{precision['low']:.2f}, under the floor of {entry['floor']:.2f}."
        )
        doubt = {"doubt": "weak", "note": note}
    return Evidence(
        n_positives=entry["n_positives"],
        average_precision=precision["value"],
        precision=entry["precision"]["value"],
        measured=_read_measures(entry),
        mix="even",
        **doubt,
    )


def _read_measures(entry: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    return {name: {end: entry[name][end] for end in ENDS} for name in MEASURES if name in entry}


def _find_doubt(n_positives: int) -> dict[str, Any]:
    if n_positives >= MIN_POSITIVES:
        return {"doubt": None, "note": ""}
    note = (
        f"Thin evidence: its quality is measured on {n_positives} replies that express it, fewer "
        f"than {MIN_POSITIVES}."
    )
    return {"doubt": "thin", "note": note}
