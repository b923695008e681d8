"""The files that an evaluation leaves: written in one move or not at all, and read back."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from valuedata.errors import EvaluationError

__all__ = ["explain_write", "read_table", "write_table", "write_text", "writing"]


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Gives a hidden place to write to, and moves it to its own; a failure leaves none.

    Raises:
        EvaluationError: If it cannot be written.
    """
    partial = path.with_name(f".{path.name}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise EvaluationError(
            f"{path} cannot be written ({explain_write(error)}); mend that or give another place."
        ) from error


def explain_write(error: OSError) -> str:
    """Why something could not be written, in a few words."""
    if error.errno == errno.ENOSPC:
        return "the disk is full"
    return error.strerror or str(error)


def write_text(text: str, path: Path) -> None:
    """Writes a text in one move.

    Raises:
        EvaluationError: If it cannot be written.
    """
    with writing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_table(table: pa.Table, path: Path) -> None:
    """Writes a table in one move.

    Raises:
        EvaluationError: If it cannot be written.
    """
    with writing(path) as partial:
        pq.write_table(table, partial)


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
