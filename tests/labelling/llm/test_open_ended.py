"""Free words are mapped to the known values by the stated rule alone."""

import pytest

from valuedata.errors import RecipeError
from valuedata.labelling.llm.open_ended import load_synonyms, map_word, normalise_word
from valuedata.labelling.values import VALUE_NAMES


@pytest.mark.parametrize(
    ("word", "normal"),
    [
        ("Empathy", "empathy"),
        (" “Open-Mindedness.” ", "open mindedness"),
        ("open_minded\u2010ness", "open minded ness"),
        ("curiosities", "curiosity"),
        ("Jokes", "joke"),
        ("fairness", "fairness"),
        ("emphasis", "emphasis"),
        ("bias", "bia"),
        ("gas", "gas"),
        ("legal  rights", "legal right"),
        ("STRASSE", "strasse"),
        ("\uff48umor", "humor"),
        ("...", ""),
    ],
)
def test_words_are_brought_to_one_form(word, normal):
    assert normalise_word(word) == normal


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("empathy", "empathy"),
        ("Open Mindedness", "open-mindedness"),
        ("legal awareness", "legal-awareness"),
        ("Humour", "humor"),
        ("COMPASSION", "empathy"),
        ("compassion and care", None),
        ("thrift", None),
        ("", None),
    ],
)
def test_words_mean_the_value_of_their_list(word, value):
    assert map_word(word, load_synonyms(VALUE_NAMES)) == value


def test_every_value_has_words_of_its_own():
    table = load_synonyms(VALUE_NAMES)
    assert set(table.values()) == set(VALUE_NAMES)
    assert "refusal" not in table


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("humor: wit\n", "has no list of words at 'humor'; write one"),
        ("humor: [1]\n", "has no list of words at 'humor'"),
        (
            "humor: [fun]\ncreativity: [Fun]\n",
            "gives the word 'Fun' to 'creativity' and to 'humor'",
        ),
        ("[]\n", "must be a mapping"),
    ],
)
def test_a_wrong_list_is_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "words.yaml"
    path.write_text(content)
    with pytest.raises(RecipeError, match=sentence):
        load_synonyms(("humor", "creativity"), path)
