"""Labels as records in a file: one a pair, in input order."""

import errno
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from valuedata.errors import RecipeError
from valuedata.labelling.labels import LABELLED, Labels, Side

__all__ = ["check_records_path", "write_records"]

IDENTITY = ("pair_id", "source", "source_row", "source_id")
SUFFIXES = (".jsonl", ".parquet")


def check_records_path(out: Path, read: Iterable[Path] = ()) -> None:
    """Refuses a path that records cannot be written to.

    Args:
        out: The path.
        read: Files that are read, which may not be replaced.

    Raises:
        RecipeError: If its suffix is no known one, its folder is missing or closed, or it is one
            of the files that are read.
    """
    if out.suffix not in SUFFIXES:
        raise RecipeError(
            f"Label file {out} has the suffix {out.suffix!r}; give one that ends in "
            f"{' or '.join(SUFFIXES)}."
        )
    try:
        found = out.parent.is_dir()
    except OSError as error:
        raise RecipeError(
            f"Folder {out.parent} cannot be used ({error.strerror}); give another --out."
        ) from error
    if not found:
        raise RecipeError(f"Folder {out.parent} is missing; make it or give another --out.")
    if any(out.resolve() == file.resolve() for file in read):
        raise RecipeError(f"Label file {out} is one of the files to label; give another --out.")


def write_records(pairs: Dataset, labels: Labels, out: Path) -> None:
    """Writes what was labelled: identity, and probabilities and expressed names of both replies.

    A reply without a label has `error`, the reason, in place of these.

    Args:
        pairs: n pairs.
        labels: Their labels.
        out: JSONL or Parquet file; it is replaced once the new one is whole.

    Raises:
        RecipeError: If the file cannot be written.
    """
    check_records_path(out)
    partial = out.with_name(f".{out.name}.partial")
    try:
        if out.suffix == ".jsonl":
            with partial.open("w", encoding="utf-8") as file:
                for record in _iterate_records(pairs, labels):
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")
        else:
            schema = _make_schema(labels)
            records = list(_iterate_records(pairs, labels))
            pq.write_table(pa.Table.from_pylist(records, schema=schema), partial)
        partial.replace(out)
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or error
        raise RecipeError(
            f"Label file {out} cannot be written ({reason}); give another --out."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _iterate_records(pairs: Dataset, labels: Labels) -> Iterator[dict[str, Any]]:
    identities = pairs.select_columns(list(IDENTITY))
    chosen, rejected = _describe_side(labels, "chosen"), _describe_side(labels, "rejected")
    for identity, one, other in zip(identities, chosen, rejected, strict=True):
        yield {**identity, "chosen": one, "rejected": other}


def _describe_side(labels: Labels, side: Side) -> Iterator[dict[str, Any]]:
    expressed = labels.expressed(side)
    failures = [LABELLED] * len(labels)
    if labels.failures is not None:
        failures = labels.failures[:, ("chosen", "rejected").index(side)].tolist()
    for row, numbers in enumerate(getattr(labels, side).tolist()):
        if failures[row] != LABELLED:
            yield {"error": failures[row]}
            continue
        yield {
            "probabilities": {
                name: round(number, 6) for name, number in zip(labels.names, numbers, strict=True)
            },
            "expressed": [
                name for name, is_on in zip(labels.names, expressed[row], strict=True) if is_on
            ],
        }


def _make_schema(labels: Labels) -> pa.Schema:
    fields: list[tuple[str, pa.DataType]] = [
        ("probabilities", pa.struct([(name, pa.float64()) for name in labels.names])),
        ("expressed", pa.list_(pa.string())),
    ]
    side = pa.struct(fields if labels.failures is None else [*fields, ("error", pa.string())])
    return pa.schema(
        [
            ("pair_id", pa.string()),
            ("source", pa.string()),
            ("source_row", pa.int64()),
            ("source_id", pa.string()),
            ("chosen", side),
            ("rejected", side),
        ]
    )
