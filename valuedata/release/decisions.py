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
BATCH_ROWS = 1_000  # rows of text in memory at a time

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


def tabulate_decisions(
    pairs: Dataset,
    discarded: Sequence[Discarded],
    flags: Sequence[Sequence[str]],
    steps: Sequence[Step],
    labelled: tuple[npt.NDArray[np.int64], Labels],
    trails: Sequence[Trail],
) -> pa.Table:
    """Tells the life of every input row.

    Args:
        pairs: The n pairs of the intake.
        discarded: Raw rows that never became pairs.
        flags: For each of n pairs, what was found in it without dropping it.
        steps: Stages that all pairs pass, in order.
        labelled: Rows of the intake that were labelled, and their labels.
        trails: One for each value built.

    Returns:
        A table with `DECISIONS_SCHEMA`: one row an input row, sources in their order, rows in
        theirs.
    """
    identity = pairs.data.table.select(["source", "source_row", "source_id", "pair_id"])
    identity = identity.combine_chunks()
    stage, reason, duplicate = tabulate_drops(len(pairs), steps)
    explain_unselected(stage, reason, duplicate, [trail.steps for trail in trails])
    in_subset = np.zeros(len(pairs), dtype=bool)
    for trail in trails:
        in_subset[trail.kept] = True
    stage[in_subset], reason[in_subset], duplicate[in_subset] = None, None, -1
    rows, labels = labelled
    columns = {
        **{name: identity.column(name) for name in identity.column_names},
        "outcome": np.where(in_subset, KEEP, DROP).astype(object),
        "stage": stage,
        "reason": reason,
        "duplicate_of": name_duplicates(identity, duplicate),
        "flags": list(flags),
        "excerpt": pa.array(_quote_dropped(pairs, in_subset, flags), pa.string()),
        "chosen_probabilities": _spread(len(pairs), rows, labels.chosen),
        "rejected_probabilities": _spread(len(pairs), rows, labels.rejected),
        "subsets": _tabulate_subsets(identity, trails),
    }
    told = pa.table(columns, schema=DECISIONS_SCHEMA)
    table = pa.concat_tables([told, _tabulate_discarded(discarded)])
    return _arrange(table, order_rows(table))


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


def _arrange(table: pa.Table, order: npt.NDArray[np.int64]) -> pa.Table:
    """The rows in another order, without a copy where most stand one after another already."""
    starts = np.flatnonzero(np.diff(order, prepend=-2) != 1)
    if len(starts) > len(order) / BATCH_ROWS + 1:  # a slice costs more than so few rows
        return table.combine_chunks().take(order)
    lengths = np.diff(starts, append=len(order))
    runs = zip(order[starts].tolist(), lengths.tolist(), strict=True)
    return pa.concat_tables([table.slice(0, 0), *(table.slice(*run) for run in runs)])


def _quote_dropped(
    pairs: Dataset, in_subset: npt.NDArray[np.bool_], flags: Sequence[Sequence[str]]
) -> Iterator[str | None]:
    """How the last turn before the replies begins, of pairs that are in no subset.

    Pairs in a subset are there to be read, and what carries personal data is not repeated.
    """
    batches = pairs.select_columns("prompt").iter(batch_size=BATCH_ROWS)
    prompts = (prompt for batch in batches for prompt in batch["prompt"])
    for prompt, kept, found in zip(prompts, in_subset.tolist(), flags, strict=True):
        yield None if kept else quote_prompt(prompt, found)


def quote_prompt(prompt: Sequence[Mapping[str, str]], flags: Sequence[str]) -> str | None:
    """How the last turn of a prompt begins; None where there is none or the pair is flagged."""
    return None if flags or not prompt else prompt[-1]["content"][:EXCERPT_CHARACTERS]


def _spread(
    n_rows: int, rows: npt.NDArray[np.int64], values: npt.NDArray[np.float32]
) -> pa.ListArray:
    """Puts a vector a labelled row into a column of n rows; null elsewhere."""
    lengths = np.zeros(n_rows, dtype=np.int32)
    lengths[rows] = values.shape[1]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    ordered = values[np.argsort(rows, kind="stable")].ravel()
    return pa.ListArray.from_arrays(offsets, pa.array(ordered), mask=pa.array(lengths == 0))


def _tabulate_subsets(identity: pa.Table, trails: Sequence[Trail]) -> pa.ListArray:
    """For each pair, its fate in the subset of each value that it has on exactly one side."""
    n_rows = len(identity)
    kind = DECISIONS_SCHEMA.field("subsets").type.value_type
    parts: list[pa.Table] = [pa.table({field.name: pa.array([], field.type) for field in kind})]
    owners: list[npt.NDArray[np.int64]] = []
    for trail in trails:
        rows = trail.steps[0].kept
        kept = np.isin(rows, trail.kept)
        stage, reason, duplicate = tabulate_drops(n_rows, trail.steps[1:])
        owners.append(rows)
        columns = {
            "value": [trail.value] * len(rows),
            "outcome": np.where(kept, KEEP, DROP).astype(object),
            "stage": stage[rows],
            "reason": reason[rows],
            "duplicate_of": name_duplicates(identity, duplicate[rows]),
            "flipped": trail.flipped[rows],
            "margin": trail.margin[rows],
            "cluster": trail.cluster[rows],
            "split": trail.split[rows],
            "weight": pa.nulls(len(rows))
            if trail.weight is None
            else pa.array(trail.weight[rows], from_pandas=True),
        }
        parts.append(pa.Table.from_pydict(columns, pa.schema(list(kind))))
    owner = np.concatenate([*owners, np.empty(0, dtype=np.int64)])
    told = pa.concat_tables(parts).combine_chunks().take(np.argsort(owner, kind="stable"))
    structs = told.to_struct_array().combine_chunks() if len(told) else pa.array([], kind)
    lengths = np.bincount(owner, minlength=n_rows)
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
