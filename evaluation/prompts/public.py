"""Public prompt sets, read from local files or the Hub."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from evaluation.prompts.public_readers import MissingColumnError, Row
from evaluation.prompts.public_table import PUBLIC_SETS, Part, PublicSet
from evaluation.prompts.records import Prompt, PromptSet, find_half_pair
from valuedata.errors import PromptError
from valuedata.intake.pairs import Discard
from valuedata.intake.readers import UnreadableRow, read_file
from valuedata.intake.sources import Source, pin_source, read_rows

__all__ = ["load_public_set"]

HUB_SYNTAX: Final = re.compile(r"(?P<set>[\w.-]+(/[\w.-]+)?)(@(?P<revision>.+))?")
PATH_SYNTAX: Final = re.compile(r"(?P<set>[\w.-]+)=(?P<path>.+)", re.DOTALL)


def load_public_set(text: str) -> PromptSet | None:
    """Loads a public set.

    Args:
        text: "NAME=PATH" for a local file or folder; the name, or the id of its data set on the
            Hub, with "@revision" for a branch, tag or commit.

    Returns:
        The set, or None where no public set has that name.

    Raises:
        PromptError: If the set is not there, or not in its authors' format.
        SourceError: If a file or the Hub cannot be read.
    """
    if local := PATH_SYNTAX.fullmatch(text):
        entry = PUBLIC_SETS.get(local["set"])
        return _load_local(entry, _find_path(entry, local["path"])) if entry else None
    if hub := HUB_SYNTAX.fullmatch(text):
        by_id = {found.repository: found for found in PUBLIC_SETS.values() if found.repository}
        entry = PUBLIC_SETS.get(hub["set"]) or by_id.get(hub["set"])
        return _load_hub(entry, hub["revision"] or "main") if entry else None
    return None


def _find_path(entry: PublicSet, text: str) -> Path:
    try:
        path = Path(text).expanduser()
        is_there = path.exists()
    except (OSError, RuntimeError) as error:  # no permission, name too long, no such user
        raise PromptError(
            f"Prompt set {entry.name}: {text} cannot be looked up; give a path that you may read."
        ) from error
    if not is_there:
        raise PromptError(f"Prompt set {entry.name}: {text} is not there; {_say_what(entry)}.")
    return path


def _load_local(entry: PublicSet, path: Path) -> PromptSet:
    if entry.lines:
        files = {column: _find(entry, path, file) for column, file in entry.lines.items()}
        rows = [(entry.parts[0], row) for row in _read_lines(entry, files)]
        return _make_set(entry, rows, ", ".join(file.name for file in files.values()))
    found = [(part, file) for part in entry.parts for file in _match(path, part.files)]
    n_local = sum(bool(part.files) for part in entry.parts)
    if not found and path.is_file() and n_local == 1:
        found = [(entry.parts[0], path)]  # one form only, so the name of the file does not matter
    if not found:
        raise PromptError(
            f"Prompt set {entry.name}: {path} is or holds none of its files; {_say_what(entry)}."
        )
    rows = [(part, row) for part, file in found for row in _read_rows(entry, file)]
    return _make_set(entry, rows, ", ".join(file.name for _, file in found))


def _say_what(entry: PublicSet) -> str:
    return f"give {entry.name}=PATH with {' or '.join(entry.files)} from {entry.homepage}"


def _match(path: Path, patterns: Sequence[str]) -> list[Path]:
    if path.is_dir():
        return sorted({file for pattern in patterns for file in path.glob(pattern)})
    return [path] if any(path.match(pattern) for pattern in patterns) else []


def _find(entry: PublicSet, path: Path, pattern: str) -> Path:
    found = _match(path, (pattern,)) if path.is_dir() else []
    if len(found) != 1:
        raise PromptError(
            f"Prompt set {entry.name}: {path} is no folder with one {pattern}; "
            f"{_say_what(entry)}, all in one folder."
        )
    return found[0]


def _read_lines(entry: PublicSet, files: Mapping[str, Path]) -> Iterator[Row]:
    columns = {name: _read_text(entry, file).splitlines() for name, file in files.items()}
    counts = {name: len(lines) for name, lines in columns.items()}
    if len(set(counts.values())) != 1:
        said = ", ".join(f"{files[name].name} {count}" for name, count in counts.items())
        raise PromptError(
            f"Prompt set {entry.name}: its files differ in their lines ({said}); fetch them again."
        )
    for cells in zip(*columns.values(), strict=True):
        yield dict(zip(columns, cells, strict=True))


def _read_text(entry: PublicSet, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(
            f"Prompt set {entry.name}: {file} cannot be read as UTF-8 text; fetch it again."
        ) from error


def _read_rows(entry: PublicSet, file: Path) -> Iterator[Row]:
    for row in read_file(file):
        if isinstance(row, UnreadableRow):
            raise PromptError(
                f"Prompt set {entry.name}: {row.place} is {row.reason}; mend it or fetch it again."
            )
        yield {name.removeprefix("\ufeff"): cell for name, cell in row.items()}


def _load_hub(entry: PublicSet, revision: str) -> PromptSet:
    if entry.repository is None:
        raise PromptError(
            f"Prompt set {entry.name} is read from local files alone; {_say_what(entry)}."
        )
    source = pin_source(
        Source(
            name=entry.name,
            location=entry.repository,
            revision=revision,
            homepage=f"https://huggingface.co/datasets/{entry.repository}",
            repository=entry.repository,
        )
    )
    rows = [
        (part, found[1])
        for part in entry.parts
        for found in read_rows(replace(source, config=part.config, splits=(part.split,)))
        if not isinstance(found, Discard)  # stands for a bad line of a local file
    ]
    return _make_set(entry, rows, f"{entry.repository}@{source.revision}")


def _make_set(entry: PublicSet, rows: Sequence[tuple[Part, Row]], source: str) -> PromptSet:
    prompts: list[Prompt] = []
    left_out: Counter[str] = Counter()
    n_read: Counter[Part] = Counter()
    for part, row in rows:
        if find_half_pair(row) is not None:
            left_out["half of a surrogate pair"] += 1
            n_read[part] += 1
            continue
        try:
            found = part.read(row, n_read[part])
        except MissingColumnError as error:
            raise PromptError(
                f"Prompt set {entry.name}: {source} {error}; {_say_what(entry)}."
            ) from error
        n_read[part] += 1
        if isinstance(found, str):
            left_out[found] += 1
        elif not all(prompt.messages[-1]["content"] for prompt in found):
            left_out["no text"] += 1
        else:
            prompts.extend(found)
    if not prompts:
        raise PromptError(f"Prompt set {entry.name}: {source} holds no prompt; {_say_what(entry)}.")
    return PromptSet(
        name=entry.name,
        prompts=tuple(
            replace(
                prompt,
                prompt_id=f"{entry.name}/{prompt.prompt_id}",
                family=f"{entry.name}/{prompt.family}",
            )
            for prompt in prompts
        ),
        licence=entry.licence,
        citation=entry.citation,
        source=source,
        measures=entry.measures,
        left_out=dict(left_out),
    )
