"""Markdown from templates, in which text of data stays text."""

import json
import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["escape_cell", "fence", "make_environment"]

# Source: GitHub Flavored Markdown 0.29, section 6.9: what makes a link without brackets.
BARE_ADDRESS = re.compile(r":(?=//)|\bwww(?=\.)|(?<=[\w.+-])(?=@)", re.IGNORECASE)


@cache
def make_environment() -> Environment:
    """The environment of all cards, which keeps their templates; a missing fact is an error."""
    environment = Environment(  # noqa: S701 - Markdown, in which data stand in code fences
        loader=PackageLoader("cards"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = lambda count: f"{int(count):,}"
    environment.filters["share"] = lambda part, whole: f"{100 * part / whole:.0f} %"
    environment.filters["measure"] = lambda n: "undefined" if n is None else f"{n:.2f}"
    environment.filters["cell"] = escape_cell
    environment.filters["fence"] = fence
    return environment


def fence(text: str, language: str) -> str:
    """Text of the data as a Markdown block that it cannot break out of."""
    marks = "```"
    while marks in text:
        marks += "`"
    return f"{marks}{language}\n{text}\n{marks}"


def escape_cell(text: object) -> str:
    """Text for a cell of a Markdown table, with nothing left in it that Markdown or HTML reads.

    Addresses get an invisible space, for some readers of Markdown link them in spite of escapes.
    """
    plain = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)
    line = " ".join(plain.split())
    line = "".join(character if character.isprintable() else "\ufffd" for character in line)
    line = BARE_ADDRESS.sub(lambda match: match[0] + "\u200b", line)
    return re.sub(r"([\\`\[\]!*_|<>~$&])", r"\\\1", line)
