"""What is known of both replies of every labelled pair of a release, and which subset rewards."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from valuedata.effects.differences import Rewarded, Sides
from valuedata.effects.features import join_features
from valuedata.errors import ReleaseError
from valuedata.release.folder import Release, read_table
from valuedata.release.markers import MARKERS_FILE, SIDE_PREFIXES
from valuedata.release.recall import read_labels, read_members

__all__ = ["Features", "read_features"]

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
    decisions = read_table(release, release.folder / "decisions.parquet", COLUMNS)
    rows, labels = read_labels(release, decisions)
    told = decisions.select(["pair_id", "subsets"]).take(pa.array(rows))
    if not told["pair_id"].combine_chunks().equals(markers["pair_id"].combine_chunks()):
        raise ReleaseError(
            f"Release {release.folder} is damaged: {MARKERS_FILE} and decisions.parquet speak of "
            "different pairs; build or download it again."
        )
    first, second = SIDE_PREFIXES
    styles = [name.removeprefix(first) for name in markers.column_names if name.startswith(first)]
    measured = [_stack(markers, [prefix + name for name in styles]) for prefix in (first, second)]
    sides, kinds = join_features(labels, styles, measured, markers["prompt_group"].to_numpy())
    members = {value: read_members(told, value) for value in release.values}
    return Features(
        kinds=kinds,
        sides=sides,
        subsets={
            value: Rewarded(found.rows, found.flipped, found.weight)
            for value, found in members.items()
        },
    )


def _stack(markers: pa.Table, columns: list[str]) -> npt.NDArray[np.float32]:
    """(n, s) float32 of a side; s may be 0."""
    measured = np.empty((len(markers), len(columns)), dtype=np.float32)
    for number, column in enumerate(columns):
        measured[:, number] = markers[column].to_numpy()
    return measured
