"""Settings of the language model, alone and beside those of the classifier."""

from pathlib import Path

import pytest

from valuedata.errors import RecipeError
from valuedata.intake.known import KNOWN_SOURCES
from valuedata.recipe import ALL_VALUES, Recipe, load_recipe, make_recipe

RECIPES = Path(__file__).parents[1] / "recipes"
MODEL = {"model": "m", "base_url": "http://127.0.0.1:8000/v1"}


def make(**llm) -> Recipe:
    return make_recipe({"values": ["humor"], "labels": {"extractor": "llm", "llm": MODEL | llm}})


def test_the_paper_is_a_recipe() -> None:
    recipe = load_recipe(RECIPES / "paper.yaml")
    assert recipe.values == (ALL_VALUES,)
    assert recipe.sources == ("hh-rlhf", "pku-saferlhf", "ultrafeedback", "helpsteer2")
    assert set(recipe.sources) <= set(KNOWN_SOURCES)
    assert recipe.selection.min_pairs == 500
    assert (recipe.labels.extractor, recipe.labels.llm.mode) == ("llm", "open")
    assert recipe.labels.llm.model == "mistralai/Mistral-7B-Instruct-v0.3"


def test_settings_go_out_and_come_back(tmp_path: Path) -> None:
    recipe = make(mode="open", price_in=0.1, price_out=0.2)
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    assert load_recipe(tmp_path / "recipe.yaml") == recipe
    assert recipe.updated({"labels.llm.seed": 3}).labels.llm.seed == 3


def test_an_address_may_end_in_a_slash() -> None:
    assert make(base_url="https://example.org/v1/").labels.llm.base_url == "https://example.org/v1"


ADDRESS = (
    "Recipe key 'labels.llm.base_url' is not the address of a server; give one such as "
    "http://127.0.0.1:8000/v1, without ? and #."
)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:8000", ADDRESS),
        ("ftp://127.0.0.1/v1", ADDRESS),
        ("http://", ADDRESS),
        ("http://[::1/v1", ADDRESS),
        ("http://127.0.0.1:99999/v1", ADDRESS),
        ("http://127.0.0.1/v1?key=secret", ADDRESS),
        ("http://127.0.0.1/v1#secret", ADDRESS),
        ("http://127.0.0.1/v1?", ADDRESS),
        ("http://127.0.0.1/v1#", ADDRESS),
        ("http://127.0.0.1/v1\x1b", ADDRESS),
        (
            "https://me:secret@example.org/v1",
            "Recipe key 'labels.llm.base_url' holds a user or a password; take them out and put a "
            "key into the environment variable VALUEDATA_LLM_KEY.",
        ),
    ],
)
def test_a_wrong_address_is_not_repeated(address: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        make(base_url=address)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            {"llm": MODEL},
            "Recipe key 'labels' describes a language model that nobody asks; give --extractor "
            "llm, or leave the llm settings out.",
        ),
        (
            {"extractor": "llm", "llm": MODEL, "weights": "w"},
            "Recipe key 'labels' names weights, which the extractor llm does not read; leave "
            "--weights out.",
        ),
        (
            {"extractor": "llm"},
            "Recipe key 'labels' chooses the extractor llm without its model or its server; give "
            "--llm-model and --llm-base-url.",
        ),
        (
            {"extractor": "llm", "llm": {"model": "m"}},
            "Recipe key 'labels' chooses the extractor llm without its model or its server; give "
            "--llm-model and --llm-base-url.",
        ),
        (
            {"extractor": "llm", "llm": MODEL | {"price_in": 1}},
            "Recipe key 'labels.llm' has one price of two; give price_in and price_out, or "
            "neither.",
        ),
        (
            {"extractor": "llm", "llm": MODEL | {"mode": "shut"}},
            "Recipe key 'labels.llm.mode' cannot be 'shut': Input should be 'closed' or 'open'.",
        ),
        (
            {"extractor": "llm", "llm": MODEL | {"modle": "m"}},
            "Recipe key 'labels.llm.modle' is unknown; did you mean 'mode' or 'model'?",
        ),
    ],
)
def test_settings_that_do_not_fit_are_one_sentence(labels: dict, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        make_recipe({"values": ["humor"], "labels": labels})
    assert str(caught.value) == message
