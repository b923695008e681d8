"""A user's own value: what it means, with labelled replies, read from one YAML file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, ValidationError

from valuedata.errors import RecipeError, name_nearest
from valuedata.labelling.lines import parse_json
from valuedata.labelling.markers import MARKERS
from valuedata.labelling.readings import Reading
from valuedata.labelling.values import LABEL_NAMES, ValueDefinition, read_definition
from valuedata.recipe import ALL_VALUES
from valuedata.settings import EMBEDDING, QUALITY

__all__ = ["VALUE_SUFFIXES", "OwnValue", "load_own_value"]

VALUE_SUFFIXES = (".yaml", ".yml")
"""How the name of a value file ends."""

# Fewer say nothing of quality: at 20, one reply more or less moves a share by five points.
MIN_EXAMPLES = 20
MIN_EACH = 5  # one a fold of the cross-validation

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Row(BaseModel):
    """Frozen labelled row that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Example(Row):
    """A reply, and whether it expresses the value."""

    prompt: Text
    reply: Text
    expresses: StrictBool


class ExamplePair(Row):
    """Two replies to a prompt, and whether each expresses the value."""

    prompt: Text
    chosen: Text
    rejected: Text
    chosen_expresses: StrictBool
    rejected_expresses: StrictBool


class ValueFile(ValueDefinition):
    """A value file with its labelled replies.

    Attributes:
        kind: Always a value.
        examples: Labelled replies.
        pairs: Labelled pairs.
        examples_file: JSONL file of further examples and pairs, in the folder of the value file.
    """

    kind: Literal["value"] = "value"
    examples: tuple[Example, ...] = ()
    pairs: tuple[ExamplePair, ...] = ()
    examples_file: Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")] | None = None


@dataclass(frozen=True)
class OwnValue:
    """A value with n labelled replies.

    Attributes:
        definition: What it means.
        readings: n distinct replies as they are read.
        truth: Whether each expresses it.
    """

    definition: ValueDefinition
    readings: tuple[Reading, ...]
    truth: tuple[bool, ...]


def load_own_value(path: Path) -> OwnValue:
    """Reads a value file with its labelled replies.

    Args:
        path: YAML file: the keys of `ValueDefinition`, and `examples`, `pairs` or `examples_file`.

    Raises:
        RecipeError: If a file cannot be read, holds a wrong key or value, takes a packaged name, or
            labels a reply twice or too few replies.
    """
    file = read_definition(path, ValueFile)
    if file.name in (*LABEL_NAMES, *MARKERS, ALL_VALUES, QUALITY, EMBEDDING):
        raise RecipeError(
            f"Value file {path} has the name {file.name!r}, which valuedata has itself; give "
            "another, such as 'my-" + file.name + "'."
        )
    rows: list[Example | ExamplePair] = [*file.examples, *file.pairs]
    if file.examples_file is not None:
        rows += _read_rows(_place(path, file.examples_file))
    truth = _collect(path, rows)
    _check_counts(path, truth)
    defined = file.model_dump(by_alias=True, include=set(ValueDefinition.model_fields))
    return OwnValue(
        definition=ValueDefinition.model_validate(defined),
        readings=tuple(truth),
        truth=tuple(truth.values()),
    )


def _place(path: Path, name: str) -> Path:
    place = (path.parent / name).resolve()
    if not place.is_relative_to(path.parent.resolve()):
        raise RecipeError(
            f"Value file {path} names the examples {name!r} outside its folder; put them beside it."
        )
    return place


def _read_rows(path: Path) -> Iterator[Example | ExamplePair]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise RecipeError(
            f"Examples {path} cannot be read ({reason}); name a JSONL file in 'examples_file'."
        ) from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _parse_row(line, f"{path} line {number}")


def _parse_row(line: str, where: str) -> Example | ExamplePair:
    content = parse_json(line, where, RecipeError)
    if not isinstance(content, dict):
        raise RecipeError(f"{where} is not a JSON object; mend that line.")
    model: type[Example | ExamplePair] = Example if "reply" in content else ExamplePair
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"{where} {_explain(error, model)}") from error


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0])
    keys = ", ".join(model.model_fields)
    if first["type"] == "extra_forbidden":
        return f"has the unknown key {key!r}; {name_nearest(key, model.model_fields)}"
    if first["type"] == "missing":
        return f"lacks {key!r}; a row has {keys}."
    return f"has a wrong {key!r}: {first['msg']}."


def _collect(path: Path, rows: Sequence[Example | ExamplePair]) -> Mapping[Reading, bool]:
    """Reply to label; each reply to a prompt may be labelled once."""
    found: dict[Reading, bool] = {}
    for row in rows:
        for reading, expresses in _list_replies(row):
            if reading in found:
                how = "alike" if found[reading] == expresses else "once as true and once as false"
                raise RecipeError(
                    f"Value file {path} labels the reply {_quote(reading.reply)} to "
                    f"{_quote(reading.prompt)} twice, {how}; remove one."
                )
            found[reading] = expresses
    return found


def _list_replies(row: Example | ExamplePair) -> Iterator[tuple[Reading, bool]]:
    if isinstance(row, Example):
        yield Reading(row.prompt, row.reply), row.expresses
    else:
        yield Reading(row.prompt, row.chosen), row.chosen_expresses
        yield Reading(row.prompt, row.rejected), row.rejected_expresses


def _check_counts(path: Path, truth: Mapping[Reading, bool]) -> None:
    prompts: dict[bool, set[str]] = {True: set(), False: set()}
    for reading, expresses in truth.items():
        prompts[expresses].add(reading.prompt)
    if len(truth) < MIN_EXAMPLES:
        raise RecipeError(
            f"Value file {path} labels {len(truth)} replies; label at least {MIN_EXAMPLES}, about "
            "half of which express the value."
        )
    for expresses, what in ((True, "express it"), (False, "do not express it")):
        if len(prompts[expresses]) < MIN_EACH:
            raise RecipeError(
                f"Value file {path} has replies that {what} to {len(prompts[expresses])} prompts; "
                f"label some to at least {MIN_EACH}."
            )


def _quote(text: str, width: int = 40) -> str:
    line: Any = " ".join(text.split())
    return repr(line if len(line) <= width else line[: width - 1].rstrip() + "…")
