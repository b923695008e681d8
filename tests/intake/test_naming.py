"""What a source's name means."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from valuedata.errors import FormatError, SourceError
from valuedata.intake.known import KNOWN_SOURCES
from valuedata.intake.naming import describe_source, resolve_source


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a few files, and what is no data beside them."""
    for name in (
        "copy/helpful-base/test.jsonl.gz",
        "copy/harmless-base/test.jsonl.gz",
        "copy/red-team-attempts/x.jsonl",
        "copy/README.md",
        "copy/.cache/x.jsonl",
        "copy/.hidden.json",
        "mine.jsonl",
        "my own.jsonl",
        "org/name/rows.csv",
        "empty/notes.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", KNOWN_SOURCES)
def test_known_names(name):
    known, source = KNOWN_SOURCES[name], resolve_source(name)
    assert source.name == name
    assert (source.repository, source.folders, source.splits) == (
        known.repository,
        known.folders,
        known.splits,
    )
    assert (source.licence, source.citation, source.format) == (
        known.licence,
        known.citation,
        known.format,
    )
    assert source.files == ((known.file,) if known.file else ())
    assert not Path(source.location).is_absolute()


def test_format_of_the_user_wins():
    assert resolve_source("hh-rlhf", "trl-implicit").format == "trl-implicit"
    assert resolve_source("org/data", "trl").format == "trl"


@pytest.mark.parametrize(
    ("text", "name", "location"),
    [
        ("mine.jsonl", "mine", "mine.jsonl"),
        ("./mine.jsonl", "mine", "mine.jsonl"),
        ("org/name", "name", "rows.csv"),  # a path that exists wins over Hub syntax
        ("mine*", "mine", "mine.jsonl"),
        (
            "copy",
            "copy",
            "harmless-base/test.jsonl.gz, helpful-base/test.jsonl.gz, red-team-attempts/x.jsonl",
        ),
        (
            "copy/*/*.gz",
            "copy",
            "harmless-base/test.jsonl.gz, helpful-base/test.jsonl.gz",
        ),
        ("copy/**/x.jsonl", "x", "red-team-attempts/x.jsonl"),
    ],
)
def test_local_paths(folder, text, name, location):
    source = resolve_source(text)
    assert (source.name, source.location) == (name, location)
    assert (source.repository, source.licence, source.format) == (None, None, None)
    assert all(file.is_file() for file in source.files)
    absolute = resolve_source(str(folder / text))
    assert (absolute.name, absolute.location) == (name, location)


def test_current_folder_and_home(folder, monkeypatch):
    assert resolve_source(".").name == folder.name
    monkeypatch.setenv("HOME", str(folder))
    assert resolve_source("~/mine.jsonl").files == (folder / "mine.jsonl",)


@pytest.mark.usefixtures("folder")
def test_local_copy_of_a_known_source_reads_its_folders_only():
    source = resolve_source("hh-rlhf=copy")
    known = KNOWN_SOURCES["hh-rlhf"]
    assert source.name == "hh-rlhf"
    assert (source.licence, source.citation, source.homepage) == (
        known.licence,
        known.citation,
        known.homepage,
    )
    assert (source.repository, source.format) == (None, None)
    assert source.location == "harmless-base/test.jsonl.gz, helpful-base/test.jsonl.gz"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hh-rlhf", True),
        ("hh-rlhf=copy", True),
        ("hh-rlhf=mine.jsonl", True),
        ("copy/harmless-base", True),
        ("ours=copy/harmless-base", True),
        ("copy/helpful-base", True),
        ("Anthropic/hh-rlhf@v1", True),
        ("PKU-Alignment/PKU-SafeRLHF:version", True),
        ("ultrafeedback", False),
        ("ultrafeedback=mine.jsonl", False),
        ("mine.jsonl", False),
        ("org/hh-rlhf", False),
    ],
)
def test_names_tell_of_red_teaming(text, expected):
    assert resolve_source(text).red_teaming == expected


def test_any_name_for_a_local_path(folder):
    source = resolve_source(f"ours={folder / 'mine.jsonl'}")
    assert (source.name, source.location, source.licence) == ("ours", "mine.jsonl", None)


@pytest.mark.parametrize(
    ("text", "name", "config", "splits", "revision"),
    [
        ("org/data", "org/data", None, (), "main"),
        ("org/data@v1", "org/data", None, (), "v1"),
        ("org/data:big", "org/data:big", "big", (), "main"),
        ("org/data:big@refs/pr/1", "org/data:big", "big", (), "refs/pr/1"),
        ("org/data:big:dev@v1", "org/data:big:dev", "big", ("dev",), "v1"),
    ],
)
def test_hub_data_sets(text, name, config, splits, revision):
    source = resolve_source(text)
    assert source.repository == "org/data"
    assert (source.name, source.config, source.splits, source.revision) == (
        name,
        config,
        splits,
        revision,
    )


def test_known_repository_is_the_known_source():
    source = resolve_source("Anthropic/hh-rlhf@v1")
    assert (source.name, source.revision, source.format) == ("hh-rlhf", "v1", "hh")
    part = resolve_source("PKU-Alignment/PKU-SafeRLHF:alpaca-7b")
    assert (part.config, part.licence, part.format) == ("alpaca-7b", "CC-BY-NC-4.0", None)


def test_the_config_of_a_known_source_may_be_written_but_no_other_split():
    source = resolve_source("PKU-Alignment/PKU-SafeRLHF:default@v1")
    assert source == replace(resolve_source("pku-saferlhf"), revision="v1")
    part = resolve_source("HuggingFaceH4/ultrafeedback_binarized:default:test_prefs")
    assert (part.splits, part.format) == (("test_prefs",), None)


@pytest.mark.parametrize("revision", ["main", "c" * 40])
@pytest.mark.parametrize(
    "text",
    [
        *KNOWN_SOURCES,
        "org/data",
        "org/data:big",
        "org/data:big:dev",
        "HuggingFaceH4/ultrafeedback_binarized:default:test_prefs",
    ],
)
def test_a_described_source_is_found_again(text, revision):
    source = resolve_source(text)
    again = resolve_source(describe_source(source, revision))
    assert again == replace(source, revision=revision if source.repository else "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("starter", "starter"),
        ("hh-rlhf", "Anthropic/hh-rlhf@c1"),
        ("ultrafeedback", "HuggingFaceH4/ultrafeedback_binarized:default@c1"),
        ("org/data:big:dev@v1", "org/data:big:dev@c1"),
        ("mine.jsonl", "mine=mine.jsonl"),
        ("my own.jsonl", "my own=my own.jsonl"),
        ("starter=mine.jsonl", "starter=mine.jsonl"),
        ("hh-rlhf=copy/*/*.gz", "hh-rlhf=harmless-base/test.jsonl.gz, helpful-base/test.jsonl.gz"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_descriptions(text, expected):
    assert describe_source(resolve_source(text), "c1") == expected


@pytest.mark.usefixtures("folder")
def test_a_folder_that_cannot_be_read_is_not_called_empty(monkeypatch):
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "helpful-base":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    message = f"Folder copy cannot be read (Permission denied: {Path('copy/helpful-base')})"
    for text in ("copy", "hh-rlhf=copy"):
        with pytest.raises(SourceError, match=re.escape(message)):
            resolve_source(text)


@pytest.mark.usefixtures("folder")
def test_a_described_file_is_found_again():
    for text in ("mine.jsonl", "my own.jsonl"):
        source = resolve_source(text)
        assert resolve_source(describe_source(source, "")) == source


def test_an_unknown_name_gets_one_sentence():
    with pytest.raises(SourceError) as caught:
        resolve_source("hh-rlfh")
    assert str(caught.value) == (
        "Source 'hh-rlfh' is unknown (did you mean 'hh-rlhf'?); give a known name, "
        "org/name[:config][@revision] or a path."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hh-rlfh", "did you mean 'hh-rlhf'?"),
        ("zzz", "known: helpsteer2, hh-rlhf, pku-saferlhf, starter, ultrafeedback"),
        ("./org/data", "is not there"),
        ("/nowhere/at/all", "is not there"),
        ("~/nowhere", "is not there"),
        ("nowhere.jsonl", "is not there"),
        ("nowhere*", "is not there"),
        ("a/b/c", "is not there"),
        ("a\\b", "is not there"),
        ("hh-rlhf=nowhere", "the path is not there"),
        ("empty", "holds no data"),
        ("mine=empty", "holds no data"),
        ("x" * 5000, "cannot be looked up (File name too long)"),
        ("~nobody-of-that-name/x", "cannot be looked up (Could not determine home directory"),
        ("a\0b", "is unknown"),
        ("b\udcff.jsonl", r"Source 'b\udcff.jsonl' has a name that is not UTF-8; rename"),
        ("", "Source '' names nothing"),
        (" \n", "names nothing"),
        ("ours=", "Source ours=: the path is not there"),
        ("ours= ", "the path is not there"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_is_not_there_is_named_in_one_sentence(text, message):
    with pytest.raises(SourceError, match=re.escape(message)) as caught:
        resolve_source(text)
    assert "\n" not in str(caught.value)


def test_unknown_format():
    with pytest.raises(FormatError, match="Format 'hhh' is unknown"):
        resolve_source("starter", "hhh")
