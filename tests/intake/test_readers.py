"""Local files of every type and compression, whole and damaged."""

import bz2
import csv
import gzip
import json
import lzma
import math
import sys
import tracemalloc
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuedata.errors import SourceError
from valuedata.intake.readers import (
    UnreadableRow,
    UnreadableValue,
    is_data_file,
    name_stem,
    read_file,
)
from valuedata.intake.sources import read_rows, resolve_source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROWS = [{"prompt": "q\n1", "chosen": "é"}, {"prompt": 'a "quoted", word', "chosen": "b"}]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
COMPRESS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
COMPRESS[".zst"] = zstd.compress


def write_parquet(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path.read_bytes()


def write_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path.read_bytes()


def encode(suffix, path):
    match suffix:
        case ".json":
            return json.dumps(ROWS, indent=2).encode()
        case ".csv":
            return write_csv(path, ROWS)
        case ".parquet":
            return write_parquet(path, ROWS)
    return LINES


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".json", ".csv", ".parquet"])
def test_every_type_in_every_compression(tmp_path, suffix, compression):
    path = tmp_path / f"rows{suffix}{compression}"
    path.write_bytes(COMPRESS[compression](encode(suffix, tmp_path / "plain")))
    assert list(read_file(path)) == ROWS


def test_compression_is_told_by_the_content(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(LINES))
    (tmp_path / "b.jsonl.gz").write_bytes(LINES)
    assert list(read_file(tmp_path / "a.jsonl")) == list(read_file(tmp_path / "b.jsonl.gz")) == ROWS


def test_json_file_of_lines_and_byte_order_marks(tmp_path):
    bom = b"\xef\xbb\xbf"
    for name, content in (
        ("lines.json", b"\n" * 5000 + LINES),
        ("bom.jsonl", bom + LINES),
        ("bom.json", bom + json.dumps(ROWS).encode()),
        ("bom.csv", bom + write_csv(tmp_path / "plain", ROWS)),
    ):
        (tmp_path / name).write_bytes(content)
        assert list(read_file(tmp_path / name)) == ROWS


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_empty_file_has_no_rows(tmp_path, name):
    (tmp_path / name).touch()
    assert list(read_file(tmp_path / name)) == []


def test_lines_that_are_no_rows_are_named_and_passed(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": \n[1]\n{"a": 2}\n' + "[" * 100_000 + "\n")
    nested = "[" * 100_000
    assert list(read_file(path)) == [
        {"a": 1},
        UnreadableRow("not valid JSON", "a.jsonl line 3", '{"a":'),
        UnreadableRow("not a JSON object", "a.jsonl line 4", "[1]"),
        {"a": 2},
        UnreadableRow("not valid JSON", "a.jsonl line 6", nested),
    ]


def test_array_items_that_are_no_rows_are_named_and_passed(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"a": 1.5}, 3, {"a": 2}]')
    assert list(read_file(path)) == [
        {"a": 1.5},
        UnreadableRow("not a JSON object", "a.json item 2", "3"),
        {"a": 2},
    ]


def test_items_of_arrays_are_read_as_lines_are(tmp_path):
    rows = ['{"a": "x\\ud800y"}', '{"a": 18446744073709551615}', '{"a": -Infinity}', '{"a": 1e2}']
    (tmp_path / "a.json").write_text(f"[{','.join(rows)}]")
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    expected = [{"a": value} for value in ("x\ud800y", 2**64 - 1, -math.inf, 100.0)]
    assert list(read_file(tmp_path / "a.json")) == expected
    assert list(read_file(tmp_path / "a.jsonl")) == expected


@pytest.mark.parametrize("line", ["1", "1,2,3"])
def test_csv_rows_of_the_wrong_width_are_named_and_passed(tmp_path, line):
    path = tmp_path / "a.csv"
    path.write_text(f"x,y\n1,2\n{line}\n3,4\n")
    first, wrong, last = read_file(path)
    assert (first, last) == ({"x": "1", "y": "2"}, {"x": "3", "y": "4"})
    assert (wrong.reason, wrong.place) == ("not as many fields as the header", "a.csv line 3")


@pytest.mark.parametrize(
    "written",
    [
        "[{'role': 'user', 'content': 'hi'}, {'role': 'assistant', 'content': \"it's\"}]",
        "[{'content': 'hi',\n  'role': 'user'}\n {'content': 'a', 'role': 'assistant'}]\n",
        '[{"from": "human", "value": "hi"}]',
    ],
)
def test_messages_written_into_csv_are_no_reply(tmp_path, written):
    rows = [
        {"prompt": "q", "chosen": "a", "extra": written},
        {"prompt": "q", "chosen": written, "extra": ""},
        {"prompt": "q", "chosen": f"Write {written}", "extra": ""},
    ]
    write_csv(tmp_path / "a.csv", rows)
    assert list(read_file(tmp_path / "a.csv")) == rows  # as prompts to evaluate on are read
    first, second, third = read_rows(resolve_source(str(tmp_path / "a.csv")))
    assert [first, third] == [(0, rows[0]), (2, rows[2])]
    assert (second.reason, second.is_bad) == ("messages written as text", True)


def test_csv_columns_have_each_their_name(tmp_path):
    (tmp_path / "a.csv").write_text("prompt,chosen,chosen,rejected\n1,2,3,4\n")
    with pytest.raises(SourceError, match=r"a\.csv has 2 columns 'chosen'; rename all but one"):
        list(read_file(tmp_path / "a.csv"))
    (tmp_path / "b.csv").write_text("x,,\n1,,\n")  # as spreadsheets leave empty columns
    assert list(read_file(tmp_path / "b.csv")) == [{"x": "1", "": ""}]


def test_csv_fields_may_be_long(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x\n" + "y" * 200_000 + "\n")
    assert list(read_file(path)) == [{"x": "y" * 200_000}]


@pytest.mark.parametrize("compression", [".gz", ".bz2", ".xz", ".zst"])
def test_file_cut_in_the_middle_of_its_compression(tmp_path, compression):
    path = tmp_path / f"a.jsonl{compression}"
    whole = COMPRESS[compression](b"".join(b'{"a": "%d"}\n' % (n * n) for n in range(5000)))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"a\.jsonl\.\w+ is cut off in the middle"):
        list(read_file(path))


@pytest.mark.parametrize("compression", [".gz", ".bz2", ".xz", ".zst"])
def test_damaged_compression(tmp_path, compression):
    path = tmp_path / f"a.jsonl{compression}"
    path.write_bytes(COMPRESS[compression](LINES * 100)[:12] + b"\xff\x00garbage" * 100)
    with pytest.raises(SourceError, match=r"a\.jsonl\.\w+ (is damaged|cannot be read|is cut off)"):
        list(read_file(path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', "is not UTF-8 text in line 2"),
        ("a.json", b'[{"a": 1}, {"a": ', "is not valid JSON after item 1"),
        ("a.json", b'[{"a": 1}, {"a": "\xff"}]', "is not UTF-8 text after item 0"),
        (
            "a.json",
            b'[{"a": 1}, {"a": ' + b"[" * 100_000,
            r"is not valid JSON after item 1 .*depth",
        ),
        ("a.csv", b'x,y\n1,2\n"3,4', "is not valid CSV in UTF-8 at line"),
        ("a.csv", b"x,y\n1,\xff\n", "is not valid CSV in UTF-8 at line"),
        ("a.parquet", b"PAR1 and nothing more", "is damaged"),
        ("a.txt", b"text", "is of no known type"),
    ],
)
def test_unreadable_files_are_named_in_one_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        list(read_file(tmp_path / name))
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_is_named():
    with pytest.raises(SourceError, match=r"nowhere\.jsonl cannot be read \(No such file"):
        list(read_file(Path("nowhere.jsonl")))


@pytest.mark.parametrize(
    ("name", "stem", "is_data"),
    [
        ("train.jsonl.gz", "train", True),
        ("train.v2.parquet", "train.v2", True),
        ("train.JSON", "train", True),
        ("notes.txt", "notes.txt", False),
        ("archive.gz", "archive", False),
        (".json", ".json", False),
        ("README", "README", False),
    ],
)
def test_names(tmp_path, name, stem, is_data):
    assert name_stem(tmp_path / name) == stem
    assert is_data_file(tmp_path / name) == is_data


def make_strings(*values):
    """Strings of any bytes."""
    return pa.array(values, pa.binary()).view(pa.string())


@pytest.mark.parametrize(
    ("column", "first", "reason"),
    [
        (make_strings(b"ok", b"x\xff"), "ok", "'utf-8' codec can't decode byte 0xff"),
        (pa.array([0, 3_000_000], pa.date32()), date(1970, 1, 1), "date value out of range"),
        (pa.array([0, 2**62], pa.timestamp("us")), datetime(1970, 1, 1), "out of range"),  # noqa: DTZ001
        (pa.ListArray.from_arrays([0, 1, 2], make_strings(b"a", b"\xff")), ["a"], "0xff"),
    ],
)
def test_values_of_parquet_that_python_cannot_hold_stand_alone(tmp_path, column, first, reason):
    pq.write_table(pa.table({"prompt": ["a", "b"], "x": column}), tmp_path / "a.parquet")
    one, two = read_file(tmp_path / "a.parquet")
    assert one == {"prompt": "a", "x": first}
    assert two["prompt"] == "b"
    assert reason in two["x"].reason


def test_a_time_zone_that_is_unknown_damages_no_file(tmp_path):
    times = pa.array([0], pa.timestamp("us", "Nowhere/Land"))
    pq.write_table(pa.table({"prompt": ["a"], "x": times}), tmp_path / "a.parquet")
    (row,) = read_file(tmp_path / "a.parquet")
    assert row["prompt"] == "a"
    assert isinstance(row["x"], UnreadableValue)


JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.dictionaries(JSON_TEXT, JSON_TEXT | st.integers(-9, 9)), max_size=5))
def test_json_lines_and_arrays_come_back(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("json")
    lines, array = folder / "a.jsonl", folder / "a.json"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    array.write_text(json.dumps(rows))
    assert list(read_file(lines)) == list(read_file(array)) == rows


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".json.gz", ".csv.gz"])
def test_memory_does_not_grow_with_the_file(tmp_path, suffix):
    row = {"prompt": "x" * 1000}
    peaks = []
    for n_rows in (300, 6000):
        path = tmp_path / f"{n_rows}{suffix}"
        if suffix == ".jsonl.gz":
            content = (json.dumps(row) + "\n").encode() * n_rows
        elif suffix == ".json.gz":
            content = json.dumps([row] * n_rows).encode()
        else:
            content = write_csv(tmp_path / "plain", [row] * n_rows)
        path.write_bytes(gzip.compress(content))
        del content
        tracemalloc.start()
        assert sum(1 for _ in read_file(path)) == n_rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000  # the larger file holds 6 MB
