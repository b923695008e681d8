"""Which language a text is in, said only where a detector is sure."""

import re
from functools import cache
from typing import Final

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from valuedata.errors import RecipeError

__all__ = ["check_language", "is_foreign", "is_prompt_foreign"]

PROSE_CHARACTERS: Final = 300  # what the detector reads of a text
READ_CHARACTERS: Final = 2_000  # where that prose is looked for

# Of 27,354 texts of HH-RLHF, PKU-SafeRLHF and UltraFeedback, lists of names and other short English
# replies that were taken for another language had p(en) >= 0.02; other languages stayed below.
MIN_FOREIGN_PROBABILITY: Final = 0.4
MAX_WANTED_PROBABILITY: Final = 0.015

_NO_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|<[^>\n]{1,80}>", re.DOTALL)
_NO_LETTERS = re.compile(r"[!-&(-@\[-`{-~\s]+")  # ASCII but letters and the apostrophe


def check_language(language: str) -> None:
    """Checks that texts can be told to be in a language.

    Raises:
        RecipeError: If the detector does not know the language.
    """
    known = _load_identifier().labels
    if language not in known:
        allowed = ", ".join(sorted(label for label in known if len(label) == len(language)))
        raise RecipeError(
            f"Recipe key 'quality.language' cannot be {language!r}; use one of {allowed}, or null "
            "to keep every language."
        )


def is_foreign(text: str, wanted: str, min_bytes: int) -> bool:
    """Tells whether the start of a text is surely in another language.

    Code, addresses and markup are left out. Texts with fewer than `min_bytes` bytes of prose in
    UTF-8 are never foreign; bytes count rather than characters, because a Chinese word tells more
    in fewer of them.
    """
    return _is_prose_foreign(
        _extract_prose(text[:READ_CHARACTERS])[:PROSE_CHARACTERS], wanted, min_bytes
    )


def is_prompt_foreign(text: str, wanted: str, min_bytes: int) -> bool:
    """Tells whether a prompt begins and ends in another language.

    An English prompt that quotes another language, as in "Translate this: …", is none.
    """
    prose = _extract_prose(text)
    edge = PROSE_CHARACTERS // 2
    return all(
        _is_prose_foreign(part, wanted, min_bytes)
        for part in {prose[:edge], prose[-edge:], prose[:PROSE_CHARACTERS]}
    )


def _extract_prose(text: str) -> str:
    return _NO_LETTERS.sub(" ", _NO_PROSE.sub(" ", text)).strip()


def _is_prose_foreign(prose: str, wanted: str, min_bytes: int) -> bool:
    if len(prose.encode("utf-8", "surrogatepass")) < min_bytes:
        return False
    identifier = _load_identifier()
    best, probability = identifier.classify(prose)
    if best == wanted or probability < MIN_FOREIGN_PROBABILITY:
        return False
    return bool(dict(identifier.rank(prose))[wanted] < MAX_WANTED_PROBABILITY)


@cache
def _load_identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
