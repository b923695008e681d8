"""Hashes of a release: of each file, and of its data as a whole."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = ["MAPS_FILE", "hash_content", "hash_file"]

MAPS_FILE: Final = "maps.parquet"
"""Where figures draw the pairs, which says nothing of what is in a subset."""


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_content(hashes: Mapping[str, str]) -> str:
    """Hashes what a release says, leaving out how it looks and which versions wrote it.

    Args:
        hashes: Path in the release to SHA-256.

    Returns:
        The SHA-256 over "<hash>  <path>" lines of the Parquet files, in order of their paths, but
        for maps.parquet.
    """
    lines = [
        f"{hashes[path]}  {path}\n"
        for path in sorted(hashes)
        if path.endswith(".parquet") and path != MAPS_FILE
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
