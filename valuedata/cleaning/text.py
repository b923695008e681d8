"""How cleaning reads pairs: one at a time, and without regard to case, spacing or punctuation."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import cast

from datasets import Dataset

from valuedata.schema import BATCH_ROWS, Message, Pair

__all__ = [
    "fold_text",
    "iterate_pairs",
    "join_messages",
    "normalise_text",
    "split_words",
    "strip_invisible",
]

_WORD = re.compile(r"\w+")


def iterate_pairs(pairs: Dataset) -> Iterator[Pair]:
    """Yields the rows in order, with `BATCH_ROWS` of them in memory at a time."""
    for batch in pairs.iter(batch_size=BATCH_ROWS):
        columns = cast("dict[str, list[object]]", batch)
        for row in zip(*columns.values(), strict=True):
            yield cast("Pair", dict(zip(columns, row, strict=True)))


def join_messages(messages: Sequence[Message]) -> str:
    """Joins the contents of the messages, without their roles, by line breaks."""
    return "\n".join(message["content"] for message in messages)


def fold_text(text: str) -> str:
    """Folds compatibility forms and case."""
    return unicodedata.normalize("NFKC", text).casefold()


def normalise_text(text: str) -> str:
    r"""Folds what does not make two texts different: compatibility forms, case and white space.

    >>> normalise_text("  It is  FINE\u2026 ")
    'it is fine...'
    """
    return " ".join(fold_text(text).split())


def split_words(text: str) -> list[str]:
    """Splits a text into normalised words without punctuation.

    >>> split_words("Don't PANIC, yet.")
    ['don', 't', 'panic', 'yet']
    """
    return _WORD.findall(fold_text(text))


def strip_invisible(text: str) -> str:
    r"""Strips white space around a text, and characters that show nothing wherever they stand.

    >>> strip_invisible(" \u200byes, s\u00adir\ufeff ")
    'yes, sir'
    """
    if not text.isascii():
        unseen = {ord(char): None for char in set(text) if unicodedata.category(char) == "Cf"}
        text = text.translate(unseen) if unseen else text
    return text.strip()
