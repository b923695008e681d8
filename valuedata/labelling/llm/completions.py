"""What an OpenAI-compatible server sends back for one call."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, Field

from valuedata.labelling.llm.answers import InvalidAnswerError

__all__ = ["Choice", "Completion", "Usage", "add_usages", "read_content"]

CUT_OFF: Final = "answer cut off"
EMPTY: Final = "empty answer"


class _Message(BaseModel):
    content: str | None = None


class Choice(BaseModel):
    """One answer, and why it ended."""

    message: _Message
    finish_reason: str | None = None


class Usage(BaseModel):
    """Tokens of a call, as the server counted them."""

    prompt_tokens: int
    completion_tokens: int


class Completion(BaseModel):
    """What a server sends back; keys that nobody needs are left out."""

    choices: Annotated[list[Choice], Field(min_length=1)]
    usage: Usage | None = None


def read_content(choice: Choice) -> str:
    """The text of an answer.

    Raises:
        InvalidAnswerError: If it was cut off or there is none.
    """
    if choice.finish_reason == "length":
        raise InvalidAnswerError(CUT_OFF)
    if not choice.message.content:
        raise InvalidAnswerError(EMPTY)
    return choice.message.content


def add_usages(usages: Sequence[Usage | None]) -> tuple[int | None, int | None]:
    """Tokens sent and answered; None where no attempt, or not every one, was counted."""
    counted = [usage for usage in usages if usage is not None]
    if not counted or len(counted) < len(usages):
        return None, None
    return sum(u.prompt_tokens for u in counted), sum(u.completion_tokens for u in counted)
