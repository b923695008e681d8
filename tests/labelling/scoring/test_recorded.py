"""Records are read as `label` writes them, with what could not be labelled kept apart."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.labelling.record_rows import make_record, make_side, write_lines
from valuedata.errors import FormatError, SourceError
from valuedata.labelling.labels import Labels
from valuedata.labelling.scoring.recorded import make_records, read_records

YES, NO = make_side(humor=0.9, empathy=0.2), make_side(humor=0.1, empathy=0.6)
FAILED = {"error": "no answer"}


@pytest.fixture
def read(tmp_path):
    return lambda *rows: read_records(write_lines(tmp_path / "labels.jsonl", list(rows)))


def test_records_are_read(read):
    found = read(make_record("a", YES, NO), "", make_record("b", FAILED, YES))
    assert (found.names, found.pair_ids) == (("empathy", "humor"), ("a", "b"))
    np.testing.assert_array_equal(
        found.probabilities, [[[0.2, 0.9], [np.nan, np.nan]], [[0.6, 0.1], [0.2, 0.9]]]
    )
    assert found.expressed.tolist() == [
        [[False, True], [False, False]],
        [[True, False], [False, True]],
    ]
    assert found.labelled.tolist() == [[True, False], [True, True]]
    assert found.errors.tolist() == [["", "no answer"], ["", ""]]


def test_both_file_kinds_say_the_same(read, tmp_path):
    rows = [make_record("a", YES, NO), make_record("b", {**NO, "error": None}, YES)]
    rows.append(make_record("c", {**YES, "error": ""}, {"error": "late"}))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "labels.parquet")
    first, second = read(*rows), read_records(tmp_path / "labels.parquet")
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    np.testing.assert_array_equal(first.expressed, second.expressed)
    assert (first.names, first.pair_ids) == (second.names, second.pair_ids)
    assert first.errors.tolist() == [["", "", ""], ["", "", "late"]]
    assert first.probabilities[0, 2].tolist() == [0.2, 0.9]


def test_the_first_record_of_a_pair_stands(read):
    rows = [make_record("a", FAILED, NO), make_record("b", YES, NO)]
    found = read(*rows, rows[0], make_record("b", NO, NO))
    assert (found.pair_ids, found.n_repeated, found.n_conflicting) == (("a", "b"), 2, 1)
    assert found.expressed[0, 1].tolist() == [False, True]


def test_names_of_the_package_come_first(read):
    side = make_side(concision=0.4, violence=0.5, empathy=0.1)
    assert read(make_record("a", side, side)).names == ("empathy", "violence", "concision")


def test_labels_in_memory_become_records():
    sides = (np.array([[p], [q], [p]], dtype=np.float32) for p, q in ((0.75, 0.25), (0.5, 0.0)))
    labels = Labels(("humor",), *sides, thresholds=np.array([0.5], dtype=np.float32))
    found = make_records(["a", "b", "a"], labels)
    assert (found.pair_ids, found.n_repeated) == (("a", "b"), 1)
    assert found.probabilities[:, :, 0].tolist() == [[0.75, 0.25], [0.5, 0.0]]
    assert found.expressed[:, :, 0].tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("{", "line 2 is not valid JSON"),
        pytest.param("[" * 100_000, "line 2 is nested too deep", id="deep"),
        pytest.param("9" * 5_000, "line 2 holds a number of too many digits", id="digits"),
        ([1], "line 2 is no label record"),
        ({"prompt": "x"}, "has no 'pair_id'"),
        (make_record("b", None, YES), "neither 'probabilities' nor 'error' in 'chosen'"),
        (make_record("b", YES, {"error": ""}), "neither 'probabilities' nor 'error' in 'rejected'"),
        (make_record("b", YES, {"error": 3}), "neither 'probabilities' nor 'error' in 'rejected'"),
        (make_record("b", {"probabilities": {}, "expressed": []}, YES), "has no name"),
        (make_record("b", make_side(humor=1.5, empathy=0), YES), r"probability 1.5 of 'humor'"),
        (make_record("b", {**YES, "probabilities": {"humor": "1"}}, YES), "probability '1'"),
        (make_record("b", {**YES, "probabilities": {"humor": True}}, YES), "probability True"),
        (make_record("b", {**YES, "expressed": "humor"}, YES), "no list of labelled names"),
        (make_record("b", {**YES, "expressed": ["honesty"]}, YES), "no list of labelled names"),
        (make_record("b", {**YES, "expressed": [["humor"]]}, YES), "no list of labelled names"),
        (make_record("b", make_side(humor=0.5), YES), r"other names than .* \(empathy\)"),
    ],
)
def test_a_wrong_record_is_named_by_its_line(read, row, sentence):
    with pytest.raises(FormatError, match=sentence):
        read(make_record("a", YES, NO), row)


@pytest.mark.parametrize("name", ["none.jsonl", "none.parquet", "text.parquet", "bytes.jsonl"])
def test_what_cannot_be_read_is_refused(tmp_path, name):
    (tmp_path / "text.parquet").write_text("{}")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(SourceError, match="cannot be read"):
        read_records(tmp_path / name)


def test_a_file_without_labels_is_refused(read):
    with pytest.raises(SourceError, match="labels no reply"):
        read(make_record("a", FAILED, FAILED))
