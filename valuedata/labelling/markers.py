"""Measurable style of a reply: counts that say nothing of values and are trained along."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["MARKERS", "Marker", "measure_markers"]


@dataclass(frozen=True)
class Marker:
    """One measurable feature of a text.

    Attributes:
        name: Lower-case name, words joined by hyphens.
        definition: What is measured.
        unit: Of what.
        source: Where the definition is from.
        is_lexical: Whether it counts words of a list.
        validity: What is known of how well it measures what its name says.
        measure: Gives its number for a text.
    """

    name: str
    definition: str
    unit: str
    source: str
    is_lexical: bool
    validity: str
    measure: Callable[[str], float]


_ALL = (
    Marker("characters", "length of the reply", "characters", "", False, "", len),
    Marker(
        "words",
        "runs of characters between white space",
        "words",
        "",
        False,
        "",
        lambda text: len(text.split()),
    ),
    Marker(
        "question-marks",
        "question marks in the reply",
        "marks",
        "",
        False,
        "",
        lambda text: text.count("?"),
    ),
)
MARKERS: Final[Mapping[str, Marker]] = MappingProxyType({marker.name: marker for marker in _ALL})


def measure_markers(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Measures every marker of n texts as (n, len(MARKERS)) float32."""
    rows = [[marker.measure(text) for marker in MARKERS.values()] for text in texts]
    return np.array(rows, dtype=np.float32).reshape(len(texts), len(MARKERS))
