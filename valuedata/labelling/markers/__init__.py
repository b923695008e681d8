"""Measurable properties of a reply besides values: length, layout, style, phrases.

What the classifier says of a reply beside its values (refusal, anthropomorphism, validation) is no
marker: those probabilities are in the reply's `Labels`.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from valuedata.labelling.markers import form, lexical
from valuedata.labelling.markers.marker import FORM_ONLY, Marker
from valuedata.labelling.readings import read_sides

__all__ = ["FORM_ONLY", "MARKERS", "Marker", "measure_markers", "measure_sides"]

AT_ONCE: Final = 1_000  # pairs whose text is held as Python objects

ALL: Final = (
    form.characters,
    form.words,
    form.sentences,
    form.list_items,
    form.headings,
    form.bold,
    form.code,
    form.exclamations,
    form.questions,
    form.emoji,
    lexical.first_person,
    lexical.second_person,
    lexical.hedges,
    lexical.praise_phrases,
    lexical.apologies,
    lexical.refusal_phrases,
)

MARKERS: Final[Mapping[str, Marker]] = MappingProxyType({found.name: found for found in ALL})
"""Name to marker, in the order of the columns. Add one to the tuple above."""


def measure_markers(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Measures every marker of every reply.

    Args:
        texts: n replies, as `Reading.reply` has them.

    Returns:
        (n, len(MARKERS)) float32, finite and zero or more; the columns in the order of `MARKERS`.
    """
    measured = np.empty((len(texts), len(ALL)), dtype=np.float32)
    for row, text in enumerate(texts):
        measured[row] = [found.measure(text) for found in ALL]
    return measured


def measure_sides(
    pairs: Dataset, advance: Callable[[int], None]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Measures every marker of both replies of n pairs.

    Args:
        pairs: n pairs with `prompt`, `chosen` and `rejected`.
        advance: Called with the number of pairs done since the last call.

    Returns:
        Two (n, len(MARKERS)) float32 arrays: of the chosen and of the rejected replies.
    """
    sides = np.empty((2, len(pairs), len(ALL)), dtype=np.float32)
    for start in range(0, len(pairs), AT_ONCE):
        rows = range(start, min(start + AT_ONCE, len(pairs)))
        for side, readings in zip(sides, read_sides(pairs.select(rows)), strict=True):
            side[rows.start : rows.stop] = measure_markers([reading.reply for reading in readings])
        advance(len(rows))
    return sides[0], sides[1]
