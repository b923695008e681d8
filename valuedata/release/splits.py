"""The Parquet files of a split."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features

__all__ = ["ROWS_PER_GROUP", "write_groups", "write_split"]

ROWS_PER_FILE = 250_000
ROWS_PER_GROUP = 25_000  # of a Parquet file: what is in memory at once


def write_split(folder: Path, split: str, rows: Dataset) -> list[Path]:
    """Writes one split of a subset from a data set, as `write_groups` does.

    Args:
        folder: data/<value> of the release.
        split: Name of the split.
        rows: Rows with `SUBSET_FEATURES`, and `weight` where weights were asked for.

    Returns:
        The files, named <split>-00000-of-0000N.parquet.
    """
    numbers = np.arange(len(rows))
    told = rows.with_format("arrow")
    return write_groups(folder, split, numbers, lambda some: told.select(some)[:], rows.features)


def write_groups(
    folder: Path,
    split: str,
    rows: npt.NDArray[np.int64],
    take: Callable[[npt.NDArray[np.int64]], pa.Table],
    features: Features,
) -> list[Path]:
    """Writes one split of a subset as Parquet files of at most 250,000 rows.

    Args:
        folder: data/<value> of the release.
        split: Name of the split.
        rows: (n,) int64 numbers that `take` knows the rows by.
        take: Gives some of the rows; asked for one group after the other, 25,000 rows at most.
        features: Of the rows, kept in the file so that `datasets` reads the same types back.

    Returns:
        The files, named <split>-00000-of-0000N.parquet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    schema = features.arrow_schema
    starts = range(0, max(1, len(rows)), ROWS_PER_FILE)
    files = []
    for number, start in enumerate(starts):
        file = folder / f"{split}-{number:05d}-of-{len(starts):05d}.parquet"
        own = rows[start : start + ROWS_PER_FILE]
        with pq.ParquetWriter(file, schema) as writer:
            for first in range(0, len(own), ROWS_PER_GROUP):
                writer.write_table(take(own[first : first + ROWS_PER_GROUP]).cast(schema))
        files.append(file)
    return files
