"""Answers are read strictly, and kept between runs and among processes."""

import sqlite3

import pytest

from valuedata.errors import LabelError
from valuedata.labelling.llm.answers import (
    Answer,
    InvalidAnswerError,
    open_answers,
    read_answer,
)
from valuedata.labelling.llm.rubric import make_rubric
from valuedata.labelling.values import load_values

CLOSED, OPEN = (make_rubric(mode, load_values()) for mode in ("closed", "open"))
YES = Answer('{"values": ["humor"]}', None, 10, 2)
OTHER = Answer('{"values": []}', None, 10, 1)
FAILED = Answer(None, "timed out")
STRICT = "no valid answer"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('{"values": []}', ()),
        (' {"values": ["humor", "empathy", "humor"]}\n', ("humor", "empathy")),
        ('```json\n{"values": ["humor"]}\n```', ("humor",)),
        ('\n```\n{"values":\n ["humor"]}\n```\n', ("humor",)),
    ],
)
def test_answers_of_the_closed_set(content, names):
    assert read_answer(content, CLOSED) == names


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", STRICT),
        ("humor", STRICT),
        ('["humor"]', STRICT),
        ("{}", STRICT),
        ('{"values": null}', STRICT),
        ('{"values": "humor"}', STRICT),
        ('{"values": [1]}', STRICT),
        ('{"values": ["humor"], "why": "funny"}', STRICT),
        ('{"values": ["humor"]} {"values": []}', STRICT),
        ('Sure: {"values": ["humor"]}', STRICT),
        ('Sure:\n```json\n{"values": ["humor"]}\n```', STRICT),
        ('{"values": ["humor"', STRICT),
        ('{"values": ["Humor"]}', "answer outside the closed set"),
        ('{"values": ["humor", "thrift"]}', "answer outside the closed set"),
    ],
)
def test_anything_else_is_no_answer(content, reason):
    with pytest.raises(InvalidAnswerError) as caught:
        read_answer(content, CLOSED)
    assert str(caught.value) == reason


def test_free_words_are_words():
    assert read_answer('{"values": ["Thrift", "good cheer"]}', OPEN) == ("Thrift", "good cheer")
    assert read_answer(f'{{"values": ["{"a" * 60}"]}}', OPEN) == ("a" * 60,)
    for word in ("", " ", "a" * 61):
        with pytest.raises(InvalidAnswerError):
            read_answer(f'{{"values": ["{word}"]}}', OPEN)


def test_answers_come_back_and_are_never_replaced(tmp_path):
    cache = open_answers(tmp_path / "cache")
    assert cache.find([b"a"]) == {}
    cache.prepare()
    cache.store({b"a": YES, b"b": FAILED})
    assert cache.find([b"a", b"b", b"c"]) == {b"a": YES, b"b": FAILED}
    cache.store({b"a": OTHER, b"b": OTHER})
    assert cache.find([b"a", b"b"]) == {b"a": YES, b"b": OTHER}
    cache.store({b"a": FAILED})
    assert cache.find([b"a"]) == {b"a": YES}
    many = {str(number).encode(): FAILED for number in range(1200)}
    cache.store(many)
    assert cache.find(list(many)) == many


def test_a_file_whose_making_was_killed_holds_nothing_yet(tmp_path):
    (tmp_path / "answers.sqlite").write_bytes(b"")
    cache = open_answers(tmp_path)
    assert cache.find([b"a"]) == {}
    cache.prepare()
    cache.store({b"a": YES})
    assert cache.find([b"a"]) == {b"a": YES}


@pytest.mark.parametrize("row", ["NULL, NULL, 1, 1", "'x', 'y', 1, 1", "'x', NULL, 'many', 1"])
def test_a_damaged_row_is_one_sentence(tmp_path, row):
    cache = open_answers(tmp_path)
    cache.prepare()
    with sqlite3.connect(cache.path) as connection:
        connection.execute(f"INSERT INTO answers VALUES (x'61', {row})")  # noqa: S608 - rows above
    connection.close()
    with pytest.raises(LabelError, match=r"is damaged .* delete it and run again"):
        cache.find([b"a"])


PROGRAM = """
import sys
from pathlib import Path
from valuedata.labelling.llm.answers import Answer, open_answers
cache = open_answers(Path(sys.argv[1]))
cache.prepare()
for number in range(100):
    cache.store({b"%d" % number: Answer(sys.argv[2], None)})
"""


def test_processes_share_a_file_and_agree_on_every_answer(tmp_path, forks):
    running = [forks.start(PROGRAM, tmp_path, name) for name in ("one", "other")]
    assert [process.wait() for process in running] == [0, 0]
    found = open_answers(tmp_path).find([b"%d" % number for number in range(100)])
    assert len(found) == 100
    assert {answer.content for answer in found.values()} <= {"one", "other"}
