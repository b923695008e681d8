"""The cache is shown and emptied; a read-only one and two builds at once alter no release."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evaluation.generation.generate import open_reply_cache
from evaluation.judges.llm import Asker
from tests.cli.rows import choose_rows, write_rows
from tests.cli.test_build_errors import check_error
from tests.cli.test_disk_errors import drop_override
from tests.forks import COMMAND, Forks
from valuedata.cli import main
from valuedata.labelling.encoding.cache import open_cache
from valuedata.labelling.llm.answers import Answer, AnswerCache, open_answers
from valuedata.settings import LlmSettings

VECTOR = np.array([0.5, -0.25, 1.0], dtype=np.float16)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A cache of two vectors and no answers, with a limit of its own."""
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "kept"))
    monkeypatch.setenv("VALUEDATA_CACHE_LIMIT", "500MB")
    open_cache(tmp_path / "kept", 3).store({b"a": VECTOR, b"b": VECTOR})
    return tmp_path / "kept"


def test_the_cache_is_shown(run, folder) -> None:
    lines = run("cache", "info").stdout.splitlines()
    assert lines[0] == f"Cache in {folder}"
    assert lines[1].split() == ["kind", "file", "entries", "MB", "limit", "in", "MB"]
    assert lines[3].split() == ["vectors", "vectors.sqlite", "2", "0.0", "500"]
    assert lines[4].split() == ["answers", "answers.sqlite", "0", "0.0", "none"]
    assert lines[5].split() == ["replies", "replies.sqlite", "0", "0.0", "none"]
    assert lines[6].split() == ["judgements", "judgements.sqlite", "0", "0.0", "none"]


def test_the_cache_is_shown_to_scripts(run, folder) -> None:
    content = json.loads(run("cache", "info", "--json").stdout)
    n_bytes = sum(path.stat().st_size for path in folder.glob("vectors.sqlite*"))
    assert content == {
        "folder": str(folder),
        "limit_bytes": 500_000_000,
        "kinds": {
            "vectors": {
                "file": "vectors.sqlite",
                "entries": 2,
                "bytes": n_bytes,
                "damaged": False,
                "limited": True,
            },
            **{
                kind: {
                    "file": f"{kind}.sqlite",
                    "entries": 0,
                    "bytes": 0,
                    "damaged": False,
                    "limited": False,
                }
                for kind in ("answers", "replies", "judgements")
            },
        },
    }


def fill(cache: AnswerCache, *keys: bytes) -> None:
    cache.prepare()
    cache.store({key: Answer("{}", None) for key in keys})


def test_what_an_evaluation_keeps_is_shown_and_cleared_by_name(run, folder) -> None:
    fill(open_reply_cache(), b"a", b"b", b"c")
    fill(Asker(LlmSettings(model="m", base_url="http://127.0.0.1:9/v1")).cache, b"a")
    fill(open_answers(folder), b"a", b"b")
    kinds = json.loads(run("cache", "info", "--json").stdout)["kinds"]
    assert {kind: told["entries"] for kind, told in kinds.items()} == {
        "vectors": 2, "answers": 2, "replies": 3, "judgements": 1,
    }  # fmt: skip
    result = run("cache", "clear", "--only", "replies", "--yes")
    assert result.stdout.startswith("Dropped 3 replies (0.0 MB) in ")
    assert open_reply_cache().find([b"a"]) == {}
    result = run("cache", "clear", "--yes")
    assert result.stdout.startswith("Dropped 2 vectors (0.0 MB), 2 answers (0.0 MB), 0 replies (")
    assert " MB) and 1 judgements (0.0 MB) in " in result.stdout
    kinds = json.loads(run("cache", "info", "--json").stdout)["kinds"]
    assert {told["entries"] for told in kinds.values()} == {0}


def test_a_damaged_cache_is_shown_and_cleared(run, folder) -> None:
    (folder / "vectors.sqlite").write_bytes(b"nothing of the kind" * 1_000)
    assert run("cache", "info").stdout.splitlines()[3].split()[2] == "damaged"
    result = run("cache", "clear", "--yes")
    assert result.stdout == f"Dropped a damaged file of vectors (0.0 MB) in {folder}\n"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_cache_that_cannot_be_read_is_shown_and_stays(run, folder, closed: str) -> None:
    (folder / "vectors.sqlite" if closed == "file" else folder).chmod(0o000)
    with drop_override():
        line = run("cache", "info").stdout.splitlines()[3]
        result = run("cache", "clear", "--only", "vectors", "--yes")
    folder.chmod(0o755)
    (folder / "vectors.sqlite").chmod(0o644)
    assert line.split()[2] == "unreadable"
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: Cache {folder / 'vectors.sqlite'} cannot be ")
    assert len(open_cache(folder, 3).find([b"a", b"b"])) == 2


def test_a_question_names_what_cannot_be_read(folder) -> None:
    (folder / "vectors.sqlite").chmod(0o000)
    with drop_override():
        result = CliRunner().invoke(main, ["cache", "clear"], input="n\n")
    assert "Drop an unreadable file of vectors (0.0 MB) in" in result.stderr


def test_a_wrong_limit_is_one_sentence(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("VALUEDATA_CACHE_LIMIT", "lots")
    before = set(tmp_path.rglob("*"))
    message = (
        "Error: VALUEDATA_CACHE_LIMIT cannot be 'lots'; give a size from 1MB on, such as 500MB, "
        "10GB or 1TB."
    )
    check_error(run("cache", "info"), tmp_path, before, [message])


def test_the_cache_is_cleared_after_a_question(folder) -> None:
    result = CliRunner().invoke(main, ["cache", "clear"], input="y\n")
    assert result.exit_code == 0
    assert f"Drop 2 vectors (0.0 MB) in {folder}?" in result.stderr
    assert result.stdout == f"Dropped 2 vectors (0.0 MB) in {folder}\n"
    result = CliRunner().invoke(main, ["cache", "clear", "--only", "vectors", "--yes"])
    assert result.stdout.startswith("Dropped 0 vectors")


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_no_answer_drops_nothing(folder, answer: str) -> None:
    result = CliRunner().invoke(main, ["cache", "clear"], input=answer)
    assert result.exit_code == 2
    assert "Error: Nothing was dropped; answer y, or give --yes, to empty the cache." in (
        result.stderr
    )
    assert len(open_cache(folder, 3).find([b"a", b"b"])) == 2


def test_nothing_is_dropped_where_nothing_is(run, folder) -> None:
    result = run("cache", "clear", "--only", "answers")
    assert (result.exit_code, result.stdout) == (0, f"Nothing to drop in {folder}\n")


def test_a_group_alone_shows_its_help(run) -> None:
    result = run("cache")
    assert "valuedata cache info" in result.output
    assert "Error" not in result.output


@pytest.mark.parametrize("holds_a_file", [True, False], ids=["a file", "nothing"])
def test_a_cache_that_may_not_be_written(
    run, tmp_path, monkeypatch: pytest.MonkeyPatch, holds_a_file: bool
) -> None:
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12))
    folder = tmp_path / "closed"
    folder.mkdir()
    if holds_a_file:
        open_cache(folder, 3).path.chmod(0o444)
    folder.chmod(0o555)
    monkeypatch.setenv("VALUEDATA_CACHE", str(folder))
    before = set(tmp_path.rglob("*"))
    with drop_override():
        result = run("build", "--value", "empathy", "--source", "rows.jsonl")
    parts = [f"Cache {folder / 'vectors.sqlite'} cannot be used", "VALUEDATA_CACHE"]
    check_error(result, tmp_path, before, parts)


@pytest.mark.slow
def test_two_runs_at_once_label_as_one_does(
    run, tmp_path, vector_cache: Path, forks: Forks
) -> None:
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12))
    words = ["label", "rows.jsonl", "--quiet", "--out"]
    shared = tmp_path / "shared"
    environment = {**os.environ, "VALUEDATA_CACHE": str(shared)}
    names = ("one.jsonl", "two.jsonl")
    runs = [forks.start(COMMAND, *words, name, env=environment) for name in names]
    assert [process.wait() for process in runs] == [0, 0]
    assert run(*words, "alone.jsonl").exit_code == 0  # with the cache of the test session
    assert vector_cache != shared
    alone = (tmp_path / "alone.jsonl").read_bytes()
    assert [(tmp_path / name).read_bytes() for name in names] == [alone, alone]
