"""What is known of both replies of every labelled pair of a release, and which subset rewards."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from valuedata.effects.differences import Rewarded, Sides
from valuedata.errors import ReleaseError
from valuedata.labelling.values import BEHAVIOUR_NAMES
from valuedata.release.folder import Release, read_table
from valuedata.release.markers import MARKERS_FILE, SIDE_PREFIXES
from valuedata.release.recall import read_labels, read_members

__all__ = ["BEHAVIOUR", "MARKER", "VALUE", "Features", "read_features"]

VALUE, BEHAVIOUR, MARKER = "value", "behaviour", "marker"
COLUMNS: Final = ("pair_id", "chosen_probabilities", "rejected_probabilities", "subsets")


@dataclass(frozen=True, eq=False)
class Features:
    """Probabilities of the values and behaviours, and markers, of n labelled pairs.

    Attributes:
        kinds: For each of k features "value", "behaviour" or "marker".
        sides: The features of both replies, as the source has them.
        subsets: Value to the pairs of its subset.
    """

    kinds: tuple[str, ...]
    sides: Sides
    subsets: dict[str, Rewarded]


def read_features(release: Release) -> Features:
    """Reads what a release knows of its labelled pairs.

    Raises:
        ReleaseError: If its build wrote no markers, or its files are damaged.
    """
    if MARKERS_FILE not in release.manifest["files"]:
        raise ReleaseError(
            f"Release {release.folder} has no {MARKERS_FILE}, which its build would write today; "
            "build it again to forecast what it trains."
        )
    markers = read_table(release, release.folder / MARKERS_FILE)
    decisions = release.decisions.select(COLUMNS)
    rows, labels = read_labels(release, decisions)
    told = decisions.select(["pair_id", "subsets"]).take(pa.array(rows))
    if told["pair_id"].to_pylist() != markers["pair_id"].to_pylist():
        raise ReleaseError(
            f"Release {release.folder} is damaged: {MARKERS_FILE} and decisions.parquet speak of "
            "different pairs; build or download it again."
        )
    first, second = SIDE_PREFIXES
    styles = [name.removeprefix(first) for name in markers.column_names if name.startswith(first)]
    kinds = [BEHAVIOUR if name in BEHAVIOUR_NAMES else VALUE for name in labels.names]
    sides = Sides(
        names=(*labels.names, *styles),
        chosen=_join(labels.chosen, markers, [first + name for name in styles]),
        rejected=_join(labels.rejected, markers, [second + name for name in styles]),
        groups=_number(markers["prompt_group"].to_numpy()),
    )
    members = {value: read_members(told, value) for value in release.values}
    return Features(
        kinds=(*kinds, *(MARKER for _ in styles)),
        sides=sides,
        subsets={
            value: Rewarded(found.rows, found.flipped, found.weight)
            for value, found in members.items()
        },
    )


def _join(
    probabilities: npt.NDArray[np.float32], markers: pa.Table, columns: list[str]
) -> npt.NDArray[np.float64]:
    """(n, k) float64 of a side."""
    measured = [markers[column].to_numpy()[:, None] for column in columns]
    return np.concatenate((probabilities, *measured), axis=1, dtype=np.float64)


def _number(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    numbered: npt.NDArray[np.int64] = np.unique(groups, return_inverse=True)[1]
    return numbered
