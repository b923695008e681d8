"""The raw formats of preference data: how each is recognised, and how its rows become pairs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from valuedata.errors import FormatError, name_nearest
from valuedata.intake.pairs import (
    Discard,
    ParsedPair,
    RowError,
    Sides,
    check_sides,
    clean_text,
    make_discard,
)
from valuedata.intake.parsers import (
    Row,
    add_system,
    find_scores,
    make_reply,
    parse_helpsteer_prompt,
    parse_hh,
    parse_pku,
    parse_sharegpt,
    parse_trl,
    parse_trl_implicit,
    parse_ultrafeedback,
    take_number,
    take_text,
)
from valuedata.intake.readers import UnreadableValue

__all__ = [
    "FORMATS",
    "JOINED",
    "TIE",
    "UNPARTNERED",
    "Format",
    "RawRow",
    "convert_rows",
    "detect_format",
    "find_format",
]

RawRow = tuple[int, Row]  # index within the source, and the row

TIE = "tie"
JOINED = "joined with its partner row"
UNPARTNERED = "no neighbouring row has the same prompt"

ID_COLUMNS = ("id", "prompt_id", "source_id", "source_index")


def _source_id(row: Row) -> str | None:
    for column in ID_COLUMNS:
        value = row.get(column)
        if value is not None and not isinstance(value, UnreadableValue):
            return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    return None


def _discard(source_row: int, row: Row, reason: str, *, is_bad: bool) -> Discard:
    return make_discard(source_row, _source_id(row), reason, row, is_bad=is_bad)


def _make_parsed(
    source_row: int, row: Row, sides: Sides, scores: tuple[float, float] | None
) -> ParsedPair:
    sides = sides._replace(prompt=add_system(row, sides.prompt))
    check_sides(sides)
    return ParsedPair(source_row, _source_id(row), *sides, scores)


def _convert_each(
    parse: Callable[[Row], Sides], rows: Iterable[RawRow | Discard]
) -> Iterator[ParsedPair | Discard]:
    for item in rows:
        if isinstance(item, Discard):
            yield item
            continue
        source_row, row = item
        try:
            yield _make_parsed(source_row, row, parse(row), find_scores(row))
        except RowError as error:
            yield _discard(source_row, row, str(error), is_bad=error.is_bad)


def _convert_neighbours(rows: Iterable[RawRow | Discard]) -> Iterator[ParsedPair | Discard]:
    waiting: RawRow | None = None
    for item in rows:
        if isinstance(item, Discard):
            yield item
            continue
        source_row, row = item
        try:
            take_text(row, "response"), take_number(row, "helpfulness")
            prompt = take_text(row, "prompt")
        except RowError as error:
            yield _discard(source_row, row, str(error), is_bad=error.is_bad)
            continue
        asked = (prompt, row.get("system"))
        if waiting is not None and (waiting[1]["prompt"], waiting[1].get("system")) == asked:
            yield from _join(waiting, item)
            waiting = None
            continue
        if waiting is not None:
            yield _discard(*waiting, UNPARTNERED, is_bad=True)
        waiting = item
    if waiting is not None:
        yield _discard(*waiting, UNPARTNERED, is_bad=True)


def _join(first: RawRow, second: RawRow) -> Iterator[ParsedPair | Discard]:
    scores = [take_number(row, "helpfulness") for _, row in (first, second)]
    if scores[0] == scores[1]:
        for source_row, row in (first, second):
            yield _discard(source_row, row, TIE, is_bad=False)
        return
    replies = [make_reply(row["response"]) for _, row in (first, second)]
    better = int(scores[1] > scores[0])
    sides = Sides(parse_helpsteer_prompt(first[1]["prompt"]), replies[better], replies[1 - better])
    try:
        yield _make_parsed(*first, sides, (scores[better], scores[1 - better]))
    except RowError as error:
        yield _discard(*first, str(error), is_bad=error.is_bad)
    source_row, row = second
    place = f"joined with row {first[0]}"
    yield make_discard(source_row, _source_id(row), JOINED, place, is_bad=False)


@dataclass(frozen=True)
class Format:
    """One raw format.

    Attributes:
        name: What `--format` takes.
        description: Its columns, for people.
        columns: Alternative sets of columns, one of which every row has.
        detect: Whether a row that has the columns is in this format; no row is in two.
        convert: Turns rows into pairs and discards, each raw row ending in exactly one of them.
    """

    name: str
    description: str
    columns: tuple[tuple[str, ...], ...]
    detect: Callable[[Row], bool]
    convert: Callable[[Iterable[RawRow | Discard]], Iterator[ParsedPair | Discard]]

    def find_missing(self, row: Row) -> list[str]:
        """Names the columns that a row lacks, by the alternative that it comes nearest to."""
        missing = [[name for name in names if name not in row] for names in self.columns]
        return min(missing, key=len)


def _has_markers(row: Row) -> bool:
    try:
        parse_hh(row)
    except RowError as error:
        return not error.is_bad
    return True


def _has_string_prompt_and_message_lists(row: Row) -> bool:
    lists = isinstance(row["chosen"], list) and isinstance(row["rejected"], list)
    return lists and not isinstance(row["prompt"], list)


SIDES = ("chosen", "rejected")

FORMATS = {
    entry.name: entry
    for entry in (
        Format(
            "hh",
            'chosen, rejected: whole transcripts with "Human:" and "Assistant:" turns',
            (SIDES,),
            lambda row: not {"prompt", "conversations"} & set(row) and _has_markers(row),
            partial(_convert_each, parse_hh),
        ),
        Format(
            "trl",
            "prompt, chosen, rejected: text or messages; the replies alone",
            (("prompt", *SIDES),),
            lambda row: (
                "conversations" not in row and not _has_string_prompt_and_message_lists(row)
            ),
            partial(_convert_each, parse_trl),
        ),
        Format(
            "trl-implicit",
            "chosen, rejected: messages of whole conversations with a shared beginning",
            (SIDES,),
            lambda row: not {"prompt", "conversations"} & set(row) and not _has_markers(row),
            partial(_convert_each, parse_trl_implicit),
        ),
        Format(
            "ultrafeedback",
            "prompt: text; chosen, rejected: messages of whole conversations",
            (("prompt", *SIDES),),
            lambda row: "conversations" not in row and _has_string_prompt_and_message_lists(row),
            partial(_convert_each, parse_ultrafeedback),
        ),
        Format(
            "pku",
            "prompt, response_0, response_1 and better_response_id or safer_response_id (0 or 1); "
            "or prompt and response: [better, other]",
            (
                ("prompt", "response_0", "response_1", "better_response_id"),
                ("prompt", "response_0", "response_1", "safer_response_id"),
                ("prompt", "response"),
            ),
            lambda row: (
                not {"chosen", "helpfulness"} & set(row)
                and not isinstance(row.get("response"), str)
            ),
            partial(_convert_each, parse_pku),
        ),
        Format(
            "helpsteer2",
            "prompt, response, helpfulness: two neighbouring rows a prompt, the more helpful wins",
            (("prompt", "response", "helpfulness"),),
            lambda row: "chosen" not in row,
            _convert_neighbours,
        ),
        Format(
            "sharegpt",
            "conversations: list of {from, value}; chosen, rejected: {from, value}; system: text "
            "(optional)",
            (("conversations", *SIDES),),
            lambda _row: True,
            partial(_convert_each, parse_sharegpt),
        ),
    )
}


def find_format(name: str) -> Format:
    """Finds a format by its name.

    Raises:
        FormatError: If no format has that name.
    """
    if name not in FORMATS:
        raise FormatError(f"Format {name!r} is unknown; {name_nearest(name, FORMATS)}")
    return FORMATS[name]


def detect_format(row: Row, name: str | None, where: str) -> Format:
    """Decides on the format of a source by one of its rows.

    Args:
        row: The row.
        name: The format that the user demands; None to detect it.
        where: The source, for the message.

    Raises:
        FormatError: If no format fits, or the demanded one lacks a column.
    """
    columns = clean_text(", ".join(sorted(map(str, row)))) or "none"
    if name is not None:
        demanded = find_format(name)
        missing = demanded.find_missing(row)
        if missing:
            raise FormatError(
                f"Source {where} lacks column {', '.join(missing)} of format {name} (it has: "
                f"{columns}); choose another --format ({', '.join(FORMATS)})."
            )
        return demanded
    for entry in FORMATS.values():
        if not entry.find_missing(row) and entry.detect(row):
            return entry
    known = "; ".join(f"{entry.name} ({entry.description})" for entry in FORMATS.values())
    raise FormatError(
        f"Source {where} has columns {columns}, which no known format has; rename them to those of "
        f"one of these and pass it as --format: {known}."
    )


def convert_rows(
    rows: Iterable[RawRow | Discard], row_format: Format
) -> Iterator[ParsedPair | Discard]:
    """Turns the raw rows of one source into pairs.

    Args:
        rows: Raw rows in source order; those that could not be read are discards already and pass.
        row_format: Their format.

    Yields:
        One pair or one discard for each raw row.
    """
    yield from row_format.convert(rows)
