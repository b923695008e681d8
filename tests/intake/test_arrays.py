"""Items of JSON arrays, however their text is cut into blocks."""

import io
import json

import pytest

from valuedata.intake.arrays import BLOCK, split_array

ARRAY = """ [
{"a": "é\\ud83d\\ude00 \\" ]", "b": [1, {}]} , -1.5e+3,\t-Infinity, "x\\ud800y",[ ], null]
 """
WRITTEN = ['{"a": "é\\ud83d\\ude00 \\" ]", "b": [1, {}]}', "-1.5e+3", "-Infinity", '"x\\ud800y"']
ITEMS = [{"a": 'é😀 " ]', "b": [1, {}]}, -1500.0, float("-inf"), "x\ud800y", [], None]


class Trickle(io.StringIO):
    """A file that gives one character at a time."""

    def read(self, _size=None, /):
        return super().read(1)


@pytest.mark.parametrize("kind", [io.StringIO, Trickle])
def test_items_come_as_they_are_written(kind):
    items, written = zip(*split_array(kind(ARRAY)), strict=True)
    assert list(items) == ITEMS
    assert list(written) == [*WRITTEN, "[ ]", "null"]
    assert list(split_array(kind(" [ \n] "))) == []


@pytest.mark.parametrize("kind", [io.StringIO, Trickle])
@pytest.mark.parametrize(
    ("text", "n_items", "message"),
    [
        ("", 0, r"Expecting \["),
        ("{}", 0, r"Expecting \["),
        ("[1, 2", 2, "Expecting , or ]"),
        ("[1 2]", 1, "Expecting , or ]"),
        ("[1,]", 1, "Expecting value"),
        ("[,1]", 0, "Expecting value"),
        ('[1, "x', 1, "Unterminated string"),
        ('[1, {"x": 1', 1, "Expecting ',' delimiter"),
        ("[1] 2", 1, "text after the end"),
        ("[1, " + "9" * 5000 + "]", 1, "Exceeds the limit"),
    ],
)
def test_what_is_no_array_is_refused_where_it_ends_to_be_one(kind, text, n_items, message):
    items = split_array(kind(text))
    assert len([next(items) for _ in range(n_items)]) == n_items
    with pytest.raises(ValueError, match=message):
        next(items)


def test_what_is_wrong_is_not_read_on():
    file = io.StringIO('[{"a" 1}, ' + "1, " * BLOCK)
    with pytest.raises(ValueError, match="Expecting ':' delimiter"):
        next(split_array(file))
    assert file.tell() == BLOCK


def test_an_item_may_be_longer_than_many_blocks():
    rows = [{"a": "x" * 5 * BLOCK}, {"a": "y"}]
    assert [item for item, _ in split_array(io.StringIO(json.dumps(rows)))] == rows
