import errno
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import datasets
import pytest

from tests.builders import write_release
from tests.forks import Forked, Forks
from valuedata.errors import ReleaseError
from valuedata.release.difference import compare_releases
from valuedata.release.folder import (
    hash_content,
    hash_file,
    load_release,
    verify_release,
)
from valuedata.release.staging import stage_release


def test_a_release_is_loaded_and_verified(tmp_path: Path) -> None:
    release = write_release(tmp_path / "out")
    assert load_release(tmp_path / "out").manifest == release.manifest
    assert verify_release(release) == len(release.manifest["files"])
    assert release.values == ("empathy",)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_datasets_loads_a_split(tmp_path: Path) -> None:
    release = write_release(tmp_path / "out")
    loaded = release.load("empathy", "train")
    files = [str(path) for path in (release.folder / "data/empathy").glob("train-*.parquet")]
    direct = datasets.load_dataset(
        "parquet", data_files=files, split="train", cache_dir=str(tmp_path / "c")
    )
    assert loaded.to_list() == direct.to_list()
    assert loaded.features == direct.features


def test_an_unknown_subset_or_split_is_named(tmp_path: Path) -> None:
    release = write_release(tmp_path / "out")
    with pytest.raises(ReleaseError, match="no subset 'empaty'; did you mean 'empathy'"):
        release.load("empaty", "train")
    with pytest.raises(ReleaseError, match="no split 'trian'; did you mean 'train'"):
        release.load("empathy", "trian")


@pytest.mark.parametrize("damage", ["change", "remove", "add", "forge"])
def test_damage_is_found(tmp_path: Path, damage: str) -> None:
    release = write_release(tmp_path / "out")
    file = next((release.folder / "data").rglob("*.parquet"))
    if damage == "change":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        message = f"{file.name} has changed"
    elif damage == "remove":
        file.unlink()
        message = f"{file.name} is missing"
    elif damage == "add":
        file.with_name("extra.parquet").write_bytes(b"")
        message = "extra.parquet is not in the manifest"
    else:
        manifest = json.loads((release.folder / "manifest.json").read_text(encoding="utf-8"))
        manifest["content_hash"] = "0" * 64
        (release.folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        message = "the content hash is wrong"
    with pytest.raises(ReleaseError, match=message):
        verify_release(load_release(release.folder))


def test_what_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"has no manifest\.json"):
        load_release(tmp_path)
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReleaseError, match="cannot be read"):
        load_release(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format_version": 99}', encoding="utf-8")
    with pytest.raises(ReleaseError, match="has release format 99, this version reads 3"):
        load_release(tmp_path)


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ReleaseError, match="exists and is not a release"), stage_release(out):
        pass
    assert (out / "chapter.txt").read_text(encoding="utf-8") == "years of work"


def test_a_manifest_of_something_else_makes_no_release(tmp_path: Path) -> None:
    out = tmp_path / "app"
    out.mkdir()
    (out / "manifest.json").write_text('{"files": ["main.js"]}', encoding="utf-8")
    (out / "main.js").write_text("run()", encoding="utf-8")
    with pytest.raises(ReleaseError, match="that is no release's"), stage_release(out):
        pass
    assert (out / "main.js").read_text(encoding="utf-8") == "run()"


def test_an_error_leaves_the_old_release(tmp_path: Path) -> None:
    old = write_release(tmp_path / "out")
    with pytest.raises(KeyError), stage_release(tmp_path / "out") as staging:
        (staging / "half.txt").write_text("half", encoding="utf-8")
        raise KeyError
    assert verify_release(load_release(tmp_path / "out")) == verify_release(old)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_new_release_replaces_the_old_one(tmp_path: Path) -> None:
    old = write_release(tmp_path / "out")
    new = write_release(tmp_path / "out", swap_splits=True)
    assert new.content_hash != old.content_hash
    verify_release(load_release(tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("before", "after"), [('"format_version": 3', '"format_version": 2'), ('"stages"', '"steps"')]
)
def test_a_release_that_cannot_be_read_any_more_is_replaced(
    tmp_path: Path, before: str, after: str
) -> None:
    old = write_release(tmp_path / "out")
    text = (old.folder / "manifest.json").read_text(encoding="utf-8")
    (old.folder / "manifest.json").write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(ReleaseError, match="build"):
        load_release(old.folder)
    assert write_release(tmp_path / "out").content_hash == old.content_hash


def test_a_release_whose_files_nobody_knows_is_left_alone(tmp_path: Path) -> None:
    out = write_release(tmp_path / "out").folder
    text = (out / "manifest.json").read_text(encoding="utf-8")
    (out / "manifest.json").write_text(text[: len(text) // 2], encoding="utf-8")
    with (
        pytest.raises(ReleaseError, match="is not known; move the folder away or give another"),
        stage_release(out),
    ):
        pass
    assert (out / "decisions.parquet").is_file()


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EACCES, "permission is missing"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EDQUOT, "the disk quota is used up"),
    ],
)
def test_errors_of_the_disk_are_one_sentence(tmp_path: Path, number: int, advice: str) -> None:
    with pytest.raises(ReleaseError, match=advice), stage_release(tmp_path / "out"):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


WRITER = """
import sys, time
from pathlib import Path
from valuedata.release.staging import stage_release
with stage_release(Path(sys.argv[1])) as staging:
    (staging / "manifest.json").write_text("{}")
    print("staged", flush=True)
    time.sleep(60)
"""


def start_writer(forks: Forks, out: Path) -> Forked:
    process = forks.start(WRITER, out, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"staged\n"
    return process


def test_a_killed_writer_leaves_nothing_that_counts_and_the_next_clears_up(
    tmp_path: Path, forks: Forks
) -> None:
    out = tmp_path / "out"
    process = start_writer(forks, out)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    assert len(list(tmp_path.iterdir())) == 1
    write_release(out)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_two_writers_of_one_release_do_not_meet(tmp_path: Path, forks: Forks) -> None:
    out = tmp_path / "out"
    process = start_writer(forks, out)
    try:
        started = time.monotonic()
        with (
            pytest.raises(ReleaseError, match="Another build is writing 'out'"),
            stage_release(out),
        ):
            pass
        assert time.monotonic() - started < 10
    finally:
        process.kill()
        process.wait()


def test_a_release_caught_between_two_renames_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    old = write_release(out)
    out.rename(tmp_path / ".out.old")
    with pytest.raises(KeyError), stage_release(out):
        raise KeyError
    assert load_release(out).content_hash == old.content_hash


def test_the_content_hash_covers_the_parquet_alone_and_no_map(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    # sha256sum of "abc", FIPS 180-2 appendix B.1
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_file(tmp_path / "a") == abc
    hashes = {"b.parquet": "2", "a.parquet": "1", "README.md": "3", "maps.parquet": "4"}
    assert hash_content(hashes) == hash_content({"a.parquet": "1", "b.parquet": "2"})
    assert hash_content(hashes) != hash_content({"a.parquet": "2", "b.parquet": "1"})


def test_files_of_the_user_are_never_deleted(tmp_path: Path) -> None:
    out = write_release(tmp_path / "out").folder
    for name in ("notes.txt", ".hidden/notes.txt"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine", encoding="utf-8")
        message = f"holds files that its build did not write \\({re.escape(name)}\\); move them"
        with pytest.raises(ReleaseError, match=message), stage_release(out):
            pass
        (out / name).unlink()
    write_release(out)


@pytest.mark.parametrize("out", [".", ".."])
def test_the_folder_worked_in_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    message = "is the folder you are in or one above it; give --out in a new folder"
    with pytest.raises(ReleaseError, match=message), stage_release(Path(out)):
        pass


@pytest.mark.parametrize(
    ("out", "advice"),
    [
        ("file/x", "a file is in the way; give another --out"),
        ("file/x/y", "a file is in the way; give another --out"),
        ("n" * 300, "the name is too long; give a shorter --out"),
        ("n" * 250, "the name is too long; give a shorter --out"),
    ],
)
def test_a_place_that_cannot_be_is_one_sentence(tmp_path: Path, out: str, advice: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ReleaseError, match=advice), stage_release(tmp_path / out):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_other_errors_of_the_body_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError), stage_release(tmp_path / "out"):
        raise ConnectionResetError(errno.ECONNRESET, "reset")


def test_locks_need_a_cache_that_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "file"))
    with pytest.raises(ReleaseError, match=r"Lock folder .* set VALUEDATA_CACHE"):
        write_release(tmp_path / "out")


@pytest.mark.parametrize("key", ["files", "values", "stages", "recipe", "content_hash"])
def test_a_manifest_that_lacks_a_key_is_refused(tmp_path: Path, key: str) -> None:
    release = write_release(tmp_path / "out")
    manifest = {name: part for name, part in release.manifest.items() if name != key}
    (release.folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ReleaseError, match=rf"is damaged: manifest\.json lacks {key}; build or"):
        load_release(release.folder)


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        ({"values": {"../up": {"splits": {}}}}, "has '../up' where a name is to stand"),
        ({"values": {"a\x1b[2J": {"splits": {}}}}, r"has 'a\x1b[2J' where a name"),
        ({"values": {"a": {"splits": {"*": 1}}}}, "has '*' where a name is to stand"),
        ({"values": {"a": {"splits": []}}}, "does not tell the splits of every subset"),
        ({"values": {"a": "b"}}, "does not tell the splits of every subset"),
        ({"controls": {"values": ["a b"]}}, "has 'a b' where a name is to stand"),
        ({"controls": {"values": "ab"}}, "does not tell what its controls are of"),
        ({"controls": 1}, "does not tell what its controls are of"),
    ],
)
def test_names_that_no_build_writes_are_refused(tmp_path, part, damage) -> None:
    release = write_release(tmp_path / "out")
    manifest = {**release.manifest, **part}
    (release.folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ReleaseError, match=re.escape(f"is damaged: manifest.json {damage}")):
        load_release(release.folder)


@pytest.mark.parametrize("is_gone", [True, False])
def test_damaged_files_are_refused_when_read(tmp_path: Path, is_gone: bool) -> None:
    release = write_release(tmp_path / "out")
    damaged = (release.folder / "decisions.parquet", *release.files("empathy", "train"))
    for file in damaged:
        if is_gone:
            file.unlink()
        else:
            file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ReleaseError, match=r"is damaged: decisions\.parquet cannot be read; build"):
        _ = release.decisions
    with pytest.raises(ReleaseError, match="is damaged: data/empathy"):
        release.load("empathy", "train")
    with pytest.raises(ReleaseError, match="is damaged: data/empathy"):
        compare_releases(release, release)
