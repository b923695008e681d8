"""The connection to the Hub: who is logged in, what its errors mean, and when to try again."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import TypeVar

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from valuedata.errors import HubError, HubUnreachableError
from valuedata.intake.sources import TRANSPORT_ERROR

__all__ = ["DATASET", "check_login", "connect", "keep_trying", "name_failures"]

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

DATASET = "dataset"
FIRST_WAIT = 1.0  # seconds; each further one is twice as long
LONGEST_WAIT = 16.0
BUSY = (408, 429)
TAKEN = 409
LOST: tuple[type[BaseException], ...] = (
    TRANSPORT_ERROR,
    ConnectionError,
    TimeoutError,
    LocalEntryNotFoundError,  # a download that broke and is not in the cache
    json.JSONDecodeError,  # an answer by something in between
)
FULL = "LFS batch API returned errors"
"""What the Hub's client says where the Hub takes no more files; it has no class of its own.

Source: huggingface_hub 2.4, `_commit_api.py`, `_upload_files`.
"""
WHOLE = "holds the old release or the new one, whole: run the same command again"
UNTOUCHED = "is as it was"


def connect() -> HfApi:
    """A client with the token of the environment or of the Hub's login, where there is one.

    Raises:
        HubError: If the token cannot be sent.
    """
    token = get_token()
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise HubError(
            "The Hub's token holds characters that no token has; set HF_TOKEN anew or log in "
            "again with 'hf auth login'."
        )
    return HfApi(token=token, library_name="valuedata", library_version=version("valuedata"))


def check_login(api: HfApi) -> str:
    """The name of the account that the token belongs to.

    Raises:
        HubError: If there is no token, or the Hub does not know it.
        HubUnreachableError: If the Hub does not answer.
    """
    if not api.token:
        raise HubError(
            "You are not logged in to the Hub; run 'hf auth login', or set HF_TOKEN to a token "
            "that may write."
        )
    with name_failures(api, "the Hub", "tell who is logged in"):
        return str(api.whoami()["name"])


def keep_trying(action: Callable[[], Result], seconds: float) -> Result:
    """Repeats an action that leaves nothing half done while the Hub does not answer.

    Args:
        action: What to do, from its start.
        seconds: How long after the first failure it is begun again.

    Raises:
        HubUnreachableError: If it failed for that long.
    """
    wait, deadline = FIRST_WAIT, None
    while True:
        try:
            return action()
        except HubUnreachableError as error:
            now = time.monotonic()
            deadline = now + seconds if deadline is None else deadline
            if now + wait > deadline:
                raise
            logger.warning("%s; trying again in %g s.", str(error).partition(";")[0], wait)
        time.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)


@contextmanager
def name_failures(api: HfApi, name: str, what: str, done: Sequence[str] = ()) -> Iterator[None]:
    """Turns every error of the Hub into one sentence, and leaves the program's own alone.

    Args:
        api: The client, whose token no sentence holds.
        name: The data set.
        what: What is being done, to follow "to".
        done: What is true of the data set by now and was not before, each to follow its name.

    Raises:
        HubUnreachableError: If the same may work later.
        HubError: If it will not.
    """
    try:
        yield
    except (HfHubHTTPError, TRANSPORT_ERROR, OSError, RuntimeError, ValueError) as error:
        told = _explain(error, name, what)
        if told is None:
            raise
        text = str(told)
        if done:
            kept = text.removesuffix(f"; {name} {UNTOUCHED}.").removesuffix(".")
            text = f"{kept}; {name} {' and '.join(done)}."
        raise type(told)(text.replace(str(api.token), "(token)") if api.token else text) from error


def _explain(error: BaseException, name: str, what: str) -> HubError | None:
    """What an error means; None where it is none of the Hub's."""
    cause = error.__cause__
    is_answer = isinstance(error, HfHubHTTPError) and not isinstance(error, LocalEntryNotFoundError)
    wraps = isinstance(error, (RuntimeError, ValueError, LocalEntryNotFoundError))
    if wraps and not is_answer and isinstance(cause, (TRANSPORT_ERROR, OSError)):
        error = cause  # so the client tells of an upload, a card or a download that failed
    if isinstance(error, HfHubHTTPError):
        return _explain_status(error, name, what)
    reason = _shorten(error)
    if isinstance(error, OfflineModeIsEnabled):
        return HubError(f"HF_HUB_OFFLINE is set, which forbids to {what}; unset it.")
    if isinstance(error, LOST):
        return HubUnreachableError(
            f"The connection to the Hub broke ({reason}) when it was asked to {what}; {name} "
            f"{WHOLE}."
        )
    if isinstance(error, HFValidationError) or reason.startswith(FULL):
        said = reason.removeprefix(f"{FULL}:; ")
        return HubError(f"The Hub refuses to {what} ({said}); {name} {UNTOUCHED}.")
    if isinstance(error, OSError):
        return HubError(
            f"An attempt to {what} failed ({reason}); mend that and run the same command again."
        )
    return None


def _explain_status(error: HfHubHTTPError, name: str, what: str) -> HubError:
    status = error.response.status_code
    said = _shorten(error.server_message or error)
    namespace = name.partition("/")[0]
    if isinstance(error, GatedRepoError):
        text = f"{name} is gated; accept its terms on its page, and log in with 'hf auth login'."
    elif isinstance(error, RevisionNotFoundError):
        text = f"{name} has no such revision; give a branch, tag or commit that it has."
    elif isinstance(error, RepositoryNotFoundError):
        text = (
            f"{name} is not on the Hub, or your token may not see it; check the name, or log in "
            "with 'hf auth login'."
        )
    elif status == TAKEN and what == f"create {name}":
        text = f"{name} is taken, and your token may not see by whom ({said}); give another name."
    elif status in BUSY or status >= 500:
        return HubUnreachableError(
            f"The Hub answered {status} ({said}) when asked to {what}; {name} {WHOLE}."
        )
    else:
        reasons = {
            401: "The Hub does not know this token; log in again with 'hf auth login', or set "
            "HF_TOKEN to a valid one.",
            403: f"The token may not {what} ({said}); use one that may write to {namespace}, or "
            "a name of your own.",
            412: f"{name} was changed by someone else meanwhile, and no file of yours was written; "
            "look at it and push again.",
        }
        text = reasons.get(
            status, f"The Hub refuses to {what} ({status}: {said}); {name} {UNTOUCHED}."
        )
    return HubError(text)


def _shorten(error: object) -> str:
    """What was said, on one line that ends no sentence."""
    lines = [line.strip(" -").rstrip(".") for line in str(error).splitlines()]
    told = "; ".join(line for line in lines if line)
    return told.replace(". ", "; ") or type(error).__name__
