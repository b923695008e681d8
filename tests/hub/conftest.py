"""A Hub in a process of its own, and small releases to push there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from huggingface_hub import constants
from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

from tests.hub.loopback import LoopbackHub, start_hub
from tests.hub.releases import make_release
from valuedata.cli import main
from valuedata.release.folder import Release


@pytest.fixture(scope="module", autouse=True)
def _client_settings(
    vector_cache: Path,  # noqa: ARG001 - where locks are
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """What HF_HUB_DISABLE_XET and HF_HUB_CACHE set, which the client reads when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub-cache")))
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("no_proxy", "127.0.0.1")
        disable_progress_bars()
        yield
        enable_progress_bars()


@pytest.fixture(scope="session")
def loopback() -> Iterator[LoopbackHub]:
    with start_hub() as hub:
        yield hub


@pytest.fixture
def hub(loopback: LoopbackHub) -> LoopbackHub:
    """An empty Hub."""
    loopback.reset()
    return loopback


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release with two figures."""
    folder: Path = tmp_path_factory.mktemp("old") / "out"
    return make_release(folder, figures=("sides.png", "forecast.png"))


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """One of other pairs, without the second figure."""
    folder: Path = tmp_path_factory.mktemp("new") / "out"
    return make_release(folder, kept=(2, 3, 7))


@pytest.fixture(scope="session")
def harmful(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """One of a value that is bad to have more of, from sources without a licence."""
    folder: Path = tmp_path_factory.mktemp("harmful") / "out"
    return make_release(folder, valence="negative", licence="unknown")


@pytest.fixture
def run(hub, tmp_path, monkeypatch):
    """Runs the command line in an empty folder, with the Hub and the token of its environment."""
    monkeypatch.chdir(tmp_path)
    pages = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)  # both as HF_ENDPOINT would
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", pages)
    # what transformers keeps of an earlier test would ask the Hub itself, and wait for it
    monkeypatch.setattr("transformers.utils.hub._hf_api", None)
    monkeypatch.setenv("HF_TOKEN", "hf_owner")
    return lambda *words, **how: CliRunner().invoke(
        main, [str(word) for word in words], prog_name="valuedata", **how
    )
