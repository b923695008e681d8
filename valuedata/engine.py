"""Where a batch function runs: the seam, and the engine that stays on this machine."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import current_process
from typing import Protocol

import loky
import pyarrow as pa

from valuedata.errors import EngineError

__all__ = ["LOCAL", "BatchFunction", "Engine", "LocalEngine"]

N_HERE = 20  # batches that take no longer here than other processes take to start
BATCHES_A_CORE = 2  # on their way at a time, which bounds memory

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
    """Runs a function in this process; where there is much to do, in one process a core."""

    @property
    def is_remote(self) -> bool:
        """Whether the encoder runs in other processes."""
        return False

    def map_batches(
        self,
        make: Callable[[], BatchFunction],
        batches: Iterable[pa.Table],
        *,
        on_gpu: bool = False,  # noqa: ARG002 - the function finds it by itself
    ) -> Iterator[pa.Table]:
        """Runs a function over batches; see `Engine`."""
        function, waiting = make(), iter(batches)
        yield from map(function, islice(waiting, N_HERE))
        if loky.cpu_count() == 1 or current_process().daemon:  # which may have no children
            yield from map(function, waiting)
        for further in waiting:
            yield from _map_beside(function, chain([further], waiting), loky.cpu_count())


def _map_beside(
    function: BatchFunction, batches: Iterable[pa.Table], n_processes: int
) -> Iterator[pa.Table]:
    """Runs a function over batches in processes of their own, which end with the last batch."""
    processes = loky.ProcessPoolExecutor(n_processes)
    running: deque[Future[pa.Table]] = deque()
    try:
        for batch in batches:
            running.append(processes.submit(_run, function, _pack(batch)))
            if len(running) == BATCHES_A_CORE * n_processes:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    except BrokenProcessPool as error:
        raise EngineError(
            "A process that read some of the pairs was killed, most often for want of memory; "
            "free some and run the command again."
        ) from error
    finally:
        processes.shutdown(kill_workers=True)


def _pack(batch: pa.Table) -> pa.Buffer:
    """The batch alone: pickled, a slice would take all along that it is a slice of."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, batch.schema) as writer:
        writer.write_table(batch)
    return stream.getvalue()


def _run(function: BatchFunction, packed: pa.Buffer) -> pa.Table:
    return function(pa.ipc.open_stream(packed).read_all())


LOCAL = LocalEngine()
