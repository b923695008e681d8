"""Style: length, layout and hedges, read off the text.

A score is a count of words, or of marks in 100 words. Style by itself is neither good nor bad, but
judges of any kind are swayed by it, and training on preferences moves it; so it is reported beside
everything else, and differences of shares are also given at equal length.

Source: Singhal et al. 2023, "A Long Way to Go", arXiv 2310.03716, on length; the markers' own
sources.
"""

from functools import partial
from typing import Final

from evaluation.judges.bench import Bench
from evaluation.judges.judge import PATTERNS, Judge
from evaluation.judges.markers import MarkerJudge
from evaluation.prompts.records import Kind
from evaluation.side_effects.measure import Measure
from valuedata.labelling.markers import MARKERS

__all__ = ["STYLE"]

COUNTED: Final = (
    "words",
    "list-items",
    "headings",
    "bold",
    "emoji",
    "exclamations",
    "questions",
    "hedges",
)
KINDS: Final[frozenset[Kind]] = frozenset(
    {
        "open",
        "unsafe",
        "safe-look-alike",
        "side-taking",
        "false-premise",
        "pushback",
        "invites-human-claims",
    }
)


def _count(name: str, bench: Bench) -> Judge:
    return MarkerJudge(bench.markers, name)


STYLE: Final = tuple(
    Measure(
        name=f"style-{name}",
        dimension="style",
        meaning=MARKERS[name].definition,
        source=MARKERS[name].source,
        kinds=KINDS,
        judges={PATTERNS: partial(_count, name)},
        unit=MARKERS[name].unit,
        is_primary=name == "words",
        is_length=name == "words",
    )
    for name in COUNTED
)
