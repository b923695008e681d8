"""maps.parquet: where each clustered pair lies on the map of its value, for the card's figure."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import Dataset

from valuedata.release.folder import Release, read_table
from valuedata.release.hashing import MAPS_FILE

__all__ = ["read_map", "write_maps"]


def write_maps(
    staging: Path,
    pairs: Dataset,
    labelled: npt.NDArray[np.int64],
    places: Mapping[str, npt.NDArray[np.float32]],
) -> None:
    """Writes one row a value and pair: value, pair_id, and float32 x and y.

    Args:
        staging: Folder of the release.
        pairs: The n pairs of the intake.
        labelled: (m,) int64 rows of them that were labelled.
        places: Value to (m, 2) float32 places on its map; NaN for pairs that are not on it.
    """
    names = pairs.data.table.column("pair_id")
    parts = []
    for value, place in places.items():
        rows = np.flatnonzero(~np.isnan(place[:, 0]))
        columns = {
            "value": pa.array([value] * len(rows), pa.string()),
            "pair_id": names.take(pa.array(labelled[rows])),
            "x": place[rows, 0],
            "y": place[rows, 1],
        }
        parts.append(pa.table(columns))
    pq.write_table(pa.concat_tables(parts).combine_chunks(), staging / MAPS_FILE)


def read_map(release: Release, value: str) -> dict[str, tuple[float, float]]:
    """Reads where the pairs of a value lie: pair id to x and y.

    Raises:
        ReleaseError: If maps.parquet is missing or damaged.
    """
    table = read_table(release, release.folder / MAPS_FILE)
    own = table.filter(pc.equal(table["value"], value))
    places = zip(own["x"].to_pylist(), own["y"].to_pylist(), strict=True)
    return dict(zip(own["pair_id"].to_pylist(), places, strict=True))
