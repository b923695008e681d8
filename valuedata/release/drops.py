"""Where and why rows were dropped, told from the stages that they passed."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from valuedata.accounting import KEPT, Step

__all__ = ["DUPLICATE", "explain_unselected", "name_duplicates", "tabulate_drops"]

DUPLICATE = pa.struct(
    [("pair_id", pa.string()), ("source", pa.string()), ("source_row", pa.int64())]
)


def tabulate_drops(
    n_rows: int, steps: Sequence[Step]
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], npt.NDArray[np.int64]]:
    """Tells where and why each of n rows was dropped, and which row it duplicates.

    Returns:
        (n,) object stage and (n,) object reason, None where the row was not dropped; (n,) int64
        row, -1 where it duplicates none.
    """
    stage = np.full(n_rows, None, dtype=object)
    reason = np.full(n_rows, None, dtype=object)
    duplicate = np.full(n_rows, -1, dtype=np.int64)
    for step in steps:
        dropped = np.flatnonzero(step.verdict.reasons != KEPT)
        rows = step.rows[dropped]
        stage[rows] = step.verdict.stage
        reason[rows] = step.verdict.reasons[dropped]
        if step.verdict.duplicate_of is not None:
            twins = step.verdict.duplicate_of[dropped]
            duplicate[rows] = np.where(twins >= 0, step.rows[twins], -1)
    return stage, reason, duplicate


def explain_unselected(
    stage: npt.NDArray[np.object_],
    reason: npt.NDArray[np.object_],
    duplicate: npt.NDArray[np.int64],
    selections: Sequence[Sequence[Step]],
) -> None:
    """Fills in where pairs that reached selection and entered no subset went furthest.

    Args:
        stage: (n,) object, None where no stage before dropped the pair; filled in.
        reason: (n,) object; filled in.
        duplicate: (n,) int64; filled in.
        selections: For each value, the stages of its selection.
    """
    reached = np.flatnonzero(stage == None)  # noqa: E711 - elementwise
    furthest = np.full(len(stage), -1, dtype=np.int64)
    for steps in selections:
        own_stage, own_reason, own_duplicate = tabulate_drops(len(stage), steps)
        names = [step.verdict.stage for step in steps]
        depth = np.array([names.index(name) if name else -1 for name in own_stage], dtype=np.int64)
        better = reached[depth[reached] > furthest[reached]]
        furthest[better] = depth[better]
        stage[better], reason[better] = own_stage[better], own_reason[better]
        duplicate[better] = own_duplicate[better]
    if len(selections) > 1:
        reason[reached[furthest[reached] == 0]] = "no value of the build on exactly one side"


def name_duplicates(identity: pa.Table, rows: npt.NDArray[np.int64]) -> pa.StructArray:
    """Names the pair at each of n rows of a table with their identity; null where the row is -1."""
    fields = [field.name for field in DUPLICATE]
    taken = identity.select(fields).take(pa.array(rows, mask=rows < 0))
    columns = [taken.column(name).combine_chunks() for name in fields]
    return pa.StructArray.from_arrays(columns, fields=list(DUPLICATE), mask=pa.array(rows < 0))
