"""Whether a release is what a build would write again, found out without building it.

What went into a build is noted in the cache folder of the machine, because the release itself tells
nothing of the machine. A release stands where the note, everything that went in and every file of
it are as they were; whoever removes the note builds once more.
"""

import hashlib
import json
import logging
import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from valuedata.errors import ValuedataError
from valuedata.intake.naming import resolve_source
from valuedata.intake.sources import pin_source
from valuedata.labelling.encoding.cache_folder import find_cache_folder
from valuedata.labelling.metadata import PACKAGED
from valuedata.recipe import Recipe
from valuedata.release.folder import MANIFEST, Release, load_release, verify_release
from valuedata.release.hashing import hash_file
from valuedata.release.manifest import list_versions

__all__ = ["Inputs", "find_unchanged", "note_build", "read_inputs"]

logger = logging.getLogger(__name__)

CODE = ("valuedata", "cards")  # packages that decide what is in a release
FOLDER = "builds"  # of the cache

Inputs = Mapping[str, Any]
"""All that decides what a build writes, but what its sources hold."""


def read_inputs(recipe: Recipe) -> Inputs | None:
    """Reads what decides what a build writes, before it begins.

    Args:
        recipe: What is built.

    Returns:
        Recipe, code, versions, machine and files; None where a language model labels, whose answers
        need not be the same again.
    """
    if recipe.labels.extractor == "llm":
        return None
    weights = Path(recipe.labels.weights) if recipe.labels.weights else PACKAGED
    files = [Path(file) for file in recipe.decontaminate]
    files += sorted(path for path in weights.glob("*") if path.is_file())
    if recipe.isolation is not None and recipe.isolation.audit_labels is not None:
        files.append(Path(recipe.isolation.audit_labels))
    return {
        "recipe": recipe.model_dump(mode="json"),
        "code": _hash_code(),
        "versions": {"valuedata": version("valuedata")} | list_versions(),
        "machine": _describe_machine(),
        "files": [[str(path), _hash_if_readable(path)] for path in files],
    }


def find_unchanged(recipe: Recipe, out: Path, inputs: Inputs | None) -> Release | None:
    """Finds the release that a build would write again just as it is.

    Args:
        recipe: What would be built.
        out: Where.
        inputs: What `read_inputs` gave.

    Returns:
        The release, every file of it verified; None where anything is not as it was, or cannot be
        read, which the build then tells of.
    """
    try:
        noted = json.loads(_name_note(out).read_text(encoding="utf-8"))
        if inputs is None or noted["inputs"] != inputs:
            return None
        if noted["manifest"] != hash_file(out / MANIFEST):
            return None
        pinned = [pin_source(resolve_source(text, recipe.format)) for text in recipe.sources]
        if noted["sources"] != [[source.location, source.revision] for source in pinned]:
            return None
        release = load_release(out)
        verify_release(release)
    except (OSError, ValueError, KeyError, TypeError, ValuedataError) as error:
        logger.debug("%s is built anew: %s", out, error)
        return None
    return release


def note_build(out: Path, inputs: Inputs | None, release: Release) -> None:
    """Notes what a release was built from.

    Args:
        out: Where it is.
        inputs: What `read_inputs` gave before the build began.
        release: The release.
    """
    if inputs is None:
        return
    noted = {
        "inputs": inputs,
        "sources": [[told["location"], told["revision"]] for told in release.manifest["sources"]],
        "manifest": hash_file(release.folder / MANIFEST),
    }
    note = _name_note(out)
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        partial = note.with_suffix(".partial")
        partial.write_text(json.dumps(noted, indent=1) + "\n", encoding="utf-8")
        partial.replace(note)
    except OSError as error:
        logger.warning(
            "The next build will not see that %s is unchanged: %s cannot be written (%s).",
            out,
            note,
            error.strerror,
        )


def _name_note(out: Path) -> Path:
    name = hashlib.sha256(bytes(out.resolve())).hexdigest()[:16]
    return find_cache_folder() / FOLDER / f"{name}.json"


def _hash_if_readable(path: Path) -> str | None:
    """SHA-256 of a file; None where it cannot be read, which the build tells in its own words."""
    try:
        return hash_file(path)
    except OSError:
        return None


def _hash_code() -> str:
    """SHA-256 over the files of the packages, whatever their version is called."""
    digest = hashlib.sha256()
    for name, path in _list_code():
        digest.update(f"{hash_file(path)}  {name}\n".encode())
    return digest.hexdigest()


def _list_code() -> Iterator[tuple[str, Path]]:
    for package in CODE:
        spec = find_spec(package)
        assert spec is not None  # noqa: S101 - both ship with this file
        for folder in map(Path, spec.submodule_search_locations or ()):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    yield f"{package}/{path.relative_to(folder).as_posix()}", path


def _describe_machine() -> list[str]:
    """What may alter the last bits of a vector: kind and abilities of the processor, and GPUs."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.is_file() else []
    told = dict.fromkeys(line for line in lines if line.startswith(("model name", "flags")))
    gpus = [str(path) for path in sorted(Path("/dev").glob("nvidia*"))]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    return [platform.system(), platform.machine(), platform.processor(), *told, *gpus, visible]
