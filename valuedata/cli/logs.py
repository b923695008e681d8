"""Logs on stderr: warnings always, in one line each, and the course of a run on request."""

import logging
from collections.abc import Callable
from typing import Any

import rich_click as click

from valuedata.cli.output import clean_line

__all__ = ["verbose_option"]

PACKAGES = ("valuedata", "cards", "training", "evaluation")


class _EchoHandler(logging.Handler):
    """Writes to what stderr is at that moment, so that a progress bar can stay below the line."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.capitalize()}: "
        click.echo(level + clean_line(" ".join(self.format(record).split())), err=True)


_HANDLER = _EchoHandler()


def _show_logs(ctx: click.Context, _: click.Parameter, verbose: bool) -> None:
    chosen = verbose or ctx.find_root().meta.get("valuedata.verbose", False)
    ctx.find_root().meta["valuedata.verbose"] = chosen
    for package in PACKAGES:
        logger = logging.getLogger(package)
        logger.addHandler(_HANDLER)  # once, however often it is called
        logger.setLevel(logging.INFO if chosen else logging.WARNING)


def verbose_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds -v to a command."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_show_logs,
        help="Tell on stderr what is being done.",
    )(command)
