"""What commands print: tables, JSON and shortened texts."""

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import rich_click as click

__all__ = ["echo_json", "echo_table", "format_count", "format_reasons", "shorten"]

UNLIMITED = 10_000  # columns where no terminal limits them


def echo_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table on stdout; numbers stand right, and only a terminal's width wraps text.

    Args:
        columns: Headings.
        rows: Cells of each row; integers get thousands separators.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    cells = [list(row) for row in rows]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    for number, column in enumerate(columns):
        numeric = bool(cells) and all(_is_numeric(row[number]) for row in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(format_count(cell) if isinstance(cell, int) else str(cell) for cell in row))
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


def shorten(text: str, width: int) -> str:
    """Puts a text on one line of at most `width` characters that cannot steer a terminal."""
    line = " ".join(text.split())
    line = "".join(character if character.isprintable() else "\ufffd" for character in line)
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def _is_numeric(cell: Any) -> bool:  # noqa: ANN401 - any cell
    return isinstance(cell, int) or str(cell).removesuffix("%").replace(".", "", 1).isdecimal()
