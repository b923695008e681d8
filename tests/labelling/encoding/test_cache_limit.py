"""The file of vectors stays within its limit, and what was used longest ago goes first."""

import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from valuedata.errors import RecipeError
from valuedata.labelling.encoding import cache as caching
from valuedata.labelling.encoding.cache import VECTORS_FILE, open_cache, read_limit

SIZE = 400  # 2 * 400 + 4 + 16 bytes an entry, so that four fill a page of 4,096
LIMIT = 10**6


def make_keys(start: int, stop: int) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in range(start, stop)]


def make_vectors(keys: list[bytes]) -> dict[bytes, np.ndarray]:
    return {key: np.full(SIZE, int.from_bytes(key, "big") % 1000, dtype=np.float16) for key in keys}


@pytest.fixture
def days(monkeypatch):
    """The days that the cache believes it is, the last one now."""
    passed = [100]
    monkeypatch.setattr(caching, "_count_days", lambda: passed[-1])
    return passed


@pytest.fixture
def cache(tmp_path, monkeypatch, days):  # noqa: ARG001 - no midnight while a test runs
    monkeypatch.setenv("VALUEDATA_CACHE_LIMIT", "1MB")
    return open_cache(tmp_path, SIZE)


def test_what_fits_stays(cache):
    keys = make_keys(0, 800)  # 800 / 4 pages and their indices: about 0.86 MB
    cache.store(make_vectors(keys))
    assert list(cache.find(keys)) == keys


def test_the_file_never_grows_past_its_limit(cache):
    for start in range(0, 5_000, 250):
        cache.store(make_vectors(make_keys(start, start + 250)))
        assert cache.path.stat().st_size <= LIMIT
    kept = cache.find(make_keys(0, 5_000))
    assert 600 <= len(kept) <= 1_100  # 0.9 MB to 1 MB at 0.9 to 1.1 kB
    assert list(kept) == make_keys(5_000 - len(kept), 5_000)  # those written last
    for key, vector in kept.items():
        np.testing.assert_array_equal(vector, make_vectors([key])[key])


def test_what_was_used_longest_ago_goes_first(cache, days):
    early, later = make_keys(0, 400), make_keys(400, 800)
    cache.store(make_vectors(early))
    cache.store(make_vectors(later))
    days.append(101)
    cache.find(early[:200])
    days.append(102)
    cache.store(make_vectors(make_keys(800, 1_100)))
    kept = cache.find(make_keys(0, 1_100))
    assert set(kept) >= {*early[:200], *make_keys(800, 1_100)}
    gone = [key for key in early[200:] + later if key not in kept]
    assert gone == (early[200:] + later)[: len(gone)]
    assert len(gone) >= 200


def test_a_use_is_noted_once_a_day(cache, days):
    keys = make_keys(0, 10)
    cache.store(make_vectors(keys))
    with sqlite3.connect(cache.path) as watcher:
        (before,) = watcher.execute("PRAGMA data_version").fetchone()
        cache.find(keys)
        assert watcher.execute("PRAGMA data_version").fetchone() == (before,)
        days.append(101)
        cache.find(keys)
        (after,) = watcher.execute("PRAGMA data_version").fetchone()
        assert after != before
        cache.find(keys)
        assert watcher.execute("PRAGMA data_version").fetchone() == (after,)
    watcher.close()


def test_a_lower_limit_shrinks_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("VALUEDATA_CACHE_LIMIT", "4 MB")
    wide = open_cache(tmp_path, SIZE)
    wide.store(make_vectors(make_keys(0, 3_000)))
    assert wide.path.stat().st_size > 3 * LIMIT
    monkeypatch.setenv("VALUEDATA_CACHE_LIMIT", "1MB")
    narrow = open_cache(tmp_path, SIZE)
    narrow.store(make_vectors(make_keys(3_000, 3_001)))
    assert narrow.path.stat().st_size <= LIMIT
    assert list(narrow.find(make_keys(3_000, 3_001))) == make_keys(3_000, 3_001)


def test_a_file_of_the_former_layout_shrinks(tmp_path, monkeypatch):
    with sqlite3.connect(tmp_path / VECTORS_FILE) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
        rows = ((key, bytes(2 * SIZE)) for key in make_keys(0, 3_000))
        connection.executemany("INSERT INTO vectors VALUES (?, ?)", rows)
    connection.close()
    assert (tmp_path / VECTORS_FILE).stat().st_size > 2 * LIMIT
    monkeypatch.setenv("VALUEDATA_CACHE_LIMIT", "1MB")
    cache = open_cache(tmp_path, SIZE)
    assert cache.path.stat().st_size < 40_000
    cache.store(make_vectors(make_keys(0, 3_000)))
    assert cache.path.stat().st_size <= LIMIT


def test_a_commit_larger_than_the_limit_leaves_its_end(cache):
    cache.store(make_vectors(make_keys(0, 3_000)))
    kept = cache.find(make_keys(0, 3_000))
    assert cache.path.stat().st_size <= LIMIT
    assert list(kept) == make_keys(3_000 - len(kept), 3_000)


def test_a_limit_below_an_empty_file_keeps_nothing(cache):
    narrow = replace(cache, limit=1)
    narrow.store(make_vectors(make_keys(0, 10)))
    assert narrow.find(make_keys(0, 10)) == {}


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        ("", 10**10),
        ("1MB", 10**6),
        ("500 MB", 5 * 10**8),
        ("1.5GB", 15 * 10**8),
        ("2TB", 2 * 10**12),
    ],
)
def test_the_limit_is_read_from_the_environment(monkeypatch, text, n_bytes):
    monkeypatch.setenv("VALUEDATA_CACHE_LIMIT", text)
    assert read_limit() == n_bytes


@pytest.mark.parametrize("text", ["much", "0.9MB", "-1GB", "10", "10 gigabytes", "1e3MB"])
def test_a_wrong_limit_is_refused(monkeypatch, tmp_path, text):
    monkeypatch.setenv("VALUEDATA_CACHE_LIMIT", text)
    with pytest.raises(RecipeError, match="give a size from 1MB on, such as 500MB, 10GB or 1TB"):
        open_cache(tmp_path, SIZE)
