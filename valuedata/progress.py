"""How a long stage says how far it is; who shows it is the caller's affair."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

__all__ = ["Advance", "Progress", "show_nothing"]

Advance = Callable[[int], None]
"""Called with the number of rows done since the last call."""

Progress = Callable[[str, int | None], AbstractContextManager[Advance]]
"""Opens a bar for a stage, given its name and its number of rows where that is known."""


@contextmanager
def show_nothing(stage: str, total: int | None) -> Iterator[Advance]:  # noqa: ARG001
    """The silent `Progress`."""
    yield lambda _: None
