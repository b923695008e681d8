"""House rules that no linter holds; run as a program it writes docs/cli.md anew (`make docs`)."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from click import unstyle
from click.testing import CliRunner

import valuedata
from valuedata.cli import COMMANDS, main

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("valuedata", "training", "evaluation", "cards")
REFERENCE = REPOSITORY / "docs" / "cli.md"
MAX_LINES = 300
HEAVY = ("datasets", "faiss", "numpy", "pyarrow", "pydantic", "rich.progress", "sklearn", "torch")

PUBLIC: Final = {
    "Agreement",
    "BadRowsError",
    "Forecast",
    "ForecastSettings",
    "FormatError",
    "HubError",
    "HubUnreachableError",
    "LabelError",
    "PushSettings",
    "Pushed",
    "Recipe",
    "RecipeError",
    "Release",
    "ReleaseError",
    "ScoreSettings",
    "Scores",
    "SelectionError",
    "SourceError",
    "Survey",
    "UnknownValueError",
    "ValuedataError",
    "__version__",
    "build",
    "build_controls",
    "compare",
    "drop_pairs",
    "forecast",
    "label",
    "load_recipe",
    "load_release",
    "make_recipe",
    "open_release",
    "pull",
    "push",
    "score",
    "survey",
    "trace",
}


def list_modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))]


@pytest.mark.parametrize("path", list_modules(), ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["build"], ["import"]])
def test_the_command_line_loads_nothing_heavy(words: list[str]) -> None:
    """`--help`, `--version`, and importing the package or a command's module."""
    if words == ["import"]:
        call = "import valuedata"
    elif words == ["build"]:
        call = "import valuedata.cli.build"
    else:
        call = f"from valuedata.cli import main; main({words!r}, standalone_mode=False)"
    program = (
        f"import sys\ntry:\n    {call}\nexcept ImportError:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def list_commands() -> Iterator[str]:
    """Every command, and those of a group behind its name, such as "cache info"."""
    for name in COMMANDS:
        yield name
        command = find_command(name)
        if isinstance(command, click.Group):
            yield from (f"{name} {inner}" for inner in sorted(command.commands))


def find_command(words: str) -> click.Command:
    name, *inner = words.split()
    found = main.get_command(main.make_context("valuedata", [name, "--help"]), name)
    assert found is not None
    for word in inner:
        assert isinstance(found, click.Group)
        found = found.commands[word]
    return found


def list_examples(command: str) -> list[str]:
    """Lines of a command's help that call the program."""
    found = find_command(command)
    assert found.help is not None
    return re.findall(r"^ *(valuedata .*)$", found.help, flags=re.MULTILINE)


@pytest.mark.parametrize("command", list(list_commands()))
def test_every_command_has_an_example(command: str) -> None:
    examples = list_examples(command)
    assert examples
    for example in examples:
        assert f"{example} ".startswith(f"valuedata {command} ")
        options = re.findall(r"--[a-z-]+", example)
        assert set(options) <= set(re.findall(r"--[a-z-]+", render_help(*command.split())))


def test_the_public_surface_is_exact() -> None:
    assert set(valuedata.__all__) == PUBLIC
    assert dir(valuedata) == sorted(PUBLIC)
    for name in PUBLIC - {"__version__"}:
        assert getattr(valuedata, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'biuld'"):
        valuedata.biuld  # noqa: B018 - looking it up is the point


@pytest.mark.parametrize("path", list_modules(), ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_modules_export_what_they_define(path: Path) -> None:
    """Every name in a module's `__all__` exists, in order."""
    text = path.read_text(encoding="utf-8")
    block = re.search(r"^__all__ = \[(.*?)\]", text, flags=re.MULTILINE | re.DOTALL)
    if block is None:
        assert path.name.startswith("__") or not text.strip()
        return
    names = re.findall(r'"([^"]+)"', block.group(1))
    assert len(set(names)) == len(names)
    for name in names:
        assert re.search(rf"\b{re.escape(name)}\b", text.replace(block.group(0), "")), name


def render_help(*words: str) -> str:
    """Help as the program prints it on a terminal of 80 columns without colours."""
    result = CliRunner(env={"COLUMNS": "80"}).invoke(
        main, [*words, "--help"], prog_name="valuedata"
    )
    assert result.exit_code == 0, result.output
    lines = unstyle(result.output).strip().splitlines()  # some CI systems force colours
    return "\n".join(line.rstrip() for line in lines)


def render_reference() -> Iterator[str]:
    """Lines of docs/cli.md."""
    yield "# Command line\n"
    yield "Written by `make docs` from the help of each command; a test fails when it is stale.\n"
    yield f"```text\n{render_help()}\n```"
    for command in list_commands():
        yield f"\n## {command}\n"
        yield f"```text\n{render_help(*command.split())}\n```"


def test_the_reference_page_is_what_the_program_says() -> None:
    expected = "\n".join(render_reference()) + "\n"
    assert REFERENCE.read_text(encoding="utf-8") == expected, "stale: run `make docs`"


if __name__ == "__main__":
    os.chdir(REPOSITORY)
    REFERENCE.write_text("\n".join(render_reference()) + "\n", encoding="utf-8")
