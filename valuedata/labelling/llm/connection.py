"""The connection to a language model's server, and to no other."""

from typing import TYPE_CHECKING

from valuedata.errors import LabelError
from valuedata.settings import LlmSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["connect"]


def connect(settings: LlmSettings, key: str | None, option: str) -> "AsyncOpenAI":
    """Makes the client; calls nobody yet.

    Args:
        settings: Which server, and how patiently it is asked.
        key: Its key, where there is one.
        option: Where the user names the server.

    Raises:
        LabelError: If the address can be no server's.
    """
    from httpx2 import InvalidURL
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    try:
        return AsyncOpenAI(
            base_url=settings.base_url or "",
            api_key=key or "none",
            timeout=settings.timeout_s,
            max_retries=settings.max_retries,
            # A redirect would take prompts and replies to a server that nobody has named.
            http_client=DefaultAsyncHttpxClient(follow_redirects=False),
        )
    except InvalidURL as error:
        raise LabelError(
            f"The server at {settings.base_url} cannot be reached ({error}); mend {option}."
        ) from error
