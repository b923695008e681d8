"""Fixtures that every test may use.

What takes long to import is imported where it is used: the process that only hands out tests to
the workers reads this file too, and they wait for it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.forks import Forks
    from valuedata.release.folder import Release

TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent
FIRST = TESTS / "cards" / "test_numbers.py"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a494441"
    "54789c63f80f0001010100b138f6140000000049454e44ae426082"
)
"""One white dot."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data for development beside the checkout; tests that need it skip where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the development data in {folder.relative_to(REPOSITORY.parent)}")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first, so that no worker is left alone with one at the end.

    The very first builds what many others read. Slow ones that need nothing of the kind follow, so
    that the other worker does not wait for it; then the other slow ones, and whole builds and
    trainings.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    reading = {item.path for item in items if "vector_cache" in getattr(item, "fixturenames", ())}

    def rank(item: pytest.Item) -> int:
        if item.path == FIRST:
            return 0
        if item.path in slow:
            return 2 if item.path in reading else 1
        return 3 if item.path.parent in (TESTS, TESTS / "training") else 4

    items.sort(key=rank)


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """No example of a property is late: how long one takes follows what else the machine does."""
    from hypothesis import settings

    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are laid out but not drawn in tests that look at none; most of a build is drawing.

    What fixtures build for whole modules is drawn, and so is whatever tests/cards reads.
    """
    from matplotlib.figure import Figure

    def write_dot(_: Figure, path: Path, **named: Any) -> None:
        assert set(named) == {"dpi", "metadata"}
        path.write_bytes(PNG)

    monkeypatch.setattr(Figure, "savefig", write_dot)


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of this run that all workers share."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session")
def forks(common: Path) -> Iterator["Forks"]:
    """Starts processes that need not import anything; all workers share what forks them."""
    from tests.forks import connect_forks

    with connect_forks(common) as opened:
        yield opened


@pytest.fixture(scope="session")
def vector_cache(common: Path) -> Iterator[Path]:
    """A cache of the session's own, so that tests neither see nor touch the user's.

    All workers share it, for the vectors of the bundled corpus cost half a minute.
    """
    folder = common / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALUEDATA_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def starter(vector_cache: Path, common: Path) -> Iterator["Release"]:  # noqa: ARG001
    """Empathy and deception of the bundled corpus."""
    from tests.sharing import share_release
    from valuedata.recipe import make_recipe

    recipe = make_recipe({"values": ["empathy", "deception"]})
    with share_release(common / "starter", recipe) as release:
        yield release
