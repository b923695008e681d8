"""What the arms reply to the prompts: asked once, kept by content, the same for all arms."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol

from pydantic import Field

from evaluation.replies import Reply, Slot
from valuedata.labelling.encoding.cache_folder import find_cache_folder
from valuedata.labelling.llm.answers import REPLIES_FILE, Answer, AnswerCache
from valuedata.seeds import MAX_SEED
from valuedata.settings import Settings

__all__ = [
    "Generated",
    "GenerationSettings",
    "Generator",
    "Keep",
    "Request",
    "generate",
    "make_answer",
    "open_reply_cache",
    "read_answered",
]


class GenerationSettings(Settings):
    """How replies are drawn; the same for all arms.

    Attributes:
        samples: Replies to each prompt.
        temperature: 0 takes the likeliest token each time; above, tokens are drawn.
        seed: Of what is drawn.
        max_tokens: Longest reply in tokens; a longer one is cut off and counted.
        system_prompt: System message before every prompt; empty for none.
    """

    samples: Annotated[int, Field(ge=1, le=1_000)] = 1
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.0
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    max_tokens: Annotated[int, Field(ge=1, le=100_000)] = 256
    system_prompt: str = ""


@dataclass(frozen=True)
class Request:
    """One reply to draw.

    Attributes:
        key: Digest of everything that decides it.
        messages: The conversation, with the system message where there is one.
        seed: Of what is drawn: of this prompt and sample, whatever stands beside it.
    """

    key: bytes
    messages: list[dict[str, str]]
    seed: int


Keep = Callable[[Mapping[bytes, Answer]], None]


class Generator(Protocol):
    """Whatever replies."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything that decides its replies besides prompt and settings, as JSON types."""
        ...

    def generate(
        self, requests: Sequence[Request], settings: GenerationSettings, keep: Keep
    ) -> None:
        """Replies to requests, in any order.

        Args:
            requests: What to reply to.
            settings: How.
            keep: Takes replies by the keys of their requests, a few at a time.

        Raises:
            ValuedataError: If it cannot; what was handed on until then stays.
        """
        ...

    def release(self) -> None:
        """Gives its memory back; it takes it again when it is asked again."""
        ...


class Generated(NamedTuple):
    """What one arm replied.

    Attributes:
        replies: A reply a slot.
        n_kept: How many of them an earlier run kept.
    """

    replies: list[Reply]
    n_kept: int


def generate(
    generator: Generator,
    slots: Sequence[Slot],
    settings: GenerationSettings,
    cache: AnswerCache,
    advance: Callable[[int], None],
) -> Generated:
    """Lets one arm reply to all prompts; what an earlier run kept is not drawn again.

    Args:
        generator: The arm.
        slots: What to reply to.
        settings: How.
        cache: Replies of this run and those before.
        advance: Called with the number of replies done since the last call.

    Returns:
        A reply a slot, and how many are from an earlier run.

    Raises:
        ValuedataError: If the arm cannot reply to all; what it has said until then is kept.
    """
    cache.prepare()
    identity = {**generator.identity, **settings.model_dump(exclude={"samples"})}
    requests = [_make_request(slot, settings, identity) for slot in slots]
    found = cache.find([request.key for request in requests])
    done = {key for key, answer in found.items() if answer.failure is None}
    missing = {request.key: request for request in requests if request.key not in done}
    n_kept = sum(request.key in done for request in requests)
    advance(len(requests) - len(missing))

    def keep(answers: Mapping[bytes, Answer]) -> None:
        cache.store(answers)
        advance(len(answers))

    generator.generate(list(missing.values()), settings, keep)
    generator.release()
    answers = cache.find([request.key for request in requests])
    return Generated([read_answered(answers[request.key]) for request in requests], n_kept)


def make_answer(text: str, finish: str, n_tokens: int | None) -> Answer:
    """A reply as the cache holds it."""
    content = json.dumps({"reply": text, "finish": finish}, ensure_ascii=False)
    return Answer(content, None, None, n_tokens)


def read_answered(answer: Answer) -> Reply:
    """A reply out of the cache."""
    content = json.loads(answer.content or "")
    return Reply(content["reply"], content["finish"], answer.tokens_out)


def open_reply_cache(folder: Path | None = None) -> AnswerCache:
    """The cache of replies in a folder, by default the user's cache folder."""
    return AnswerCache((folder or find_cache_folder()) / REPLIES_FILE)


def _make_request(slot: Slot, settings: GenerationSettings, identity: Mapping[str, Any]) -> Request:
    messages = [dict(turn) for turn in slot.prompt.messages]
    if settings.system_prompt:
        messages.insert(0, {"role": "system", "content": settings.system_prompt})
    drawn = _digest([messages, settings.seed, slot.sample])
    sample = slot.sample if settings.temperature else 0  # greedy replies are all alike
    key = _digest([identity, messages, sample])
    return Request(key, messages, int.from_bytes(drawn[:4], "little") % MAX_SEED)


def _digest(content: object) -> bytes:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
