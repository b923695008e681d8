"""The cache gives back what was put in, to many at once, and says what is wrong with its file."""

import multiprocessing
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest

from valuedata.errors import LabelError
from valuedata.labelling.encoding.cache import SCHEMA, VECTORS_FILE, open_cache
from valuedata.labelling.encoding.cache_folder import find_cache_folder

VECTOR = np.array([0.5, -0.25, 1.0], dtype=np.float16)


def test_what_was_stored_is_found_again(tmp_path):
    open_cache(tmp_path / "deep" / "er", 3).store({b"a": VECTOR})
    found = open_cache(tmp_path / "deep" / "er", 3).find([b"a", b"b"])
    assert list(found) == [b"a"]
    np.testing.assert_array_equal(found[b"a"], VECTOR)


def test_a_first_vector_stays(tmp_path):
    cache = open_cache(tmp_path, 3)
    cache.store({b"a": VECTOR})
    cache.store({b"a": VECTOR * 2})
    np.testing.assert_array_equal(cache.find([b"a"])[b"a"], VECTOR)


def test_more_keys_than_a_query_takes_are_found(tmp_path):
    cache = open_cache(tmp_path, 3)
    keys = [number.to_bytes(4, "little") for number in range(1_200)]
    cache.store(dict.fromkeys(keys, VECTOR))
    assert set(cache.find(keys)) == set(keys)


def fill(folder, worker):
    cache = open_cache(folder, 3)
    for number in range(30):
        cache.store({f"{worker}-{number}".encode(): VECTOR, f"shared-{number}".encode(): VECTOR})


def test_several_processes_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=fill, args=(tmp_path, worker)) for worker in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    keys = [f"{worker}-{number}".encode() for worker in range(3) for number in range(30)]
    assert len(open_cache(tmp_path, 3).find(keys)) == 90


def test_the_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("VALUEDATA_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert find_cache_folder() == tmp_path / ".cache" / "valuedata"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert find_cache_folder() == tmp_path / "x" / "valuedata"
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "own"))
    assert find_cache_folder() == tmp_path / "own"
    monkeypatch.setenv("VALUEDATA_CACHE", "~nobody-of-this-name/own")
    with pytest.raises(
        LabelError, match="home folder of ~nobody-of-this-name/own is not known; se"
    ):
        find_cache_folder()


def test_a_file_that_is_no_database_is_damaged(tmp_path):
    (tmp_path / VECTORS_FILE).write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(LabelError, match=r"is damaged .*; delete it and run again"):
        open_cache(tmp_path, 3)


def test_a_database_with_a_hole_is_damaged(tmp_path):
    cache = open_cache(tmp_path, 3)
    keys = [number.to_bytes(4, "little") for number in range(2_000)]
    cache.store(dict.fromkeys(keys, VECTOR))
    with sqlite3.connect(cache.path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(cache.path.read_bytes())
    content[4096:] = b"\x55" * (len(content) - 4096)
    cache.path.write_bytes(content)
    with pytest.raises(LabelError, match="is damaged"):
        cache.find(keys)


def test_a_database_without_its_table_is_damaged(tmp_path):
    cache = open_cache(tmp_path, 3)
    with sqlite3.connect(cache.path) as connection:
        connection.execute("DROP TABLE vectors")
    connection.close()
    with pytest.raises(LabelError, match="is damaged"):
        cache.find([b"a"])


@pytest.mark.parametrize("content", [b"", b"\x00" * 9, b"\x00" * 10, "text"])
def test_a_torn_entry_is_missing_and_written_anew(tmp_path, caplog, content):
    cache = open_cache(tmp_path, 3)
    cache.store({b"a": VECTOR, b"b": VECTOR})
    with sqlite3.connect(cache.path) as connection:
        connection.execute("UPDATE vectors SET vector = ? WHERE key = ?", (content, b"a"))
    connection.close()
    assert list(cache.find([b"a", b"b"])) == [b"b"]
    assert "1 entries of cache" in caplog.text
    cache.store({b"a": VECTOR})
    np.testing.assert_array_equal(cache.find([b"a"])[b"a"], VECTOR)


def test_an_entry_under_the_digest_of_another_is_torn(tmp_path):
    cache = open_cache(tmp_path, 3)
    cache.store({b"a": VECTOR})
    with sqlite3.connect(cache.path) as connection:
        connection.execute("UPDATE vectors SET key = ?", (b"b",))
    connection.close()
    assert cache.find([b"a", b"b"]) == {}


def test_a_byte_that_the_disk_altered_is_seen(tmp_path):
    cache = open_cache(tmp_path, 3)
    cache.store({b"a": VECTOR})
    content = cache.path.read_bytes()
    stored = VECTOR.astype("<f2").tobytes()
    assert content.count(stored) == 1
    cache.path.write_bytes(content.replace(stored, b"\x01" + stored[1:]))
    assert cache.find([b"a"]) == {}


def test_a_file_of_an_earlier_layout_begins_anew(tmp_path):
    with sqlite3.connect(tmp_path / VECTORS_FILE) as connection:
        connection.execute("CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
        connection.execute("INSERT INTO vectors VALUES (?, ?)", (b"a", VECTOR.tobytes()))
    connection.close()
    cache = open_cache(tmp_path, 3)
    assert cache.find([b"a"]) == {}
    cache.store({b"a": VECTOR})
    assert list(cache.find([b"a"])) == [b"a"]


def test_what_another_process_stores_meanwhile_stays(tmp_path):
    kept = open_cache(tmp_path / "other", 3)
    kept.store({b"a": VECTOR})
    path = tmp_path / VECTORS_FILE
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
        other.execute("ATTACH ? AS kept", (str(kept.path),))
        other.execute("BEGIN IMMEDIATE")
        other.execute("DROP TABLE main.vectors")
        other.execute(SCHEMA)
        other.execute("INSERT INTO main.vectors SELECT * FROM kept.vectors")
        with ThreadPoolExecutor(1) as pool:
            opened = pool.submit(open_cache, tmp_path, 3)
            time.sleep(0.5)  # until it has seen the former layout and waits for the commit
            other.execute("COMMIT")
            assert list(opened.result().find([b"a"])) == [b"a"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LabelError, match="set VALUEDATA_CACHE"):
        open_cache(tmp_path / "file" / "cache", 3)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path):
    (tmp_path / VECTORS_FILE).mkdir()
    with pytest.raises(LabelError, match="set VALUEDATA_CACHE"):
        open_cache(tmp_path, 3)


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    cache = open_cache(tmp_path, 3)
    with sqlite3.connect(cache.path) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.close()
    connect = sqlite3.connect

    def connect_full(*given, **named):
        opened = connect(*given, **named)
        opened.execute(f"PRAGMA max_page_count = {pages}")
        return opened

    monkeypatch.setattr(sqlite3, "connect", connect_full)
    many = {number.to_bytes(4, "little"): VECTOR for number in range(2_000)}
    with pytest.raises(LabelError, match=r"cannot be used \(database or disk is full\)"):
        cache.store(many)
