"""What the caches hold is counted, and emptied on request."""

import sqlite3
from contextlib import suppress

import numpy as np
import pytest

from tests.cli.test_disk_errors import drop_override, mount_disk
from valuedata.errors import LabelError
from valuedata.labelling.caches import clear_cache, list_caches
from valuedata.labelling.encoding import cache as caching
from valuedata.labelling.encoding.cache import open_cache
from valuedata.labelling.llm.answers import Answer, open_answers

VECTOR = np.array([0.5, -0.25, 1.0], dtype=np.float16)


@pytest.fixture
def folder(tmp_path):
    """Three vectors and two answers."""
    open_cache(tmp_path, 3).store({b"a": VECTOR, b"b": VECTOR, b"c": VECTOR})
    answers = open_answers(tmp_path)
    answers.prepare()
    answers.store({b"x": Answer("{}", None), b"y": Answer(None, "silent")})
    return tmp_path


def count(folder):
    """Entries of the caches of labelling."""
    found = {file.kind: file.n_entries for file in list_caches(folder)}
    assert (found.pop("replies"), found.pop("judgements")) == (0, 0)
    return found


def test_entries_and_bytes_are_counted(folder):
    assert count(folder) == {"vectors": 3, "answers": 2}
    for file in list_caches(folder):
        assert file.n_bytes == sum(
            path.stat().st_size for path in folder.glob(f"{file.path.name}*")
        )


def test_nothing_is_made_by_looking(tmp_path):
    assert count(tmp_path / "nowhere") == {"vectors": 0, "answers": 0}
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_its_table_holds_nothing(tmp_path):
    sqlite3.connect(tmp_path / "answers.sqlite").execute("PRAGMA user_version=1").connection.close()
    clear_cache(tmp_path, ["answers"])
    assert count(tmp_path) == {"vectors": 0, "answers": 0}


@pytest.mark.parametrize("kind", ["vectors", "answers"])
def test_one_kind_is_cleared(folder, kind):
    before = count(folder)
    clear_cache(folder, [kind])
    assert count(folder) == {**before, kind: 0}


def test_a_cleared_file_is_small_and_goes_on_being_used(folder):
    cache = open_cache(folder, 3)
    cache.store({number.to_bytes(4, "little"): VECTOR for number in range(5_000)})
    clear_cache(folder, ["vectors", "answers"])
    assert all(file.n_bytes < 40_000 for file in list_caches(folder))
    cache.store({b"a": VECTOR})
    assert count(folder) == {"vectors": 1, "answers": 0}


def test_a_cleared_file_can_shrink_from_then_on(tmp_path):
    with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
        connection.execute("CREATE TABLE answers (key BLOB PRIMARY KEY)")
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    connection.close()
    clear_cache(tmp_path, ["answers"])
    with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)  # incremental
    connection.close()


def test_a_damaged_file_is_told_and_removed(folder):
    (folder / "vectors.sqlite").write_bytes(b"nothing of the kind" * 100)
    assert count(folder) == {"vectors": None, "answers": 2}
    assert [file.is_damaged for file in list_caches(folder)] == [True, False, False, False]
    clear_cache(folder, ["vectors"])
    assert not (folder / "vectors.sqlite").exists()


def test_a_file_that_is_in_use_stays(folder, monkeypatch):
    monkeypatch.setattr(caching, "BUSY_SECONDS", 0.05)
    with sqlite3.connect(folder / "vectors.sqlite", isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(LabelError, match="database is locked"):
            clear_cache(folder, ["vectors"])
        writer.execute("ROLLBACK")
    writer.close()
    assert count(folder)["vectors"] == 3


def test_what_cannot_be_removed_is_one_sentence(tmp_path):
    (tmp_path / "vectors.sqlite").write_bytes(b"nothing of the kind" * 100)
    tmp_path.chmod(0o555)
    message = r"cannot be removed \(.*\); you need write permission"
    with drop_override(), pytest.raises(LabelError, match=message):
        clear_cache(tmp_path, ["vectors"])


def test_a_file_that_may_not_be_written_stays(folder):
    (folder / "vectors.sqlite").chmod(0o444)
    with drop_override(), pytest.raises(LabelError, match="cannot be used"):
        clear_cache(folder, ["vectors"])
    assert count(folder)["vectors"] == 3


def test_a_file_that_is_held_is_not_damaged(folder, monkeypatch):
    monkeypatch.setattr(caching, "BUSY_SECONDS", 0.05)
    with sqlite3.connect(folder / "vectors.sqlite", isolation_level=None) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        vectors, *_ = list_caches(folder)
        assert (vectors.n_entries, vectors.is_damaged) == (None, False)
        holder.execute("ROLLBACK")
    holder.close()


def test_a_full_disk_is_emptied(tmp_path):
    with mount_disk(tmp_path / "disk", 600) as disk:
        cache = open_cache(disk, 3)
        cache.store({b"a": VECTOR})
        with (disk / "rest").open("wb", buffering=0) as rest, suppress(OSError):
            while True:
                rest.write(bytes(512))
        clear_cache(disk, ["vectors"])
        assert count(disk)["vectors"] == 0
