"""A release on disk: its files written, read back and verified."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features, Value

from valuedata.errors import ReleaseError, name_nearest
from valuedata.release.hashing import hash_content, hash_file
from valuedata.schema import MESSAGES

__all__ = [
    "SUBSET_FEATURES",
    "Release",
    "finish_manifest",
    "load_release",
    "verify_release",
    "write_split",
]

MANIFEST = "manifest.json"
FORMAT_VERSION = 1
ROWS_PER_FILE = 250_000

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


@dataclass(frozen=True)
class Release:
    """A complete release.

    Attributes:
        folder: Where it is.
        manifest: The content of manifest.json.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values that have a subset here."""
        return tuple(self.manifest["values"])

    @property
    def content_hash(self) -> str:
        """SHA-256 over the hashes of the data files and of decisions.parquet."""
        return str(self.manifest["content_hash"])

    @cached_property
    def decisions(self) -> pa.Table:
        """The life of every input row, in input order."""
        return pq.read_table(self.folder / "decisions.parquet", partitioning=None)

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
            ReleaseError: If the release has no such value or split, or its files are missing.
        """
        files = self.files(value, split)
        # a folder such as "seed=1" above the release is no partition
        return Dataset(pa.concat_tables([pq.read_table(file, partitioning=None) for file in files]))


def write_split(folder: Path, split: str, rows: Dataset) -> list[Path]:
    """Writes one split of a subset as Parquet files of at most 250,000 rows.

    Args:
        folder: data/<value> of the release.
        split: Name of the split.
        rows: Rows with `SUBSET_FEATURES`, and `weight` where weights were asked for.

    Returns:
        The files, named <split>-00000-of-0000N.parquet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    n_files = max(1, -(-len(rows) // ROWS_PER_FILE))
    files = []
    for number in range(n_files):
        part = rows.select(
            range(number * ROWS_PER_FILE, min((number + 1) * ROWS_PER_FILE, len(rows)))
        )
        file = folder / f"{split}-{number:05d}-of-{n_files:05d}.parquet"
        table = part.with_format("arrow")[:]
        # with the features, so that `datasets` reads the same types back
        pq.write_table(table.cast(rows.features.arrow_schema), file)
        files.append(file)
    return files


def finish_manifest(staging: Path, content: Mapping[str, Any]) -> None:
    """Writes manifest.json, the last file of a release, with the hash of every other file.

    Called once before the card is rendered from the folder, and once after.
    """
    paths = sorted(_list_files(staging))
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


def load_release(folder: Path | str) -> Release:
    """Opens a release; `verify_release` checks its hashes.

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
    return Release(folder, manifest)


def verify_release(release: Release) -> int:
    """Checks that a release holds exactly the files of its manifest, unchanged.

    Returns:
        The number of files verified.

    Raises:
        ReleaseError: If a file is missing, changed or unknown, or the content hash is wrong.
    """
    files = release.manifest["files"]
    found = set(_list_files(release.folder))
    problems = [f"{path} is missing" for path in sorted(set(files) - found)]
    problems += [f"{path} is not in the manifest" for path in sorted(found - set(files))]
    hashes = {path: hash_file(release.folder / path) for path in sorted(found & set(files))}
    problems += [f"{path} has changed" for path in hashes if hashes[path] != files[path]["sha256"]]
    if not problems and hash_content(hashes) != release.content_hash:
        problems = ["the content hash is wrong"]
    if problems:
        raise ReleaseError(
            f"Release {release.folder} is damaged: {_join(problems)}; build or download it again."
        )
    return len(files)


def _join(problems: Sequence[str], limit: int = 3) -> str:
    more = f" and {len(problems) - limit} more" if len(problems) > limit else ""
    return ", ".join(problems[:limit]) + more


def _list_files(folder: Path) -> list[str]:
    return [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name != MANIFEST
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
