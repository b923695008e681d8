"""Processes that need not import anything, for they are forked from one that has.

Torch, transformers, trl and this project take a process of its own five seconds and more to import.
A process from here is a real one, with its own folder, environment, files, exit status and signals:

    process = forks.start("from valuedata.cli import main; main()", "build", cwd=folder)
    process.kill()
    assert process.wait() == -9

What is read when a library is imported, as the Hub's address is, stays what it was for all of them.
Run as a program this is the process that they are forked from. Workers share one of these. It ends
with the last worker that it serves.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from filelock import FileLock

__all__ = ["COMMAND", "Forked", "Forks", "connect_forks"]

COMMAND = "from valuedata.cli import main; main()"
PRELOADED = (
    "cards.render",
    "datasets",
    "peft",
    "training.run",
    "training.tiny",
    "training.trainers",
    "transformers.models.llama.modeling_llama",
    "trl.trainer.dpo_trainer",
    "trl.trainer.sft_trainer",
    "valuedata.cli",
    "valuedata.pipeline",
)
ROOT = Path(__file__).parents[1]
STAY = b"stay\n"  # sent by a worker that may start processes later
PATIENCE = 300.0  # seconds


class Forked:
    """A running process, used as a `subprocess.Popen` is."""

    def __init__(self, line: socket.socket, stdout: IO[bytes] | None) -> None:
        self._line = line
        self._answers = line.makefile()
        self.pid = int(self._answers.readline())
        self.stdout = stdout
        self.returncode: int | None = None

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._line.close()
            if self.stdout is not None:
                self.stdout.close()
        return self.returncode

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._line], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@dataclass(frozen=True)
class Forks:
    """What starts processes, at a socket."""

    address: str

    def start(
        self,
        program: str,
        *words: object,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> Forked:
        """Starts what `python -c PROGRAM WORDS` would be; stdout and stderr as in `Popen`."""
        request = {
            "program": program,
            "words": [str(word) for word in words],
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
        }
        shown = None
        if stdout == subprocess.PIPE:
            reading, stdout = os.pipe()
            shown = os.fdopen(reading, "rb")
        nothing = os.open(os.devnull, os.O_RDWR)
        files = [nothing]
        for file, own in ((stdout, 1), (stderr, 2)):
            files.append(nothing if file == subprocess.DEVNULL else own if file is None else file)
        line = _connect(self.address)
        socket.send_fds(line, [json.dumps(request).encode() + b"\n"], files)
        os.close(nothing)
        if shown is not None and stdout is not None:
            os.close(stdout)
        return Forked(line, shown)


@contextmanager
def connect_forks(folder: Path) -> Iterator[Forks]:
    """Gives the process of a folder that others are forked from, and starts it where none runs."""
    # not in the folder itself: few characters may be in the path of a socket
    name = f"forks-{sha256(bytes(folder.resolve())).hexdigest()[:16]}"
    address, started = str(Path(tempfile.gettempdir(), name)), None
    with FileLock(folder / "forks.lock", timeout=PATIENCE):
        try:
            line = _stay(address)
        except OSError:
            started = _start(address)
            line = _stay(address)
    with line:
        yield Forks(address)
    if started is not None:
        started.wait()


def _connect(address: str) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(address)
    except OSError:
        line.close()
        raise
    return line


def _stay(address: str) -> socket.socket:
    line = _connect(address)
    line.sendall(STAY)
    if line.recv(len(STAY)) != STAY:
        line.close()
        raise ConnectionResetError
    return line


def _start(address: str) -> subprocess.Popen[bytes]:
    Path(address).unlink(missing_ok=True)
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.forks", address],
        cwd=ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert started.stdout is not None
    with started.stdout as said:
        assert said.readline(), "what others are forked from has ended"
    return started


@dataclass
class Server:
    """What forks.

    Attributes:
        listener: Where workers come.
        woken: What the end of a process can be read from, and `waking` the end that it writes to.
        workers: Those who may start processes later.
        told: Process to who waits for its end.
    """

    listener: socket.socket
    woken: socket.socket
    waking: socket.socket
    workers: set[socket.socket] = field(default_factory=set)
    told: dict[int, socket.socket] = field(default_factory=dict)

    def serve(self) -> str | None:
        """Forks processes until no worker is left.

        Returns:
            In a forked process what it is to run; None in the one that forked it.
        """
        is_first = True
        while self.workers or is_first:
            is_first = False
            lines = [self.listener, self.woken, *self.workers]
            ready, _, _ = select.select(lines, [], [])
            for gone in self.workers.intersection(ready):  # a worker says nothing but that it goes
                gone.close()
                self.workers.remove(gone)
            if self.woken in ready:
                self.woken.recv(64)
                self.tell_ends()
            if self.listener in ready:
                line = self.listener.accept()[0]
                request = _read(line)
                if request is None:
                    line.sendall(STAY)
                    self.workers.add(line)
                elif not self.fork(line, request["files"]):
                    return _become(request)
        return None

    def fork(self, line: socket.socket, files: Sequence[int]) -> int:
        """Forks, and leaves to the new process its files alone."""
        pid = os.fork()
        if pid:
            for file in files:
                os.close(file)
            line.sendall(b"%d\n" % pid)
            self.told[pid] = line
        else:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            own = (self.listener, self.woken, self.waking, line)
            for other in (*own, *self.workers, *self.told.values()):
                other.close()
        return pid

    def tell_ends(self) -> None:
        for pid in list(self.told):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with self.told.pop(pid) as line, suppress(OSError):  # whoever asked may be gone
                    line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def open_server(address: str) -> Server:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    woken, waking = socket.socketpair()
    waking.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waking.fileno())
    return Server(listener, woken, waking)


def _read(line: socket.socket) -> dict[str, Any] | None:
    """A request with its files, or None where a worker is to stay."""
    text, files, *_ = socket.recv_fds(line, 1 << 16, 3)
    if text == STAY:
        return None
    while not text.endswith(b"\n"):
        text += line.recv(1 << 16)
    return {**json.loads(text), "files": files}


def _become(request: Mapping[str, Any]) -> str:
    """Makes this process the one that is asked for."""
    for target, file in enumerate(request["files"]):
        os.dup2(file, target)
        os.close(file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["-c", *request["words"]]
    program: str = request["program"]
    return program


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in PRELOADED:
            import_module(module)
    server = open_server(sys.argv[1])
    os.write(1, b"ready\n")
    found = server.serve()
    if found is None:
        Path(sys.argv[1]).unlink()
    else:
        exec(compile(found, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
