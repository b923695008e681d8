"""Rows of local files, streamed: JSONL, JSON, CSV and Parquet, compressed or not."""

import codecs
import csv
import io
import json
import lzma
import re
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.compression import compr

from valuedata.errors import SourceError
from valuedata.intake.arrays import split_array

if sys.version_info >= (3, 14):  # pragma: no cover - the reading library follows the interpreter
    from compression.zstd import ZstdError
else:
    from backports.zstd import ZstdError

__all__ = [
    "DATA_SUFFIXES",
    "UnreadableRow",
    "UnreadableValue",
    "holds_written_messages",
    "is_data_file",
    "name_stem",
    "read_file",
]

DATA_SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet", ".csv")
COMPRESSION_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")

# Source: RFC 1952 (gzip), RFC 8878 (zstd), and the bzip2 and xz file formats.
MAGIC_BYTES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}

PARQUET_BATCH = 1_000
# Messages written into a field of CSV as Python, NumPy or JSON write them; no format reads them so.
WRITTEN_MESSAGES = re.compile(
    r"""\s*\[\s*\{\s*(['"])(role|content|from|value)\1\s*:.*\}\s*\]\s*""", re.DOTALL
)
MESSAGE_COLUMNS = ("prompt", "chosen", "rejected")
WIDTH = "not as many fields as the header"

CSV_FIELD_LIMIT = 2**31 - 1  # the largest that every platform takes; the default is 128 KiB


@dataclass(frozen=True)
class UnreadableRow:
    """Stands where a file holds something that is no row.

    Attributes:
        reason: Why, in words that many rows can share.
        place: File name and line.
        text: What stands there.
    """

    reason: str
    place: str
    text: str


@dataclass(frozen=True)
class UnreadableValue:
    """Stands in a row for what Python cannot hold; of any type that a column may want, it is none.

    Attributes:
        reason: Why.
    """

    reason: str


def is_data_file(path: Path) -> bool:
    """Whether a file's name says that it holds rows."""
    return _data_suffix(path) in DATA_SUFFIXES


def name_stem(path: Path) -> str:
    """The name of a file without the suffixes of its format and compression."""
    stem = path.name
    for suffixes in (COMPRESSION_SUFFIXES, DATA_SUFFIXES):
        if path.suffix.lower() in suffixes and len(stem) > len(path.suffix):
            path = path.with_suffix("")
            stem = path.name
    return stem


def read_file(path: Path) -> Iterator[dict[str, Any] | UnreadableRow]:
    """Reads the rows of one file, holding no more than a batch of them in memory.

    Args:
        path: A JSONL, JSON (array or lines), CSV or Parquet file by its name; compression is told
            by the first bytes, not the name.

    Yields:
        Each row, or what stands in its place; a value of a Parquet file that Python cannot hold,
        such as a date of the year 10000 or text that is not UTF-8, is an `UnreadableValue`.

    Raises:
        SourceError: If the file cannot be read to its end.
    """
    suffix = _data_suffix(path)
    if suffix not in DATA_SUFFIXES:
        raise SourceError(
            f"File {path} is of no known type; rename it to end in one of "
            f"{', '.join(DATA_SUFFIXES)}, with or without {', '.join(COMPRESSION_SUFFIXES)}."
        )
    with _naming(path), path.open("rb") as raw, closing(_decompress(raw)) as file:
        if suffix == ".parquet":
            yield from _read_parquet(file)
        elif suffix == ".csv":
            yield from _read_csv(file, path)
        elif _begins_with_bracket(file):
            yield from _read_array(file, path)
        else:
            yield from _read_lines(file, path)


def _data_suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSION_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise SourceError(
            f"File {path} is cut off in the middle of its compressed data; fetch it again."
        ) from error
    except (zlib.error, lzma.LZMAError, ZstdError, pa.ArrowException) as error:
        raise SourceError(
            f"File {path} is damaged ({_first_line(error)}); fetch it again."
        ) from error
    except OSError as error:
        raise SourceError(
            f"File {path} cannot be read ({error.strerror or _first_line(error)}); "
            "give a file that is whole and that you may read."
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _decompress(raw: IO[bytes]) -> IO[bytes]:
    start = raw.read(max(map(len, MAGIC_BYTES)))
    raw.seek(0)
    for magic, codec in MAGIC_BYTES.items():
        if start.startswith(magic):
            file: IO[bytes] = compr[codec](raw, mode="rb")
            return file
    return raw


def _begins_with_bracket(file: IO[bytes]) -> bool:
    head = b""
    while not head and (block := file.read(4096)):
        head = block.removeprefix(codecs.BOM_UTF8).lstrip()
    file.seek(0)
    return head.startswith(b"[")


def _read_lines(file: IO[bytes], path: Path) -> Iterator[dict[str, Any] | UnreadableRow]:
    for number, line in enumerate(file, start=1):
        place = f"{path.name} line {number}"
        try:
            text = line.removeprefix(codecs.BOM_UTF8).decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise SourceError(
                f"File {path} is not UTF-8 text in line {number}; save it as UTF-8."
            ) from error
        if not text:
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            yield UnreadableRow("not valid JSON", place, text)
            continue
        yield row if isinstance(row, dict) else UnreadableRow("not a JSON object", place, text)


def _read_array(file: IO[bytes], path: Path) -> Iterator[dict[str, Any] | UnreadableRow]:
    number = 0
    try:
        with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            for number, (row, written) in enumerate(split_array(text), start=1):
                place = f"{path.name} item {number}"
                yield (
                    row
                    if isinstance(row, dict)
                    else UnreadableRow("not a JSON object", place, written)
                )
    except UnicodeDecodeError as error:
        raise SourceError(
            f"File {path} is not UTF-8 text after item {number} of its array; save it as UTF-8."
        ) from error
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"File {path} is not valid JSON after item {number} of its array "
            f"({_first_line(error)}); mend it or fetch it again."
        ) from error


def _read_csv(file: IO[bytes], path: Path) -> Iterator[dict[str, Any] | UnreadableRow]:
    csv.field_size_limit(CSV_FIELD_LIMIT)
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text, strict=True)
        try:
            _check_header(reader.fieldnames or (), path)
            for row in reader:
                place = f"{path.name} line {reader.line_num}"
                is_whole = None not in row and None not in row.values()
                yield row if is_whole else UnreadableRow(WIDTH, place, str(list(row.values())))
        except (csv.Error, UnicodeDecodeError) as error:
            raise SourceError(
                f"File {path} is not valid CSV in UTF-8 at line {reader.line_num + 1} "
                f"({_first_line(error)}); mend it or save it anew."
            ) from error


def _check_header(names: Sequence[str], path: Path) -> None:
    repeated = next((name for name in names if name and names.count(name) > 1), None)
    if repeated is not None:
        raise SourceError(
            f"File {path} has {names.count(repeated)} columns {repeated!r}; rename all but one of "
            "them."
        )


def holds_written_messages(row: Mapping[str, Any]) -> bool:
    """Whether a prompt or reply is a list of messages that was written as text, as pandas does."""
    values = (row.get(name) for name in MESSAGE_COLUMNS)
    return any(isinstance(v, str) and WRITTEN_MESSAGES.fullmatch(v) for v in values)


def _read_parquet(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=PARQUET_BATCH):
            try:
                yield from batch.to_pylist()
            except (ValueError, OverflowError, pa.ArrowException):
                for number in range(len(batch)):
                    values = (_read_value(column[number]) for column in batch.columns)
                    yield dict(zip(batch.schema.names, values, strict=True))


def _read_value(value: pa.Scalar) -> object:
    try:
        return value.as_py()
    except (ValueError, OverflowError, pa.ArrowException) as error:
        return UnreadableValue(_first_line(error))
