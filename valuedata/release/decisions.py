"""The life of every input row: kept or dropped, at which stage, why, and with which scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datasets import Dataset

from valuedata.accounting import Step
from valuedata.labelling.labels import Labels
from valuedata.release.drops import (
    DUPLICATE,
    explain_unselected,
    name_duplicates,
    tabulate_drops,
)
from valuedata.release.splits import ROWS_PER_GROUP
from valuedata.schema import BATCH_ROWS

__all__ = [
    "DECISIONS_SCHEMA",
    "DROP",
    "KEEP",
    "Discarded",
    "Trail",
    "order_rows",
    "quote_prompt",
    "tabulate_decisions",
]

KEEP, DROP = "kept", "dropped"
EXCERPT_CHARACTERS = 160

DECISIONS_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("source_row", pa.int64()),
        ("source_id", pa.string()),
        ("pair_id", pa.string()),
        ("outcome", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("duplicate_of", DUPLICATE),
        ("flags", pa.list_(pa.string())),
        ("excerpt", pa.string()),
        ("chosen_probabilities", pa.list_(pa.float32())),
        ("rejected_probabilities", pa.list_(pa.float32())),
        (
            "subsets",
            pa.list_(
                pa.struct(
                    [
                        ("value", pa.string()),
                        ("outcome", pa.string()),
                        ("stage", pa.string()),
                        ("reason", pa.string()),
                        ("duplicate_of", DUPLICATE),
                        ("flipped", pa.bool_()),
                        ("margin", pa.float32()),
                        ("cluster", pa.string()),
                        ("split", pa.string()),
                        ("weight", pa.float64()),
                    ]
                )
            ),
        ),
    ]
)


@dataclass(frozen=True)
class Discarded:
    """A raw row that never became a pair."""

    source: str
    source_row: int
    source_id: str | None
    reason: str
    excerpt: str


@dataclass(frozen=True)
class Trail:
    """The way of pairs through the selection of one value.

    Attributes:
        value: Name of the value.
        steps: Stages of its selection, in order; the first speaks of all labelled pairs.
        flipped: (n,) bool over the intake.
        margin: (n,) float32 over the intake.
        cluster: (n,) object over the intake: name of the cluster, None where there is none.
        split: (n,) object over the intake: name of the split, None where there is none.
        weight: (n,) float64 over the intake, NaN where there is none; None for a subset whose
            pairs all count the same.
    """

    value: str
    steps: Sequence[Step]
    flipped: npt.NDArray[np.bool_]
    margin: npt.NDArray[np.float32]
    cluster: npt.NDArray[np.object_]
    split: npt.NDArray[np.object_]
    weight: npt.NDArray[np.float64] | None = None

    @property
    def kept(self) -> npt.NDArray[np.int64]:
        """(k,) int64 rows of the intake in the subset."""
        return self.steps[-1].kept


@dataclass(frozen=True)
class _Fates:
    """What became of the pairs that have a value on exactly one side.

    Attributes:
        trail: Their way.
        rows: (m,) int64 rows of the intake, ascending.
        is_kept: (m,) bool: in the subset.
        stage: (m,) object: where a pair was dropped, None where it was not; so for `reason`.
        reason: (m,) object.
        duplicate: (m,) int64 row of the intake, -1 where the pair duplicates none.
    """

    trail: Trail
    rows: npt.NDArray[np.int64]
    is_kept: npt.NDArray[np.bool_]
    stage: npt.NDArray[np.object_]
    reason: npt.NDArray[np.object_]
    duplicate: npt.NDArray[np.int64]


def tabulate_decisions(
    pairs: Dataset,
    discarded: Sequence[Discarded],
    flags: Sequence[Sequence[str]],
    steps: Sequence[Step],
    labelled: tuple[npt.NDArray[np.int64], Labels],
    trails: Sequence[Trail],
) -> Iterator[pa.Table]:
    """Tells the life of every input row.

    Args:
        pairs: The n pairs of the intake.
        discarded: Raw rows that never became pairs.
        flags: For each of n pairs, what was found in it without dropping it.
        steps: Stages that all pairs pass, in order.
        labelled: Rows of the intake that were labelled, and their labels.
        trails: One for each value built.

    Yields:
        Tables with `DECISIONS_SCHEMA` of 25,000 rows at most: one row an input row, sources in
        their order, rows in theirs.
    """
    identity = pairs.data.table.select(["source", "source_row", "source_id", "pair_id"])
    identity = identity.combine_chunks()
    others = _tabulate_discarded(discarded)
    stage, reason, duplicate = tabulate_drops(len(pairs), steps)
    explain_unselected(stage, reason, duplicate, [trail.steps for trail in trails])
    in_subset = np.zeros(len(pairs), dtype=bool)
    for trail in trails:
        in_subset[trail.kept] = True
    stage[in_subset], reason[in_subset], duplicate[in_subset] = None, None, -1
    position = np.full(len(pairs), -1, dtype=np.int64)
    position[labelled[0]] = np.arange(len(labelled[0]))
    fates = [_tell_fates(trail, len(pairs)) for trail in trails]

    def tabulate(rows: npt.NDArray[np.int64]) -> pa.Table:
        own = identity.take(rows)
        found = [flags[row] for row in rows]
        columns = {
            **{name: own.column(name) for name in own.column_names},
            "outcome": np.where(in_subset[rows], KEEP, DROP).astype(object),
            "stage": stage[rows],
            "reason": reason[rows],
            "duplicate_of": name_duplicates(identity, duplicate[rows]),
            "flags": found,
            "excerpt": _quote_dropped(pairs.select(rows), in_subset[rows], found),
            "chosen_probabilities": _spread(position[rows], labelled[1].chosen),
            "rejected_probabilities": _spread(position[rows], labelled[1].rejected),
            "subsets": _tabulate_subsets(identity, fates, rows),
        }
        return pa.table(columns, schema=DECISIONS_SCHEMA)

    placed = ["source", "source_row"]
    order = order_rows(pa.concat_tables([identity.select(placed), others.select(placed)]))
    for start in range(0, len(order), ROWS_PER_GROUP):
        rows = order[start : start + ROWS_PER_GROUP]
        is_pair = rows < len(pairs)
        told = [tabulate(rows[is_pair]), others.take(rows[~is_pair] - len(pairs))]
        back = np.argsort(np.argsort(~is_pair, kind="stable"))
        yield pa.concat_tables(told).take(back)


def order_rows(table: pa.Table) -> npt.NDArray[np.int64]:
    """The order of decisions.parquet: sources as they first appear, rows as the source has them.

    Args:
        table: n rows with `source` and `source_row`.

    Returns:
        (n,) int64 numbers of the rows, in order.
    """
    sources = table.column("source").to_numpy(zero_copy_only=False)
    number_of = {source: number for number, source in enumerate(dict.fromkeys(sources))}
    numbers = np.array([number_of[source] for source in sources], dtype=np.int64)
    return np.lexsort((table.column("source_row").to_numpy(), numbers))


def _quote_dropped(
    pairs: Dataset, in_subset: npt.NDArray[np.bool_], flags: Sequence[Sequence[str]]
) -> list[str | None]:
    """How the last turn before the replies begins, of pairs that are in no subset.

    Pairs in a subset are there to be read, and what carries personal data is not repeated.
    """
    batches = pairs.select_columns("prompt").iter(batch_size=BATCH_ROWS)
    prompts = (prompt for batch in batches for prompt in batch["prompt"])
    return [
        None if kept else quote_prompt(prompt, found)
        for prompt, kept, found in zip(prompts, in_subset.tolist(), flags, strict=True)
    ]


def quote_prompt(prompt: Sequence[Mapping[str, str]], flags: Sequence[str]) -> str | None:
    """How the last turn of a prompt begins; None where there is none or the pair is flagged."""
    return None if flags or not prompt else prompt[-1]["content"][:EXCERPT_CHARACTERS]


def _spread(position: npt.NDArray[np.int64], values: npt.NDArray[np.float32]) -> pa.ListArray:
    """For each position the vector there; null where it is -1."""
    is_there = position >= 0
    lengths = np.where(is_there, values.shape[1], 0)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    told = pa.array(values[position[is_there]].ravel())
    return pa.ListArray.from_arrays(offsets, told, mask=pa.array(~is_there))


def _tell_fates(trail: Trail, n_rows: int) -> _Fates:
    rows = np.sort(trail.steps[0].kept)
    stage, reason, duplicate = tabulate_drops(n_rows, trail.steps[1:])
    is_kept = np.isin(rows, trail.kept)
    return _Fates(trail, rows, is_kept, stage[rows], reason[rows], duplicate[rows])


def _tabulate_subsets(
    identity: pa.Table, fates: Sequence[_Fates], rows: npt.NDArray[np.int64]
) -> pa.ListArray:
    """For each row, its fate in the subset of each value that it has on exactly one side."""
    kind = DECISIONS_SCHEMA.field("subsets").type.value_type
    parts: list[pa.Table] = [pa.table({field.name: pa.array([], field.type) for field in kind})]
    owners: list[npt.NDArray[np.int64]] = []
    for fate in fates:
        place = np.searchsorted(fate.rows, rows)
        owner = np.flatnonzero(np.append(fate.rows, -1)[place] == rows)
        found, own = place[owner], rows[owner]
        owners.append(owner)
        trail = fate.trail
        columns = {
            "value": [trail.value] * len(own),
            "outcome": np.where(fate.is_kept[found], KEEP, DROP).astype(object),
            "stage": fate.stage[found],
            "reason": fate.reason[found],
            "duplicate_of": name_duplicates(identity, fate.duplicate[found]),
            "flipped": trail.flipped[own],
            "margin": trail.margin[own],
            "cluster": trail.cluster[own],
            "split": trail.split[own],
            "weight": pa.nulls(len(own))
            if trail.weight is None
            else pa.array(trail.weight[own], from_pandas=True),
        }
        parts.append(pa.Table.from_pydict(columns, pa.schema(list(kind))))
    owner = np.concatenate([*owners, np.empty(0, dtype=np.int64)])
    told = pa.concat_tables(parts).combine_chunks().take(np.argsort(owner, kind="stable"))
    structs = told.to_struct_array().combine_chunks() if len(told) else pa.array([], kind)
    lengths = np.bincount(owner, minlength=len(rows))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, structs)


def _tabulate_discarded(discarded: Sequence[Discarded]) -> pa.Table:
    records: list[dict[str, object]] = [
        {
            "source": row.source,
            "source_row": row.source_row,
            "source_id": row.source_id,
            "outcome": DROP,
            "stage": "intake",
            "reason": row.reason,
            "flags": [],
            "excerpt": row.excerpt,
            "subsets": [],
        }
        for row in discarded
    ]
    return pa.Table.from_pylist(records, schema=DECISIONS_SCHEMA)
