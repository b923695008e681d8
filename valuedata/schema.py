"""What a pair is: a prompt, the reply that annotators chose and the one that they rejected."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datasets import Dataset, Features, List, Value

__all__ = [
    "BATCH_ROWS",
    "MESSAGES",
    "PAIR_FEATURES",
    "Message",
    "Pair",
    "compute_pair_id",
    "gather_rows",
    "list_sources",
    "make_pair",
]


class Message(TypedDict):
    """One turn of a conversation; `role` is "system", "user" or "assistant"."""

    role: str
    content: str


class Pair(TypedDict):
    """One preference pair; replies never repeat the prompt.

    The scores are those of quality that its source gives the replies, None where it gives none.
    """

    pair_id: str
    source: str
    source_row: int
    source_id: str | None
    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    chosen_score: float | None
    rejected_score: float | None


BATCH_ROWS = 1_000  # rows of text in memory at a time

MESSAGES = List({"role": Value("string"), "content": Value("string")})

PAIR_FEATURES = Features(
    pair_id=Value("string"),
    source=Value("string"),
    source_row=Value("int64"),
    source_id=Value("string"),
    prompt=MESSAGES,
    chosen=MESSAGES,
    rejected=MESSAGES,
    chosen_score=Value("float64"),
    rejected_score=Value("float64"),
)


def compute_pair_id(
    prompt: Sequence[Mapping[str, Any]],
    chosen: Sequence[Mapping[str, Any]],
    rejected: Sequence[Mapping[str, Any]],
) -> str:
    """Names a pair by its content.

    Args:
        prompt: Messages before the replies.
        chosen: Messages of the chosen reply.
        rejected: Messages of the rejected reply.

    Returns:
        16 hex digits: the start of the SHA-256 of the three lists as canonical JSON.
    """
    content = [
        [[message["role"], message["content"]] for message in side]
        for side in (prompt, chosen, rejected)
    ]
    canonical = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def make_pair(  # noqa: PLR0913 - one a column
    *,
    source: str,
    source_row: int,
    source_id: str | None,
    prompt: list[Message],
    chosen: list[Message],
    rejected: list[Message],
    scores: tuple[float, float] | None = None,
) -> Pair:
    """Makes a pair and computes its id; scores do not count for it."""
    chosen_score, rejected_score = scores or (None, None)
    return Pair(
        pair_id=compute_pair_id(prompt, chosen, rejected),
        source=source,
        source_row=source_row,
        source_id=source_id,
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        chosen_score=chosen_score,
        rejected_score=rejected_score,
    )


def gather_rows(pairs: Dataset) -> pa.Table:
    """The rows of a data set as an Arrow table with one chunk for each column.

    In batches, because `datasets` makes every selected row a chunk of its own, and a million chunks
    take more memory than their texts.
    """
    rows = pairs.with_format("arrow")
    batches = [batch.combine_chunks() for batch in rows.iter(batch_size=BATCH_ROWS)]
    return pa.concat_tables(batches).combine_chunks() if batches else rows[:]


def list_sources(pairs: Dataset) -> npt.NDArray[np.object_]:
    """(n,) the source of each pair."""
    column = gather_rows(pairs.select_columns("source"))["source"]
    sources: npt.NDArray[np.object_] = column.to_numpy()
    return sources
