"""Where a release is written before it is whole: beside its place, which it takes in one move."""

import errno
import glob
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from valuedata.errors import ReleaseError
from valuedata.labelling.encoding.cache_folder import find_cache_folder
from valuedata.release.damage import join_problems
from valuedata.release.folder import MANIFEST, list_files

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
"""Reasons that may come up while a release is written, from whatever is written there."""
REASONS_OF_PATH = {
    errno.EEXIST: "a file is in the way; give another --out",
    errno.ENOTDIR: "a file is in the way; give another --out",
    errno.ENAMETOOLONG: "the name is too long; give a shorter --out",
}


@contextmanager
def stage_release(out: Path) -> Iterator[Path]:
    """Gives an empty folder to write a release into, and moves it to `out` when all went well.

    Whatever stops the process, `out` is afterwards the old release, the new one, or absent; what a
    killed run left beside it is cleared away by the next one.

    Raises:
        ReleaseError: If `out` is something else than a release, is the folder worked in, holds
            files that no release has, cannot be written, or another process writes to it.
    """
    with _naming(out):
        out = out.resolve()
        _check_replaceable(out)
        out.parent.mkdir(parents=True, exist_ok=True)
    with _lock(out):
        old = out.with_name(f".{out.name}.old")
        with _naming(out):
            _clear_leftovers(out, old)
            staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
        try:
            staging.chmod(0o755)  # mkdtemp hides it from others, a release is for everyone
            yield staging
            with _naming(out):
                _swap(staging, out, old)
        except OSError as error:
            if error.errno not in REASONS:
                raise
            raise _refuse(out, error) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _naming(out: Path) -> Iterator[None]:
    """Turns every error of the file system into one that names `out`."""
    try:
        yield
    except OSError as error:
        raise _refuse(out, error) from error


def _refuse(out: Path, error: OSError) -> ReleaseError:
    number = error.errno or 0
    known = REASONS.get(number) or REASONS_OF_PATH.get(number)
    return ReleaseError(
        f"Release {out} cannot be written: {known or f'{error.strerror}; give another --out'}."
    )


def _check_replaceable(out: Path) -> None:
    here = Path.cwd()
    if out in (here, *here.parents):
        raise ReleaseError(
            f"{out} is the folder you are in or one above it; give --out in a new folder."
        )
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise ReleaseError(
            f"{out} exists and is not a release; give another --out or move it away first."
        )
    listed = _list_own(out)
    others = [path for path in list_files(out, hidden=True) if path not in listed]
    if others:
        raise ReleaseError(
            f"Release {out} holds files that its build did not write ({join_problems(others)}); "
            "move them away or give another --out."
        )


def _list_own(out: Path) -> set[str]:
    """The files that a manifest lists, even one of another format or with damage elsewhere."""
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    # "files" alone may be of a program of another kind
    if isinstance(manifest, dict) and {"format_version", "recipe"} <= manifest.keys():
        files = manifest.get("files")
        if isinstance(files, dict):
            return set(files)
    raise ReleaseError(
        f"{out} holds a {MANIFEST} that is no release's or cannot be read, so which files beside "
        "it a build wrote is not known; move the folder away or give another --out."
    )


@contextmanager
def _lock(out: Path) -> Iterator[None]:
    """A lock outside the parent folder, so that nothing is left there."""
    name = hashlib.sha256(bytes(out)).hexdigest()[:16]
    folder = find_cache_folder() / "locks"
    lock = FileLock(folder / f"{name}.lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise ReleaseError(
            f"Another build is writing {out.name!r}; wait for it or give another --out."
        ) from error
    except OSError as error:
        raise ReleaseError(
            f"Lock folder {folder} cannot be used ({error.strerror}); free disk space or "
            "permissions there, or set VALUEDATA_CACHE to a folder that can be written."
        ) from error
    try:
        yield
    finally:
        lock.release()


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
