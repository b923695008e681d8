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


@pytest.fixture(scope="session")
def vector_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the session's own, so that tests neither see nor touch the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALUEDATA_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def starter(vector_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:  # noqa: ARG001
    """Empathy and deception of the bundled corpus."""
    recipe = make_recipe({"values": ["empathy", "deception"]})
    return build(recipe, tmp_path_factory.mktemp("starter") / "out")
