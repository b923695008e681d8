"""What the groups of a recipe's settings have in common, and the group of the language model."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from valuedata.seeds import MAX_SEED

__all__ = ["SENTENCE", "LlmSettings", "Settings", "check_extractor"]

SENTENCE = "sentence"
"""Type of a validation error whose message says all; the value stays unsaid, it may be secret."""


class Settings(BaseModel):
    """Frozen settings that reject unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LlmSettings(Settings):
    """The language model that labels, and how its server is asked.

    Attributes:
        model: Name of the model, as the server knows it: printable ASCII without a back quote.
        base_url: Address of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1.
        mode: "closed" asks which of the known values a reply expresses; "open" asks for free words,
            which are then mapped to the known values.
        concurrency: Calls under way at once.
        timeout_s: Seconds that a server may stay silent during one attempt.
        max_retries: Further attempts where the server is busy, fails or stays silent.
        max_repeats: Times that a reply is asked about again after an answer that is not valid.
        max_tokens: Longest answer in tokens; a longer one counts as failed.
        temperature: Randomness of the answers.
        seed: Seed sent to the server; repeat number i sends this plus i.
        price_in: Price of a million tokens sent, in any currency; null where there is none.
        price_out: Price of a million tokens of answers, in the same currency.
        retry_failed: Ask again about replies whose failure an earlier run recorded.
    """

    model: Annotated[str, Field(pattern=r"^[!-_a-~]+( [!-_a-~]+)*$")] | None = None
    base_url: str | None = None
    mode: Literal["closed", "open"] = "closed"
    concurrency: Annotated[int, Field(ge=1, le=1_000)] = 16
    timeout_s: Annotated[float, Field(gt=0.0)] = 60.0
    max_retries: Annotated[int, Field(ge=0, le=100)] = 5
    max_repeats: Annotated[int, Field(ge=0, le=100)] = 1
    max_tokens: Annotated[int, Field(ge=1)] = 256
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.0
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    price_in: Annotated[float, Field(ge=0.0)] | None = None
    price_out: Annotated[float, Field(ge=0.0)] | None = None
    retry_failed: bool = False

    @field_validator("base_url")
    @classmethod
    def _check_address(cls, address: str | None) -> str | None:
        if address is None:
            return None
        try:
            parts = urlsplit(address)
            is_whole = (
                parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
            )
        except ValueError:
            parts, is_whole = urlsplit(""), False
        if "@" in parts.netloc:
            raise PydanticCustomError(
                SENTENCE,
                "holds a user or a password; take them out and put a key into the environment "
                "variable VALUEDATA_LLM_KEY",
            )
        if not is_whole or parts.query or parts.fragment or not address.isprintable():
            raise PydanticCustomError(
                SENTENCE,
                "is not the address of a server; give one such as http://127.0.0.1:8000/v1, "
                "without ? and #",
            )
        return address.rstrip("/")

    @model_validator(mode="after")
    def _price_both(self) -> Self:
        if (self.price_in is None) != (self.price_out is None):
            raise PydanticCustomError(
                SENTENCE, "has one price of two; give price_in and price_out, or neither"
            )
        return self


def check_extractor(
    extractor: Literal["classifier", "llm"], weights: str | None, llm: LlmSettings
) -> None:
    """Refuses settings of an extractor that is not chosen, and a language model that lacks some.

    Args:
        extractor: The chosen one.
        weights: Folder with the classifier's weights, where one is given.
        llm: The language model.

    Raises:
        PydanticCustomError: For the validation of the recipe to turn into a sentence.
    """
    if extractor == "classifier" and llm != LlmSettings():
        raise PydanticCustomError(
            SENTENCE,
            "describes a language model that nobody asks; give --extractor llm, or leave the llm "
            "settings out",
        )
    if extractor == "llm" and weights is not None:
        raise PydanticCustomError(
            SENTENCE, "names weights, which the extractor llm does not read; leave --weights out"
        )
    if extractor == "llm" and (llm.model is None or llm.base_url is None):
        raise PydanticCustomError(
            SENTENCE,
            "chooses the extractor llm without its model or its server; give --llm-model and "
            "--llm-base-url",
        )
