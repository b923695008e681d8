"""Vectors kept on disk between runs, so that an interrupted build continues where it stopped."""

import logging
import math
import os
import re
import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from valuedata.errors import LabelError, RecipeError

__all__ = [
    "LIMIT_VARIABLE",
    "LOOKUP_SIZE",
    "VECTORS_FILE",
    "VectorCache",
    "connect",
    "describe_damage",
    "open_cache",
    "prepare_file",
    "read_limit",
]

logger = logging.getLogger(__name__)

VECTORS_FILE: Final = "vectors.sqlite"
BUSY_SECONDS = 60.0  # how long a process waits for another one's commit
LOOKUP_SIZE = 500  # keys a query; SQLite allows 999 in its oldest builds
SECONDS_A_DAY = 86_400

LIMIT_VARIABLE: Final = "VALUEDATA_CACHE_LIMIT"
DEFAULT_LIMIT = "10GB"
UNITS: Final = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
INCREMENTAL = 2  # SQLite's number of the mode in which a file can shrink
KEPT_SHARE = 0.9  # of the limit, once it was passed: so that not every commit has to make room

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS vectors "
    "(key BLOB PRIMARY KEY, vector BLOB NOT NULL, used INTEGER NOT NULL)"
)
BY_USE = "CREATE INDEX IF NOT EXISTS vectors_by_use ON vectors (used)"
HAS_USE = "SELECT name FROM pragma_table_info('vectors') WHERE name = 'used'"
EVICT = (
    "DELETE FROM vectors WHERE rowid IN (SELECT rowid FROM vectors ORDER BY used, rowid LIMIT ?)"
)


@dataclass(frozen=True)
class VectorCache:
    """A file of float16 vectors by the digest of what they were computed from.

    Several processes may share it, and a process killed at any moment loses only what it had not
    committed. Each entry ends in a CRC-32 of its digest and vector: one that a disk altered is
    dropped and computed again. SQLite's own journal sees to writes that a kill cut short.

    Attributes:
        path: The SQLite file.
        size: Length of every vector.
        limit: Largest size of the file in bytes. A commit that passes it drops the entries whose
            last day of use is the longest ago, those written first before others of that day.
    """

    path: Path
    size: int
    limit: int

    def find(self, keys: Sequence[bytes]) -> dict[bytes, npt.NDArray[np.float16]]:
        """Reads the vectors that are there, and notes the day of their use.

        Args:
            keys: Digests.

        Returns:
            Digest to (size,) float16, for those that are stored and whole.

        Raises:
            LabelError: If the file is damaged, or cannot be read or written.
        """
        found: dict[bytes, npt.NDArray[np.float16]] = {}
        last_used_before: list[bytes] = []
        torn: list[bytes] = []
        today = _count_days()
        with connect(self.path) as connection:
            for start in range(0, len(keys), LOOKUP_SIZE):
                some = keys[start : start + LOOKUP_SIZE]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, vector, used FROM vectors WHERE key IN ({marks})"  # noqa: S608 - marks only
                for key, content, used in connection.execute(query, some):
                    vector = self._decode(key, content)
                    if vector is None:
                        torn.append(key)
                        continue
                    found[key] = vector
                    if used < today:
                        last_used_before.append(key)
            if last_used_before or torn:
                _note(connection, today, last_used_before, torn)
        if torn:
            logger.warning(
                "%d entries of cache %s are damaged; they are computed again.", len(torn), self.path
            )
        return found

    def store(self, vectors: dict[bytes, npt.NDArray[np.float16]]) -> None:
        """Writes vectors in one transaction; those already there stay.

        Args:
            vectors: Digest to (size,) float16.

        Raises:
            LabelError: If the file is damaged or cannot be written.
        """
        today = _count_days()
        rows = [(key, _encode(key, vector), today) for key, vector in vectors.items()]
        with connect(self.path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)", rows)
            self._make_room(connection)
            connection.execute("COMMIT")
            pages, _, page_size = _measure(connection)
            n_over = pages - self.limit // page_size
            if n_over > 0:
                # One step of this statement frees one page; only a script takes all its steps.
                connection.executescript(f"PRAGMA incremental_vacuum({n_over})")

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Drops the oldest entries where what is in use passes the limit."""
        target = float(self.limit)
        while (n_bytes := _count_used(connection)) > target:
            target = KEPT_SHARE * self.limit
            (n_entries,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
            if not n_entries:
                return
            n_dropped = max(1, math.ceil(n_entries * (1 - target / n_bytes)))
            connection.execute(EVICT, (n_dropped,))
            logger.info("Cache %s passes its limit: %d entries dropped.", self.path, n_dropped)

    def _decode(self, key: bytes, content: object) -> npt.NDArray[np.float16] | None:
        """The vector of an entry; None where it is not what was written."""
        if not isinstance(content, bytes) or len(content) != 2 * self.size + 4:
            return None
        vector = np.frombuffer(content[:-4], dtype="<f2").astype(np.float16)
        return vector if _encode(key, vector) == content else None


def _encode(key: bytes, vector: npt.NDArray[np.float16]) -> bytes:
    content = vector.astype("<f2").tobytes()
    return content + zlib.crc32(key + content).to_bytes(4, "little")


def _count_days() -> int:
    """Days since 1970: fine enough to tell what is old, and most look-ups need to write nothing."""
    return int(time.time() // SECONDS_A_DAY)


def _note(
    connection: sqlite3.Connection, today: int, used: Sequence[bytes], torn: Sequence[bytes]
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("UPDATE vectors SET used = ? WHERE key = ?", ((today, k) for k in used))
    connection.executemany("DELETE FROM vectors WHERE key = ?", ((key,) for key in torn))
    connection.execute("COMMIT")


def _measure(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Pages of a file, those of them that hold nothing, and the bytes of a page."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return pages, free, size


def _count_used(connection: sqlite3.Connection) -> int:
    pages, free, size = _measure(connection)
    return (pages - free) * size


def read_limit() -> int:
    """The largest size of the file of vectors in bytes: `VALUEDATA_CACHE_LIMIT`, else 10 GB.

    Raises:
        RecipeError: If the variable is no size, or less than 1 MB.
    """
    text = os.environ.get(LIMIT_VARIABLE) or DEFAULT_LIMIT
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?(MB|GB|TB)", text.strip())
    n_bytes = int(float(found[1]) * UNITS[found[2]]) if found else 0
    if n_bytes < UNITS["MB"]:
        raise RecipeError(
            f"{LIMIT_VARIABLE} cannot be {text!r}; give a size from 1MB on, such as 500MB, 10GB or "
            "1TB."
        )
    return n_bytes


def open_cache(folder: Path, size: int) -> VectorCache:
    """Opens the cache of a folder, making both where they are missing.

    Args:
        folder: Where the file is.
        size: Length of every vector.

    Raises:
        LabelError: If the folder cannot be made, or the file is damaged or cannot be written.
        RecipeError: If `VALUEDATA_CACHE_LIMIT` is no size.
    """
    limit = read_limit()
    path = folder / VECTORS_FILE
    prepare_file(path, SCHEMA)
    with connect(path) as connection:
        if not connection.execute(HAS_USE).fetchone():  # written before entries had a day of use
            _begin_anew(connection)
        if connection.execute("PRAGMA auto_vacuum").fetchone() != (INCREMENTAL,):
            connection.executescript("PRAGMA auto_vacuum=INCREMENTAL; VACUUM")
        connection.execute(BY_USE)
    return VectorCache(path, size, limit)


def _begin_anew(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute(HAS_USE).fetchone():  # another process may have been faster
        connection.execute("DROP TABLE vectors")
        connection.execute(SCHEMA)
    connection.execute("COMMIT")


def prepare_file(path: Path, schema: str) -> None:
    """Makes the file of a cache and its folder where they are missing.

    Args:
        path: The SQLite file.
        schema: Statement that makes its table.

    Raises:
        LabelError: If the folder cannot be made, or the file is damaged or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabelError(_describe_refusal(path.parent, error.strerror)) from error
    with connect(path) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # heeded before the first table
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(schema)


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens the file of a cache; what SQLite refuses becomes one sentence.

    Raises:
        LabelError: If the file is damaged, or cannot be read or written.
    """
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as opened:
            opened.execute("PRAGMA synchronous=NORMAL")
            yield opened
    except sqlite3.OperationalError as error:
        # Full, read-only, locked and unreadable files are operational; so is a malformed schema.
        if error.sqlite_errorcode in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}:
            raise LabelError(describe_damage(path, str(error))) from error
        raise LabelError(_describe_refusal(path, str(error))) from error
    except sqlite3.DatabaseError as error:
        raise LabelError(describe_damage(path, str(error))) from error


def describe_damage(path: Path, reason: str) -> str:
    """The sentence on the file of a cache that holds something wrong."""
    return f"Cache {path} is damaged ({reason}); delete it and run again, which fills it anew."


def _describe_refusal(path: Path, reason: str | None) -> str:
    return (
        f"Cache {path} cannot be used ({reason}); free disk space or permissions there, or set "
        "VALUEDATA_CACHE to a folder that can be written."
    )
