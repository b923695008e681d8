"""The command line as the program parses it, without running a command."""

from typing import Any

import click

from valuedata.cli import main


def parse_words(command: click.Command, words: str) -> dict[str, Any]:
    """Parameters of a command that stands under the program.

    A command keeps the names of its help option from the first call, so one parsed without the
    program above it would have other help in every later test.
    """
    program = main.make_context("valuedata", [str(command.name)])
    return command.make_context(command.name, words.split(), parent=program).params
