"""What `--source` names: the bundled corpus, a known or any Hub data set, local files."""

import glob
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from valuedata.errors import SourceError, name_nearest
from valuedata.intake.formats import find_format
from valuedata.intake.known import KNOWN_SOURCES, KnownSource, is_red_teaming
from valuedata.intake.readers import DATA_SUFFIXES, is_data_file, name_stem

__all__ = ["Source", "describe_source", "name_source", "resolve_source"]

logger = logging.getLogger(__name__)

HUB_SYNTAX = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)(:(?P<config>[^:@]+)(:(?P<split>[^:@]+))?)?(@(?P<revision>.+))?"
)
NAME_SYNTAX = re.compile(r"(?P<name>[^=/\\]+)=(?P<path>.*)", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """Where rows come from, before any is read.

    Attributes:
        name: The `source` of its pairs.
        location: Hub data set or file names, without folders outside the source.
        revision: Branch, tag or commit on the Hub; of local files, the SHA-256 over their contents
            in order, empty until `pin_source` has read them.
        licence: SPDX identifier, where it is known.
        citation: BibTeX, where it is known.
        homepage: Page of the data set, where there is one.
        format: Name of the format of its rows; None to detect it.
        files: Local files, in the order in which they are read.
        repository: Hub data set; None for local files.
        config: Its config; None for the default.
        folders: Its folders that are read; empty for the whole.
        splits: Its splits that are read; empty for "train" or an only one.
        red_teaming: Whether prompts in it ask for harm on purpose, as far as names tell.
    """

    name: str
    location: str
    revision: str = ""
    licence: str | None = None
    citation: str | None = None
    homepage: str | None = None
    format: str | None = None
    files: tuple[Path, ...] = ()
    repository: str | None = None
    config: str | None = None
    folders: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    red_teaming: bool = False


def resolve_source(text: str, format_name: str | None = None) -> Source:
    """Finds out what a source's name means; reads nothing yet.

    Args:
        text: A known name, a local file, folder or glob, "NAME=PATH" for a local path under a
            chosen name or a local copy of a known source, or a Hub data set
            "org/name[:config[:split]][@revision]". A path that exists wins over Hub syntax.
        format_name: Format of its rows; None to detect it or take the known source's.

    Raises:
        SourceError: If nothing is found under that name.
        FormatError: If no format has that name.
    """
    if format_name is not None:
        find_format(format_name)
    _check_utf8(text)
    if text in KNOWN_SOURCES:
        return _from_known(KNOWN_SOURCES[text], format_name)
    if not text.strip():
        raise SourceError(
            f"Source {text!r} names nothing; give a known name, org/name[:config][@revision] or a "
            "path ('.' is the current folder)."
        )
    found = _find_files(text)
    if found is not None:
        return _from_files(*found, format_name)
    named = NAME_SYNTAX.fullmatch(text)
    if named and named["name"].isprintable() and named["name"].strip():
        return name_source(named["name"], named["path"], format_name)
    if _looks_like_path(text):
        raise SourceError(f"Source {text!r} is not there; give the path of a file or folder.")
    if hub := HUB_SYNTAX.fullmatch(text):
        return _from_hub(hub, format_name)
    raise SourceError(
        f"Source {text!r} is unknown ({name_nearest(text, KNOWN_SOURCES)}); give a known name, "
        "org/name[:config][@revision] or a path."
    )


def name_source(name: str, path: str, format_name: str | None = None) -> Source:
    """Gives a local path a name, as "NAME=PATH" does.

    Args:
        name: The name; that of a known source makes the path a local copy of it.
        path: A local file, folder or glob.
        format_name: Format of its rows; None to detect it.

    Raises:
        SourceError: If nothing is found under that path.
    """
    known = KNOWN_SOURCES.get(name)
    found = _find_files(path, known) if path.strip() else None
    if found is None:
        raise SourceError(
            f"Source {name}={path}: the path is not there; NAME=PATH takes a local file, folder or "
            "glob."
        )
    source = replace(_from_files(*found, format_name), name=name)
    if known is None:
        return source
    # The format stays open: copies are often rewritten, and every format is told by its columns.
    return replace(
        source,
        licence=known.licence,
        citation=known.citation,
        homepage=known.homepage,
        red_teaming=known.red_teaming or source.red_teaming,
    )


def describe_source(source: Source, revision: str) -> str:
    """Writes a source so that `resolve_source` finds the same rows again, without folders of ours.

    Args:
        source: The source, as `resolve_source` found it.
        revision: Commit on the Hub; of local files and the bundled corpus it is left out.

    Returns:
        "org/name[:config[:split]]@revision", the bundled corpus's name, or "NAME=location".
    """
    known = KNOWN_SOURCES.get(source.name)
    if source.repository is None:
        is_bundled = known is not None and source.files == (known.file,)
        return source.name if is_bundled else f"{source.name}={source.location}"
    if known is None:
        return f"{source.location}@{revision}"
    return ":".join(filter(None, (source.repository, source.config))) + f"@{revision}"


def _from_known(known: KnownSource, format_name: str | None) -> Source:
    return Source(
        name=known.name,
        location=known.repository or "bundled with valuedata",
        revision=known.revision if known.repository else "",
        licence=known.licence,
        citation=known.citation,
        homepage=known.homepage,
        format=format_name or known.format,
        files=(known.file,) if known.file else (),
        repository=known.repository,
        config=known.config,
        folders=known.folders,
        splits=known.splits,
        red_teaming=known.red_teaming,
    )


def _check_utf8(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SourceError(
            f"Source {text!r} has a name that is not UTF-8; rename its files and folders."
        ) from error


def _from_files(root: Path, name: str, files: tuple[Path, ...], format_name: str | None) -> Source:
    location = ", ".join(file.relative_to(root).as_posix() for file in files)
    _check_utf8(name)
    _check_utf8(location)
    return Source(
        name=name,
        location=location,
        files=files,
        format=format_name,
        red_teaming=is_red_teaming(name),
    )


def _from_hub(hub: re.Match[str], format_name: str | None) -> Source:
    repository = hub["repository"]
    known = {entry.repository: entry for entry in KNOWN_SOURCES.values()}.get(repository)
    if known is not None and hub["split"] is None and hub["config"] in (None, known.config):
        source = _from_known(known, format_name)
    else:
        parts = [part for part in (repository, hub["config"], hub["split"]) if part]
        source = Source(
            name=":".join(parts),
            location=":".join(parts),
            homepage=f"https://huggingface.co/datasets/{repository}",
            licence=known.licence if known else None,
            citation=known.citation if known else None,
            format=format_name,
            repository=repository,
            config=hub["config"],
            splits=(hub["split"],) if hub["split"] else (),
            red_teaming=known is not None and known.red_teaming,
        )
    return replace(source, revision=hub["revision"] or "main")


def _find_files(
    text: str, known: KnownSource | None = None
) -> tuple[Path, str, tuple[Path, ...]] | None:
    try:
        path = Path(text).expanduser()
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, RuntimeError) as error:  # no permission, name too long, no such user
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(
            f"Source {text!r} cannot be looked up ({reason}); give a path that you may read."
        ) from error
    if is_file:
        return path.parent, name_stem(path), (path,)
    if is_folder:
        files = _list_folder(path, known)
        if not files:
            raise SourceError(
                f"Folder {text} holds no data; give one with files that end in "
                f"{', '.join(DATA_SUFFIXES)}."
            )
        return path, path.resolve().name, tuple(files)
    if not glob.has_magic(text):
        return None
    files = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207 - takes absolute patterns
    files = [file for file in files if file.is_file()]
    if not files:
        return None
    root = next(parent for parent in path.parents if not glob.has_magic(str(parent)))
    name = name_stem(files[0]) if len(files) == 1 else root.resolve().name
    return root, name, tuple(files)


def _list_folder(path: Path, known: KnownSource | None) -> list[Path]:
    folders = known.folders if known else ()
    try:
        present = [path / folder for folder in folders if (path / folder).is_dir()]
        files = sorted(file for root in present or [path] for file in _walk(root))
    except OSError as error:
        raise SourceError(
            f"Folder {path} cannot be read ({error.strerror}: {error.filename}); give one of which "
            "you may read everything."
        ) from error
    splits = "|".join(map(re.escape, known.splits if known else ()))
    wanted = [file for file in files if splits and _carries(file, splits)]
    if wanted and len(wanted) < len(files):
        logger.info("Leaving out %d files of other splits", len(files) - len(wanted))
    return wanted or files


def _carries(file: Path, splits: str) -> bool:
    # Source: datasets, data_files.py, NON_WORDS_CHARS: what may stand around a split's name.
    return re.search(rf"(\A|[-._ 0-9])({splits})([-._ 0-9]|\Z)", name_stem(file)) is not None


def _walk(root: Path) -> Iterator[Path]:
    """Yields the data files under a folder; what links lead to comes last, and each folder once."""
    seen: set[Path] = set()
    waiting = [root]
    while waiting:
        top = waiting.pop(0)
        for folder, folders, names in os.walk(top, onerror=_refuse):
            here = Path(folder)
            real = here.resolve()
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            links = [here / name for name in folders if (here / name).is_symlink()]
            # a link to a folder around itself would lead out of the source, and round and round
            waiting += [link for link in links if not real.is_relative_to(link.resolve())]
            for file in (here / name for name in names if not name.startswith(".")):
                if is_data_file(file) and file.is_file():
                    yield file


def _refuse(error: OSError) -> None:
    raise error


def _looks_like_path(text: str) -> bool:
    return (
        text.startswith((".", "/", "~"))
        or glob.has_magic(text)
        or is_data_file(Path(text))
        or text.partition("@")[0].count("/") > 1
        or "\\" in text
    )
