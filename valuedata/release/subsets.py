"""The Parquet files of a value's subset."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset, Features

from valuedata.labelling.evidence import Evidence
from valuedata.labelling.labels import Labels
from valuedata.labelling.values import ValueDefinition
from valuedata.release.decisions import Trail
from valuedata.release.folder import SUBSET_FEATURES, WEIGHT
from valuedata.release.recall import Members
from valuedata.release.splits import write_groups
from valuedata.schema import BATCH_ROWS, gather_rows

__all__ = ["count_subset", "describe_subset", "list_members", "write_subset"]


def write_subset(
    staging: Path,
    pairs: Dataset,
    labelled: tuple[npt.NDArray[np.int64], Labels],
    trail: Trail,
    splits: tuple[str, ...],
) -> None:
    """Writes data/<value>/<split>-*.parquet; a split without pairs has no file.

    Args:
        staging: Folder of the release.
        pairs: The n pairs of the intake.
        labelled: Rows of the intake that were labelled, and their labels.
        trail: The way of the pairs into the subset.
        splits: Names of the splits, in order.
    """
    rows, labels = labelled
    position = np.full(len(pairs), -1, dtype=np.int64)
    position[rows] = np.arange(len(rows))

    def take(some: npt.NDArray[np.int64]) -> pa.Table:
        batches = (some[at : at + BATCH_ROWS] for at in range(0, len(some), BATCH_ROWS))
        # not combined: a column of one chunk holds 2 GiB of text at most
        return pa.concat_tables(
            _arrange(pairs.select(batch), labels.take(position[batch]), trail, batch)
            for batch in batches
        )

    for split in splits:
        kept = trail.kept[trail.split[trail.kept] == split]
        if len(kept):
            folder = staging / "data" / trail.value
            write_groups(folder, split, kept, take, _choose_features(trail))


def _choose_features(trail: Trail) -> Features:
    if trail.weight is None:
        return SUBSET_FEATURES
    return Features(SUBSET_FEATURES, weight=WEIGHT)


def describe_subset(
    trail: Trail,
    sources: npt.NDArray[np.object_],
    splits: tuple[str, ...],
    definition: ValueDefinition,
    evidence: Evidence | None,
) -> dict[str, Any]:
    """The numbers of a subset for the manifest, as JSON types.

    Args:
        trail: The way of the pairs into the subset.
        sources: (n,) names of the intake's sources.
        splits: Names of the splits, in order.
        definition: What the value means.
        evidence: What its labels rest on; None where that was not measured.
    """
    return {
        "definition": definition.model_dump(mode="json"),
        "evidence": None if evidence is None else asdict(evidence),
        **count_subset(list_members(trail), sources, splits),
        "stages": [step.verdict.report.to_json() for step in trail.steps],
    }


def list_members(trail: Trail) -> Members:
    """The pairs that a trail leads into its subset."""
    kept = trail.kept
    return Members(
        kept,
        trail.flipped[kept],
        trail.margin[kept],
        trail.cluster[kept],
        trail.split[kept],
        None if trail.weight is None else trail.weight[kept],
    )


def count_subset(
    members: Members, sources: npt.NDArray[np.object_], splits: Sequence[str]
) -> dict[str, Any]:
    """The numbers of a subset that its pairs alone decide, as JSON types.

    Args:
        members: Its pairs.
        sources: Name of the source of every row that they are numbered by.
        splits: Names of the splits, in order.
    """
    in_split = Counter(members.split.tolist())
    clusters = Counter(name for name in members.cluster.tolist() if name is not None)
    margin = members.margin.astype(np.float64)
    return {
        "n_pairs": len(members.rows),
        "n_flipped": int(members.flipped.sum()),
        "splits": {split: in_split[split] for split in splits if in_split[split]},
        "sources": dict(Counter(sources[members.rows].tolist())),
        "clusters": [
            {"name": name, "n_pairs": n_pairs} for name, n_pairs in clusters.most_common()
        ],
        "margin": {
            "min": round(float(margin.min()), 4),
            "median": round(float(np.median(margin)), 4),
            "max": round(float(margin.max()), 4),
        },
    }


def _arrange(pairs: Dataset, labels: Labels, trail: Trail, rows: npt.NDArray[np.int64]) -> pa.Table:
    """Rows of a release: flipped where the rejected reply is the rewarded one."""
    told = gather_rows(pairs)
    flipped = trail.flipped[rows]
    sides = {side: told[side].combine_chunks() for side in ("chosen", "rejected")}
    expressed = {side: labels.expressed(side) for side in ("chosen", "rejected")}
    columns = {name: told[name] for name in ("pair_id", "source", "source_row", "prompt")}
    for side, other in (("chosen", "rejected"), ("rejected", "chosen")):
        columns[side] = pc.if_else(pa.array(flipped), sides[other], sides[side])
    columns |= {"flipped": pa.array(flipped), "margin": pa.array(trail.margin[rows], pa.float32())}
    for side, other in (("chosen", "rejected"), ("rejected", "chosen")):
        mask = np.where(flipped[:, None], expressed[other], expressed[side])
        columns[f"{side}_values"] = _list_names(labels.names, mask)
    columns["cluster"] = pa.array(trail.cluster[rows], pa.string())
    if trail.weight is not None:
        columns["weight"] = pa.array(trail.weight[rows])
    return pa.table(columns)


def _list_names(names: Sequence[str], mask: npt.NDArray[np.bool_]) -> pa.ListArray:
    """For each row of an (n, v) mask, the names where it is True."""
    offsets = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(names, pa.string()).take(np.nonzero(mask)[1]))
