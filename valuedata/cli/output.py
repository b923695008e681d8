"""What commands print: tables, JSON and texts that cannot steer a terminal."""

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence

import rich_click as click

__all__ = [
    "clean_line",
    "echo_json",
    "echo_table",
    "format_count",
    "format_reasons",
    "shorten",
    "shorten_start",
]

NAME_WIDTH = 45  # a column with longer cells holds prose, which may wrap
UNLIMITED = 10_000  # columns where no terminal limits them


def echo_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table on stdout; numbers stand right, and only a terminal's width wraps text.

    The column with the longest text gives way first, so that names stay in one piece.

    Args:
        columns: Headings.
        rows: Cells of each row; integers get thousands separators.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    cells = [[_format_cell(cell) for cell in row] for row in rows]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    for number, column in enumerate(columns):
        numeric = bool(cells) and all(_is_numeric(row[number]) for row in cells)
        wide = any(len(row[number]) > NAME_WIDTH for row in cells)
        table.add_column(
            column,
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=not (wide or numeric),
        )
    for row in cells:
        table.add_row(*row)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else UNLIMITED
    console = Console(markup=False, highlight=False, emoji=False, width=width)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())


def echo_json(content: object) -> None:
    """Prints JSON on stdout."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def format_count(count: int) -> str:
    """A count with thousands separators."""
    return f"{count:,}"


def format_reasons(reasons: Mapping[str, int], limit: int) -> str:
    """Lists reasons with their counts, most frequent first, and says how many more there are."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{count:,} {reason}" for reason, count in ordered[:limit]]
    if len(ordered) > limit:
        named.append(f"{len(ordered) - limit} more")
    return ", ".join(named)


def clean_line(text: str) -> str:
    """Puts a text on one line that cannot steer a terminal; what comes from data may try to."""
    spaced = (" " if character.isspace() else character for character in text)
    return "".join(character if character.isprintable() else "\ufffd" for character in spaced)


def shorten(text: str, width: int) -> str:
    """Puts a text on one line of at most `width` characters that cannot steer a terminal."""
    line = clean_line(" ".join(text.split()))
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def shorten_start(text: str, width: int) -> str:
    """Puts the end of a text on one line of at most `width` characters, as `shorten` its start."""
    line = clean_line(" ".join(text.split()))
    return line if len(line) <= width else "…" + line[1 - width :].lstrip()


def _format_cell(cell: object) -> str:
    return format_count(cell) if isinstance(cell, int) else clean_line(str(cell))


def _is_numeric(cell: str) -> bool:
    return cell.removeprefix("-").removesuffix("%").replace(",", "").replace(".", "", 1).isdecimal()
