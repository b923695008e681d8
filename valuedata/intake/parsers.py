"""One parser a raw format: a row to its prompt and replies."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from valuedata.intake.pairs import (
    RowError,
    Sides,
    is_transcript,
    parse_messages,
    parse_transcript,
    split_sides,
)
from valuedata.schema import Message

__all__ = [
    "Row",
    "add_system",
    "find_scores",
    "make_reply",
    "parse_helpsteer_prompt",
    "parse_hh",
    "parse_pku",
    "parse_prompt",
    "parse_sharegpt",
    "parse_trl",
    "parse_trl_implicit",
    "parse_ultrafeedback",
    "take_number",
    "take_text",
]

Row = Mapping[str, Any]

# Source: LLaMA-Factory, data/README.md, "Sharegpt Format"; FastChat names its roles likewise.
SHAREGPT_ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
}

# Source: the prompts of nvidia/HelpSteer2 with several turns; the first turn carries no marker.
HELPSTEER_MARKER = re.compile(r"\n?<extra_id_1>(User|Assistant)\n?")


def _take(row: Row, column: str) -> object:
    if column not in row:
        raise RowError(f"lacks column {column!r}")
    return row[column]


def take_text(row: Row, column: str) -> str:
    """Takes a column that must be text.

    Raises:
        RowError: If the row lacks it or it is something else.
    """
    value = _take(row, column)
    if not isinstance(value, str):
        raise RowError(f"column {column!r} is not text")
    return value


def take_number(row: Row, column: str) -> float:
    """Takes a column that must be a finite number; CSV gives it as text.

    Raises:
        RowError: If the row lacks it or it is something else.
    """
    value = _take(row, column)
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise RowError(f"column {column!r} is not a number")
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise RowError(f"column {column!r} is not a number") from error
    if not math.isfinite(number):
        raise RowError(f"column {column!r} is not a number")
    return number


def find_scores(row: Row) -> tuple[float, float] | None:
    """Finds the quality scores of the chosen and of the rejected reply, in UltraFeedback's columns.

    They are `score_chosen` and `score_rejected`, in the row or in its `metadata`.

    Returns:
        The two scores; None where either is missing or no finite number.
    """
    metadata = row.get("metadata")
    for columns in (row, metadata if isinstance(metadata, Mapping) else {}):
        try:
            return take_number(columns, "score_chosen"), take_number(columns, "score_rejected")
        except RowError:
            continue
    return None


def parse_prompt(row: Row) -> list[Message]:
    r"""Reads the column `prompt`: messages, a transcript, or the text of one user turn.

    A transcript loses the empty turn at its end that invites the reply ("\n\nAssistant:").

    Raises:
        RowError: If the row lacks it or it is something else.
    """
    if isinstance(row.get("prompt"), list):
        return parse_messages(row["prompt"], "prompt")
    text = take_text(row, "prompt")
    if not is_transcript(text):
        return [Message(role="user", content=text)]
    turns = parse_transcript(text)
    return turns[:-1] if turns[-1] == Message(role="assistant", content="") else turns


def add_system(row: Row, prompt: list[Message]) -> list[Message]:
    """Puts the text of the column `system` in front of a prompt that has no system turn.

    Raises:
        RowError: If the column holds something other than text.
    """
    if not row.get("system"):
        return prompt
    system = take_text(row, "system")
    if not system.strip() or (prompt and prompt[0]["role"] == "system"):
        return prompt
    return [Message(role="system", content=system), *prompt]


def _reply(row: Row, column: str) -> list[Message]:
    if isinstance(row.get(column), list):
        return parse_messages(row[column], column)
    return [Message(role="assistant", content=take_text(row, column))]


def parse_hh(row: Row) -> Sides:
    """Splits two whole transcripts; see `parse_transcript` and `split_sides`."""
    return split_sides(
        parse_transcript(take_text(row, "chosen")), parse_transcript(take_text(row, "rejected"))
    )


def parse_trl(row: Row) -> Sides:
    """Reads an explicit prompt with two replies, each text or messages.

    Replies that repeat all turns of the prompt lose them. Beside a prompt that is a transcript, a
    reply that opens with a turn marker is a transcript, too.
    """
    prompt = row.get("prompt")
    in_transcript = isinstance(prompt, str) and is_transcript(prompt)
    chosen, rejected = (
        parse_transcript(row[name])
        if in_transcript and isinstance(row.get(name), str) and is_transcript(row[name])
        else _reply(row, name)
        for name in ("chosen", "rejected")
    )
    sides = Sides(parse_prompt(row), chosen, rejected)
    n_prompt = len(sides.prompt)
    if sides.prompt and all(reply[:n_prompt] == sides.prompt for reply in sides[1:]):
        return Sides(sides.prompt, sides.chosen[n_prompt:], sides.rejected[n_prompt:])
    return sides


def parse_trl_implicit(row: Row) -> Sides:
    """Splits two whole conversations, messages or transcripts, at the turn where they part."""
    if isinstance(row.get("chosen"), list) and isinstance(row.get("rejected"), list):
        return split_sides(*(parse_messages(row[name], name) for name in ("chosen", "rejected")))
    chosen, rejected = take_text(row, "chosen"), take_text(row, "rejected")
    try:
        turns = parse_transcript(chosen), parse_transcript(rejected)
    except RowError as error:
        raise RowError(
            "plain text without turn markers cannot be split into prompt and reply; "
            "give an explicit 'prompt' column"
        ) from error
    return split_sides(*turns)


def parse_ultrafeedback(row: Row) -> Sides:
    """Splits two whole conversations whose prompt stands beside them as text."""
    prompt = parse_prompt({"prompt": take_text(row, "prompt")})
    chosen, rejected = (parse_messages(_take(row, name), name) for name in ("chosen", "rejected"))
    if all(reply and reply[0]["role"] == "assistant" for reply in (chosen, rejected)):
        return Sides(prompt, chosen, rejected)
    return split_sides(chosen, rejected)


def parse_pku(row: Row) -> Sides:
    """Rewards the response that annotators called better, or safer where only that is known."""
    if "response" in row:
        responses = row["response"]
        if not isinstance(responses, Sequence) or isinstance(responses, str) or len(responses) != 2:
            raise RowError("column 'response' is not a list of two texts")
        named: Row = {"chosen": responses[0], "rejected": responses[1]}
    else:
        has_better = row.get("better_response_id") not in (None, "")  # which is how CSV says none
        column = "better_response_id" if has_better else "safer_response_id"
        better = take_number(row, column)
        if better not in (0, 1):
            raise RowError(f"column {column!r} is neither 0 nor 1")
        responses = [take_text(row, "response_0"), take_text(row, "response_1")]
        named = {"chosen": responses[int(better)], "rejected": responses[1 - int(better)]}
    return Sides(parse_prompt(row), *(make_reply(take_text(named, name)) for name in named))


def parse_sharegpt(row: Row) -> Sides:
    """Reads a conversation and two replies in the names of ShareGPT."""
    parse = partial(parse_messages, role_key="from", content_key="value", roles=SHAREGPT_ROLES)
    prompt = parse(_take(row, "conversations"), "conversations")
    return Sides(prompt, *(parse([_take(row, name)], name) for name in ("chosen", "rejected")))


def make_reply(content: str) -> list[Message]:
    """Makes a reply of one assistant turn."""
    return [Message(role="assistant", content=content)]


def parse_helpsteer_prompt(text: str) -> list[Message]:
    """Splits a prompt of several turns at its markers."""
    first, *rest = HELPSTEER_MARKER.split(text)
    turns = [Message(role="user", content=first)] if first or not rest else []
    for role, content in zip(rest[::2], rest[1::2], strict=True):
        turns.append(Message(role=role.lower(), content=content))
    return turns
