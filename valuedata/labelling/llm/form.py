"""How a server is asked, and how its answers are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from valuedata.labelling.llm.completions import Choice

__all__ = ["Form"]


@dataclass(frozen=True)
class Form:
    """What the calls of a run have in common besides the settings.

    Attributes:
        body: Further keys of every request, such as its response format.
        read: Takes an answer out of a choice, as it is kept; raises InvalidAnswerError.
        seeds: Digest to a seed of its own, in place of that of the settings.
        wanted: What an answer is, in an error message.
        asked: What is asked about, in the same.
        model_option: Where the user names the model.
        address_option: Where the user names the server.
    """

    body: Mapping[str, Any]
    read: Callable[[Choice], str]
    seeds: Mapping[bytes, int] = field(default_factory=dict)
    wanted: str = "label"
    asked: str = "replies"
    model_option: str = "--llm-model"
    address_option: str = "--llm-base-url"
