"""What the caches of labelling hold, and how they are emptied."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from valuedata.errors import LabelError
from valuedata.labelling.encoding.cache import VECTORS_FILE, connect
from valuedata.labelling.llm.answers import ANSWERS_FILE

__all__ = ["CACHES", "CacheFile", "clear_cache", "list_caches"]

CACHES: Final = {"vectors": VECTORS_FILE, "answers": ANSWERS_FILE}
"""Kind of entry to the file that holds them; the table is named as the kind."""

SUFFIXES = ("-wal", "-shm", "")  # SQLite's journals stand beside the file
HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE name = ?"
PRIMARY = 0xFF  # of SQLite's codes; the bits above tell kinds of the same refusal apart
IN_USE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@dataclass(frozen=True)
class CacheFile:
    """One file of a cache folder.

    Attributes:
        kind: What its entries are, as in `CACHES`.
        path: The file, which need not be there.
        n_entries: Entries in it; None where it is damaged or cannot be read.
        n_bytes: Bytes on the disk, with SQLite's journals.
    """

    kind: str
    path: Path
    n_entries: int | None
    n_bytes: int


def list_caches(folder: Path) -> list[CacheFile]:
    """The files of a cache folder, one a kind; makes and alters nothing.

    Args:
        folder: The folder, which need not be there.
    """
    return [_describe(kind, folder / name) for kind, name in CACHES.items()]


def clear_cache(folder: Path, kinds: Sequence[str]) -> None:
    """Empties files of a cache folder, which other processes may be using.

    Args:
        folder: The folder.
        kinds: What is dropped, as in `CACHES`.

    Raises:
        LabelError: If another process holds a file for long, or a file cannot be altered.
    """
    for kind in kinds:
        path = folder / CACHES[kind]
        if not path.exists():
            continue
        try:
            _empty(path, kind)
        except LabelError as error:
            if _is_in_use(error):
                raise
            _remove(path)  # damaged, or on a full disk, where even deleting needs room


def _describe(kind: str, path: Path) -> CacheFile:
    n_bytes = sum(_measure(path.with_name(path.name + suffix)) for suffix in SUFFIXES)
    try:
        n_entries = _count(path, kind) if path.exists() else 0
    except LabelError:
        n_entries = None
    return CacheFile(kind, path, n_entries, n_bytes)


def _measure(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # another process has just finished with a journal
        return 0


def _count(path: Path, table: str) -> int:
    with connect(path) as connection:
        if not connection.execute(HAS_TABLE, (table,)).fetchone():
            return 0
        (n_entries,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - of CACHES
    return int(n_entries)


def _empty(path: Path, table: str) -> None:
    with connect(path) as connection:
        if connection.execute(HAS_TABLE, (table,)).fetchone():
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - of CACHES
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # heeded by what follows
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _is_in_use(error: LabelError) -> bool:
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and cause.sqlite_errorcode & PRIMARY in IN_USE


def _remove(path: Path) -> None:
    try:
        for suffix in SUFFIXES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise LabelError(
            f"Cache {path} cannot be removed ({error.strerror}); you need write permission there."
        ) from error
