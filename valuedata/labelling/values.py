"""What each value means: one YAML file a value, read into a record."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from valuedata.errors import RecipeError, UnknownValueError, name_nearest
from valuedata.recipe import read_yaml

__all__ = [
    "BEHAVIOUR_NAMES",
    "LABEL_NAMES",
    "VALUE_NAMES",
    "ValueDefinition",
    "list_values",
    "load_value",
    "load_values",
    "read_definition",
    "resolve_values",
]

# The order of the columns of every label matrix.
VALUE_NAMES = (
    "empathy",
    "fairness",
    "engagement",
    "humor",
    "creativity",
    "curiosity",
    "open-mindedness",
    "honesty",
    "helpfulness",
    "harmlessness",
    "privacy",
    "discretion",
    "legal-awareness",
    "deception",
    "violence",
)
BEHAVIOUR_NAMES = ("refusal", "anthropomorphism", "validation")
LABEL_NAMES = VALUE_NAMES + BEHAVIOUR_NAMES

FOLDER = Path(__file__).parent / "values"


class ValueDefinition(BaseModel):
    """What it is for a reply to express a value, or to show a behaviour.

    Attributes:
        name: Lower-case name, words joined by hyphens.
        kind: A value that subsets are built for, or a behaviour watched as a side effect.
        branch: Branch of the Values in the Wild taxonomy; null for a behaviour.
        valence: Whether the value is good, neutral or bad to have more of; null for a behaviour.
        definition: When a reply expresses it.
        does_not_count: What looks like it and is not; the key `not` in the file.
        notes: Conventions for the doubtful cases.
        expresses: Short replies that express it.
        does_not_express: Short replies that look near and do not.
        system_prompt: Asks a model for the value, for training with a system turn; null for a
            behaviour, and for a value of the user's own that has none.

    Source: branches and valences follow arXiv 2605.07925 and arXiv 2504.15236; the system prompts
    are our words, for those of the first paper were not found published.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Folders are named after it; with what is added a name stays within the usual 255 bytes.
    name: Annotated[str, Field(max_length=100, pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    kind: Literal["value", "behaviour"]
    branch: Literal["practical", "epistemic", "social", "protective", "personal"] | None = None
    valence: Literal["positive", "neutral", "negative"] | None = None
    definition: Annotated[str, Field(min_length=1)]
    does_not_count: Annotated[str, Field(min_length=1, alias="not")]
    notes: str = ""
    expresses: tuple[str, ...] = ()
    does_not_express: tuple[str, ...] = ()
    system_prompt: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        placed = (self.branch is not None, self.valence is not None)
        if placed != (self.kind == "value",) * 2:
            raise ValueError("a value has a branch and a valence, a behaviour has neither")
        return self


Definition = TypeVar("Definition", bound=ValueDefinition)


def load_value(path: Path) -> ValueDefinition:
    """Reads the definition of one value.

    Args:
        path: A YAML file, packaged or the user's own.

    Raises:
        RecipeError: If the file cannot be read, is no YAML mapping, or has a wrong key or value.
    """
    return read_definition(path, ValueDefinition)


def read_definition(path: Path, model: type[Definition]) -> Definition:
    """Reads a file that defines a value and may hold more.

    Args:
        path: A YAML file.
        model: What the file holds.

    Raises:
        RecipeError: If the file cannot be read, is no YAML mapping, or has a wrong key or value.
    """
    content = read_yaml(path, "Value file", "name, kind, definition and not")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise RecipeError(_explain(path, error, model)) from error


@cache
def load_values() -> Mapping[str, ValueDefinition]:
    """Reads the packaged definitions, values first, in the order of `LABEL_NAMES`."""
    definitions = {name: load_value(FOLDER / f"{name}.yaml") for name in LABEL_NAMES}
    return MappingProxyType(definitions)


def resolve_values(names: Sequence[str], known: Iterable[str] = VALUE_NAMES) -> tuple[str, ...]:
    """Checks the names of values that a user wrote.

    Args:
        names: Names as written; repeats count once.
        known: Names that are allowed.

    Returns:
        The distinct names in the order written.

    Raises:
        UnknownValueError: If a name is not known; the message offers the nearest.
    """
    allowed = tuple(known)
    for name in names:
        if name not in allowed:
            raise UnknownValueError(f"Value {name!r} is unknown; {name_nearest(name, allowed)}")
    return tuple(dict.fromkeys(names))


def list_values(names: Iterable[str]) -> tuple[str, ...]:
    """Of the names that an extractor labels, those that subsets are built for, in their order."""
    return tuple(name for name in names if name not in BEHAVIOUR_NAMES)


def _explain(path: Path, error: ValidationError, model: type[ValueDefinition]) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        fields = model.model_fields.items()
        known = [field.alias or name for name, field in fields]
        return f"Value file {path} has the unknown key {place!r}; {name_nearest(place, known)}"
    if first["type"] == "missing":
        return f"Value file {path} lacks {place!r}; add it."
    if place == "name" and first["type"] == "string_pattern_mismatch":
        return (
            f"Value file {path} has the name {first['input']!r}; write lower-case words joined by "
            "hyphens, such as 'epistemic-humility'."
        )
    if not place:
        return f"Value file {path} is inconsistent: {first['msg']}."
    return f"Value file {path} has a wrong {place!r}: {first['msg']}."
