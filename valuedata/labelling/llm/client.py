"""Calls to an OpenAI-compatible server: many at once, tried again, each ending with an answer."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from pydantic import ValidationError

from valuedata.errors import LabelError
from valuedata.intake.pairs import clean_text
from valuedata.labelling.llm.answers import INVALID, Answer, InvalidAnswerError
from valuedata.labelling.llm.completions import Completion, Usage, add_usages
from valuedata.labelling.llm.connection import connect
from valuedata.labelling.llm.failures import (
    BROKEN,
    RATE_LIMITED,
    REFUSED,
    SERVER_ERROR,
    SERVER_FAILURES,
    TIMED_OUT,
    FailedCallError,
)
from valuedata.labelling.llm.form import Form
from valuedata.labelling.llm.keys import OWN_KEY, find_key, is_openai
from valuedata.settings import LlmSettings

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI, Omit

__all__ = ["ask_all", "require_client"]

Keep = Callable[[Mapping[bytes, Answer]], None]
Requests = Mapping[bytes, Sequence[Mapping[str, str]]]

STOP_AFTER = 50
"""Replies without an answer, one after the other, from which on the fault is not theirs."""
LONGEST_WAIT_S = 120.0
"""Longest Retry-After that the client waits for. Source: openai 3, MAX_RETRY_AFTER_DELAY."""
SECONDS_A_BATCH = 1.0
EXCERPT = 200


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
    form: Form,
    settings: LlmSettings,
    keep: Keep,
    failed_before: frozenset[bytes] = frozenset(),
) -> None:
    """Asks a server about replies, and hands on what came of each as soon as it is there.

    Args:
        requests: Digest to the messages of the call.
        form: How it is asked, and what an answer is.
        settings: Which model on which server, and how patiently.
        keep: Takes answers by their digests; every digest of the requests comes once.
        failed_before: Digests that failed in an earlier run: that they fail again says nothing of
            the server, unless the reason is one of `SERVER_FAILURES`.

    Raises:
        LabelError: If the server cannot be reached, refuses the key or does not know the model, or
            if `STOP_AFTER` replies in a row failed; those are not handed on.
    """
    if requests:
        _run(_ask_all(requests, _Run(form, settings, keep, failed_before)))


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
    """One run of calls.

    Failures are held until an answer shows that the server works; what is done is handed on about
    once a second, since every hand-over waits for the disk.
    """

    form: Form
    settings: LlmSettings
    keep: Keep
    failed_before: frozenset[bytes]
    held: dict[bytes, Answer] = field(default_factory=dict)
    done: dict[bytes, Answer] = field(default_factory=dict)
    has_answers: bool = False
    handed_on: float = field(default_factory=time.monotonic)

    @property
    def address(self) -> str:
        return self.settings.base_url or ""

    @cached_property
    def key(self) -> str | None:
        return find_key(self.address)

    def quote(self, text: str) -> str:
        """The begin of a text that the server wrote, on one line and without the key."""
        whole = text.replace(self.key, "…") if self.key else text
        return " ".join(clean_text(whole).split())[:EXCERPT]

    def settle(self, digest: bytes, answer: Answer, detail: str) -> None:
        if answer.failure is None:
            self.has_answers = True
            self.done |= self.held | {digest: answer}
            self.held = {}
        elif digest in self.failed_before and answer.failure not in SERVER_FAILURES:
            self.done[digest] = answer
        else:
            self.held[digest] = answer
            self.stop_where_all_fail(answer, detail)
        if time.monotonic() - self.handed_on > SECONDS_A_BATCH:
            self.hand_on()

    def stop_where_all_fail(self, last: Answer, detail: str) -> None:
        if len(self.held) < STOP_AFTER:
            return
        more = f": {detail}" if detail else ""
        raise LabelError(
            f"The server at {self.address} gave no {self.form.wanted} for {STOP_AFTER} "
            f"{self.form.asked} in a row (last: {last.failure}{more}); mend the server or the llm "
            "settings and run again, which continues after the last answer."
        )

    def hand_on(self) -> None:
        if self.done:
            self.keep(self.done)
        self.done, self.handed_on = {}, time.monotonic()


async def _ask_all(requests: Requests, run: _Run) -> None:
    from openai import Omit

    key = run.key
    client = connect(run.settings, key, run.form.address_option)
    # The client takes these from the environment for any server; they are OpenAI's alone.
    foreign = ("OpenAI-Organization", "OpenAI-Project")
    headers = {} if is_openai(run.address) else {name: Omit() for name in foreign}
    headers |= {} if key else {"Authorization": Omit()}
    queue = iter(requests.items())

    async def work() -> None:
        for digest, messages in queue:
            answer, detail = await _ask_one(client, headers, (digest, messages), run)
            run.settle(digest, answer, detail)

    try:
        async with client, asyncio.TaskGroup() as group:
            for _ in range(min(run.settings.concurrency, len(requests))):
                group.create_task(work())
    except BaseExceptionGroup as errors:  # many calls may end at the same wall; one says it
        raise errors.exceptions[0] from None
    finally:
        run.hand_on()
    run.done = run.held
    run.hand_on()


async def _ask_one(
    client: "AsyncOpenAI",
    headers: Mapping[str, "Omit"],
    request: tuple[bytes, Sequence[Mapping[str, str]]],
    run: _Run,
) -> tuple[Answer, str]:
    """What came of a reply, and what a person may want to know of a failure."""
    usages: list[Usage | None] = []
    reason, detail = INVALID, ""
    for repeat in range(run.settings.max_repeats + 1):
        try:
            completion = await _call(client, headers, _make_body(request, run, repeat), run)
            usages.append(completion.usage)
            content = run.form.read(completion.choices[0])
        except InvalidAnswerError as error:
            reason = str(error)
        except FailedCallError as error:
            reason, detail = error.reason, error.detail
            break
        else:
            return Answer(content, None, *add_usages(usages)), ""
    return Answer(None, reason, *add_usages(usages)), detail


def _make_body(
    request: tuple[bytes, Sequence[Mapping[str, str]]], run: _Run, repeat: int
) -> dict[str, Any]:
    digest, messages = request
    return {
        "model": run.settings.model,
        "messages": list(messages),
        "temperature": run.settings.temperature,
        "seed": run.form.seeds.get(digest, run.settings.seed) + repeat,
        "max_tokens": run.settings.max_tokens,
        **run.form.body,
    }


async def _call(
    client: "AsyncOpenAI", headers: Mapping[str, "Omit"], body: dict[str, Any], run: _Run
) -> Completion:
    """One call with all its attempts; a server that drips a byte now and then is cut off too."""
    from httpx2 import ConnectError, ConnectTimeout
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    limit = (run.settings.max_retries + 1) * (run.settings.timeout_s + LONGEST_WAIT_S)
    try:
        async with asyncio.timeout(limit):
            raw = await client.chat.completions.with_raw_response.create(
                **body, extra_headers=headers
            )
        return Completion.model_validate_json(raw.content)
    except ValidationError as error:
        raise InvalidAnswerError(INVALID) from error
    except TimeoutError as error:
        raise FailedCallError(TIMED_OUT) from error
    except APIConnectionError as error:
        cause = error.__cause__
        is_silent = isinstance(cause, ConnectTimeout) and not run.has_answers
        if is_silent or isinstance(cause, ConnectError):
            raise LabelError(
                f"The server at {run.address} cannot be reached ({str(cause) or 'it is silent'}); "
                f"start it or mend {run.form.address_option} and run again, which continues after "
                "the last answer."
            ) from error
        is_late = isinstance(error, APITimeoutError)
        raise FailedCallError(TIMED_OUT if is_late else BROKEN) from error
    except APIStatusError as error:
        raise _explain_status(error, run) from None  # what the server says may hold the key


def _explain_status(error: "APIStatusError", run: _Run) -> LabelError | FailedCallError:
    status = error.status_code
    # Some providers forbid single texts, and say so with the status of a wrong key.
    if status == HTTPStatus.UNAUTHORIZED or (
        status == HTTPStatus.FORBIDDEN and not run.has_answers
    ):
        return LabelError(
            f"The server at {run.address} refuses the key (HTTP {status}); set the environment "
            f"variable {OWN_KEY} to one that it knows."
        )
    if status == HTTPStatus.NOT_FOUND:
        return LabelError(
            f"The server at {run.address} does not know the model {run.settings.model!r} or has no "
            f"chat/completions (HTTP {status}); mend {run.form.model_option} or "
            f"{run.form.address_option}."
        )
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        place = urljoin(str(error.request.url), error.response.headers.get("Location", ""))
        return LabelError(
            f"The server at {run.address} redirects to "
            f"{run.quote(place.removesuffix('/chat/completions'))} (HTTP {status}), where nothing "
            f"was sent; name that address by {run.form.address_option} if you trust it."
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return FailedCallError(RATE_LIMITED)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FailedCallError(SERVER_ERROR)
    return FailedCallError(REFUSED, f"HTTP {status} {run.quote(error.response.text)}")
