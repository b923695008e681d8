"""What an engine elsewhere computes is what this process would, and only what the cache lacks."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from datasets import Dataset

from tests.labelling.texts import READINGS
from valuedata.engine import LOCAL
from valuedata.errors import EngineError, LabelError
from valuedata.labelling.encoding import filling
from valuedata.labelling.encoding.encoder import encode, find_keys, load_encoder
from valuedata.labelling.encoding.filling import embed_pairs, fill_cache


@dataclass
class Elsewhere:
    """An engine that says of itself that it is another process, and counts what it is given."""

    is_remote: bool = True
    sizes: list[int] = field(default_factory=list)

    def map_batches(self, make, batches, *, on_gpu):
        assert not on_gpu
        batches = list(batches)
        self.sizes += [len(batch) for batch in batches]
        return LOCAL.map_batches(make, batches, on_gpu=on_gpu)


def make_pairs(n_pairs: int) -> Dataset:
    """Pairs of the readings, each with the next one; the last pair repeats the first."""

    def say(role: str, text: str) -> list[dict[str, str]]:
        return [{"role": role, "content": text}]

    rows = [*range(n_pairs - 1), 0]
    return Dataset.from_list(
        [
            {
                "prompt": say("user", "Tell me."),
                "chosen": say("assistant", READINGS[row].reply or "-"),
                "rejected": say("assistant", f"No {row}."),
            }
            for row in rows
        ]
    )


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def remote(adapted, elsewhere, tmp_path):
    """The packaged classifier's encoder with an empty cache, computing elsewhere."""
    return load_encoder(
        cache_folder=tmp_path / "vectors", adapter=adapted.adapter, engine=elsewhere
    )


def test_vectors_are_those_of_this_process(remote, adapted, elsewhere, monkeypatch) -> None:
    monkeypatch.setattr(filling, "READINGS_A_BATCH", 4)
    monkeypatch.setattr(filling, "PAIRS_A_ROUND", 3)
    pairs = make_pairs(6)
    heard: list[int] = []
    assert fill_cache(remote, pairs, heard.append)
    assert sum(heard) == 12  # every reply, though ten differ
    assert sum(elsewhere.sizes) == 10
    assert max(elsewhere.sizes) <= 4
    chosen, rejected = filling.read_sides(pairs)
    keys = find_keys(remote, chosen + rejected)
    found = remote.cache.find(keys)
    expected = encode(replace(adapted, cache=None), chosen + rejected)
    np.testing.assert_array_equal(np.stack([found[key] for key in keys]), expected)


def test_what_the_cache_has_is_not_sent(remote, elsewhere) -> None:
    fill_cache(remote, make_pairs(4))
    elsewhere.sizes.clear()
    heard: list[int] = []
    assert fill_cache(remote, make_pairs(5), heard.append)
    assert sum(elsewhere.sizes) == 2
    assert sum(heard) == 10


def test_this_process_and_a_missing_cache_leave_it_to_others(remote) -> None:
    assert not fill_cache(replace(remote, engine=LOCAL), make_pairs(3))
    assert not fill_cache(replace(remote, cache=None), make_pairs(3))


def test_pairs_are_embedded_alike_and_counted_once(encoder, elsewhere) -> None:
    heard: list[int] = []
    pairs = make_pairs(4)
    there = embed_pairs(replace(encoder, engine=elsewhere), pairs, heard.append)
    assert sum(heard) == 8
    for side, expected in zip(there, embed_pairs(encoder, pairs), strict=True):
        np.testing.assert_array_equal(side, expected)


def test_a_cache_that_is_too_small_is_refused(remote) -> None:
    small = replace(remote, cache=replace(remote.cache, limit=10_000))
    n_bytes = 1.4 * 2 * small.size * 10 / 1e6
    with pytest.raises(LabelError, match=rf"more than {n_bytes:,.0f} MB and the cache may take 0"):
        fill_cache(small, make_pairs(6))


def test_what_the_cache_has_needs_room_as_well(remote, elsewhere) -> None:
    fill_cache(remote, make_pairs(4))  # 6 of the 10 vectors
    elsewhere.sizes.clear()
    room = int(1.4 * 2 * remote.size * 10)
    with pytest.raises(LabelError, match="and the cache may take"):
        fill_cache(replace(remote, cache=replace(remote.cache, limit=room - 1)), make_pairs(6))
    assert elsewhere.sizes == []
    assert fill_cache(
        replace(remote, cache=replace(remote.cache, limit=room)), make_pairs(6)
    )  # a pair that comes twice counts once


def test_a_node_of_another_kind_is_refused(remote) -> None:
    with pytest.raises(EngineError, match=r"computes as .* and this machine as another; use nodes"):
        filling._make_encode(remote.precision, remote.adapter, "another")
