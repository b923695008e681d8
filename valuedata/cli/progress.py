"""Progress bars on stderr with rate and time left, for stages that take longer than two seconds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from valuedata.progress import Advance, Progress, show_nothing

__all__ = ["choose_progress", "show_bar"]

SECONDS_UNTIL_SHOWN = 2.0


def choose_progress(*, quiet: bool) -> Progress:
    """Chooses bars where a person watches stderr, silence otherwise."""
    return show_nothing if quiet or not sys.stderr.isatty() else show_bar


@contextmanager
def show_bar(stage: str, total: int | None) -> Iterator[Advance]:
    """The `Progress` that draws a bar once the stage has run for two seconds."""
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.speed:,.0f}/s" if total is None else "{task.fields[rate]}"),
        bars.TimeRemainingColumn(elapsed_when_finished=True),
    )
    with_rate = bars.Progress(*columns, console=Console(stderr=True))
    task = with_rate.add_task(stage, total=total, rate="")

    def advance(n_rows: int) -> None:
        with_rate.advance(task, n_rows)

    timer = Timer(SECONDS_UNTIL_SHOWN, with_rate.start)
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        timer.join()  # the bar has started or never will
        with_rate.stop()
