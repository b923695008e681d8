"""Labels, stages and subsets of a build, read back from decisions.parquet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from valuedata.accounting import KEPT, Step, Verdict
from valuedata.labelling.labels import Labels
from valuedata.release.decisions import KEEP
from valuedata.release.folder import Release

__all__ = ["Members", "read_labels", "read_members", "read_splits", "read_steps"]


@dataclass(frozen=True)
class Members:
    """The pairs of one subset, in order of their rows in a table of decisions.

    Attributes:
        rows: (k,) int64 rows of the table.
        flipped: (k,) bool: whether the rejected reply is rewarded.
        margin: (k,) float32: p(rewarded) - p(other).
        cluster: (k,) object: name of the cluster, None where there is none.
        split: (k,) object: name of the split.
        weight: (k,) float64 of mean 1 over the subset as built; None where all count the same.
    """

    rows: npt.NDArray[np.int64]
    flipped: npt.NDArray[np.bool_]
    margin: npt.NDArray[np.float32]
    cluster: npt.NDArray[np.object_]
    split: npt.NDArray[np.object_]
    weight: npt.NDArray[np.float64] | None = None

    def take(self, order: npt.NDArray[np.int64]) -> Self:
        """The pairs at some places, in their order."""
        return replace(
            self,
            rows=self.rows[order],
            flipped=self.flipped[order],
            margin=self.margin[order],
            cluster=self.cluster[order],
            split=self.split[order],
            weight=None if self.weight is None else self.weight[order],
        )


def read_members(decisions: pa.Table, value: str) -> Members:
    """Reads which pairs are in the subset of a value.

    Args:
        decisions: Rows of decisions.parquet.
        value: Name of the subset.
    """
    subsets = decisions["subsets"].combine_chunks()
    fates = subsets.flatten()
    is_member = pc.and_(
        pc.equal(pc.struct_field(fates, "value"), value),
        pc.equal(pc.struct_field(fates, "outcome"), KEEP),
    )
    found = fates.filter(is_member)
    columns = {
        name: pc.struct_field(found, name).to_numpy(zero_copy_only=False)
        for name in ("flipped", "margin", "cluster", "split", "weight")
    }
    weighted = pc.struct_field(found, "weight").null_count < len(found)
    rows = pc.list_parent_indices(subsets).filter(is_member).to_numpy().astype(np.int64)
    return Members(
        rows,
        columns["flipped"].astype(bool),
        columns["margin"].astype(np.float32),
        columns["cluster"].astype(object),
        columns["split"].astype(object),
        columns["weight"].astype(np.float64) if weighted else None,
    )


def read_splits(decisions: pa.Table, values: Sequence[str]) -> npt.NDArray[np.object_]:
    """Reads the split of every pair that is in a subset.

    Args:
        decisions: n rows of decisions.parquet.
        values: Names of the subsets; a pair is in the same split of each.

    Returns:
        (n,) object: name of the split, None where a pair is in no subset.
    """
    split = np.full(len(decisions), None, dtype=object)
    for value in values:
        members = read_members(decisions, value)
        split[members.rows] = members.split
    return split


def read_labels(release: Release, decisions: pa.Table) -> tuple[npt.NDArray[np.int64], Labels]:
    """Reads the labels of the rows that have them.

    Args:
        release: Whose manifest names the columns and the thresholds.
        decisions: Rows of its decisions.parquet.

    Returns:
        (m,) int64 rows of the table that were labelled, and their labels.
    """
    told = release.manifest["labels"]
    rows = np.flatnonzero(pc.is_valid(decisions["chosen_probabilities"]).to_numpy())
    labelled = decisions.take(pa.array(rows))
    chosen, rejected = (
        pc.list_flatten(labelled[f"{side}_probabilities"])
        .to_numpy()
        .astype(np.float32)
        .reshape(len(rows), len(told["names"]))
        for side in ("chosen", "rejected")
    )
    thresholds = np.array(told["thresholds"], dtype=np.float32)
    return rows, Labels(tuple(told["names"]), chosen, rejected, thresholds)


def read_steps(decisions: pa.Table, stages: Sequence[str]) -> tuple[Step, ...]:
    """Reads what each of the stages that all pairs pass did to them.

    Args:
        decisions: The n rows of decisions.parquet that became pairs, in their order.
        stages: Names of those stages, in order.
    """
    stage, reason = (decisions[name].to_numpy(zero_copy_only=False) for name in ("stage", "reason"))
    twins = _find_twins(decisions)
    rows = np.arange(len(decisions), dtype=np.int64)
    steps = []
    for name in stages:
        dropped = stage[rows] == name
        reasons = np.where(dropped, reason[rows], KEPT).astype(object)
        twin = np.where(dropped, twins[rows], -1)
        duplicate_of = np.where(twin >= 0, np.searchsorted(rows, twin), -1)
        steps.append(Step(rows, Verdict(name, reasons, duplicate_of)))
        rows = steps[-1].kept
    return tuple(steps)


def _find_twins(decisions: pa.Table) -> npt.NDArray[np.int64]:
    """(n,) int64: the row that each row was dropped as a duplicate of, -1 where there is none."""
    places = zip(decisions["source"].to_pylist(), decisions["source_row"].to_pylist(), strict=True)
    row_of = {place: row for row, place in enumerate(places)}
    twins = np.full(len(decisions), -1, dtype=np.int64)
    for row, twin in enumerate(decisions["duplicate_of"].to_pylist()):
        if twin is not None:
            twins[row] = row_of[twin["source"], twin["source_row"]]
    return twins
