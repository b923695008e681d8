"""Turns of a conversation to the prompt and the two replies of a pair, split between turns only."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from valuedata.schema import Message

__all__ = [
    "PARTED_AT_USER",
    "Discard",
    "ParsedPair",
    "RowError",
    "Sides",
    "check_encodable",
    "check_sides",
    "clean_text",
    "is_transcript",
    "make_discard",
    "parse_messages",
    "parse_transcript",
    "split_sides",
]

ROLES = ("system", "user", "assistant")
TRANSCRIPT_ROLES = {"Human": "user", "Assistant": "assistant"}
PARTED_AT_USER = "the sides part at a user turn"

# A marker opens a paragraph; "Human:" inside a paragraph is text that a filter may judge.
# Source: Bai et al. 2022, arXiv 2204.05862, and the data set's card.
TURN_MARKER = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):")

EXCERPT_CHARACTERS = 200


class Sides(NamedTuple):
    """A prompt and the two replies to it, none of which repeats the prompt."""

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]


@dataclass(frozen=True)
class ParsedPair:
    """A raw row that became a pair.

    Attributes:
        source_row: Index of the raw row within its source, from 0; the first of joined ones.
        source_id: The row's own identifier, where it carries one.
        prompt: Messages before the replies; the last is the user's.
        chosen: The chosen reply; begins and ends with an assistant turn.
        rejected: The rejected reply; begins and ends with an assistant turn.
        scores: Quality of the chosen and of the rejected reply, where the row scores both.
    """

    source_row: int
    source_id: str | None
    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    scores: tuple[float, float] | None = None


@dataclass(frozen=True)
class Discard:
    """A raw row that became no pair of its own.

    Attributes:
        source_row: Index of the raw row within its source, from 0.
        source_id: The row's own identifier, where it carries one.
        reason: Why, in words that many rows can share.
        is_bad: Whether the row is malformed, and so counts against the allowed share of bad rows.
        excerpt: The row's beginning, in text that UTF-8 can encode and a terminal can show.
    """

    source_row: int
    source_id: str | None
    reason: str
    is_bad: bool
    excerpt: str


class RowError(Exception):
    """A row that makes no pair; caught where rows are converted, never shown as it is.

    Attributes:
        is_bad: Whether the row is malformed.
    """

    def __init__(self, reason: str, *, is_bad: bool = True) -> None:
        super().__init__(reason)
        self.is_bad = is_bad


def make_discard(
    source_row: int,
    source_id: str | None,
    reason: str,
    content: object,
    *,
    is_bad: bool,
) -> Discard:
    """Makes a discard with an excerpt of the row's content."""
    try:
        text = (
            content
            if isinstance(content, str)
            else json.dumps(content, ensure_ascii=False, default=str)
        )
    except RecursionError:
        text = "nested too deeply to be shown"
    excerpt = text[:EXCERPT_CHARACTERS].encode("utf-8", "backslashreplace").decode("utf-8")
    return Discard(source_row, source_id, reason, is_bad, clean_text(excerpt))


def clean_text(text: str) -> str:
    """Replaces control characters, line ends among them, by spaces, so that text can be shown."""
    return "".join(char if char.isprintable() else " " for char in text)


def is_transcript(text: str) -> bool:
    """Whether text begins with a turn marker, so that `parse_transcript` can split it."""
    return TURN_MARKER.match(text) is not None


def parse_transcript(text: str) -> list[Message]:
    r"""Splits a transcript at its turn markers "\n\nHuman:" and "\n\nAssistant:".

    White space around a turn is stripped, and lines may end as on Windows. Consecutive turns of one
    role are joined by an empty line, because chat templates demand roles that alternate.

    Args:
        text: The transcript.

    Returns:
        The turns, of alternating roles; their content may be empty.

    Raises:
        RowError: If the text does not begin with a turn marker.
    """
    if not is_transcript(text):
        raise RowError("a transcript does not begin with 'Human:' or 'Assistant:'")
    text = text.replace("\r\n", "\n")
    markers = list(TURN_MARKER.finditer(text))
    ends = [marker.start() for marker in markers[1:]] + [len(text)]
    turns: list[Message] = []
    for marker, end in zip(markers, ends, strict=True):
        role = TRANSCRIPT_ROLES[marker.group(1)]
        content = text[marker.end() : end].strip()
        if turns and turns[-1]["role"] == role:
            joined = "\n\n".join(part for part in (turns[-1]["content"], content) if part)
            turns[-1] = Message(role=role, content=joined)
        else:
            turns.append(Message(role=role, content=content))
    return turns


def parse_messages(
    value: object,
    column: str,
    *,
    role_key: str = "role",
    content_key: str = "content",
    roles: Mapping[str, str] | None = None,
) -> list[Message]:
    """Reads a list of messages, leaving their content as it is.

    Args:
        value: The raw value.
        column: Where it stands, for the reason.
        role_key: Key of a message's role.
        content_key: Key of a message's content.
        roles: The format's role names to ours; None where they are ours.

    Raises:
        RowError: If the value is no list of messages with known roles and text.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise RowError(f"column {column!r} is not a list of messages")
    known = roles if roles is not None else {role: role for role in ROLES}
    messages = []
    for turn in value:
        if not isinstance(turn, Mapping) or not {role_key, content_key} <= set(turn):
            raise RowError(f"a message in {column!r} lacks {role_key!r} or {content_key!r}")
        if not isinstance(turn[role_key], str) or turn[role_key] not in known:
            raise RowError(f"a message in {column!r} has a role other than {', '.join(known)}")
        if not isinstance(turn[content_key], str):
            raise RowError(f"a message in {column!r} has content that is not text")
        messages.append(Message(role=known[turn[role_key]], content=turn[content_key]))
    return messages


def split_sides(chosen: list[Message], rejected: list[Message]) -> Sides:
    """Takes the turns that two conversations share as the prompt.

    The prompt is cut back to its last user turn, so that an assistant turn that both sides share
    right before they part, or that ends two identical sides, stays in the replies.

    Args:
        chosen: The whole conversation on the chosen side.
        rejected: The whole conversation on the rejected side.

    Raises:
        RowError: If the sides part at a turn that is not the assistant's.
    """
    n_shared = 0
    for left, right in zip(chosen, rejected, strict=False):
        if left != right:
            break
        n_shared += 1
    parting = [side[n_shared]["role"] for side in (chosen, rejected) if n_shared < len(side)]
    if any(role != "assistant" for role in parting):
        raise RowError(PARTED_AT_USER, is_bad=False)
    while n_shared and chosen[n_shared - 1]["role"] == "assistant":
        n_shared -= 1
    return Sides(chosen[:n_shared], chosen[n_shared:], rejected[n_shared:])


def check_sides(sides: Sides) -> None:
    """Checks what every pair promises.

    Raises:
        RowError: If the prompt does not end in a user turn, a reply does not begin and end with an
            assistant turn, or a text cannot be encoded.
    """
    if not sides.prompt or sides.prompt[-1]["role"] != "user":
        raise RowError("the prompt does not end in a user turn")
    for name, reply in (("chosen", sides.chosen), ("rejected", sides.rejected)):
        if not reply or reply[0]["role"] != "assistant":
            raise RowError(f"the {name} side has no assistant turn after the prompt")
        if reply[-1]["role"] != "assistant":
            raise RowError(f"the {name} side does not end in an assistant turn")
    check_encodable(message["content"] for messages in sides for message in messages)


def check_encodable(texts: Iterable[str]) -> None:
    """Checks that texts can be written as UTF-8.

    Raises:
        RowError: If one cannot.
    """
    for text in texts:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise RowError("a text holds half of a surrogate pair") from error
