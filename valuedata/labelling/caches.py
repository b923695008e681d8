"""What the caches of labelling and evaluation hold, and how they are emptied."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from valuedata.errors import LabelError
from valuedata.labelling.encoding.cache import VECTORS_FILE, connect
from valuedata.labelling.llm.answers import ANSWERS_FILE, JUDGEMENTS_FILE, REPLIES_FILE

__all__ = ["CACHES", "CacheFile", "clear_cache", "list_caches"]

CACHES: Final = {
    "vectors": VECTORS_FILE,
    "answers": ANSWERS_FILE,
    "replies": REPLIES_FILE,
    "judgements": JUDGEMENTS_FILE,
}
"""Kind of entry to the file that holds them."""
TABLES: Final = {
    "vectors": "vectors",
    **dict.fromkeys(("answers", "replies", "judgements"), "answers"),
}

SUFFIXES = ("-wal", "-shm", "")  # SQLite's journals stand beside the file
HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE name = ?"
PRIMARY = 0xFF  # of SQLite's codes; the bits above tell kinds of the same refusal apart
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


@dataclass(frozen=True)
class CacheFile:
    """One file of a cache folder.

    Attributes:
        kind: What its entries are, as in `CACHES`.
        path: The file, which need not be there.
        n_entries: Entries in it; None where it is damaged or cannot be read.
        n_bytes: Bytes on the disk, with SQLite's journals.
        is_damaged: Whether it holds something wrong; what merely cannot be read may be whole.
    """

    kind: str
    path: Path
    n_entries: int | None
    n_bytes: int
    is_damaged: bool = False


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
        LabelError: If another process holds a file for long, or a file cannot be read or altered.
    """
    for kind in kinds:
        path = folder / CACHES[kind]
        if not _is_there(path):
            continue
        try:
            _empty(path, TABLES[kind])
        except LabelError as error:
            if not (_is_damage(error) or _is_lack_of_room(error)):
                raise
            _remove(path)


def _describe(kind: str, path: Path) -> CacheFile:
    n_bytes = sum(_measure(path.with_name(path.name + suffix)) for suffix in SUFFIXES)
    try:
        n_entries = _count(path, TABLES[kind]) if _is_there(path) else 0
    except LabelError as error:
        return CacheFile(kind, path, None, n_bytes, _is_damage(error))
    return CacheFile(kind, path, n_entries, n_bytes)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise LabelError(
            f"Cache {path} cannot be read ({error.strerror}); you need permission to read there."
        ) from error
    return True


def _measure(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # another process has just finished with a journal
        return 0


def _count(path: Path, table: str) -> int:
    with connect(path) as connection:
        if not connection.execute(HAS_TABLE, (table,)).fetchone():
            return 0
        (n_entries,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - of TABLES
    return int(n_entries)


def _empty(path: Path, table: str) -> None:
    with connect(path) as connection:
        if connection.execute(HAS_TABLE, (table,)).fetchone():
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - of TABLES
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # heeded by what follows
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _is_damage(error: LabelError) -> bool:
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and cause.sqlite_errorcode & PRIMARY in DAMAGE


def _is_lack_of_room(error: LabelError) -> bool:
    """Whether the disk is full, where even deleting rows or opening a journal needs room."""
    cause = error.__cause__
    full = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
    return isinstance(cause, sqlite3.Error) and cause.sqlite_errorcode in full


def _remove(path: Path) -> None:
    try:
        for suffix in SUFFIXES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise LabelError(
            f"Cache {path} cannot be removed ({error.strerror}); you need write permission there."
        ) from error
