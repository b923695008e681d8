"""Bars appear late, on stderr, and only where a person watches."""

import io
import time

import pytest

from valuedata.cli import progress
from valuedata.progress import show_nothing


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watch(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Makes stderr a terminal; called inside a test, because pytest takes stderr back before it."""
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return screen


def test_silent_where_stderr_is_no_terminal_or_on_request(monkeypatch) -> None:
    watch(monkeypatch)
    assert progress.choose_progress(quiet=False) is progress.show_bar
    assert progress.choose_progress(quiet=True) is show_nothing
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert progress.choose_progress(quiet=False) is show_nothing


@pytest.mark.parametrize("total", [40, None])
def test_a_long_stage_shows_count_and_rate(monkeypatch, total) -> None:
    terminal = watch(monkeypatch)
    monkeypatch.setattr(progress, "SECONDS_UNTIL_SHOWN", 0.01)
    with progress.show_bar("Reading [/rows]", total) as advance:
        time.sleep(0.1)
        advance(10)
        time.sleep(0.1)
        advance(10)
    shown = terminal.getvalue()
    assert "Reading [/rows]" in shown
    assert "20/40" in shown or "20/?" in shown
    assert "/s" in shown


def test_a_short_stage_shows_nothing(monkeypatch) -> None:
    terminal = watch(monkeypatch)
    with progress.show_bar("Reading", 2) as advance:
        advance(2)
    assert terminal.getvalue() == ""


def test_an_error_passes_through(monkeypatch) -> None:
    watch(monkeypatch)
    with pytest.raises(KeyboardInterrupt), progress.show_bar("Reading", 2):
        raise KeyboardInterrupt
