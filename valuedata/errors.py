"""The errors that a user can cause; the command line turns each into one sentence and status 2.

ValuedataError
├── RecipeError       a recipe or an option has a wrong key or value
│   └── UnknownValueError   a value name that no value file defines
├── SourceError       a source is unknown, unreadable or unreachable
│   ├── FormatError   rows whose format is unknown or lacks a column
│   └── BadRowsError  more bad rows than the recipe allows
├── LabelError        values cannot be labelled: weights, encoder or server missing or damaged
├── SelectionError    no pair is left to select from
│   └── IsolationError      too few pairs balance the side effects
├── ReleaseError      a folder that is not a release, a damaged one, or one that cannot be written
├── EngineError       the work cannot run on the cluster or in the processes it was sent to
├── PromptError       prompts of an evaluation are not there, or not as their format has them
├── TrainingError     a model cannot be trained as asked: its name, template, rows or device
├── EvaluationError   models cannot be compared as asked: prompts, replies, scores or judges
└── HubError          a data set on the Hub cannot be read or written as asked
    └── HubUnreachableError   the Hub does not answer, or not now; the same may work later
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "BadRowsError",
    "EngineError",
    "EvaluationError",
    "FormatError",
    "HubError",
    "HubUnreachableError",
    "IsolationError",
    "LabelError",
    "PromptError",
    "RecipeError",
    "ReleaseError",
    "SelectionError",
    "SourceError",
    "TrainingError",
    "UnknownValueError",
    "ValuedataError",
    "name_nearest",
]


class ValuedataError(Exception):
    """Something that the user can mend; its message is one sentence that says how."""


class RecipeError(ValuedataError):
    """A recipe or an option has a wrong key or value."""


class UnknownValueError(RecipeError):
    """A value name that no value file defines."""


class SourceError(ValuedataError):
    """A source is unknown, unreadable or unreachable."""


class FormatError(SourceError):
    """Rows whose format is unknown, or that lack a column of their format."""


class BadRowsError(SourceError):
    """More bad rows in a source than the recipe allows."""


class LabelError(ValuedataError):
    """Values cannot be labelled: weights, encoder or server missing or damaged."""


class SelectionError(ValuedataError):
    """No pair is left to select from."""


class IsolationError(SelectionError):
    """Too few pairs keep the side effects within their tolerance.

    Attributes:
        frontier: Times the tolerance, the size found there, and its largest |mean difference|.
    """

    def __init__(self, message: str, frontier: tuple[tuple[float, float, float], ...]) -> None:
        super().__init__(message)
        self.frontier = frontier


class ReleaseError(ValuedataError):
    """A folder that is not a release, a damaged one, or one that cannot be written."""


class EngineError(ValuedataError):
    """The work cannot run on the cluster, or in the processes, that it was sent to."""


class PromptError(ValuedataError):
    """Prompts of an evaluation are not there, or not as their format has them."""


class TrainingError(ValuedataError):
    """A model cannot be trained as asked: its name, its chat template, its rows or its device."""


class EvaluationError(ValuedataError):
    """Models cannot be compared as asked: their prompts, replies, scores or judges."""


class HubError(ValuedataError):
    """A data set on the Hub cannot be read or written as asked."""


class HubUnreachableError(HubError):
    """The Hub does not answer, or not now; the same may work later."""


def name_nearest(name: str, known: Iterable[str]) -> str:
    """Names what is allowed in place of an unknown name, nearest first.

    Args:
        name: What the user wrote.
        known: Every allowed name.

    Returns:
        A clause for an error message: "did you mean 'empathy'?" where something is near, otherwise
        the whole list.
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=3)
    if near:
        return "did you mean " + " or ".join(repr(match) for match in near) + "?"
    return "known: " + ", ".join(names)
