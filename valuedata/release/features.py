"""What is known of both replies of every labelled pair of a release, and which subset rewards."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from valuedata.effects.differences import Rewarded, Sides
from valuedata.errors import ReleaseError
from valuedata.labelling.values import BEHAVIOUR_NAMES
from valuedata.release.decisions import KEEP
from valuedata.release.folder import Release, read_table
from valuedata.release.markers import MARKERS_FILE, SIDE_PREFIXES

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
    labelled = np.flatnonzero(decisions["chosen_probabilities"].is_valid().to_numpy())
    told = decisions.take(labelled)
    if told["pair_id"].to_pylist() != markers["pair_id"].to_pylist():
        raise ReleaseError(
            f"Release {release.folder} is damaged: {MARKERS_FILE} and decisions.parquet speak of "
            "different pairs; build or download it again."
        )
    labels = tuple(release.manifest["labels"]["names"])
    first, second = SIDE_PREFIXES
    styles = [name.removeprefix(first) for name in markers.column_names if name.startswith(first)]
    kinds = [BEHAVIOUR if name in BEHAVIOUR_NAMES else VALUE for name in labels]
    sides = Sides(
        names=(*labels, *styles),
        chosen=_join(told["chosen_probabilities"], markers, [first + name for name in styles]),
        rejected=_join(told["rejected_probabilities"], markers, [second + name for name in styles]),
        groups=_number(markers["prompt_group"].to_numpy()),
    )
    return Features(
        kinds=(*kinds, *(MARKER for _ in styles)),
        sides=sides,
        subsets=_find_subsets(told["subsets"].combine_chunks(), release.values),
    )


def _join(
    probabilities: pa.ChunkedArray, markers: pa.Table, columns: list[str]
) -> npt.NDArray[np.float64]:
    """(n, k) float64 of a side."""
    told = probabilities.combine_chunks().flatten().to_numpy()
    measured = [markers[column].to_numpy() for column in columns]
    parts = (told.reshape(len(markers), -1), *(column[:, None] for column in measured))
    return np.concatenate(parts, axis=1, dtype=np.float64)


def _number(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    numbered: npt.NDArray[np.int64] = np.unique(groups, return_inverse=True)[1]
    return numbered


def _find_subsets(told: pa.ListArray, values: tuple[str, ...]) -> dict[str, Rewarded]:
    """The kept pairs of each value, in order."""
    owners = pc.list_parent_indices(told).to_numpy()
    fates = told.flatten()
    value, outcome, flipped = (
        pc.struct_field(fates, name).to_numpy(zero_copy_only=False)
        for name in ("value", "outcome", "flipped")
    )
    kept = outcome == KEEP
    found = {}
    for name in values:
        own = np.flatnonzero(kept & (value == name))
        found[name] = Rewarded(owners[own].astype(np.int64), flipped[own].astype(bool))
    return found
