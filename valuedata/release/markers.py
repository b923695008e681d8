"""markers.parquet: the measurable style of both replies of every labelled pair, and its prompt."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from valuedata.labelling.markers import MARKERS, measure_markers
from valuedata.labelling.readings import read_sides
from valuedata.release.decisions import order_rows

__all__ = ["MARKERS_FILE", "SIDE_PREFIXES", "describe_markers", "write_markers"]

MARKERS_FILE: Final = "markers.parquet"
SIDE_PREFIXES: Final = ("chosen_", "rejected_")
AT_ONCE = 1_000  # pairs whose text is held as Python objects

Floats = npt.NDArray[np.float32]


def write_markers(
    staging: Path,
    pairs: Dataset,
    labelled: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    advance: Callable[[int], None],
) -> None:
    """Measures both replies of every labelled pair, and writes them in decisions.parquet's order.

    One row a pair: pair_id, source, prompt_group, and for each marker float32 columns of the chosen
    and of the rejected reply, as the source has the sides.

    Args:
        staging: Folder of the release.
        pairs: The n pairs of the intake.
        labelled: (m,) int64 rows of them that were labelled.
        groups: (m,) int64; pairs with the same or a near-duplicate prompt share one.
        advance: Called with the number of pairs done since the last call.
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
    for prefix, measured in zip(SIDE_PREFIXES, _measure(pairs.select(rows), advance), strict=True):
        columns |= {prefix + name: measured[:, k] for k, name in enumerate(MARKERS)}
    pq.write_table(pa.table(columns), staging / MARKERS_FILE)


def describe_markers() -> dict[str, dict[str, str]]:
    """What each marker measures, and its unit, for the manifest."""
    return {
        name: {"definition": marker.definition, "unit": marker.unit}
        for name, marker in MARKERS.items()
    }


def _measure(pairs: Dataset, advance: Callable[[int], None]) -> tuple[Floats, Floats]:
    """(n, len(MARKERS)) float32 of the chosen and of the rejected replies of n pairs."""
    parts: tuple[list[Floats], list[Floats]] = ([], [])
    for start in range(0, len(pairs), AT_ONCE):
        some = pairs.select(range(start, min(start + AT_ONCE, len(pairs))))
        for part, readings in zip(parts, read_sides(some), strict=True):
            part.append(measure_markers([reading.reply for reading in readings]))
        advance(len(some))
    chosen, rejected = (np.concatenate(part) for part in parts)
    return chosen, rejected
