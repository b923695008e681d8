"""The key of a language model's server, which comes from the environment and goes nowhere else."""

import os
from urllib.parse import urlsplit

from valuedata.errors import LabelError

__all__ = ["OWN_KEY", "find_key", "is_openai"]

OWN_KEY, OPENAI_KEY, OPENAI_HOST = "VALUEDATA_LLM_KEY", "OPENAI_API_KEY", "api.openai.com"


def is_openai(base_url: str) -> bool:
    """Whether a server is OpenAI's own, and nobody on the way to it can listen."""
    parts = urlsplit(base_url)
    return parts.scheme == "https" and parts.hostname == OPENAI_HOST


def find_key(base_url: str) -> str | None:
    """The key for a server, from the environment; None where there is none.

    It is VALUEDATA_LLM_KEY. OPENAI_API_KEY is read for OpenAI's own server alone, over
    https, so that nobody else gets to know it.

    Args:
        base_url: Address of the server.

    Raises:
        LabelError: If the variable holds characters that no key has.
    """
    for name in (OWN_KEY, OPENAI_KEY) if is_openai(base_url) else (OWN_KEY,):
        key = os.environ.get(name, "").strip()
        if not key:
            continue
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise LabelError(
                f"Environment variable {name} holds characters that no key has; set it anew."
            )
        return key
    return None
