"""Releases that take long to build, built once for all workers of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from valuedata.pipeline import build
from valuedata.recipe import Recipe
from valuedata.release.folder import Release, load_release, verify_release

__all__ = ["share_release"]

PATIENCE = 900.0  # seconds; a worker that is killed frees its lock at once


@contextmanager
def share_release(folder: Path, recipe: Recipe) -> Iterator[Release]:
    """Gives the release in a folder to read; the first worker that asks builds it.

    A build that is killed leaves no folder there, so that the next worker builds anew.
    """
    with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=PATIENCE):
        if not folder.exists():
            build(recipe, folder)
    release = load_release(folder)
    yield release
    verify_release(release)  # nobody has written into what others read
