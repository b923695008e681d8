"""Where a batch function runs: the seam, and the engine that stays on this machine."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from multiprocessing import current_process
from typing import Protocol

import loky
import pyarrow as pa
from loky.process_executor import TerminatedWorkerError

from valuedata.errors import EngineError

__all__ = ["LOCAL", "BatchFunction", "Engine", "LocalEngine"]

N_HERE = 20  # batches that take no longer here than other processes take to start
BATCHES_A_CORE = 2  # on their way at a time, which bounds memory
SECONDS_IDLE = 60  # after which a process ends by itself, such as one whose parent was killed

BatchFunction = Callable[[pa.Table], pa.Table]
"""Takes some rows and returns what it made of each, in their order."""


class Engine(Protocol):
    """Whatever can run a function over batches of rows; where it runs alters no result."""

    @property
    def is_remote(self) -> bool:
        """Whether the encoder runs in other processes."""
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
        n_cores = loky.cpu_count()
        if n_cores == 1 or current_process().daemon:  # which may have no children
            yield from map(function, waiting)
        first = list(islice(waiting, BATCHES_A_CORE * n_cores))
        if first:
            yield from _map_beside(make, first, waiting, min(n_cores, len(first)))


def _map_beside(
    make: Callable[[], BatchFunction],
    first: Sequence[pa.Table],
    batches: Iterable[pa.Table],
    n_processes: int,
) -> Iterator[pa.Table]:
    """Runs a function in other processes; as many batches as the first ones are on their way."""
    try:
        processes = loky.ProcessPoolExecutor(
            n_processes, timeout=SECONDS_IDLE, initializer=_prepare, initargs=(make,)
        )
        running = deque(processes.submit(_run, _pack(batch)) for batch in first)
    except OSError as error:
        raise EngineError(
            f"No processes can be started beside this one ({error}); set LOKY_MAX_CPU_COUNT=1 to "
            "do without."
        ) from error
    try:
        for batch in batches:
            yield running.popleft().result()
            running.append(processes.submit(_run, _pack(batch)))
        while running:
            yield running.popleft().result()
    except TerminatedWorkerError as error:
        raise EngineError(
            "A process that filters pairs or measures their style was killed, most often for want "
            "of memory; free some, or set LOKY_MAX_CPU_COUNT to fewer processes."
        ) from error
    finally:
        for waiting in running:
            waiting.cancel()
        processes.shutdown()  # waits for the batches that have begun


def _pack(batch: pa.Table) -> pa.Buffer:
    """The batch alone: pickled, a slice would take all along that it is a slice of."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, batch.schema) as writer:
        writer.write_table(batch)
    return stream.getvalue()


def _prepare(make: Callable[[], BatchFunction]) -> None:
    """Makes the function of this process."""
    global _function
    _function = make()


def _run(packed: pa.Buffer) -> pa.Table:
    return _function(pa.ipc.open_stream(packed).read_all())


_function: BatchFunction
LOCAL = LocalEngine()
