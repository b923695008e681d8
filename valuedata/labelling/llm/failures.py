"""Why a call to a server has no answer."""

from typing import Final

__all__ = [
    "BROKEN",
    "RATE_LIMITED",
    "REFUSED",
    "SERVER_ERROR",
    "SERVER_FAILURES",
    "TIMED_OUT",
    "FailedCallError",
]

RATE_LIMITED: Final = "rate limited"
REFUSED: Final = "request refused"
SERVER_ERROR: Final = "server error"
BROKEN: Final = "connection broken"
TIMED_OUT: Final = "timed out"
SERVER_FAILURES: Final = frozenset({RATE_LIMITED, SERVER_ERROR, BROKEN, TIMED_OUT})
"""Reasons that are the server's, whatever it was asked about."""


class FailedCallError(Exception):
    """A call without an answer; `reason` is short and counted, `detail` is for a person."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
