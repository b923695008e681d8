"""Which language a text is in, said only where a detector is sure."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from scipy.sparse import csr_matrix

from valuedata.errors import RecipeError

__all__ = ["check_language", "find_clear", "is_foreign", "is_prompt_foreign"]

PROSE_CHARACTERS: Final = 300  # what the detector reads of a text
READ_CHARACTERS: Final = 2_000  # where that prose is looked for

# Of 27,354 texts of HH-RLHF, PKU-SafeRLHF and UltraFeedback, lists of names and other short English
# replies that were taken for another language had p(en) >= 0.02; other languages stayed below.
MIN_FOREIGN_PROBABILITY: Final = 0.4
MAX_WANTED_PROBABILITY: Final = 0.015

CLEAR_LEAD: Final = 1.0  # of the scaled log-odds; more than ln 2, which merged labels may add

_NO_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|<[^>\n]{1,80}>", re.DOTALL)
_NO_LETTERS: Final = {  # ASCII but letters, white space and the apostrophe, to spaces
    number: " "
    for number in range(ord("!"), ord("~") + 1)
    if not chr(number).isalpha() and chr(number) != "'"
}
_MARKUP: Final = ("`", "http", "<")  # without any of these there is nothing of `_NO_PROSE`


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


def find_clear(
    texts: Sequence[tuple[str, str, str]], wanted: str, min_bytes: int
) -> npt.NDArray[np.bool_]:
    """Finds triples of texts that are clearly not foreign, many at once and so in less time.

    Args:
        texts: n times the last turn of a prompt and two replies.
        wanted: The wanted language.
        min_bytes: As `is_foreign` takes it.

    Returns:
        (n,) bool; where True, `is_foreign` and `is_prompt_foreign` say no. Elsewhere ask them.
    """
    proses = [
        prose[:PROSE_CHARACTERS]
        for prompt, *replies in texts
        for prose in (
            _extract_prose(prompt),
            *(_extract_prose(reply[:READ_CHARACTERS]) for reply in replies),
        )
    ]
    identifier = _load_identifier()
    contents = [identifier._encode(prose) for prose in proses]
    short = [len(prose.encode("utf-8", "surrogatepass")) < min_bytes for prose in proses]
    leads = _measure_leads(contents, identifier.nb_classes.index(wanted))
    clear = np.array(short, dtype=bool) | (leads >= CLEAR_LEAD)
    # the three texts of a pair stand one after the other
    whole: npt.NDArray[np.bool_] = clear[0::3] & clear[1::3] & clear[2::3]
    return whole


def _measure_leads(contents: Sequence[bytes], wanted: int) -> npt.NDArray[np.float64]:
    """(n,) float64: by how much the score of a language lies above the best other one.

    Source: py3langid's `LanguageIdentifier._decide`, over many texts at once.
    """
    identifier = _load_identifier()
    lengths = np.array([len(content) for content in contents], dtype=np.int64)
    counts = _count_features(contents, lengths)
    scores = counts @ _load_tables()["weights"] + identifier.nb_pc
    scores /= np.sqrt(np.maximum(lengths, 1))[:, None]
    own = scores[:, wanted].copy()
    scores[:, wanted] = -np.inf
    leads: npt.NDArray[np.float64] = own - scores.max(axis=1)
    return leads


def _count_features(contents: Sequence[bytes], lengths: npt.NDArray[np.int64]) -> csr_matrix:
    """(n, f) log1p of how often each text has each feature of the detector."""
    tables = _load_tables()
    order = np.argsort(-lengths, kind="stable")
    letters = np.zeros((len(contents), int(lengths.max(initial=0))), dtype=np.uint8)
    for row, content in enumerate(contents):
        letters[row, : len(content)] = np.frombuffer(content, dtype=np.uint8)
    states = np.zeros(len(contents), dtype=np.int64)
    found: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]] = []
    ranked = -lengths[order]
    for step in range(letters.shape[1]):
        rows = order[: np.searchsorted(ranked, -step, side="left")]
        moved = tables["moves"][tables["rows"][states[rows]] + letters[rows, step]]
        states[rows] = moved
        features = tables["features"][moved]
        has = features >= 0
        found.append((rows[has], features[has]))
    shape = (len(contents), len(tables["weights"]))
    if not found:
        return csr_matrix(shape, dtype=np.float32)
    owners, features = (np.concatenate(part) for part in zip(*found, strict=True))
    ones = np.ones(len(owners), dtype=np.float32)
    counts = csr_matrix((ones, (owners, features)), shape=shape)  # adds up what recurs
    counts.data = np.log1p(counts.data)
    return counts


@cache
def _load_tables() -> dict[str, npt.NDArray[Any]]:
    """The detector's automaton and weights as arrays."""
    identifier = _load_identifier()
    return {
        "moves": np.asarray(identifier.tk_nextmove, dtype=np.int32),
        "rows": np.asarray(identifier.tk_row, dtype=np.int64) << 8,
        "features": np.asarray(identifier.tk_output, dtype=np.int32),
        "weights": identifier.nb_ptc.astype(np.float32),
    }


def _extract_prose(text: str) -> str:
    if any(mark in text for mark in _MARKUP):
        text = _NO_PROSE.sub(" ", text)
    return " ".join(text.translate(_NO_LETTERS).split())


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
