"""What the disk refuses is one sentence, and nothing is left behind."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.rows import choose_rows, write_rows
from tests.cli.test_build_errors import check_error

pytestmark = pytest.mark.usefixtures("vector_cache")


@contextmanager
def mount_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of a few kilobytes on a folder, for as long as the context lasts."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not sys.platform.startswith("linux") or mount is None or umount is None:
        pytest.skip("needs Linux with mount and umount, to have a disk that is full")
    folder.mkdir()
    words = [mount, "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount, to have a disk that is full: {done.stderr.strip()}")
    try:
        yield folder
    finally:  # lazily, because an error's traceback keeps Arrow files mapped
        subprocess.run([umount, "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    ("kilobytes", "parts"),
    [
        (8, ["Pairs cannot be written to", "No space left on device", "free space there"]),
        (40, ["cannot be written: the disk is full; free some space or give --out on another"]),
        (120, ["cannot be written: the disk is full; free some space or give --out on another"]),
    ],
    ids=["while reading", "while writing", "at the card"],
)
def test_a_full_disk(run, tmp_path, kilobytes: int, parts: list[str]) -> None:
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12))
    with mount_disk(tmp_path / "disk", kilobytes):
        before = set(tmp_path.rglob("*"))
        words = "build --value empathy --source rows.jsonl --out disk/out"
        check_error(run(*words.split()), tmp_path, before, parts)


@pytest.mark.parametrize("name", ["labels.jsonl", "labels.parquet"])
def test_a_full_disk_under_labels(run, tmp_path, name: str) -> None:
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12))
    with mount_disk(tmp_path / "disk", 8):
        before = set(tmp_path.rglob("*"))
        result = run("label", "rows.jsonl", "--out", f"disk/{name}")
        check_error(result, tmp_path, before, [f"disk/{name} cannot be written (the disk is full)"])


def test_a_full_disk_under_the_cache(run, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12))
    with mount_disk(tmp_path / "disk", 64) as disk:
        monkeypatch.setenv("VALUEDATA_CACHE", str(disk))
        names = ("vectors.sqlite", "vectors.sqlite-wal", "vectors.sqlite-shm")
        before = {*tmp_path.rglob("*"), *(disk / name for name in names)}
        result = run("build", "--value", "empathy", "--source", "rows.jsonl")
        parts = [f"Cache {disk / 'vectors.sqlite'} cannot be used", "full", "VALUEDATA_CACHE"]
        check_error(result, tmp_path, before, parts)


@contextmanager
def drop_override() -> Iterator[None]:
    """Takes from this thread, for as long as the context lasts, root's right to write everywhere.

    Source: capabilities(7) and linux/capability.h.
    """
    if os.name != "posix":
        pytest.skip("needs POSIX permissions")
    if os.geteuid() != 0:
        yield
        return
    if not sys.platform.startswith("linux"):
        pytest.skip("needs a user who is not root, or Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this thread
    rights = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice 32 bits
    assert libc.capget(header, rights) == 0
    before, overrides = rights[0], 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    rights[0] &= ~overrides
    assert libc.capset(header, rights) == 0
    try:
        yield
    finally:
        rights[0] = before
        assert libc.capset(header, rights) == 0


def test_a_missing_permission(run, tmp_path) -> None:
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12))
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    before = set(tmp_path.rglob("*"))
    words = "build --value empathy --source rows.jsonl --out closed/out"
    with drop_override():
        result = run(*words.split())
    message = (
        f"Error: Release {folder / 'out'} cannot be written: permission is missing; give --out in "
        "a folder that you may write to."
    )
    check_error(result, tmp_path, before, [message])


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("label rows.jsonl --out closed/sub/l.jsonl", "Folder closed/sub cannot be used"),
        ("build --value empathy --source rows.jsonl --out closed/sub/o", "permission is missing"),
        (
            "build --value empathy --source rows.jsonl --decontaminate closed/t.txt",
            "Recipe key 'decontaminate' names closed/t.txt, which cannot be read (Permission",
        ),
    ],
)
def test_a_folder_that_may_not_be_read(run, tmp_path, words: str, part: str) -> None:
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12))
    (tmp_path / "closed").mkdir(mode=0o000)
    before = set(tmp_path.rglob("*"))
    with drop_override():
        result = run(*words.split())
    check_error(result, tmp_path, before, [part])
