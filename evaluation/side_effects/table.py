"""The one table of side effects: every measure, in the order of a report.

To add one, write a function or a file that makes a `Measure`, and name it here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from evaluation.judges.judge import JUDGES
from evaluation.side_effects.anthropomorphism import ANTHROPOMORPHISM
from evaluation.side_effects.capability import CAPABILITY
from evaluation.side_effects.measure import Measure
from evaluation.side_effects.safety import SAFETY
from evaluation.side_effects.style import STYLE
from evaluation.side_effects.sycophancy import SYCOPHANCY
from evaluation.side_effects.value_expression import VALUES, make_value_measure, name_measure
from valuedata.errors import EvaluationError, name_nearest
from valuedata.labelling.values import VALUE_NAMES

__all__ = ["MEASURES", "check_judges", "choose_measures"]

MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        measure.name: measure
        for measure in (*VALUES, *SAFETY, *ANTHROPOMORPHISM, *SYCOPHANCY, *STYLE, *CAPABILITY)
    }
)
"""Name to measure."""


def choose_measures(
    kinds: frozenset[str], target: str | None, values: Sequence[str] = VALUE_NAMES
) -> tuple[Measure, ...]:
    """The measures that prompts of some kinds have replies for.

    Args:
        kinds: Kinds of the prompts.
        target: The value that was trained; its measure is a primary one. None where there is none.
        values: What the classifier knows; values of the user's own are measured, too.

    Raises:
        EvaluationError: If the target is no value, or there is no measure for any of the kinds.
    """
    if target is not None and target not in values:
        raise EvaluationError(
            f"The classifier does not know the value {target!r} ({name_nearest(target, values)}); "
            "give the --weights that know it, or name another --value."
        )
    trained = name_measure(target) if target is not None else None
    own = [make_value_measure(value) for value in values if value not in VALUE_NAMES]
    found = tuple(
        replace(measure, is_primary=True) if measure.name == trained else measure
        for measure in (*own, *MEASURES.values())
        if measure.kinds & kinds
    )
    if not found:
        raise EvaluationError("The prompts are of no kind that is measured; add a prompt set.")
    return found


def check_judges(names: Sequence[str]) -> frozenset[str]:
    """The kinds of judges that take part: those named, or all.

    Raises:
        EvaluationError: If one is unknown.
    """
    for name in names:
        if name not in JUDGES:
            raise EvaluationError(f"Judge {name!r} is unknown; {name_nearest(name, JUDGES)}")
    return frozenset(names or JUDGES)
