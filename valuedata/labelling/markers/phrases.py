"""Listed words and phrases, and how often a reply has them."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path

from valuedata.labelling.markers.prose import Prose
from valuedata.recipe import read_yaml

__all__ = ["count_phrases", "load_phrases"]

FILE = Path(__file__).with_name("phrases.yaml")
PIECE = re.compile(r"[^\W_]+(?:'[^\W_]+)*")

Rest = tuple[str, ...]
Phrases = Mapping[str, Mapping[int, frozenset[Rest]]]
"""First word of a phrase to the words after it, by how many they are, most first."""


@cache
def load_phrases() -> Mapping[str, Phrases]:
    """Reads the lists, by the markers that they belong to."""
    lists = read_yaml(FILE, "Phrase lists", "markers to lists of phrases")
    return {name: _index(entries) for name, entries in lists.items()}


def count_phrases(prose: Prose, name: str) -> int:
    """Counts a list's phrases in a reply, longest first, each word in one of them at most.

    Args:
        prose: The reply; phrases stay inside its sentences.
        name: Name of the list.
    """
    phrases, places = load_phrases()[name], prose.places
    found = [
        (place, _match(prose.tokens, place + 1, phrases[first]))
        for first in phrases.keys() & places.keys()
        for place in places[first]
    ]
    n_phrases = end = 0
    for place, length in sorted(found):
        if length and place >= end:
            n_phrases += 1
            end = place + length
    return n_phrases


def _match(tokens: Sequence[str], start: int, rests: Mapping[int, frozenset[Rest]]) -> int:
    """Words of the longest phrase whose rest stands at `start`, its first included; else 0."""
    for length, known in rests.items():
        if tuple(tokens[start : start + length]) in known:
            return 1 + length
    return 0


def _index(entries: Sequence[str]) -> Phrases:
    rests: dict[str, set[Rest]] = {}
    for entry in entries:
        for first, *rest in _expand(entry):
            rests.setdefault(first, set()).add(tuple(rest))
    return {
        first: {
            length: frozenset(rest for rest in found if len(rest) == length)
            for length in sorted({len(rest) for rest in found}, reverse=True)
        }
        for first, found in rests.items()
    }


def _expand(entry: str) -> list[list[str]]:
    """Writes out the alternatives of an entry: "a/b_c d" is "a d" and "b c d"."""
    choices = product(*(piece.split("/") for piece in entry.split()))
    return [PIECE.findall(" ".join(choice).replace("_", " ")) for choice in choices]
