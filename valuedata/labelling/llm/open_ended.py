"""Free words for values, mapped to the known ones by a stated rule."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from valuedata.errors import RecipeError
from valuedata.recipe import read_yaml

__all__ = ["load_synonyms", "map_word", "normalise_word"]

FILE = Path(__file__).with_name("synonyms.yaml")
JOINTS = re.compile(r"[\s_/\-\u2010-\u2015]+")
EDGES = re.compile(r"^\W+|\W+$")
SINGULAR_ENDINGS = ("ss", "us", "is")
SHORTEST_PLURAL = 4


def normalise_word(word: str) -> str:
    """Brings a word to the form in which words are compared.

    Compatibility forms and case are folded; hyphens, underscores, slashes and white space become
    one space; signs at the edges go; then the last word loses a plural: "-ies" becomes "-y", any
    other final "s" goes, unless the word is shorter than four letters or ends in -ss, -us or -is.

    Args:
        word: A word or a few, as a language model wrote them.
    """
    folded = unicodedata.normalize("NFKC", word).casefold()
    plain = EDGES.sub("", JOINTS.sub(" ", EDGES.sub("", folded)))
    last = plain.rpartition(" ")[2]
    if len(last) < SHORTEST_PLURAL or not last.endswith("s") or last.endswith(SINGULAR_ENDINGS):
        return plain
    return plain[:-3] + "y" if last.endswith("ies") else plain[:-1]


def map_word(word: str, table: Mapping[str, str]) -> str | None:
    """The known value that a free word means; None where it means none.

    Args:
        word: As the language model wrote it.
        table: Normalised word to name, as `load_synonyms` gives it.
    """
    return table.get(normalise_word(word))


@cache
def load_synonyms(names: tuple[str, ...], path: Path = FILE) -> Mapping[str, str]:
    """Reads which words mean which value: its own name, and those listed for it in the file.

    Args:
        names: The values that words may be mapped to.
        path: YAML file of name to list of words.

    Returns:
        Normalised word to name.

    Raises:
        RecipeError: If the file is wrong, or one word stands for two values.
    """
    listed = read_yaml(path, "Synonym file", "value names to lists of words")
    table: dict[str, str] = {}
    for name in names:
        words = listed.get(name, [])
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise RecipeError(
                f"Synonym file {path} has no list of words at {name!r}; write one, such as [care]."
            )
        for word in (name, *words):
            if table.setdefault(normalise_word(word), name) != name:
                raise RecipeError(
                    f"Synonym file {path} gives the word {word!r} to {name!r} and to "
                    f"{table[normalise_word(word)]!r}; leave it at one of them."
                )
    return table
