"""Models behind an OpenAI-compatible server as arms."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.generation.generate import GenerationSettings, Keep, Request
from valuedata.errors import EvaluationError
from valuedata.labelling.llm.answers import Answer
from valuedata.labelling.llm.client import ask_all
from valuedata.labelling.llm.completions import Choice
from valuedata.labelling.llm.form import Form
from valuedata.settings import LlmSettings

__all__ = ["ServerModel"]


@dataclass(frozen=True)
class ServerModel:
    """A model on a server; the server applies the chat template, so it must be the same for all.

    Attributes:
        settings: The server, the model's name there, and how patiently it is asked.
        round: Number of the round in which it is asked.
    """

    settings: LlmSettings
    round: int = 0

    @property
    def identity(self) -> Mapping[str, Any]:
        """The server's address and the model's name; a server says no more of its weights."""
        server = {"server": self.settings.base_url, "model": self.settings.model}
        return server | ({"round": self.round} if self.round else {})

    def generate(
        self, requests: Sequence[Request], settings: GenerationSettings, keep: Keep
    ) -> None:
        """Replies to requests, many at once.

        Raises:
            LabelError: If the server cannot be used.
            EvaluationError: If it gave no reply to some; those are asked about again next time.
        """
        failures: dict[bytes, str] = {}

        def sort(answers: Mapping[bytes, Answer]) -> None:
            failures.update({key: a.failure for key, a in answers.items() if a.failure is not None})
            keep({key: answer for key, answer in answers.items() if answer.failure is None})

        chosen = {
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
            "seed": settings.seed,
            "max_repeats": 0,
        }
        form = Form(
            body={},
            read=_read,
            seeds={request.key: request.seed for request in requests},
            wanted="reply",
            asked="prompts",
            model_option="the model's name",
            address_option="--server",
        )
        messages = {request.key: request.messages for request in requests}
        ask_all(messages, form, self.settings.model_copy(update=chosen), sort)
        if failures:
            last = list(failures.values())[-1]
            raise EvaluationError(
                f"The server at {self.settings.base_url} gave no reply to {len(failures):,} of "
                f"{len(requests):,} prompts (last: {last}); run again, which asks these alone."
            )

    def release(self) -> None:
        """Has no memory to give back."""


def _read(choice: Choice) -> str:
    """A reply; one that is cut off or empty is a reply, too."""
    finish = "length" if choice.finish_reason == "length" else "stop"
    content = {"reply": choice.message.content or "", "finish": finish}
    return json.dumps(content, ensure_ascii=False)
