"""A small classifier learns what its examples show, twice the same, and refuses too few of them."""

from dataclasses import replace

import numpy as np
import pytest

from valuedata.errors import LabelError
from valuedata.intake.pairs import Sides
from valuedata.labelling.classifier import load_extractor
from valuedata.labelling.encoding.encoder import encode, load_encoder
from valuedata.labelling.fitting import training as fitting
from valuedata.labelling.fitting.training import fit_classifier
from valuedata.labelling.gold import GoldPair
from valuedata.labelling.heads import predict, save_heads
from valuedata.labelling.readings import Reading
from valuedata.recipe import LabelSettings
from valuedata.schema import Message

PETS = ("cat", "dog", "hen", "owl", "fox", "bee", "ant", "cow", "pig", "rat", "elk", "emu")
SAD = "I am so sorry about your {}."
DRY = "A {} is an animal."


def make_pair(pet, *, flipped, group=None):
    sides = [(SAD, frozenset({"empathy"})), (DRY, frozenset())]
    (chosen, chosen_labels), (rejected, rejected_labels) = sides[::-1] if flipped else sides
    prompt = f"My {pet} is ill."
    asked, *replies = (
        [Message(role=role, content=text)]
        for role, text in (
            ("user", prompt),
            ("assistant", chosen.format(pet)),
            ("assistant", rejected.format(pet)),
        )
    )
    return GoldPair(
        sides=Sides(asked, *replies),
        source="pets",
        group=group or pet,
        chosen=Reading(prompt, chosen.format(pet)),
        rejected=Reading(prompt, rejected.format(pet)),
        chosen_labels=chosen_labels,
        rejected_labels=rejected_labels,
    )


PAIRS = [make_pair(pet, flipped=number % 2 == 1) for number, pet in enumerate(PETS)]


@pytest.fixture(scope="module")
def heads():
    return fit_classifier(PAIRS, 0, names=("empathy",))


@pytest.mark.parametrize(("with_it", "what"), [(True, "express"), (False, "do not express")])
def test_a_name_that_one_prompt_has_to_itself_is_refused_before_the_training(with_it, what):
    """Ten replies to one prompt, which are all in one fold, and none like them elsewhere."""
    named, bare = frozenset({"empathy"}), frozenset()
    labels = (named, bare) if with_it else (bare, named)
    one, other = (dict.fromkeys(("chosen_labels", "rejected_labels"), some) for some in labels)
    pairs = [replace(pair, group="one", **one) for pair in PAIRS[:5]]
    pairs += [replace(pair, **other) for pair in PAIRS[5:]]
    sentence = f"The replies that {what} 'empathy' are to too few prompts, none of which is left"
    with pytest.raises(LabelError, match=sentence):
        fit_classifier(pairs, 0, names=("empathy",))


def test_unseen_replies_are_told_apart(tmp_path, heads):
    encoder = load_encoder(cache_folder=tmp_path, adapter=heads.adapter)
    readings = [Reading("My hamster is ill.", text.format("hamster")) for text in (SAD, DRY)]
    sad, dry = predict(heads, readings, encode(encoder, readings))[:, 0]
    assert sad > 0.5 > dry


def test_quality_is_that_of_unseen_prompts(heads):
    quality = heads.metadata["quality"]["empathy"]
    assert quality["n_positives"] == quality["n_one_sided"] == 12
    assert quality["average_precision"]["value"] == 1.0
    assert quality["subset_precision"]["value"] == 1.0
    assert heads.metadata["sources"] == {"pets": 12}
    assert heads.metadata["means"]["average_precision"]["value"] == 1.0


def test_training_repeats_to_the_bit(heads):
    again = fit_classifier(PAIRS, 0, names=("empathy",))
    assert again.fingerprint == heads.fingerprint


def test_fitted_weights_serve_an_extractor(tmp_path, heads):
    save_heads(heads, tmp_path / "weights")
    settings = LabelSettings(weights=str(tmp_path / "weights"))
    assert load_extractor(settings, tmp_path).names == ("empathy",)


def test_too_few_examples_are_refused():
    with pytest.raises(LabelError, match="'empathy' is expressed by 9 of 18 replies"):
        fit_classifier(PAIRS[:9], 0, names=("empathy",))
    with pytest.raises(LabelError, match="'humor' is expressed by 0 of 24"):
        fit_classifier(PAIRS, 0, names=("humor",))
    with pytest.raises(LabelError, match="'empathy' is expressed by 0 of 0"):
        fit_classifier([], 0, names=("empathy",))


def test_too_few_prompts_are_refused():
    pairs = [make_pair(pet, flipped=False, group="one") for pet in PETS]
    with pytest.raises(LabelError, match="have 1 distinct prompts; at least 5"):
        fit_classifier(pairs, 0, names=("empathy",))


def test_a_fold_never_trains_on_its_own_prompts():
    folds = fitting.split_folds([pair.group for pair in PAIRS] + ["cat"], 3)
    assert folds[0] == folds[12] == folds[13]
    assert sorted(np.unique(folds)) == [0, 1, 2, 3, 4]


def test_added_pairs_are_learned_from_and_not_measured(heads):
    added = [make_pair(pet, flipped=False) for pet in ("yak", "jay")]
    more = fit_classifier(PAIRS, 0, names=("empathy",), added=added)
    assert (more.metadata["sources"], more.metadata["added"]) == ({"pets": 12}, {"pets": 2})
    assert more.metadata["quality"]["empathy"]["n_positives"] == 12
    assert more.fingerprint != heads.fingerprint
