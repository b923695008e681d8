"""A small release, written once, and the command line run in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.builders import write_release
from valuedata.cli import main
from valuedata.release.folder import Release

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder: Path = tmp_path_factory.mktemp("releases") / "empathy-release"
    return write_release(folder)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(
        main, [str(word) for word in words], prog_name="valuedata"
    )


@pytest.fixture
def run_at(release: Release, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in the folder that holds `empathy-release`."""
    monkeypatch.chdir(release.folder.parent)
    return run
