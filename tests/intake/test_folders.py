"""Which files of a folder are read."""

import os
import sys

import pytest

from valuedata.errors import SourceError
from valuedata.intake.naming import resolve_source


@pytest.mark.parametrize(
    ("name", "present", "read"),
    [
        (
            "ultrafeedback",
            "test_prefs-0.parquet train_prefs-00000-of-00001.parquet train_sft.csv",
            1,
        ),
        ("ultrafeedback", "eval.jsonl.gz train.jsonl.gz", None),
        ("pku-saferlhf", "test.jsonl train.jsonl", 1),
        ("pku-saferlhf", "constraint.json realign_dpo_5k.json.gz", None),
        ("hh-rlhf", "test.jsonl.gz", None),
        ("ours", "test.jsonl train.jsonl", None),
    ],
)
def test_local_copies_of_known_sources_keep_to_their_splits(tmp_path, name, present, read):
    for file in present.split():
        (tmp_path / file).touch()
    expected = present.split() if read is None else [present.split()[read]]
    files = resolve_source(f"{name}={tmp_path}").files
    assert [file.name for file in files] == expected


def test_files_that_are_named_are_read_whatever_their_split(tmp_path):
    for file in ("test.jsonl", "train.jsonl"):
        (tmp_path / file).touch()
    assert len(resolve_source(f"hh-rlhf={tmp_path}/*.jsonl").files) == 2


def test_folders_that_are_links_are_read_once_and_loops_end(tmp_path):
    for name in ("data/b/two.jsonl", "data/one.jsonl", "else/a/x.jsonl", "else/near.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for link, target in (
        ("data/far", "else"),
        ("data/again", "data/b"),
        ("data/up", "."),
        ("data/b/loop", "data"),
        ("else/a/back", "else"),
    ):
        (tmp_path / link).symlink_to(tmp_path / target, target_is_directory=True)
    expected = "b/two.jsonl, far/a/x.jsonl, far/near.jsonl, one.jsonl"
    assert resolve_source(str(tmp_path / "data")).location == expected


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names of any bytes")
def test_names_of_files_must_be_utf8(tmp_path):
    with open(os.fsencode(tmp_path) + b"/b\xff.jsonl", "wb"):  # noqa: PTH123 - a name of bytes
        pass
    with pytest.raises(SourceError, match=r"Source 'b\\udcff.jsonl' has a name that is not UTF-8"):
        resolve_source(str(tmp_path))
