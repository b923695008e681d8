"""What holds for every command: errors, interruption, logs, version."""

import logging
import signal
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import pytest
from click import unstyle

from tests.cli.rows import choose_rows, write_rows
from valuedata.cli import COMMANDS
from valuedata.cli.output import echo_table

pytestmark = pytest.mark.usefixtures("vector_cache", "undrawn")


class Interrupt(logging.Handler):
    """Presses Ctrl-C at a record, so that it comes in the midst of a build."""

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def ctrl_c_while_reading() -> Iterator[None]:
    # Started in the background, Python may have been told to ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    handler, logger = Interrupt(), logging.getLogger("valuedata.intake.sources")
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_while_reading")
def test_ctrl_c_says_how_to_go_on(run, tmp_path) -> None:
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12))
    result = run("build", "--value", "empathy", "--source", "rows.jsonl", "-v")
    assert result.stderr == "\nStopped; run the same command to continue.\n"
    assert (result.stdout, result.exit_code) == ("", 130)
    assert list(tmp_path.iterdir()) == [tmp_path / "rows.jsonl"]


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
        (
            "--bogus",
            "No such option '--bogus' (did you mean '--verbose'?); `valuedata --help`",
        ),
        ("build --sed 3", "No such option '--sed' (did you mean one of: '--seed', '--source', "),
        ("fit a --out b --seed -1", "Invalid value for '--seed': -1 is not in the range"),
        ("why folder", "Missing argument 'PAIR_ID|TEXT'; `valuedata why --help` shows"),
        ("inspect a b", "Got unexpected extra argument (b); `valuedata inspect --help` shows"),
    ],
)
def test_wrong_usage_is_one_sentence_too(run, words: str, message: str) -> None:
    result = run(*words.split())
    assert result.stderr.startswith(f"Error: {message}")
    assert result.stderr.count("\n") == 1
    assert (result.stdout, result.exit_code) == ("", 2)


LOSS = (
    "Warning: Stage exact duplicates drops 36 of 48 rows, more than the share of 0.3 that is "
    "usual: check whether the sources repeat each other.\n"
)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("build --value empathy --source rows.jsonl --quiet", LOSS),
        ("-v build --value empathy --source rows.jsonl --quiet", f"Reading rows.jsonl\n{LOSS}"),
        ("build --value empathy --source rows.jsonl --quiet -v", f"Reading rows.jsonl\n{LOSS}"),
    ],
)
def test_warnings_of_a_build(run, tmp_path, words: str, shown: str) -> None:
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12) * 4)
    result = run(*words.split())
    assert (result.output, result.exit_code) == (shown, 0)


def test_warnings_are_one_line_each(run, capsys) -> None:
    run("sources")
    assert capsys.readouterr() == ("", "")
    logging.getLogger("valuedata.pipeline").info("Reading")
    logging.getLogger("cards.render").warning("Half of it\n is %s.", "gone")
    assert capsys.readouterr() == ("", "Warning: Half of it is gone.\n")


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


def test_names_cannot_steer_the_terminal(run) -> None:
    result = run("inspect", "a\x1b[2J\nb")
    assert result.stderr.startswith("Error: a\ufffd[2J b is not a release")
    assert result.stderr.count("\n") == 1


def test_cells_cannot_steer_the_terminal(capsys) -> None:
    echo_table(("name",), [("a\x1b[2J\nb\u202e",)])
    assert capsys.readouterr().out.splitlines()[2] == "a\ufffd[2J b\ufffd"
