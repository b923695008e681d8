"""markers.parquet: the measurable style of both replies of every labelled pair, and its prompt."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from valuedata.labelling.markers import MARKERS
from valuedata.release.decisions import order_rows

__all__ = ["MARKERS_FILE", "SIDE_PREFIXES", "describe_markers", "write_markers"]

MARKERS_FILE: Final = "markers.parquet"
SIDE_PREFIXES: Final = ("chosen_", "rejected_")

Floats = npt.NDArray[np.float32]


def write_markers(
    staging: Path,
    pairs: Dataset,
    labelled: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    measured: tuple[Floats, Floats],
) -> None:
    """Writes the markers of both replies of every labelled pair, in decisions.parquet's order.

    One row a pair: pair_id, source, prompt_group, and for each marker float32 columns of the chosen
    and of the rejected reply, as the source has the sides.

    Args:
        staging: Folder of the release.
        pairs: The n pairs of the intake.
        labelled: (m,) int64 rows of them that were labelled.
        groups: (m,) int64; pairs with the same or a near-duplicate prompt share one.
        measured: (m, len(MARKERS)) float32 markers of their chosen and of their rejected replies.
    """
    identity = pairs.data.table.select(["pair_id", "source", "source_row"])
    position = np.full(len(pairs), -1, dtype=np.int64)
    position[labelled] = np.arange(len(labelled))
    rows = order_rows(identity)
    rows = rows[position[rows] >= 0]
    columns: dict[str, Any] = {
        **{name: identity.column(name).take(rows) for name in ("pair_id", "source")},
        "prompt_group": groups[position[rows]],
    }
    for prefix, side in zip(SIDE_PREFIXES, measured, strict=True):
        ordered = side[position[rows]]
        columns |= {prefix + name: ordered[:, k] for k, name in enumerate(MARKERS)}
    pq.write_table(pa.table(columns), staging / MARKERS_FILE)


def describe_markers() -> dict[str, dict[str, str]]:
    """What each marker measures, and its unit, for the manifest."""
    return {
        name: {"definition": marker.definition, "unit": marker.unit}
        for name, marker in MARKERS.items()
    }
