"""Large tables are written a part at a time, which alters no row."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Features, Value

from tests.builders import write_release
from valuedata.labelling.labels import Labels
from valuedata.release import decisions, splits
from valuedata.release.decisions import Discarded, tabulate_decisions
from valuedata.release.splits import write_groups, write_split
from valuedata.schema import PAIR_FEATURES, make_pair

FEATURES = Features(number=Value("int64"))


def test_files_and_groups_hold_no_more_than_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eleven rows, five a file and two a group: files of 5, 5 and 1 in groups of 2, 2 and 1."""
    monkeypatch.setattr(splits, "ROWS_PER_FILE", 5)
    monkeypatch.setattr(splits, "ROWS_PER_GROUP", 2)
    asked: list[list[int]] = []

    def take(rows: np.ndarray) -> pa.Table:
        asked.append(rows.tolist())
        return pa.table({"number": rows * 10})

    rows = np.array([7, 3, 9, 1, 4, 8, 2, 6, 0, 5, 11])
    files = write_groups(tmp_path / "data", "train", rows, take, FEATURES)
    assert [file.name for file in files] == [f"train-0000{k}-of-00003.parquet" for k in range(3)]
    assert asked == [[7, 3], [9, 1], [4], [8, 2], [6, 0], [5], [11]]
    assert [pq.ParquetFile(file).metadata.num_row_groups for file in files] == [3, 3, 1]
    read = pa.concat_tables(pq.read_table(file) for file in files)
    assert read["number"].to_pylist() == [10 * row for row in rows.tolist()]


def test_no_rows_are_one_empty_file(tmp_path: Path) -> None:
    rows = Dataset.from_dict({"number": []}, features=FEATURES)
    (file,) = write_split(tmp_path / "data", "test", rows)
    assert file.name == "test-00000-of-00001.parquet"
    assert pq.read_table(file).num_rows == 0


@pytest.mark.parametrize("n_rows", [1, 2, 4, 8])
def test_decisions_are_the_same_in_parts_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_rows: int
) -> None:
    whole = write_release(tmp_path / "whole").decisions
    monkeypatch.setattr(decisions, "ROWS_PER_GROUP", n_rows)
    assert write_release(tmp_path / "parts").decisions.equals(whole)
    assert whole["source_row"].to_pylist() == list(range(9))


@pytest.mark.parametrize("n_rows", [1, 2, 3, 8])
def test_rows_that_never_became_pairs_stand_where_the_source_has_them(
    monkeypatch: pytest.MonkeyPatch, n_rows: int
) -> None:
    places = [("talk", 0), ("talk", 2), ("news", 1), ("talk", 3), ("news", 3)]
    pairs = Dataset.from_list(
        [
            make_pair(
                source=source,
                source_row=row,
                source_id=None,
                prompt=[{"role": "user", "content": f"{source} {row}"}],
                chosen=[{"role": "assistant", "content": "Yes."}],
                rejected=[{"role": "assistant", "content": "No."}],
            )
            for source, row in places
        ],
        features=PAIR_FEATURES,
    )
    discarded = [
        Discarded(source, row, None, "not valid JSON", "{")
        for source, row in [("talk", 1), ("news", 0), ("news", 2)]
    ]
    nothing = np.empty((0, 1), dtype=np.float32)
    labels = Labels(("empathy",), nothing, nothing, np.array([0.5], dtype=np.float32))
    labelled = (np.empty(0, dtype=np.int64), labels)
    monkeypatch.setattr(decisions, "ROWS_PER_GROUP", n_rows)
    parts = list(tabulate_decisions(pairs, discarded, [[]] * 5, [], labelled, []))
    assert [len(part) for part in parts] == [
        len(range(8)[at : at + n_rows]) for at in range(0, 8, n_rows)
    ]
    told = pa.concat_tables(parts).to_pylist()
    assert [(row["source"], row["source_row"]) for row in told] == [
        *(("talk", row) for row in range(4)),
        *(("news", row) for row in range(4)),
    ]
    assert [row["excerpt"] for row in told] == [
        *("talk 0", "{", "talk 2", "talk 3"),
        *("{", "news 1", "{", "news 3"),
    ]
    assert [row["pair_id"] is None for row in told] == [row["stage"] == "intake" for row in told]
