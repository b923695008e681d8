"""Measurable properties of a reply besides values: length, layout, style, phrases.

What the classifier says of a reply beside its values (refusal, anthropomorphism, validation) is no
marker: those probabilities are in the reply's `Labels`.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datasets import Dataset

from valuedata.engine import LOCAL, BatchFunction, Engine
from valuedata.labelling.markers import form, lexical
from valuedata.labelling.markers.marker import FORM_ONLY, Marker
from valuedata.labelling.readings import read_rows

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
    pairs: Dataset, advance: Callable[[int], None], engine: Engine = LOCAL
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Measures every marker of both replies of n pairs.

    Args:
        pairs: n pairs with `prompt`, `chosen` and `rejected`.
        advance: Called with the number of pairs done since the last call.
        engine: Where they are measured.

    Returns:
        Two (n, len(MARKERS)) float32 arrays: of the chosen and of the rejected replies.

    Raises:
        EngineError: If they cannot be measured there.
    """
    sides = np.empty((2, len(pairs), len(ALL)), dtype=np.float32)
    columns = ["prompt", "chosen", "rejected"]
    batches = pairs.select_columns(columns).with_format("arrow").iter(batch_size=AT_ONCE)
    done = 0
    for measured in engine.map_batches(_make_measure, batches):
        rows = slice(done, done + len(measured))
        for side, name in zip(sides, measured.column_names, strict=True):
            numbers = measured[name].combine_chunks().flatten()
            side[rows] = numbers.to_numpy().reshape(-1, len(ALL))
        advance(len(measured))
        done += len(measured)
    return sides[0], sides[1]


def _make_measure() -> BatchFunction:
    return _measure_batch


def _measure_batch(batch: pa.Table) -> pa.Table:
    readings = read_rows(batch.to_pylist())
    measured = [measure_markers([reading.reply for reading in side]) for side in readings]
    lists = [
        pa.FixedSizeListArray.from_arrays(pa.array(side.ravel()), len(ALL)) for side in measured
    ]
    return pa.table(lists, names=["chosen", "rejected"])
