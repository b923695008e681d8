"""The value files are complete and consistent, and wrong ones are refused in one sentence."""

import pytest
import yaml

from valuedata.errors import RecipeError, UnknownValueError
from valuedata.labelling.heads import load_heads
from valuedata.labelling.values import (
    BEHAVIOUR_NAMES,
    FOLDER,
    LABEL_NAMES,
    VALUE_NAMES,
    load_value,
    load_values,
    resolve_values,
)

DEFINITION = {
    "name": "epistemic-humility",
    "kind": "value",
    "branch": "personal",
    "valence": "positive",
    "definition": "The reply says how sure it is.",
    "not": "Being vague.",
}


def test_fifteen_values_and_three_behaviours_each_have_a_file():
    assert (len(VALUE_NAMES), len(BEHAVIOUR_NAMES)) == (15, 3)
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(LABEL_NAMES)
    assert tuple(load_values()) == LABEL_NAMES


@pytest.mark.parametrize("name", LABEL_NAMES)
def test_a_definition_names_itself_and_shows_both_ways(name):
    definition = load_values()[name]
    assert definition.name == name
    assert definition.kind == ("value" if name in VALUE_NAMES else "behaviour")
    assert len(definition.expresses) >= 2
    assert len(definition.does_not_express) >= 2
    assert (definition.system_prompt is not None) == (name in VALUE_NAMES)


def test_each_system_prompt_is_of_one_value():
    prompts = {load_values()[name].system_prompt for name in VALUE_NAMES}
    assert len(prompts) == 15


def test_branches_and_valences_follow_the_design():
    placed = [(d.branch, d.valence) for d in load_values().values() if d.kind == "value"]
    branches, valences = zip(*placed, strict=True)
    assert [branches.count(b) for b in ("social", "personal", "protective")] == [6, 4, 5]
    assert [valences.count(v) for v in ("positive", "neutral", "negative")] == [10, 3, 2]


def test_the_packaged_weights_know_every_name():
    assert load_heads().names == LABEL_NAMES


def test_names_resolve_once_and_in_order():
    assert resolve_values(["privacy", "empathy", "privacy"]) == ("privacy", "empathy")


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(UnknownValueError, match="'empaty' is unknown; did you mean 'empathy'"):
        resolve_values(["empaty"])


def test_a_behaviour_is_no_value_to_build():
    with pytest.raises(UnknownValueError, match="'refusal' is unknown"):
        resolve_values(["refusal"])


def test_a_users_own_file_loads(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(DEFINITION))
    definition = load_value(path)
    assert (definition.name, definition.does_not_count) == ("epistemic-humility", "Being vague.")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"definitoin": "x"}, "unknown key 'definitoin'; did you mean 'definition'"),
        ({"does_not_count": "x"}, "unknown key 'does_not_count'"),
        ({"valence": "good"}, "wrong 'valence'"),
        ({"name": "My Value"}, "name 'My Value'; write lower-case words joined by hyphens"),
        ({"branch": None}, "a value has a branch and a valence"),
        ({"kind": "behaviour"}, "a behaviour has neither"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, changes, sentence):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(DEFINITION | changes))
    with pytest.raises(RecipeError, match=sentence):
        load_value(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"name: [", "not valid YAML"),
        (b"\xff\xfe", "not valid YAML"),
        (b"- a", "must be a mapping"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, content, sentence):
    path = tmp_path / "own.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=sentence):
        load_value(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        load_value(tmp_path / "none.yaml")
