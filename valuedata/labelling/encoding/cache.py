"""Vectors kept on disk between runs, so that an interrupted build continues where it stopped."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from valuedata.errors import LabelError

__all__ = [
    "LOOKUP_SIZE",
    "VectorCache",
    "connect",
    "describe_damage",
    "find_cache_folder",
    "open_cache",
    "prepare_file",
]

FILE_NAME = "vectors.sqlite"
BUSY_SECONDS = 60.0  # how long a process waits for another one's commit
LOOKUP_SIZE = 500  # keys a query; SQLite allows 999 in its oldest builds

SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)"


@dataclass(frozen=True)
class VectorCache:
    """A file of float16 vectors by the digest of what they were computed from.

    Several processes may share it, and a process killed at any moment loses only what it had not
    committed.

    Attributes:
        path: The SQLite file.
        size: Length of every vector.
    """

    path: Path
    size: int

    def find(self, keys: Sequence[bytes]) -> dict[bytes, npt.NDArray[np.float16]]:
        """Reads the vectors that are there.

        Args:
            keys: Digests.

        Returns:
            Digest to (size,) float16, for those that are stored.

        Raises:
            LabelError: If the file is damaged or cannot be read.
        """
        found: dict[bytes, npt.NDArray[np.float16]] = {}
        with connect(self.path) as connection:
            for start in range(0, len(keys), LOOKUP_SIZE):
                some = keys[start : start + LOOKUP_SIZE]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, vector FROM vectors WHERE key IN ({marks})"  # noqa: S608 - marks only
                for key, content in connection.execute(query, some):
                    found[key] = self._decode(content)
        return found

    def store(self, vectors: dict[bytes, npt.NDArray[np.float16]]) -> None:
        """Writes vectors in one transaction; those already there stay.

        Args:
            vectors: Digest to (size,) float16.

        Raises:
            LabelError: If the file is damaged or cannot be written.
        """
        rows = [(key, vector.astype("<f2").tobytes()) for key, vector in vectors.items()]
        with connect(self.path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
            connection.execute("COMMIT")

    def _decode(self, content: object) -> npt.NDArray[np.float16]:
        if not isinstance(content, bytes) or len(content) != 2 * self.size:
            raise LabelError(describe_damage(self.path, "a vector has the wrong length"))
        return np.frombuffer(content, dtype="<f2").astype(np.float16)


def find_cache_folder() -> Path:
    """The folder of caches: `VALUEDATA_CACHE`, else `valuedata` in the user's cache folder.

    Source: XDG Base Directory Specification, for `XDG_CACHE_HOME` and its default.
    """
    own = os.environ.get("VALUEDATA_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path("~/.cache").expanduser()) / "valuedata"


def open_cache(folder: Path, size: int) -> VectorCache:
    """Opens the cache of a folder, making both where they are missing.

    Args:
        folder: Where the file is.
        size: Length of every vector.

    Raises:
        LabelError: If the folder cannot be made, or the file is damaged or cannot be written.
    """
    path = folder / FILE_NAME
    prepare_file(path, SCHEMA)
    return VectorCache(path=path, size=size)


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
