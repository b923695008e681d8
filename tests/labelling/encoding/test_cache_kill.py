"""What a killed process and a full disk leave is right, entry by entry."""

import signal
import sqlite3
import subprocess
import time

import numpy as np
import pytest

from tests.cli.test_disk_errors import mount_disk
from tests.labelling.encoding.entries import N_KEYS, SIZE, make_key, make_vector
from valuedata.errors import LabelError
from valuedata.labelling.encoding.cache import open_cache

KILLS = 4

WRITER = """
import itertools, sys
from pathlib import Path
from tests.labelling.encoding.entries import N_KEYS, SIZE, make_key, make_vector
from valuedata.labelling.encoding.cache import open_cache
cache = open_cache(Path(sys.argv[1]), SIZE)
print("ready", flush=True)
for number in itertools.count(int(sys.argv[2])):
    some = [n % N_KEYS for n in range(7 * number, 7 * number + 7)]
    cache.store({make_key(n): make_vector(n) for n in some})
"""


def check(cache) -> int:
    found = cache.find([make_key(number) for number in range(N_KEYS)])
    for key, vector in found.items():
        np.testing.assert_array_equal(vector, make_vector(int.from_bytes(key, "little")))
    return len(found)


@pytest.mark.parametrize("limit", ["1MB", "10GB"])
def test_writers_that_are_killed_leave_whole_entries(tmp_path, monkeypatch, forks, limit):
    """Two at a time, so that one is killed while the other writes; within 1 MB they also drop."""
    monkeypatch.setenv("VALUEDATA_CACHE_LIMIT", limit)
    delays = np.random.default_rng(0).uniform(0.02, 0.4, size=KILLS)
    n_found = 0
    for number, delay in enumerate(delays):
        starts = (100 * number, 100 * number + 50)  # so that they write some of the same entries
        writers = [forks.start(WRITER, tmp_path, start, stdout=subprocess.PIPE) for start in starts]
        for writer in writers:
            assert writer.stdout.readline()
        for writer in writers:
            time.sleep(delay)
            writer.kill()
            assert writer.wait() == -signal.SIGKILL
        n_found = check(open_cache(tmp_path, SIZE))
    assert n_found
    with sqlite3.connect(open_cache(tmp_path, SIZE).path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_full_disk_leaves_whole_entries(tmp_path):
    with mount_disk(tmp_path / "disk", 600) as disk:
        cache = open_cache(disk, SIZE)
        n_stored = 0
        with pytest.raises(LabelError, match=r"cannot be used .*; free disk space"):
            for number in range(N_KEYS):
                cache.store({make_key(number): make_vector(number)})
                n_stored += 1
        assert check(cache) == n_stored > 50
