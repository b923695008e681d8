"""The table of replies: one row an arm, prompt and sample, written, read and checked."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.prompts.records import Prompt, PromptSet
from evaluation.tables import read_table, write_table, write_text
from valuedata.errors import EvaluationError

__all__ = [
    "REPLIES",
    "REPLY_SCHEMA",
    "Finish",
    "Reply",
    "Slot",
    "list_slots",
    "read_outputs",
    "read_replies",
    "tabulate_replies",
    "write_prompts",
    "write_replies",
]

REPLIES: Final = "replies.parquet"
Finish = Literal["stop", "length"]

MESSAGES: Final = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
REPLY_SCHEMA: Final = pa.schema(
    [
        ("arm", pa.string()),
        ("set", pa.string()),
        ("prompt_id", pa.string()),
        ("family", pa.string()),
        ("kind", pa.string()),
        ("sample", pa.int32()),
        ("messages", MESSAGES),
        ("reply", pa.string()),
        ("finish", pa.string()),
        ("n_tokens", pa.int32()),
    ]
)


@dataclass(frozen=True)
class Reply:
    """What a model said.

    Attributes:
        text: The reply.
        finish: Whether the model ended it, or the limit of its length did.
        n_tokens: Its length; None where nobody counted.
    """

    text: str
    finish: Finish = "stop"
    n_tokens: int | None = None


class Slot(NamedTuple):
    """What an arm has to reply to: one sample of one prompt."""

    set_name: str
    prompt: Prompt
    sample: int


class _Output(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    prompt_id: str
    reply: str
    sample: Annotated[int, Field(ge=0)] = 0
    finish: Finish = "stop"


def list_slots(sets: Sequence[PromptSet], n_samples: int) -> list[Slot]:
    """What every arm has to reply to, in the order of its rows: sets, prompts, samples.

    Args:
        sets: The prompts.
        n_samples: Replies to each.

    Raises:
        EvaluationError: If two prompts have one id.
    """
    slots = [
        Slot(found.name, prompt, sample)
        for found in sets
        for prompt in found.prompts
        for sample in range(n_samples)
    ]
    seen: set[tuple[str, int]] = set()
    for _, prompt, sample in slots:
        if (prompt.prompt_id, sample) in seen:
            raise EvaluationError(
                f"Prompt {prompt.prompt_id!r} is there twice; leave one of the sets out."
            )
        seen.add((prompt.prompt_id, sample))
    return slots


def tabulate_replies(arm: str, slots: Sequence[Slot], replies: Sequence[Reply]) -> pa.Table:
    """The rows of one arm.

    Args:
        arm: Its name.
        slots: n of them.
        replies: n replies, in their order.
    """
    if len(slots) != len(replies):
        raise ValueError(f"{len(slots)} rows but {len(replies)} replies.")
    rows = {
        "arm": [arm] * len(slots),
        "set": [slot.set_name for slot in slots],
        "prompt_id": [slot.prompt.prompt_id for slot in slots],
        "family": [slot.prompt.family for slot in slots],
        "kind": [slot.prompt.kind for slot in slots],
        "sample": [slot.sample for slot in slots],
        "messages": [[dict(turn) for turn in slot.prompt.messages] for slot in slots],
        "reply": [reply.text for reply in replies],
        "finish": [reply.finish for reply in replies],
        "n_tokens": [reply.n_tokens for reply in replies],
    }
    return pa.table(rows, schema=REPLY_SCHEMA)


def write_replies(table: pa.Table, folder: Path) -> None:
    """Writes the table into a folder in one move."""
    write_table(table, folder / REPLIES)


def read_replies(folder: Path) -> pa.Table:
    """Reads the table from a folder that `valuedata evaluate` wrote.

    Raises:
        EvaluationError: If there is none, or it has other columns.
    """
    return read_table(folder / REPLIES, REPLY_SCHEMA, "replies")


def read_outputs(arm: str, path: Path, slots: Sequence[Slot]) -> list[Reply]:
    """Reads the replies of an arm that were made elsewhere.

    Args:
        arm: Its name, for error messages.
        path: JSONL; each line has `prompt_id` and `reply`, and may have `sample` (from 0) and
            `finish` ("stop" or "length").
        slots: What there must be a line for, in the same order.

    Returns:
        A reply a slot.

    Raises:
        EvaluationError: If a line is no such object, or a prompt is missing, unknown, twice there
            or in another place; the first bad row is named.
    """
    wanted = {(slot.prompt.prompt_id, slot.sample): row for row, slot in enumerate(slots)}
    first: dict[tuple[str, int], int] = {}
    replies: list[Reply] = []
    for number, output in _iterate_outputs(arm, path):
        place = (output.prompt_id, output.sample)
        told = f"{arm}: row {number} of {path}"
        if place in first:
            raise EvaluationError(
                f"{told} repeats {_name(place)} of row {first[place]}; leave one of them out."
            )
        first[place] = number
        if place not in wanted:
            raise EvaluationError(f"{told} replies to {_explain_unknown(place, slots)}.")
        expected = slots[len(replies)]
        if wanted[place] != len(replies):
            raise EvaluationError(
                f"{told} replies to {_name(place)} where "
                f"{_name((expected.prompt.prompt_id, expected.sample))} comes next; write one row "
                "a prompt in the order of `valuedata evaluate --write-prompts`."
            )
        replies.append(Reply(output.reply, output.finish))
    if len(replies) < len(slots):
        missing = slots[len(replies)]
        raise EvaluationError(
            f"{arm}: {path} ends after {len(replies):,} of {len(slots):,} rows; the first without "
            f"a reply is {_name((missing.prompt.prompt_id, missing.sample))}, so add the rest."
        )
    return replies


def _iterate_outputs(arm: str, path: Path) -> Iterator[tuple[int, _Output]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _read_output(f"{arm}: row {number} of {path}", line)
    except OSError as error:
        raise EvaluationError(
            f"{arm}: {path} cannot be read ({error.strerror}); give a JSONL file of outputs."
        ) from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{arm}: {path} is not UTF-8; write it anew as UTF-8.") from error


def _read_output(told: str, line: str) -> _Output:
    try:
        return _Output.model_validate_json(line)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        where = f"{key}: " if key else ""
        raise EvaluationError(
            f'{told} is no output ({where}{problem["msg"]}); write {{"prompt_id": ..., "reply": '
            '...}, with "sample" and "finish" (stop or length) where they are known.'
        ) from error


def _name(place: tuple[str, int]) -> str:
    return f"prompt {place[0]!r}" + (f" sample {place[1]}" if place[1] else "")


def _explain_unknown(place: tuple[str, int], slots: Sequence[Slot]) -> str:
    if any(slot.prompt.prompt_id == place[0] for slot in slots):
        n_samples = 1 + max(slot.sample for slot in slots)
        return f"{_name(place)}, but --samples is {n_samples}; give the number of the file"
    return f"{_name(place)}, which is in no prompt set; name its set with --prompts"


def write_prompts(sets: Sequence[PromptSet], path: Path) -> int:
    """Writes what an arm has to reply to as JSONL with `prompt_id` and `messages`.

    Returns:
        Number of prompts.

    Raises:
        EvaluationError: If the file cannot be written.
    """
    lines: list[Mapping[str, Any]] = [
        {"prompt_id": prompt.prompt_id, "messages": [dict(turn) for turn in prompt.messages]}
        for found in sets
        for prompt in found.prompts
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_text(text, path)
    return len(lines)
