"""What a marker is, and how a function becomes one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["FORM_ONLY", "PER_100_WORDS", "Marker", "Measure", "marker"]

Measure = Callable[[str], float]

PER_100_WORDS: Final = "per 100 words"
FORM_ONLY: Final = "Exact by its definition: a fact of form, which claims nothing about meaning."


@dataclass(frozen=True)
class Marker:
    """A property of a reply that can be read off its text.

    Attributes:
        name: Lower-case name, words joined by hyphens.
        definition: What is measured.
        unit: Of what kind the number is: a count, a share, or presence.
        source: The paper or standard behind it.
        is_lexical: Whether it counts listed words or phrases.
        validity: How far it agrees with labels of what it may be taken for, or why it need not.
        measure: Reply to the number: finite, zero or more.
    """

    name: str
    definition: str
    unit: str
    source: str
    is_lexical: bool
    validity: str
    measure: Measure


def marker(
    *, unit: str, source: str, is_lexical: bool = False, validity: str = FORM_ONLY
) -> Callable[[Measure], Marker]:
    """Makes a function the marker of its name, defined by its docstring.

    Args:
        unit: Of what kind the number is.
        source: The paper or standard behind it.
        is_lexical: Whether it counts listed words or phrases.
        validity: How far it agrees with labels.
    """

    def make(measure: Measure) -> Marker:
        return Marker(
            name=measure.__name__.replace("_", "-"),
            definition=" ".join((measure.__doc__ or "").split()),
            unit=unit,
            source=source,
            is_lexical=is_lexical,
            validity=validity,
            measure=measure,
        )

    return make
