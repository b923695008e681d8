"""Calls to an OpenAI-compatible server: many at once, tried again, each ending with an answer."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, Field, ValidationError

from valuedata.errors import LabelError
from valuedata.labelling.answers import INVALID, Answer, InvalidAnswerError, read_answer
from valuedata.labelling.keys import OWN_KEY, find_key, is_openai
from valuedata.labelling.rubric import Rubric
from valuedata.settings import LlmSettings

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI, Omit

__all__ = ["ask_all", "require_client"]

Keep = Callable[[Mapping[bytes, Answer]], None]
Requests = Mapping[bytes, Sequence[Mapping[str, str]]]

CUT_OFF: Final = "answer cut off"
EMPTY: Final = "empty answer"
RATE_LIMITED: Final = "rate limited"
REFUSED: Final = "request refused"
SERVER_ERROR: Final = "server error"
BROKEN: Final = "connection broken"
TIMED_OUT: Final = "timed out"

STOP_AFTER = 50
"""Replies without an answer, one after the other, from which on the fault is not theirs."""
LONGEST_WAIT_S = 120.0
"""Longest Retry-After that the client waits for. Source: openai 3, MAX_RETRY_AFTER_DELAY."""
EXCERPT = 200


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int


class _Completion(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage | None = None


class _FailedCallError(Exception):
    """A call without an answer; `reason` is short and counted, `detail` is for a person."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def require_client() -> None:
    """Makes sure that the package which calls servers is there.

    Raises:
        LabelError: If it is not.
    """
    try:
        import openai  # noqa: F401
    except ImportError as error:
        raise LabelError(
            "The extractor llm needs the package openai; run pip install 'valuedata[llm]'."
        ) from error


def ask_all(
    requests: Requests,
    rubric: Rubric,
    settings: LlmSettings,
    keep: Keep,
    failed_before: frozenset[bytes] = frozenset(),
) -> None:
    """Asks a server about replies, and hands on what came of each as soon as it is there.

    Args:
        requests: Digest to the messages of the call.
        rubric: What is asked.
        settings: Which model on which server, and how patiently.
        keep: Takes answers by their digests; every digest of the requests comes once.
        failed_before: Digests whose failure says nothing of the server.

    Raises:
        LabelError: If the server cannot be reached, refuses the key or does not know the model, or
            if `STOP_AFTER` replies in a row failed; those are not handed on.
    """
    if requests:
        _run(_ask_all(requests, _Run(rubric, settings, keep, failed_before)))


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine to its end, in a thread of its own where a notebook's loop has this one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
    else:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, work).result()


@dataclass
class _Run:
    """One run of calls; failures are held back until an answer shows that the server works."""

    rubric: Rubric
    settings: LlmSettings
    keep: Keep
    failed_before: frozenset[bytes]
    held: dict[bytes, Answer] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.settings.base_url or ""

    def settle(self, digest: bytes, answer: Answer, detail: str) -> None:
        if answer.failure is None or digest in self.failed_before:
            self.keep({digest: answer})
            if answer.failure is None:
                self.release()
            return
        self.held[digest] = answer
        if len(self.held) == STOP_AFTER:
            more = f": {detail}" if detail else ""
            raise LabelError(
                f"The server at {self.address} gave no label for {STOP_AFTER} replies in a row "
                f"(last: {answer.failure}{more}); mend the server or the llm settings and run "
                "again, which continues after the last answer."
            )

    def release(self) -> None:
        if self.held:
            self.keep(self.held)
            self.held = {}


async def _ask_all(requests: Requests, run: _Run) -> None:
    from openai import AsyncOpenAI, Omit

    key = find_key(run.address)
    client = AsyncOpenAI(
        base_url=run.address,
        api_key=key or "none",
        timeout=run.settings.timeout_s,
        max_retries=run.settings.max_retries,
    )
    # The client takes these from the environment for any server; they are OpenAI's alone.
    foreign = ("OpenAI-Organization", "OpenAI-Project")
    headers = {} if is_openai(run.address) else {name: Omit() for name in foreign}
    headers |= {} if key else {"Authorization": Omit()}
    queue = iter(requests.items())

    async def work() -> None:
        for digest, messages in queue:
            answer, detail = await _ask_one(client, headers, messages, run)
            run.settle(digest, answer, detail.replace(key, "…") if key else detail)

    try:
        async with client, asyncio.TaskGroup() as group:
            for _ in range(min(run.settings.concurrency, len(requests))):
                group.create_task(work())
    except BaseExceptionGroup as errors:  # many calls may end at the same wall; one says it
        raise errors.exceptions[0] from None
    run.release()


async def _ask_one(
    client: "AsyncOpenAI",
    headers: Mapping[str, "Omit"],
    messages: Sequence[Mapping[str, str]],
    run: _Run,
) -> tuple[Answer, str]:
    """What came of a reply, and what a person may want to know of a failure."""
    usages: list[_Usage | None] = []
    reason, detail = INVALID, ""
    for repeat in range(run.settings.max_repeats + 1):
        try:
            completion = await _call(client, headers, _make_body(messages, run, repeat), run)
            usages.append(completion.usage)
            content = _read_content(completion.choices[0])
            read_answer(content, run.rubric)
        except InvalidAnswerError as error:
            reason = str(error)
        except _FailedCallError as error:
            reason, detail = error.reason, error.detail
            break
        else:
            return Answer(content, None, *_add(usages)), ""
    return Answer(None, reason, *_add(usages)), detail


def _make_body(messages: Sequence[Mapping[str, str]], run: _Run, repeat: int) -> dict[str, Any]:
    return {
        "model": run.settings.model,
        "messages": list(messages),
        "temperature": run.settings.temperature,
        "seed": run.settings.seed + repeat,
        "max_tokens": run.settings.max_tokens,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "values", "strict": True, "schema": run.rubric.schema},
        },
    }


async def _call(
    client: "AsyncOpenAI", headers: Mapping[str, "Omit"], body: dict[str, Any], run: _Run
) -> _Completion:
    """One call with all its attempts; a server that drips a byte now and then is cut off too."""
    from httpx2 import ConnectError, ConnectTimeout
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    limit = (run.settings.max_retries + 1) * (run.settings.timeout_s + LONGEST_WAIT_S)
    try:
        async with asyncio.timeout(limit):
            raw = await client.chat.completions.with_raw_response.create(
                **body, extra_headers=headers
            )
        return _Completion.model_validate_json(raw.content)
    except ValidationError as error:
        raise InvalidAnswerError(INVALID) from error
    except TimeoutError as error:
        raise _FailedCallError(TIMED_OUT) from error
    except APIConnectionError as error:
        if isinstance(error.__cause__, ConnectError | ConnectTimeout):
            raise LabelError(
                f"The server at {run.address} cannot be reached ({error.__cause__}); start it or "
                "mend --llm-base-url and run again, which continues after the last answer."
            ) from error
        is_late = isinstance(error, APITimeoutError)
        raise _FailedCallError(TIMED_OUT if is_late else BROKEN) from error
    except APIStatusError as error:
        raise _explain_status(error, run) from error


def _explain_status(error: "APIStatusError", run: _Run) -> LabelError | _FailedCallError:
    status = error.status_code
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return LabelError(
            f"The server at {run.address} refuses the key (HTTP {status}); set the environment "
            f"variable {OWN_KEY} to one that it knows."
        )
    if status == HTTPStatus.NOT_FOUND:
        return LabelError(
            f"The server at {run.address} does not know the model {run.settings.model!r} or has no "
            f"chat/completions (HTTP {status}); mend --llm-model or --llm-base-url."
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _FailedCallError(RATE_LIMITED)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _FailedCallError(SERVER_ERROR)
    said = " ".join(error.response.text.split())[:EXCERPT]
    return _FailedCallError(REFUSED, f"HTTP {status} {said}")


def _read_content(choice: _Choice) -> str:
    if choice.finish_reason == "length":
        raise InvalidAnswerError(CUT_OFF)
    if not choice.message.content:
        raise InvalidAnswerError(EMPTY)
    return choice.message.content


def _add(usages: Sequence[_Usage | None]) -> tuple[int | None, int | None]:
    """Tokens sent and answered; None where no attempt, or not every one, was counted."""
    counted = [usage for usage in usages if usage is not None]
    if not counted or len(counted) < len(usages):
        return None, None
    return sum(u.prompt_tokens for u in counted), sum(u.completion_tokens for u in counted)
