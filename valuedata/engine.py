"""Where a batch function runs: the seam, and the engine that stays in this process."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

__all__ = ["LOCAL", "BatchFunction", "Engine", "LocalEngine"]

BatchFunction = Callable[[pa.Table], pa.Table]
"""Takes some rows and returns what it made of each, in their order."""


class Engine(Protocol):
    """Whatever can run a function over batches of rows; where it runs alters no result."""

    @property
    def is_remote(self) -> bool:
        """Whether the function runs in other processes."""
        ...

    def map_batches(
        self,
        make: Callable[[], BatchFunction],
        batches: Iterable[pa.Table],
        *,
        on_gpu: bool = False,
    ) -> Iterator[pa.Table]:
        """Runs a function over batches.

        Args:
            make: Makes the function, once in each process that runs it; what it loads stays there.
            batches: The rows.
            on_gpu: Whether each process needs a GPU of its own.

        Returns:
            The results in the order of the rows, which may be cut into other batches.

        Raises:
            EngineError: If the function cannot be run there.
        """
        ...


@dataclass(frozen=True)
class LocalEngine:
    """Runs a function in this process, one batch after the other."""

    @property
    def is_remote(self) -> bool:
        """Whether the function runs in other processes."""
        return False

    def map_batches(
        self,
        make: Callable[[], BatchFunction],
        batches: Iterable[pa.Table],
        *,
        on_gpu: bool = False,  # noqa: ARG002 - the function finds it by itself
    ) -> Iterator[pa.Table]:
        """Runs a function over batches; see `Engine`."""
        return map(make(), batches)


LOCAL = LocalEngine()
