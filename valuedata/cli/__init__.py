"""The command line: a command parses its options, calls the package and prints what it gave."""

import os
import re
from importlib import import_module
from typing import Any, Final

import rich_click as click
from click.exceptions import Exit, NoArgsIsHelpError

from valuedata.cli.logs import verbose_option
from valuedata.cli.output import clean_line
from valuedata.errors import ValuedataError, name_nearest

__all__ = ["main"]

COMMANDS: Final = {
    "build": "build",
    "survey": "survey",
    "label": "build",
    "inspect": "releases",
    "why": "lives",
    "diff": "releases",
    "forecast": "forecast",
    "values": "catalogue",
    "markers": "catalogue",
    "sources": "catalogue",
    "prompts": "prompts",
    "fit": "fit",
    "score": "score",
    "controls": "controls",
    "trace": "trace",
    "train": "train",
    "evaluate": "evaluate",
    "calibrate": "calibrate",
    "crosstalk": "crosstalk",
    "push": "hub",
    "pull": "hub",
    "cache": "cache",
}
"""Command to its module in this package, in the order of the help."""

HELP_STYLE: Final = {
    "theme": "default-slim",
    "text_paragraph_linebreaks": "\n\n",
    "padding_helptext_first_line": (0, 0, 1, 0),
}
USER_ERROR = 2
INTERRUPTED = 130


class LazyGroup(click.RichGroup):
    """A group that imports a command when it is asked for, and the one place where errors end."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        module = import_module(f"valuedata.cli.{COMMANDS[name]}")
        command: click.Command = getattr(module, name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command; the nearest ones are named where there is none."""
        if args[0] not in COMMANDS:
            ctx.fail(f"Command {args[0]!r} is unknown ({name_nearest(args[0], COMMANDS)})")
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401
        """Reads the options before the command; wrong ones are one sentence and status 2."""
        try:
            return super().make_context(*args, **extra)
        except NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            _echo_error(_describe_usage(error))
            raise Exit(USER_ERROR) from error

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        """Runs a command; what the user can mend becomes one sentence and status 2."""
        try:
            return super().invoke(ctx)
        except ValuedataError as error:
            _echo_error(str(error))
            ctx.exit(USER_ERROR)
        except NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            _echo_error(_describe_usage(error))
            ctx.exit(USER_ERROR)
        except KeyboardInterrupt:
            click.echo("\nStopped; run the same command to continue.", err=True)
            ctx.exit(INTERRUPTED)


def _echo_error(message: str) -> None:
    click.echo(f"Error: {clean_line(message)}", err=True)


def _describe_usage(error: click.UsageError) -> str:
    message = error.format_message().rstrip(".")
    message = re.sub(r"\.? \(?Did you mean (.*)\?\)?$", r" (did you mean \1?)", message)
    hint = f"; `{error.ctx.command_path} --help` shows what it takes" if error.ctx else ""
    return f"{message}{hint}."


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="valuedata", message="%(version)s")
@verbose_option
@click.rich_config(HELP_STYLE)
def main() -> None:
    """Carves value-specific subsets out of preference data.

    \b
    A first release, offline and in seconds, and a look at it:
    valuedata build --value empathy
    valuedata inspect empathy-release
    """
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")  # stages show their own
