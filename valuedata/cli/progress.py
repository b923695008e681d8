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

    bar = bars.Progress(
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}", style="progress.data.speed"),
        bars.TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
    )
    task = bar.add_task(stage, total=total, rate="")

    def advance(n_rows: int) -> None:
        bar.advance(task, n_rows)
        speed = bar.tasks[0].speed  # rows a second over the last half minute
        bar.update(task, rate=f"{speed:,.0f}/s" if speed else "")

    timer = Timer(SECONDS_UNTIL_SHOWN, bar.start)
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        timer.join()  # the bar has started or never will
        bar.stop()
