"""A head for a user's own value learns what the examples show and leaves the others as they are."""

import numpy as np
import pytest

from valuedata.errors import LabelError
from valuedata.labelling.classifier import Classifier
from valuedata.labelling.encoding.encoder import encode
from valuedata.labelling.evidence import read_definitions, read_evidence
from valuedata.labelling.fitting.own_training import (
    _fit_platt,
    _split_folds,
    fit_own_value,
    read_usual,
)
from valuedata.labelling.fitting.own_values import OwnValue
from valuedata.labelling.heads import load_heads, predict, save_heads
from valuedata.labelling.metadata import METADATA_FILE, read_metadata
from valuedata.labelling.readings import Reading
from valuedata.labelling.values import LABEL_NAMES, ValueDefinition

PETS = ("cat", "dog", "hen", "owl", "fox", "bee", "ant", "cow", "pig", "rat", "elk", "emu", "cod")
SAD = "I am so sorry about your {}."
DRY = "A {} is an animal."

DEFINITION = ValueDefinition.model_validate(
    {
        "name": "pity",
        "kind": "value",
        "branch": "social",
        "valence": "positive",
        "definition": "The reply pities.",
        "not": "Facts.",
    }
)


@pytest.fixture(scope="module")
def own():
    readings = [
        Reading(f"My {pet} is ill.", text.format(pet)) for pet in PETS for text in (SAD, DRY)
    ]
    return OwnValue(DEFINITION, tuple(readings), (True, False) * len(PETS))


@pytest.fixture(scope="module")
def usual():
    return read_usual()[:60]


@pytest.fixture(scope="module")
def heads(own, adapted, usual):
    return fit_own_value(own, load_heads(), adapted, usual, 0)


def test_the_new_head_stands_last_and_tells_unseen_replies_apart(heads, adapted):
    assert heads.names == (*LABEL_NAMES, "pity")
    readings = [Reading("My hamster is ill.", text.format("hamster")) for text in (SAD, DRY)]
    sad, dry = predict(heads, readings, encode(adapted, readings))[:, -1]
    assert sad > dry
    assert dry < heads.thresholds[-1]


def test_the_other_heads_are_as_before(heads, adapted):
    readings = [Reading("Why?", "Because I like you. What do you think?")]
    vectors = encode(adapted, readings)
    np.testing.assert_array_equal(
        predict(heads, readings, vectors)[:, :-1], predict(load_heads(), readings, vectors)
    )


def test_what_is_known_of_the_value_lies_with_the_weights(heads, tmp_path):
    save_heads(heads, tmp_path)
    again = load_heads(tmp_path)
    assert again.metadata == heads.metadata
    assert read_metadata(tmp_path)[0] == heads.names
    entry = again.metadata["own"]["pity"]
    assert (entry["n_examples"], entry["n_positives"], entry["n_prompts"]) == (26, 13, 13)
    assert entry["n_folds"] == 10
    assert list(entry["learning_curve"]) == ["9", "17", "26"]
    assert entry["average_precision"]["value"] == 1.0
    assert entry["average_precision"]["low"] < 0.8
    assert read_definitions(again.names, again.metadata)["pity"] == DEFINITION


def test_training_repeats_and_replaces_a_head_of_the_same_name(own, heads, adapted, usual):
    again = fit_own_value(own, heads, adapted, usual, 0)
    assert again.names == heads.names
    assert again.fingerprint == heads.fingerprint


def test_an_extractor_says_what_its_names_mean_and_rest_on(heads, adapted):
    extractor = Classifier(adapted, heads)
    assert extractor.names == tuple(extractor.definitions)
    assert extractor.evidence["pity"].mix == "even"


def test_folds_keep_prompts_together_and_both_kinds_in_training():
    groups = np.repeat(np.arange(12), 2)
    truth = np.arange(24) % 2 == 0
    folds = _split_folds(truth, groups, 0)
    assert len(np.unique(folds)) == 10
    for group in range(12):
        assert len(set(folds[groups == group])) == 1
    for fold in range(10):
        assert set(truth[folds != fold]) == {True, False}


def test_calibration_stays_finite_where_scores_are_told_apart():
    truth = np.repeat([True, False], 8)
    slope, offset = _fit_platt(np.where(truth, 1.0, -1.0), truth)
    # Platt's targets are 0.9 and 0.1: log odds of +-log 9 at scores of +-1, then log(p / (1 - p)).
    assert slope == pytest.approx(np.log(9), rel=1e-3)
    assert offset == pytest.approx(np.log(0.0589 / 0.9411), abs=1e-3)


def test_replies_that_teach_the_opposite_are_refused(adapted, usual):
    """Each reply stands there twice, with the value and without: one teaches what the other is not.

    Calibration would turn such a head round, and call it good.
    """
    readings = [
        Reading(ask.format(pet), f"{pet}, {pet}") for pet in PETS for ask in ("Why {}?", "{}, eh?")
    ]
    own = OwnValue(DEFINITION, tuple(readings), (True, False, False, True) * 6 + (True, False))
    with pytest.raises(LabelError, match="do not tell 'pity' apart: what is learned from some"):
        fit_own_value(own, load_heads(), adapted, usual, 0)


def test_weak_and_thin_evidence_are_told(heads):
    own = heads.metadata["own"]["pity"]
    weak = {
        **own,
        "is_weak": True,
        "floor": 0.75,
        "average_precision": {"value": 0.8, "low": 0.6, "high": 0.9},
    }
    metadata = {**heads.metadata, "own": {"pity": weak}}
    found = read_evidence(heads.names, metadata)["pity"]
    assert found.doubt == "weak"
    assert found.note == (
        "Weak evidence: on an even mix its average precision may be as low as 0.60, under the "
        "floor of 0.75."
    )
    strong = {**own, "is_weak": False, "n_positives": 200}
    metadata = {**heads.metadata, "own": {"pity": strong}, "quality": {}}
    found = read_evidence(heads.names, metadata)
    assert list(found) == ["pity"]
    assert (found["pity"].doubt, found["pity"].note) == (None, "")


@pytest.mark.parametrize("found", [{}, {"pity": {}}, {"pity": {"definition": {"name": "pity"}}}])
def test_weights_that_do_not_say_what_a_value_means_are_refused(heads, found):
    with pytest.raises(LabelError, match="do not say what each of their values means"):
        read_definitions(heads.names, {"own": found})


@pytest.mark.parametrize("change", [{"average_precision": {}}, {"precision": None}])
def test_weights_that_do_not_say_how_good_they_are_are_refused(heads, change):
    own = {**heads.metadata["own"]["pity"], **change}
    for metadata in ({"own": {"pity": own}}, {"quality": {"pity": own}}, {"quality": None}):
        with pytest.raises(LabelError, match="do not say what the quality of each of their values"):
            read_evidence(["pity"], {"own": {}, **metadata})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "cannot be read"), ("{}", "damaged"), ("[", "damaged"), ("7", "damaged")],
)
def test_names_of_damaged_weights_are_refused(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / METADATA_FILE).write_text(content)
    with pytest.raises(LabelError, match=sentence):
        read_metadata(tmp_path)


def test_names_of_the_packaged_weights():
    assert read_metadata()[0] == LABEL_NAMES
