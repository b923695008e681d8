"""The Parquet tables that an evaluation leaves, written in one move and checked when read."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from valuedata.errors import EvaluationError

__all__ = ["read_table", "write_table"]


def write_table(table: pa.Table, path: Path) -> None:
    """Writes a table in one move."""
    partial = path.with_name(f".{path.name}")
    pq.write_table(table, partial)
    partial.replace(path)


def read_table(path: Path, schema: pa.Schema, holds: str) -> pa.Table:
    """Reads a table that `valuedata evaluate` wrote.

    Args:
        path: The file.
        schema: Its columns.
        holds: What its rows are, for the error.

    Raises:
        EvaluationError: If it is not there, or has other columns.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise EvaluationError(
            f"{path} cannot be read; give a folder that `valuedata evaluate` wrote."
        ) from error
    if table.schema.remove_metadata() != schema:
        raise EvaluationError(
            f"{path} has other columns than a table of {holds}; give a folder that `valuedata "
            "evaluate` wrote."
        )
    return table
