"""Pairs whose replies people have labelled: what a classifier is trained and scored on."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from valuedata.errors import FormatError, SourceError, UnknownValueError, name_nearest
from valuedata.intake.known import STARTER_FILE
from valuedata.intake.pairs import RowError, Sides, check_encodable, check_sides, parse_messages
from valuedata.intake.parsers import (
    add_system,
    make_reply,
    parse_prompt,
    parse_trl,
    parse_ultrafeedback,
)
from valuedata.labelling.lines import parse_json
from valuedata.labelling.readings import Reading, make_reading
from valuedata.labelling.values import LABEL_NAMES
from valuedata.schema import Message, compute_pair_id

__all__ = ["BUNDLED_LICENCES", "GoldPair", "check_sources", "load_gold"]

STARTER, WRITTEN = "starter", "written"
WRITTEN_FOLDER = Path(__file__).with_name("written")
BUNDLED_LICENCES: Final = {STARTER: "Apache-2.0", WRITTEN: "Apache-2.0"}
COLUMNS = ("prompt", "chosen", "rejected", "chosen_labels", "rejected_labels")


@dataclass(frozen=True)
class GoldPair:
    """One pair with its true labels.

    Attributes:
        sides: All messages, as the intake reads them.
        source: Where the pair is from.
        group: The whole prompt; pairs that share it are never split between training and scoring.
        chosen: The chosen reply as it is read.
        rejected: The rejected reply as it is read.
        chosen_labels: Names that the chosen reply expresses.
        rejected_labels: Names that the rejected reply expresses.
    """

    sides: Sides
    source: str
    group: str
    chosen: Reading
    rejected: Reading
    chosen_labels: frozenset[str]
    rejected_labels: frozenset[str]

    @property
    def pair_id(self) -> str:
        """The id by which labels of the pair are found."""
        return compute_pair_id(*self.sides)


def load_gold(
    paths: Sequence[Path],
    excluded_sources: Collection[str] = (),
    names: Collection[str] = LABEL_NAMES,
) -> list[GoldPair]:
    """Reads labelled pairs from JSONL files, or the bundled corpus with its intended labels.

    A row has `prompt` (text, a transcript with "Human:" turns, or messages), `chosen` and
    `rejected` (text or messages), `chosen_labels` and `rejected_labels` (lists of names), and
    `source` where it differs from the file's name.

    Args:
        paths: The files; "starter" is the bundled corpus without its flawed pairs, "written" the
            pairs that were written to train the packaged classifier.
        excluded_sources: Rows of these sources are left out.
        names: Names that may be labelled.

    Raises:
        SourceError: If a file cannot be read, or no row is of a source to leave out.
        FormatError: If a row is no JSON object, or lacks a column.
        UnknownValueError: If a row has a label of another name.
    """
    pairs = [pair for path in paths for pair in _read_any(path, names)]
    check_sources(excluded_sources, pairs)
    return [pair for pair in pairs if pair.source not in excluded_sources]


def check_sources(named: Iterable[str], pairs: Iterable[GoldPair]) -> None:
    """Refuses names of sources that no pair has.

    Raises:
        SourceError: If there is one; the message offers the nearest.
    """
    known = sorted({pair.source for pair in pairs})
    for name in named:
        if name not in known:
            raise SourceError(
                f"No labelled pair is of the source {name!r}; {name_nearest(name, known)}"
            )


def _read_any(path: Path, names: Collection[str]) -> Iterator[GoldPair]:
    if str(path) == STARTER:
        yield from _read_starter(names)
    elif str(path) == WRITTEN:
        for file in sorted(WRITTEN_FOLDER.glob("*.jsonl")):
            yield from _read_file(file, names, WRITTEN)
    else:
        yield from _read_file(path, names, path.stem)


def _read_starter(names: Collection[str]) -> Iterator[GoldPair]:
    labels = STARTER_FILE.with_name("labels.jsonl")
    with STARTER_FILE.open(encoding="utf-8") as pairs, labels.open(encoding="utf-8") as intended:
        for number, lines in enumerate(zip(pairs, intended, strict=True), start=1):
            pair, label = map(json.loads, lines)
            if label["flaw"] is None:
                yield _parse_row({**pair, **label}, f"{STARTER} line {number}", STARTER, names)


def _read_file(path: Path, names: Collection[str], source: str) -> Iterator[GoldPair]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"Labelled pairs {path} cannot be read ({error}); give the path of a JSONL file."
        ) from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _parse_line(line, f"{path} line {number}", source, names)


def _parse_line(line: str, where: str, source: str, names: Collection[str]) -> GoldPair:
    row = parse_json(line, where)
    if not isinstance(row, dict):
        raise FormatError(f"{where} is not a JSON object; mend that line.")
    if "pair_id" in row and "prompt" not in row:
        raise FormatError(
            f"{where} is a label record, not a labelled pair; `valuedata score` takes its file "
            "with --labels."
        )
    return _parse_row(row, where, source, names)


def _parse_row(row: Mapping[str, Any], where: str, source: str, names: Collection[str]) -> GoldPair:
    try:
        sides = _parse_sides(row)
        check_encodable([str(row.get("source", source))])
        return GoldPair(
            sides=sides,
            source=str(row.get("source", source)),
            group=json.dumps([[turn["role"], turn["content"]] for turn in sides.prompt]),
            chosen=make_reading(sides.prompt, sides.chosen),
            rejected=make_reading(sides.prompt, sides.rejected),
            chosen_labels=_parse_labels(row, "chosen_labels", where, names),
            rejected_labels=_parse_labels(row, "rejected_labels", where, names),
        )
    except KeyError as error:
        raise FormatError(
            f"{where} lacks column {error.args[0]!r}; labelled pairs have {', '.join(COLUMNS)}."
        ) from error
    except RowError as error:
        raise FormatError(f"{where} cannot be used: {error}; mend that line.") from error


def _parse_sides(row: Mapping[str, Any]) -> Sides:
    """Reads the texts as the intake does, so that a pair has one id however it comes in.

    Replies that the intake refuses, such as a text of turns that has none of the assistant's, have
    labels all the same; they are read as they stand.
    """
    for column in COLUMNS:
        if column not in row:
            raise KeyError(column)
    whole = isinstance(row["chosen"], list) and isinstance(row["rejected"], list)
    parse = parse_ultrafeedback if whole and isinstance(row["prompt"], str) else parse_trl
    try:
        sides = parse(row)
        sides = sides._replace(prompt=add_system(row, sides.prompt))
        check_sides(sides)
    except RowError:
        prompt = add_system(row, parse_prompt(row))
        replies = (_parse_reply(row[name], name) for name in ("chosen", "rejected"))
        sides = Sides(prompt, *replies)
        check_encodable(turn["content"] for side in sides for turn in side)
    return sides


def _parse_reply(value: object, column: str) -> list[Message]:
    return make_reply(value) if isinstance(value, str) else parse_messages(value, column)


def _parse_labels(
    row: Mapping[str, Any], column: str, where: str, names: Collection[str]
) -> frozenset[str]:
    labels = row[column]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise FormatError(f"{where} has no list of names in {column!r}; mend that line.")
    for label in labels:
        if label not in names:
            raise UnknownValueError(
                f"{where} has the label {label!r}; {name_nearest(label, names)}"
            )
    return frozenset(labels)
