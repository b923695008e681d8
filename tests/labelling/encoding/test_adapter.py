"""An adapter keeps the largest parts of a change; token heads look where they point."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.labelling.texts import READINGS
from valuedata.errors import LabelError
from valuedata.labelling.encoding import adapter as adapting
from valuedata.labelling.encoding.adapter import (
    Adapter,
    TokenHeads,
    apply_adapter,
    compress_changes,
)
from valuedata.labelling.encoding.encoder import encode, load_encoder, load_model, name_kind
from valuedata.labelling.encoding.minilm import WIDTH

MATRIX = "encoder.layer.5.output.dense.weight"
VECTOR = "encoder.layer.5.output.dense.bias"


def make_heads(width, n=2):
    generator = torch.Generator().manual_seed(7)
    query, weight = torch.randn(2, n, width, generator=generator)
    return TokenHeads(query, weight, torch.arange(n).float())


@pytest.fixture(scope="module")
def adapter():
    left = np.zeros((WIDTH, 1), dtype=np.float16)
    left[0] = 1
    right = np.full((1, 4 * WIDTH), 0.25, dtype=np.float16)
    heads = make_heads(WIDTH)
    return Adapter(
        {
            f"{MATRIX}.left": left,
            f"{MATRIX}.right": right,
            f"{VECTOR}.shift": np.full(WIDTH, 0.5, dtype=np.float16),
            "heads.query": heads.query.half().numpy(),
            "heads.weight": heads.weight.half().numpy(),
            "heads.bias": heads.bias.half().numpy(),
        }
    )


def test_a_head_weighs_tokens_by_its_query():
    # Softmax of (ln 3, 0) is (3/4, 1/4): 3/4 · 2 + 1/4 · 6 = 3, and the bias 1; the third token,
    # which is not attended, says 100.
    heads = TokenHeads(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([1.0]))
    states = torch.tensor([[[float(np.log(3.0)), 2.0], [0.0, 6.0], [9.0, 100.0]]]).float()
    scores = heads.score(states, torch.tensor([[True, True, False]]))
    assert scores.tolist() == [[pytest.approx(4.0)]]


def test_a_change_of_low_rank_is_kept_whole():
    before = {"m": torch.eye(80), "v": torch.zeros(3)}
    step = torch.outer(torch.arange(80.0), torch.ones(80)) / 80
    after = {"m": before["m"] + step, "v": torch.tensor([0.5, -1.0, 2.0])}
    kept = compress_changes(before, after, make_heads(4)).tensors
    assert kept["m.left"].shape == (80, adapting.RANK)
    np.testing.assert_allclose(kept["m.left"].astype(float) @ kept["m.right"], step, atol=2e-3)
    assert kept["v.shift"].tolist() == [0.5, -1.0, 2.0]


def test_the_largest_parts_of_a_change_are_kept(monkeypatch):
    monkeypatch.setattr(adapting, "RANK", 1)
    change = torch.diag(torch.tensor([4.0, 1.0]))
    kept = compress_changes({"m": torch.zeros(2, 2)}, {"m": change}, make_heads(4)).tensors
    np.testing.assert_allclose(kept["m.left"] @ kept["m.right"], [[4.0, 0.0], [0.0, 0.0]])


def test_an_adapter_is_added_to_the_parameters(adapter):
    layer = torch.nn.Linear(4 * WIDTH, WIDTH)
    model = torch.nn.ModuleDict({"encoder": torch.nn.ModuleDict({"layer": torch.nn.ModuleDict()})})
    model["encoder"]["layer"]["5"] = torch.nn.ModuleDict(
        {"output": torch.nn.ModuleDict({"dense": layer})}
    )
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    heads = apply_adapter(adapter, dict(model.named_parameters()))
    assert torch.allclose(layer.weight[0], weight[0] + 0.25)
    assert torch.equal(layer.weight[1:], weight[1:])
    assert torch.allclose(layer.bias, bias + 0.5)
    assert heads.bias.tolist() == [0.0, 1.0]


def test_adapted_vectors_are_the_same_to_the_bit_in_any_company(adapter, tmp_path):
    encoder = replace(load_encoder(cache_folder=tmp_path, adapter=adapter), cache=None)
    vectors = encode(encoder, READINGS)
    assert vectors.shape == (len(READINGS), WIDTH + 2)
    order = np.random.default_rng(0).permutation(len(READINGS))
    again = encode(encoder, [READINGS[row] for row in order])
    np.testing.assert_array_equal(again, vectors[order])
    np.testing.assert_array_equal(encode(encoder, READINGS[:1]), vectors[:1])


def test_an_adapter_alters_vectors_and_their_kind(adapter, uncached, tmp_path):
    encoder = load_encoder(cache_folder=tmp_path, adapter=adapter)
    assert encoder.kind == name_kind(adapter) != uncached.kind
    some = READINGS[:3]
    assert (encode(encoder, some)[:, :WIDTH] != encode(uncached, some)).any(axis=1).all()


def test_an_adapter_of_another_model_is_refused(adapter, tmp_path):
    tensors = {**adapter.tensors, "encoder.layer.9.bias.shift": np.zeros(3, dtype=np.float16)}
    with pytest.raises(LabelError, match="does not fit the encoder"):
        load_encoder(cache_folder=tmp_path, adapter=Adapter(tensors))
    tensors = {**adapter.tensors, f"{VECTOR}.shift": np.zeros(3, dtype=np.float16)}
    with pytest.raises(LabelError, match="does not fit the encoder"):
        load_encoder(cache_folder=tmp_path, adapter=Adapter(tensors))


def test_an_adapters_name_follows_its_content(adapter):
    assert Adapter(dict(reversed(adapter.tensors.items()))).fingerprint == adapter.fingerprint
    other = {**adapter.tensors, "heads.bias": np.ones(2, dtype=np.float16)}
    assert Adapter(other).fingerprint != adapter.fingerprint


def test_what_is_read_again_adapts_no_other_model(adapter):
    again = Adapter({name: value.copy() for name, value in adapter.tensors.items()})
    other = Adapter({**adapter.tensors, f"{VECTOR}.shift": np.zeros(WIDTH, dtype=np.float16)})
    assert load_model(adapter=again).passes is load_model(adapter=adapter).passes
    assert load_model(adapter=other).passes is not load_model(adapter=adapter).passes
    assert adapter == again
    assert adapter not in (other, "another")
