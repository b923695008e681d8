"""What an OpenAI-compatible server sends back for one call."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

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


# More than any call takes; the sum over its repeats still fits the 64 bits of SQLite's integers.
Count = Annotated[int, Field(ge=0, lt=2**53)]


class Usage(BaseModel):
    """Tokens of a call, as the server counted them."""

    prompt_tokens: Count
    completion_tokens: Count


class Completion(BaseModel):
    """What a server sends back; keys that nobody needs are left out."""

    choices: Annotated[list[Choice], Field(min_length=1)]
    usage: Usage | None = None

    @field_validator("usage", mode="wrap")
    @classmethod
    def _forget_unusable(cls, value: object, handler: ValidatorFunctionWrapHandler) -> Usage | None:
        """An answer counts, whatever the server says of its tokens."""
        try:
            usage: Usage | None = handler(value)
        except ValidationError:
            return None
        return usage


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
