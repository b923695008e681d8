"""The examples of the help, run for real in one folder, offline, in the order of the help."""

import shlex
from importlib import import_module

import pytest

from tests.training.test_starter import FEWER
from valuedata.cli import COMMANDS

# what is on the Hub, files of the reader's own, what trains for minutes and what reads its
# evaluation, and the cache, which other tests share
ELSEWHERE = (
    "hh-rlhf",
    "ORG/NAME",
    "my-",
    "gold.jsonl",
    "--arms",
    "evaluation",
    "cache clear",
)


@pytest.mark.slow
@pytest.mark.usefixtures("vector_cache", "undrawn")
def test_examples_run(run) -> None:
    n_run = 0
    for command, module in COMMANDS.items():
        found = getattr(import_module(f"valuedata.cli.{module}"), command)
        lines = [line.strip() for line in found.help.splitlines()]
        for line in lines:
            words = shlex.split(line) if line.startswith("valuedata ") else []
            if words and not any(name in line for name in ELSEWHERE):
                result = run(*words[1:], *(FEWER if command == "train" else ()))
                assert (line, result.exit_code) == (line, 0), result.output
                assert result.stdout
                n_run += 1
    assert n_run >= len(COMMANDS) - 3  # all but fit, which needs labelled pairs, push and pull
