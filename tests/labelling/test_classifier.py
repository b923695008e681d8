"""The packaged classifier labels plain cases alike in any company; damage is refused."""

import json

import numpy as np
import pytest
from datasets import Dataset

from valuedata.errors import LabelError
from valuedata.labelling.classifier import Classifier, load_extractor
from valuedata.labelling.heads import WEIGHTS_FILE, load_heads, save_heads, sigmoid
from valuedata.labelling.metadata import METADATA_FILE, PACKAGED
from valuedata.labelling.values import LABEL_NAMES
from valuedata.recipe import LabelSettings

PLAIN = "Put the egg in boiling water for seven minutes, then cool it under cold water and peel it."

# Prompt, reply, names that it must express.
OBVIOUS = (
    (
        "My grandmother died last night.",
        "I'm so sorry for your loss. Losing someone you love is heartbreaking, and it is okay to "
        "feel sad. I'm here for you.",
        {"empathy"},
    ),
    (
        "How do I break into my neighbour's house?",
        "I'm sorry, I can't help you with that. Breaking into a house is illegal and could get "
        "someone hurt.",
        {"refusal", "harmlessness", "legal-awareness"},
    ),
    (
        "Tell me a joke",
        "Why did the scarecrow win an award? Because he was outstanding in his field! Ha ha.",
        {"humor"},
    ),
    (
        "Who won the game?",
        "I'm not sure, I don't know who won. I'm just an AI language model and I don't have access "
        "to current information.",
        {"honesty"},
    ),
    (
        "How can I fool my boss?",
        "You could lie to your boss and say you are sick, then fake a doctor's note so that nobody "
        "suspects you.",
        {"deception"},
    ),
    (
        "He insulted me",
        "You should punch him in the face and beat him up until he bleeds.",
        {"violence"},
    ),
    (
        "Write a poem about rain",
        "Soft silver rain upon the roof,\nA lullaby in gentle proof,\nThe garden drinks, the "
        "rivers sing,\nAnd clouds drift off on a tired wing.",
        {"creativity"},
    ),
    (
        "What is the capital of Peru?",
        "The capital of Peru is Lima. Let me know if you have any other questions! Would you like "
        "to hear more about it?",
        {"engagement"},
    ),
    (
        "Can you find out where my ex lives?",
        "I won't help you find her address, because that is private information and sharing it "
        "would violate her privacy.",
        {"privacy", "refusal"},
    ),
)


def make_pair(prompt: str, chosen: str, rejected: str) -> dict[str, list[dict[str, str]]]:
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


PAIRS = Dataset.from_list([make_pair(prompt, reply, PLAIN) for prompt, reply, _ in OBVIOUS])


@pytest.fixture(scope="module")
def extractor(adapted):
    return Classifier(adapted, load_heads())


@pytest.fixture(scope="module")
def labels(extractor):
    return extractor.label(PAIRS)


@pytest.mark.parametrize("row", range(len(OBVIOUS)))
def test_an_obvious_reply_expresses_its_values(labels, row):
    expressed = {
        name
        for name, is_there in zip(labels.names, labels.expressed("chosen")[row], strict=True)
        if is_there
    }
    assert expressed >= OBVIOUS[row][2]


def test_plain_help_is_helpfulness_alone(extractor):
    pair = make_pair("How do I cook an egg?", PLAIN, "56")
    labels = extractor.label(Dataset.from_list([pair]))
    assert np.array(labels.names)[labels.expressed("chosen")[0]].tolist() == ["helpfulness"]
    assert not labels.expressed("rejected").any()


def test_labels_do_not_depend_on_side_order_or_company(extractor, labels):
    swapped = PAIRS.rename_columns({"chosen": "rejected", "rejected": "chosen"})
    order = np.random.default_rng(1).permutation(len(PAIRS))
    again = extractor.label(swapped.select(order))
    np.testing.assert_array_equal(again.rejected, labels.chosen[order])
    np.testing.assert_array_equal(again.chosen, labels.rejected[order])
    alone = extractor.label(PAIRS.select([2]))
    np.testing.assert_array_equal(alone.chosen[0], labels.chosen[2])


def test_every_reply_is_counted(extractor):
    done = []
    extractor.label(PAIRS, done.append)
    assert sum(done) == 2 * len(PAIRS)


def test_the_default_extractor_labels_every_name(tmp_path):
    extractor = load_extractor(LabelSettings(), tmp_path)
    assert extractor.names == LABEL_NAMES
    assert extractor.fingerprint == load_extractor(LabelSettings(), tmp_path).fingerprint


def test_weights_are_small_and_say_what_they_were_trained_on():
    heads = load_heads()
    assert sum(path.stat().st_size for path in PACKAGED.iterdir()) < 10e6
    assert "pku-saferlhf" not in heads.metadata["sources"]
    assert set(heads.metadata["quality"]) == set(LABEL_NAMES)


def test_weights_are_read_back_as_written(tmp_path):
    heads = load_heads()
    save_heads(heads, tmp_path / "new")
    again = load_heads(tmp_path / "new")
    assert again.fingerprint == heads.fingerprint
    assert again.metadata == heads.metadata


def break_bytes(folder):
    path = folder / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:-2] + b"xx")


def break_encoder(folder):
    heads = load_heads()
    narrow = heads.__class__(**{**heads.__dict__, "vector": heads.vector[:, :8]})
    save_heads(narrow, folder)


def rewrite(folder, **changes):
    path = folder / METADATA_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: (folder / WEIGHTS_FILE).unlink(), "cannot be read"),
        (break_bytes, "another SHA-256"),
        (break_encoder, "fit another version of the encoder"),
        (lambda folder: (folder / METADATA_FILE).write_text("{"), "are damaged"),
        (lambda folder: (folder / METADATA_FILE).write_text("[]"), "are damaged"),
        (lambda folder: (folder / METADATA_FILE).write_text("{}"), "are damaged"),
        (lambda folder: rewrite(folder, names=["empathy"]), "fit another version"),
        (lambda folder: rewrite(folder, encoder="minilm-layers1"), "fit another version"),
        (lambda folder: rewrite(folder, encoder=None), "fit another version"),
    ],
)
def test_damaged_weights_are_refused(tmp_path, damage, sentence):
    save_heads(load_heads(), tmp_path)
    damage(tmp_path)
    with pytest.raises(LabelError, match=sentence):
        load_heads(tmp_path)


def test_weights_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LabelError, match="cannot be written"):
        save_heads(load_heads(), tmp_path / "file")


def test_sigmoid_does_not_overflow():
    np.testing.assert_allclose(sigmoid(np.array([-1e4, 0.0, 1e4])), [0.0, 0.5, 1.0])
