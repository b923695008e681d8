"""A release on disk: its files written, read back and verified."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features, Value

from valuedata.errors import ReleaseError, name_nearest
from valuedata.release.damage import find_damage, join_problems
from valuedata.release.hashing import hash_content, hash_file
from valuedata.schema import MESSAGES

__all__ = [
    "SUBSET_FEATURES",
    "WEIGHT",
    "Release",
    "finish_manifest",
    "list_files",
    "load_release",
    "read_table",
    "verify_release",
]

MANIFEST = "manifest.json"
FORMAT_VERSION = 3

SUBSET_FEATURES = Features(
    pair_id=Value("string"),
    source=Value("string"),
    source_row=Value("int64"),
    prompt=MESSAGES,
    chosen=MESSAGES,
    rejected=MESSAGES,
    flipped=Value("bool"),
    margin=Value("float32"),
    chosen_values=[Value("string")],
    rejected_values=[Value("string")],
    cluster=Value("string"),
)

WEIGHT = Value("float64")
"""Type of the column `weight`, last in the rows of a subset whose pairs count differently."""


@dataclass(frozen=True)
class Release:
    """A complete release.

    Attributes:
        folder: Where it is.
        manifest: The content of manifest.json.
        is_shared: Files of others may stand beside its own, as in the Hub's cache.
    """

    folder: Path
    manifest: Mapping[str, Any]
    is_shared: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values that have a subset here."""
        return tuple(self.manifest["values"])

    @property
    def targets(self) -> tuple[str, ...]:
        """Values that its pairs are about: of the subsets, or those that controls are drawn for."""
        controls = self.manifest.get("controls")
        return tuple(controls["values"]) if controls else self.values

    @property
    def harmful(self) -> tuple[str, ...]:
        """The targets of negative valence."""
        labels = self.manifest["labels"]
        valences = dict(zip(labels["names"], labels["valences"], strict=True))
        return tuple(value for value in self.targets if valences[value] == "negative")

    @property
    def content_hash(self) -> str:
        """SHA-256 over the hashes of the Parquet files that say something; `hash_content`."""
        return str(self.manifest["content_hash"])

    @cached_property
    def decisions(self) -> pa.Table:
        """The life of every input row, in input order; a ReleaseError where they are damaged."""
        return read_table(self, self.folder / "decisions.parquet")

    def files(self, value: str, split: str) -> list[Path]:
        """The Parquet files of one split of a value's subset, in order.

        Raises:
            ReleaseError: If the release has no such value or split, or its files are missing.
        """
        if value not in self.values:
            raise ReleaseError(
                f"Release {self.folder} has no subset {value!r}; {name_nearest(value, self.values)}"
            )
        splits = self.manifest["values"][value]["splits"]
        if split not in splits:
            raise ReleaseError(
                f"Subset {value!r} of {self.folder} has no split {split!r}; "
                f"{name_nearest(split, splits)}"
            )
        files = sorted((self.folder / "data" / value).glob(f"{split}-*.parquet"))
        if not files:
            raise ReleaseError(
                f"Release {self.folder} is damaged: data/{value} has no {split} file; "
                "build or download it again."
            )
        return files

    def load(self, value: str, split: str) -> Dataset:
        """Loads one split of a value's subset.

        Raises:
            ReleaseError: If the release has no such value or split, or its files are missing or
                damaged.
        """
        files = self.files(value, split)
        return Dataset(pa.concat_tables([read_table(self, file) for file in files]))


def read_table(release: Release, file: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Reads a Parquet file of a release.

    Args:
        release: Where it belongs.
        file: The file.
        columns: Columns to read; all of them where none is given.

    Raises:
        ReleaseError: If the file is missing, damaged or lacks a column.
    """
    try:
        # a folder such as "seed=1" above the release is no partition
        return pq.read_table(file, columns=columns and list(columns), partitioning=None)
    except (OSError, pa.ArrowException) as error:
        name = file.relative_to(release.folder).as_posix()
        raise ReleaseError(
            f"Release {release.folder} is damaged: {name} cannot be read; build or download it "
            "again."
        ) from error


def finish_manifest(staging: Path, content: Mapping[str, Any]) -> None:
    """Writes manifest.json, the last file of a release, with the hash of every other file.

    Called once before the card is rendered from the folder, and once after.
    """
    paths = sorted(list_files(staging))
    hashes = {path: hash_file(staging / path) for path in paths}
    manifest = {
        "format_version": FORMAT_VERSION,
        **content,
        "content_hash": hash_content(hashes),
        "files": {
            path: {"sha256": hashes[path], "bytes": (staging / path).stat().st_size}
            for path in paths
        },
    }
    partial = staging / f".{MANIFEST}"
    partial.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(staging / MANIFEST)


def load_release(folder: Path | str, *, is_shared: bool = False) -> Release:
    """Opens a release; `verify_release` checks its hashes.

    Args:
        folder: Where it is.
        is_shared: Files of others may stand beside its own, as in the Hub's cache.

    Raises:
        ReleaseError: If the folder is no complete release that this version can read.
    """
    folder = Path(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ReleaseError(
            f"{folder} is not a release: it has no {MANIFEST}; give a folder that "
            "`valuedata build` wrote."
        ) from error
    except (OSError, ValueError) as error:
        raise ReleaseError(
            f"{folder / MANIFEST} cannot be read: {error}; build it again."
        ) from error
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise ReleaseError(
            f"{folder} has release format {version}, this version reads {FORMAT_VERSION}; "
            "build it again."
        )
    damage = find_damage(manifest)
    if damage:
        raise ReleaseError(
            f"Release {folder} is damaged: {MANIFEST} {damage}; build or download it again."
        )
    return Release(folder, manifest, is_shared)


def verify_release(release: Release) -> int:
    """Checks that a release holds exactly the files of its manifest, unchanged.

    Files of others beside them are damage, too, unless the folder is shared.

    Returns:
        The number of files verified.

    Raises:
        ReleaseError: If a file is missing, changed, unreadable or unknown, or the content hash is
            wrong.
    """
    try:
        problems = _find_problems(release)
    except OSError as error:
        raise ReleaseError(
            f"Release {release.folder} cannot be read ({error.strerror}: {error.filename}); give a "
            "folder that you may read."
        ) from error
    if problems:
        raise ReleaseError(
            f"Release {release.folder} is damaged: {join_problems(problems)}; build or download it "
            "again."
        )
    return len(release.manifest["files"])


def _find_problems(release: Release) -> list[str]:
    files = release.manifest["files"]
    found = set(list_files(release.folder))
    problems = [f"{path} is missing" for path in sorted(set(files) - found)]
    if not release.is_shared:
        problems += [f"{path} is not in the manifest" for path in sorted(found - set(files))]
    hashes = {path: hash_file(release.folder / path) for path in sorted(found & set(files))}
    problems += [f"{path} has changed" for path in hashes if hashes[path] != _hash_of(files[path])]
    if not problems and hash_content(hashes) != release.content_hash:
        problems = ["the content hash is wrong"]
    return problems


def _hash_of(entry: object) -> object:
    return entry.get("sha256") if isinstance(entry, dict) else None


def list_files(folder: Path, *, hidden: bool = False) -> list[str]:
    """Lists the files below a folder, without the manifest.

    Args:
        folder: Where to look.
        hidden: List also what begins with a dot or is below a folder that does.

    Raises:
        OSError: If a folder cannot be read.
    """
    found = []
    for place, folders, files in os.walk(folder, onerror=_raise):
        if not hidden:
            folders[:] = [name for name in folders if not name.startswith(".")]
            files = [name for name in files if not name.startswith(".")]
        found += [(Path(place) / name).relative_to(folder).as_posix() for name in files]
    return sorted(path for path in found if path != MANIFEST)


def _raise(error: OSError) -> None:
    raise error
