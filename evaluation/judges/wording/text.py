"""Replies taken apart into sentences and clauses, as readings by words need them."""

import re
from typing import Final

__all__ = [
    "compile_any",
    "list_stems",
    "list_words",
    "split_clauses",
    "split_sentences",
    "straighten",
]

SENTENCE: Final = re.compile(r"(?<=[.!?])[\s\"')]+|\n+")
CLAUSE: Final = re.compile(
    r"[,;:]\s|\s[\u2013\u2014-]\s|\u2014|\s(?:but|and|while|although|though|because|so|yet)\s",
    re.IGNORECASE,
)
WORD: Final = re.compile(r"[^\W_]+")
COMMON: Final = 4
"""Words of fewer letters tell nothing, unless they have a digit."""
STEM: Final = 5
"""Letters by which forms of one word are told to be that."""


def compile_any(*wordings: str) -> re.Pattern[str]:
    """One pattern for any of some wordings, in upper or lower case."""
    return re.compile("|".join(wordings), re.IGNORECASE)


def straighten(text: str) -> str:
    """The text with typewriter apostrophes."""
    return text.replace("\u2019", "'")


def split_sentences(text: str) -> list[str]:
    """The sentences, each with the sign that ends it."""
    return [part for part in SENTENCE.split(text.strip()) if part]


def split_clauses(sentence: str) -> list[str]:
    """What commas, colons, dashes and conjunctions set apart."""
    return [part for part in CLAUSE.split(sentence) if part.strip()]


def list_words(text: str) -> set[str]:
    """The words that tell what a text is about, in lower case."""
    return {
        word
        for word in WORD.findall(text.casefold())
        if len(word) >= COMMON or any(sign.isdigit() for sign in word)
    }


def list_stems(text: str) -> set[str]:
    """The beginnings of these words."""
    return {word[:STEM] for word in list_words(text)}
