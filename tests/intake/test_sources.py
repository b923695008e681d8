"""Pinning sources, and what loading from the Hub may answer."""

from dataclasses import replace

import datasets
import huggingface_hub
import pytest

from tests.hub_server import compute_commit, serve_hub
from valuedata.errors import SourceError
from valuedata.intake.naming import Source, resolve_source
from valuedata.intake.sources import pin_source, read_rows


@pytest.fixture
def loopback(hub_root, monkeypatch):
    """The server for pinning in this process, which knows the real Hub's address already."""
    with serve_hub(hub_root) as hub:
        api = huggingface_hub.HfApi(endpoint=hub.endpoint)
        monkeypatch.setattr(huggingface_hub, "dataset_info", api.dataset_info)
        yield
        huggingface_hub.close_session()


@pytest.mark.usefixtures("loopback")
def test_pinning_resolves_the_commit_and_the_licence(hub_root):
    source = pin_source(resolve_source("org/configs:small"))
    assert source.revision == compute_commit(hub_root / "org/configs/main")
    assert source.licence == "mit"


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("org/gated", "is gated"),
        ("org/nothing", "does not exist or is private"),
        ("org/a--b", "does not exist or is private"),  # no name that the Hub allows
        ("org/plain@v2", "has no revision 'v2'"),
    ],
)
def test_pinning_what_the_hub_refuses(text, message):
    with pytest.raises(SourceError, match=message):
        pin_source(resolve_source(text))


def test_pinning_without_a_network(monkeypatch):
    def refuse(*_args, **_settings):
        raise huggingface_hub.errors.OfflineModeIsEnabled("offline mode is enabled.\nMore.")

    monkeypatch.setattr(huggingface_hub, "dataset_info", refuse)
    with pytest.raises(SourceError, match=r"cannot be fetched \(offline mode is enabled\);"):
        pin_source(HUB)


HUB = Source(name="org/data", location="org/data", revision="c" * 40, repository="org/data")


def stub_load(monkeypatch, outcome):
    def load(*_args, **_settings):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(datasets, "load_dataset", load)


def test_connection_lost_while_loading(monkeypatch):
    stub_load(monkeypatch, ConnectionError("Connection reset"))
    with pytest.raises(SourceError, match=r"cannot be fetched \(Connection reset\)"):
        list(read_rows(HUB))


def test_config_that_is_not_there(monkeypatch):
    stub_load(monkeypatch, ValueError("BuilderConfig 'x' not found. Available: ['a']\n"))
    with pytest.raises(SourceError, match=r"\(BuilderConfig 'x' not found; Available: \['a'\]\)"):
        list(read_rows(HUB))


@pytest.mark.parametrize("splits", [(), ("dev",)])
def test_split_that_is_not_there(monkeypatch, splits):
    rows = datasets.Dataset.from_list([{"a": 1}])
    stub_load(monkeypatch, datasets.DatasetDict({"one": rows, "two": rows}))
    with pytest.raises(SourceError, match=r"has no split \w+ \(it has: one, two\)"):
        list(read_rows(replace(HUB, splits=splits)))


def test_named_splits_are_read_in_order_at_their_commit(monkeypatch, tmp_path):
    splits = {}
    for name in ("one", "two", "three"):
        datasets.Dataset.from_list([{"a": name}]).save_to_disk(tmp_path / HUB.revision / name)
        splits[name] = datasets.load_from_disk(tmp_path / HUB.revision / name)
    stub_load(monkeypatch, datasets.DatasetDict(splits))
    rows = list(read_rows(replace(HUB, splits=("three", "one"))))
    assert rows == [(0, {"a": "three"}), (1, {"a": "one"})]


def test_another_commit_from_the_cache_is_refused(monkeypatch, tmp_path):
    datasets.Dataset.from_list([{"a": 1}]).save_to_disk(tmp_path / ("d" * 40))
    cached = datasets.load_from_disk(tmp_path / ("d" * 40))
    stub_load(monkeypatch, datasets.DatasetDict({"train": cached}))
    with pytest.raises(SourceError, match="served from the cache at another commit than ccc"):
        list(read_rows(HUB))


def test_an_only_split_is_read_whatever_its_name(monkeypatch):
    stub_load(monkeypatch, datasets.DatasetDict({"all": datasets.Dataset.from_list([{"a": 1}])}))
    assert list(read_rows(HUB)) == [(0, {"a": 1})]


def test_pinning_an_unreadable_file(tmp_path):
    (tmp_path / "a.jsonl").touch()
    source = resolve_source(str(tmp_path / "a.jsonl"))
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(SourceError, match=r"a\.jsonl cannot be read \(No such file or directory\)"):
        pin_source(source)
