"""What is made of a release begins with: its subsets, its name, and where it may go."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from valuedata.errors import ReleaseError, name_nearest
from valuedata.release.folder import Release

__all__ = ["check_derivable", "choose_subsets", "name_origin"]


def check_derivable(release: Release, out: Path) -> None:
    """Refuses to make a release of controls, or in place of the one that it is made of.

    Raises:
        ReleaseError: If the release holds controls, or `out` is its own folder or inside it.
    """
    if "controls" in release.manifest:
        raise ReleaseError(
            f"Release {release.folder} holds controls; give the release that they were drawn for."
        )
    place = out.resolve()
    if release.folder.resolve() in (place, *place.parents):
        raise ReleaseError(
            f"{out} is the release itself or inside it; give --out in another folder."
        )


def choose_subsets(release: Release, values: Sequence[str]) -> tuple[str, ...]:
    """The named subsets of a release, each once; all of them where none is named.

    Raises:
        ReleaseError: If the release has no subset of a name.
    """
    for value in values:
        if value not in release.values:
            raise ReleaseError(
                f"Release {release.folder} has no subset {value!r}; "
                f"{name_nearest(value, release.values)}"
            )
    return tuple(dict.fromkeys(values)) or release.values


def name_origin(release: Release) -> dict[str, Any]:
    """Names the release that another one is made of, for the manifest of that one."""
    return {"content_hash": release.content_hash, "values": list(release.values)}
