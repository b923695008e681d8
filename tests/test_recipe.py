from pathlib import Path

import pytest
import yaml

from valuedata.errors import RecipeError
from valuedata.recipe import load_recipe, make_recipe


def test_yaml_goes_out_and_comes_back(tmp_path: Path) -> None:
    recipe = make_recipe(
        {"values": ["empathy", "humor"], "seed": 3, "selection": {"max_pairs": 50}}
    )
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe.to_yaml(), encoding="utf-8")
    assert load_recipe(path) == recipe


def test_a_wrong_key_is_named_with_the_nearest() -> None:
    with pytest.raises(RecipeError) as caught:
        make_recipe({"values": ["empathy"], "selection": {"min_marginn": 0.1}})
    assert str(caught.value) == (
        "Recipe key 'selection.min_marginn' is unknown; did you mean 'min_margin' or 'min_pairs'?"
    )


def test_a_wrong_value_is_named() -> None:
    with pytest.raises(RecipeError, match="Recipe key 'max_bad_rows' cannot be 2: Input should"):
        make_recipe({"values": ["empathy"], "max_bad_rows": 2})


def test_changes_are_validated() -> None:
    recipe = make_recipe({"values": ["empathy"]})
    assert recipe.updated({"selection.min_margin": 0.25}).selection.min_margin == 0.25
    with pytest.raises(RecipeError, match=r"selection\.min_margin"):
        recipe.updated({"selection.min_margin": 7})


def test_a_missing_recipe_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("values: [a", "is not valid YAML"),
        ("seed: 2023-99-99", "is not valid YAML .month must be in 1..12.; mend it"),
        ("seed: 0b_", "is not valid YAML .invalid literal for int"),
        ("- empathy", "must be a mapping"),
    ],
)
def test_a_recipe_that_is_no_mapping_is_one_sentence(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)


def test_shares_may_not_leave_training_empty() -> None:
    with pytest.raises(RecipeError):
        make_recipe({"values": ["empathy"], "splits": {"validation": 0.5}})


def test_defaults_are_written_out() -> None:
    content = yaml.safe_load(make_recipe({"values": ["empathy"]}).to_yaml())
    assert content["sources"] == ["starter"]
    assert content["selection"]["min_pairs"] == 100


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "Recipe key 'values' is missing; write for example 'values: [empathy]'."),
        (
            {"values": "empathy"},
            "Recipe key 'values' cannot be 'empathy'; write a list, such as [empathy].",
        ),
        (
            {"values": 3},
            "Recipe key 'values' cannot be 3; write a list, such as [first, second].",
        ),
        (
            {"values": ["all", "empathy"]},
            "Recipe key 'values' cannot be ['all', 'empathy']: 'all' stands for every value; name "
            "'all' alone or without it.",
        ),
    ],
)
def test_wrong_values_are_one_sentence(content: dict, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        make_recipe(content)
    assert str(caught.value) == message


def test_a_value_counts_once() -> None:
    assert make_recipe({"values": ["humor", "empathy", "humor"]}).values == ("humor", "empathy")


def test_changes_come_before_the_checks() -> None:
    recipe = make_recipe({"selection": {"max_pairs": 9}}, {"values": ["humor"], "splits.test": 0.2})
    assert recipe.values == ("humor",)
    assert (recipe.selection.max_pairs, recipe.splits.test) == (9, 0.2)
    with pytest.raises(RecipeError, match="Recipe key 'selection' cannot be 3"):
        make_recipe({"values": ["humor"], "selection": 3}, {"selection.max_pairs": 9})
