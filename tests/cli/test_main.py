"""What holds for every command: errors, interruption, logs, version."""

import logging
from importlib.metadata import PackageNotFoundError, version

import pytest
from click import unstyle

from valuedata import pipeline
from valuedata.cli import COMMANDS


def test_ctrl_c_says_how_to_go_on(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "build", interrupt)
    result = run("build", "--value", "empathy", "--quiet")
    assert result.stderr == "\nStopped; run the same command to continue.\n"
    assert result.exit_code == 130


def test_an_unknown_command_names_the_nearest(run) -> None:
    result = run("biuld")
    assert result.stderr == (
        "Error: Command 'biuld' is unknown (did you mean 'build'?); "
        "`valuedata --help` shows what it takes.\n"
    )
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "build --min-pairs x",
            "Invalid value for '--min-pairs': 'x' is not a valid integer; "
            "`valuedata build --help` shows what it takes.",
        ),
        ("why folder", "Missing argument 'PAIR_ID|TEXT'; `valuedata why --help` shows"),
        ("inspect a b", "Got unexpected extra argument (b); `valuedata inspect --help` shows"),
    ],
)
def test_wrong_usage_is_one_sentence_too(run, words: str, message: str) -> None:
    result = run(*words.split())
    assert result.stderr.startswith(f"Error: {message}")
    assert result.stderr.count("\n") == 1
    assert (result.stdout, result.exit_code) == ("", 2)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("build --value empathy --quiet", "Warning: Half of it is gone."),
        ("-v build --value empathy --quiet", "Reading\nWarning: Half of it is gone."),
        ("build --value empathy --quiet -v", "Reading\nWarning: Half of it is gone."),
    ],
)
def test_warnings_are_one_line_each(run, monkeypatch, release, words: str, shown: str) -> None:
    def build(*_: object) -> object:
        logging.getLogger("valuedata.pipeline").info("Reading")
        logging.getLogger("valuedata.pipeline").warning("Half of it\n is %s.", "gone")
        return release

    monkeypatch.setattr(pipeline, "build", build)
    assert run(*words.split()).stderr == f"{shown}\n"


def test_version(run) -> None:
    try:
        expected = version("valuedata")
    except PackageNotFoundError:
        pytest.skip("needs valuedata installed")
    assert run("--version").output == f"{expected}\n"


def test_help_lists_every_command(run) -> None:
    output = unstyle(run("--help").output)  # some CI systems force colours
    lines = output[output.index("Commands:") :].splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "] == list(
        COMMANDS
    )


def test_defaults_of_the_help_are_those_of_the_recipe(run) -> None:
    first, second = run("build", "--help").output, run("build", "--help").output
    assert first == second
    assert "[default: 0.2]" in first
    assert "[default: en]" in first
