"""Where a release is written before it is whole: beside its place, which it takes in one move."""

import errno
import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from valuedata.errors import ReleaseError
from valuedata.release.folder import MANIFEST, load_release

__all__ = ["stage_release"]

OTHER_DISK = "free some space or give --out on another disk"
OTHER_FOLDER = "give --out in a folder that you may write to"
REASONS = {
    errno.ENOSPC: f"the disk is full; {OTHER_DISK}",
    errno.EDQUOT: f"the disk quota is used up; {OTHER_DISK}",
    errno.EACCES: f"permission is missing; {OTHER_FOLDER}",
    errno.EPERM: f"permission is missing; {OTHER_FOLDER}",
    errno.EROFS: f"the file system is read-only; {OTHER_FOLDER}",
}


@contextmanager
def stage_release(out: Path) -> Iterator[Path]:
    """Gives an empty folder to write a release into, and moves it to `out` when all went well.

    Whatever stops the process, `out` is afterwards the old release, the new one, or absent; what a
    killed run left beside it is cleared away by the next one.

    Raises:
        ReleaseError: If `out` is something else than a release, another process writes to it, the
            disk is full, or permission is missing.
    """
    out = out.resolve()
    _check_replaceable(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(_lock_path(out), timeout=0):
            old = out.with_name(f".{out.name}.old")
            _clear_leftovers(out, old)
            staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
            staging.chmod(0o755)  # mkdtemp hides it from others, a release is for everyone
            try:
                yield staging
                _swap(staging, out, old)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except Timeout as error:
        raise ReleaseError(
            f"Another build is writing {out.name!r}; wait for it or give another --out."
        ) from error
    except OSError as error:
        if error.errno not in REASONS:
            raise
        raise ReleaseError(f"Release {out} cannot be written: {REASONS[error.errno]}.") from error


def _check_replaceable(out: Path) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise ReleaseError(
            f"{out} exists and is not a release; give another --out or move it away first."
        )
    load_release(out)


def _lock_path(out: Path) -> Path:
    """A lock outside the parent folder, so that nothing is left there."""
    name = hashlib.sha256(str(out).encode()).hexdigest()[:16]
    folder = (
        Path(tempfile.gettempdir()) / f"valuedata-{os.getuid() if hasattr(os, 'getuid') else ''}"
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{name}.lock"


def _clear_leftovers(out: Path, old: Path) -> None:
    if old.exists() and not out.exists():
        old.rename(out)  # a run was killed between the two renames of `_swap`
    for leftover in (old, *out.parent.glob(f".{glob.escape(out.name)}.partial-*")):
        shutil.rmtree(leftover, ignore_errors=True)


def _swap(staging: Path, out: Path, old: Path) -> None:
    if out.exists():
        out.rename(old)
    staging.rename(out)
    shutil.rmtree(old, ignore_errors=True)
