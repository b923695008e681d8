"""Raw rows of a source, from local files or the Hub; the only read from the Hub."""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from valuedata.errors import SourceError
from valuedata.intake.formats import RawRow
from valuedata.intake.known import KNOWN_SOURCES
from valuedata.intake.naming import Source, resolve_source
from valuedata.intake.pairs import Discard, clean_text, make_discard
from valuedata.intake.readers import UnreadableRow, holds_written_messages, read_file

__all__ = ["Source", "pin_source", "read_rows", "resolve_source"]

logger = logging.getLogger(__name__)

HUB_TIMEOUT = 10.0  # seconds to wait for the first answer of the Hub
HASH_BLOCK = 1 << 20  # bytes

# Every error of the Hub's HTTP client, whichever client this release of huggingface_hub builds on.
TRANSPORT_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]


def pin_source(source: Source) -> Source:
    """Fixes what will be read: the commit on the Hub, or the hash of local files.

    Returns:
        The source with its exact revision, and its page's licence where none is known.

    Raises:
        SourceError: If the Hub or a file cannot be read.
    """
    if source.repository is None:
        return replace(source, revision=_hash_files(source.files))
    try:
        info = huggingface_hub.dataset_info(
            source.repository, revision=source.revision, timeout=HUB_TIMEOUT
        )
    except GatedRepoError as error:
        raise SourceError(
            f"Hub data set {source.repository} is gated; accept its terms on {source.homepage} and "
            "log in with 'hf auth login'."
        ) from error
    except RevisionNotFoundError as error:
        raise SourceError(
            f"Hub data set {source.repository} has no revision {source.revision!r}; give a branch, "
            "tag or commit that it has."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise SourceError(
            f"Hub data set {source.repository} does not exist or is private; check its name, log "
            "in with 'hf auth login', or give a local path that exists."
        ) from error
    except (TRANSPORT_ERROR, OSError) as error:
        raise _unreachable(source, error) from error
    licence = info.card_data.get("license") if info.card_data else None
    return replace(
        source,
        revision=str(info.sha),
        licence=source.licence or (licence if isinstance(licence, str) else None),
    )


def _unreachable(source: Source, error: Exception) -> SourceError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    copy = source.name if source.name in KNOWN_SOURCES else "NAME"
    return SourceError(
        f"Hub data set {source.repository} cannot be fetched ({reason}); check the connection, or "
        f"give a local copy as {copy}=PATH."
    )


def _hash_files(files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                while block := file.read(HASH_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise SourceError(
                f"File {path} cannot be read ({error.strerror}); give a file that you may read."
            ) from error
    return digest.hexdigest()


def read_rows(source: Source) -> Iterator[RawRow | Discard]:
    """Streams the raw rows of a source in order, numbered from 0 over its files.

    Args:
        source: The source, pinned by `pin_source`.

    Yields:
        Each row with its number, or a discard where a line holds no row.

    Raises:
        SourceError: If the source cannot be read to its end.
    """
    rows = _read_hub(source) if source.repository else _read_files(source.files)
    for source_row, row in enumerate(rows):
        if isinstance(row, UnreadableRow):
            text = f"{row.place}: {row.text}"
            yield make_discard(source_row, None, row.reason, text, is_bad=True)
        elif holds_written_messages(row):
            yield make_discard(source_row, None, "messages written as text", row, is_bad=True)
        else:
            yield source_row, row


def _read_files(files: tuple[Path, ...]) -> Iterator[dict[str, Any] | UnreadableRow]:
    for file in files:
        logger.info("Reading %s", file)
        yield from read_file(file)


def _read_hub(source: Source) -> Iterator[dict[str, Any]]:
    assert source.repository is not None  # noqa: S101 - told apart by the caller
    for folder in source.folders or (None,):
        logger.info("Loading %s %s at %s", source.repository, folder or "", source.revision)
        try:
            loaded = datasets.load_dataset(  # noqa: TID251 - this is the one place
                source.repository, source.config, data_dir=folder, revision=source.revision
            )
        except (ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            reason = clean_text(" ".join(str(error).split()).rstrip(".").replace(". ", "; "))
            raise SourceError(
                f"Hub data set {source.repository} cannot be loaded ({reason}); give a config that "
                "it has as org/name:config, or a local copy as NAME=PATH."
            ) from error
        except (TRANSPORT_ERROR, OSError) as error:
            raise _unreachable(source, error) from error
        for split in _choose_splits(source, [str(split) for split in loaded]):
            _check_commit(source, loaded[split])
            yield from loaded[split]


def _check_commit(source: Source, rows: datasets.Dataset) -> None:
    # Where a connection breaks, load_dataset serves whatever commit its cache holds.
    for file in rows.cache_files:
        if source.revision not in file["filename"]:
            raise SourceError(
                f"Hub data set {source.repository} was served from the cache at another commit "
                f"than {source.revision}; check the connection and run again."
            )


def _choose_splits(source: Source, present: list[str]) -> tuple[str, ...]:
    if source.splits:
        wanted = source.splits
    else:
        wanted = ("train",) if "train" in present or len(present) != 1 else (present[0],)
    if set(wanted) <= set(present):
        return wanted
    raise SourceError(
        f"Hub data set {source.repository} has no split {', '.join(wanted)} (it has: "
        f"{', '.join(present)}); name one as org/name:config:split."
    )
