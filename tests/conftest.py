"""Fixtures that every test may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from valuedata.pipeline import build
from valuedata.recipe import make_recipe
from valuedata.release.folder import Release

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data for development beside the checkout; tests that need it skip where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the development data in {folder.relative_to(REPOSITORY.parent)}")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def vector_cache(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Path]:
    """A cache of the session's own, so that tests neither see nor touch the user's.

    All workers share it, for the vectors of the bundled corpus cost half a minute.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = (folder if worker_id == "master" else folder.parent) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALUEDATA_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def starter(vector_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:  # noqa: ARG001
    """Empathy and deception of the bundled corpus."""
    recipe = make_recipe({"values": ["empathy", "deception"]})
    return build(recipe, tmp_path_factory.mktemp("starter") / "out")
