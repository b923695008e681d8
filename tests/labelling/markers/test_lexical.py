"""Listed words and phrases in replies; expected values by hand."""

import pytest

from valuedata.labelling.markers import MARKERS
from valuedata.labelling.markers.phrases import count_phrases, load_phrases
from valuedata.labelling.markers.prose import read_prose


@pytest.mark.parametrize(
    ("name", "text", "n_phrases"),
    [
        ("first-person", "I think I'm mine, myself and me.", 5),
        ("first-person", "i.e. this, in an island", 0),
        ("second-person", "You and your dog; you\u2019re yours.", 4),
        ("second-person", "young youth", 0),
        ("hedges", "Perhaps it might be, I think.", 3),
        ("hedges", "I'm not sure. I don't know.", 2),
        ("hedges", "I think so, as far as I know.", 2),
        ("hedges", "Surely it is. I never thought so.", 0),
        ("praise-phrases", "Great question! You're absolutely right.", 2),
        ("praise-phrases", "GREAT   QUESTION", 1),
        ("praise-phrases", "It is great. Question it.", 0),  # a sentence ends between
        ("praise-phrases", "That is a great, good idea.", 1),
        ("praise-phrases", "A question of greatness.", 0),
        ("apologies", "Sorry, I apologise: my bad.", 3),
        ("apologies", "`sorry`", 0),
        ("apologies", "unapologetic", 0),
        ("refusal-phrases", "I'm sorry, but I can't help. I cannot help.", 3),
        ("refusal-phrases", "I can't wait to help!", 0),
        ("refusal-phrases", "As an AI language model, yes.", 1),
    ],
)
def test_phrases_are_counted(name, text, n_phrases):
    assert count_phrases(read_prose(text), name) == n_phrases


def test_the_longest_phrase_counts_and_a_word_once():
    """Both "you're absolutely right" and "absolutely right" are listed."""
    rests = load_phrases()["praise-phrases"]
    assert ("absolutely", "right") in rests["you're"][2]
    assert ("right",) in rests["absolutely"][1]
    assert MARKERS["praise-phrases"].measure("you're absolutely right absolutely right") == 40


def test_counts_are_shares_and_refusal_is_presence():
    text = "I cannot help. I cannot help. Sorry, sorry!"
    assert MARKERS["first-person"].measure(text) == 25
    assert MARKERS["apologies"].measure(text) == 25
    assert MARKERS["refusal-phrases"].measure(text) == 1
    assert MARKERS["refusal-phrases"].measure("Sorry!") == 0


def test_every_list_belongs_to_a_lexical_marker():
    assert set(load_phrases()) == {name for name, found in MARKERS.items() if found.is_lexical}


def test_every_listed_phrase_is_found():
    """Each, alone in a reply, is one phrase: nothing is listed in a form that no text has."""
    for name, phrases in load_phrases().items():
        for first, by_length in phrases.items():
            for rest in (rest for rests in by_length.values() for rest in rests):
                phrase = " ".join((first, *rest))
                assert count_phrases(read_prose(phrase.capitalize()), name) == 1, phrase
