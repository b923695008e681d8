"""What the groups of a recipe's settings share, and the groups that not every build has."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from valuedata.seeds import MAX_SEED

__all__ = [
    "EMBEDDING",
    "QUALITY",
    "SENTENCE",
    "IsolationSettings",
    "LlmSettings",
    "Settings",
    "Share",
    "check_extractor",
]

QUALITY, EMBEDDING = "quality", "embedding"
"""What isolation can hold beside values, behaviours and markers, by the names that hold it."""

SENTENCE = "sentence"
"""Type of a validation error whose message says all; the value stays unsaid, it may be secret."""


Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Settings(BaseModel):
    """Frozen settings that reject unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class IsolationSettings(Settings):
    """How a subset is chosen in which the side effects of its value cancel.

    Attributes:
        mode: "subset" takes whole pairs, "weights" gives as many as it can a weight.
        objective: What is largest: the size, or the sum of the target margins.
        hold: Values, behaviours and markers to hold, "quality" for the sources' own scores and
            "embedding" for the leading directions of the replies' vectors. Empty for all of them
            but the target and what is held out.
        held_out: Markers that are not held where `hold` is empty, so that they can tell what
            isolation does to what it does not see.
        tolerance: Largest |mean difference| rewarded - other, in standard deviations.
        min_share: Smallest share that is kept of the candidate pairs that are not banned, or of
            `max_pairs` where that is less; of weights, their effective size.
        n_directions: Leading directions of the vectors that are held; as many more are audited.
        max_weight: Largest weight, where the mean over all candidates is 1.
        ban_unsafe: Leave out pairs whose rewarded reply expresses a value of negative valence other
            than the target.
        audit_labels: File of labels by another extractor, as `valuedata label` writes it, by which
            the choice is audited.

    Source: a tolerance of 0.1 is the usual sign of balance, Austin 2009, "Balance diagnostics",
    Statistics in Medicine 28.
    """

    mode: Literal["subset", "weights"]
    objective: Literal["size", "margin"] = "size"
    hold: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ("questions", "second-person", "hedges")
    tolerance: Annotated[float, Field(gt=0.0, le=10.0)] = 0.1
    min_share: Share = 0.35
    n_directions: Annotated[int, Field(ge=0, le=100)] = 8
    max_weight: Annotated[float, Field(ge=1.0)] = 10.0
    ban_unsafe: bool = False
    audit_labels: str | None = None


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
        if not is_whole or {"?", "#"} & set(address) or not address.isprintable():
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
