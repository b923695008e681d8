"""A small release, written once."""

from pathlib import Path

import pytest

from tests.builders import write_release
from valuedata.release.folder import Release


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder: Path = tmp_path_factory.mktemp("releases") / "empathy-release"
    return write_release(folder)
