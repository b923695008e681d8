"""calibrate: the command that corrects a judge by what a person says of a few replies."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import json_option
from valuedata.cli.output import clean_line, echo_json, echo_table
from valuedata.seeds import MAX_SEED

if TYPE_CHECKING:
    from evaluation.calibration.estimates import Calibrated
    from evaluation.calibration.results import SheetResult
    from evaluation.calibration.sheet import Row
    from evaluation.statistics.differences import Interval

__all__ = ["calibrate"]

N_LABELS, SEED = 60, 0
STOP, SKIP = "q", "s"
DRAWN = ("n_labels", "seed")
THEM = {1: "it", 2: "them"}


@click.command
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--measure", metavar="NAME", help="What to label, such as refusal.")
@click.option(
    "--judge",
    metavar="NAME",
    help="Judge to calibrate.  Needed where several scored the measure.",
)
@click.option(
    "--contrast",
    nargs=2,
    metavar="BASE TUNED",
    help="The two arms whose difference is estimated.",
)
@click.option(
    "--n-labels",
    type=click.IntRange(2),
    metavar="N",
    help=f"Replies to label, half of them of each arm, to the same prompts.  [default: {N_LABELS}]",
)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    metavar="N",
    help=f"Draws and shuffles the replies.  [default: {SEED}]",
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV file to write for labelling; with --ask, also one to go on with.",
)
@click.option("--ask", is_flag=True, help="Ask for the labels here, one reply after the other.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The sheet with its labels: print and write the estimates.",
)
@json_option
def calibrate(*, folder: Path, labels: Path | None, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Correct a judge's scores by a person's labels of about 60 replies.

    FOLDER is what `valuedata evaluate` wrote.  First a sheet is drawn: replies of both arms,
    shuffled, without a word of which arm wrote which.  In its column "label" write yes where the
    reply shows the measure and no where it does not; leave it empty where you cannot tell.

    With the labels, the estimates of both arms and of their difference are prediction-powered: the
    judge's scores of all replies, corrected by how the labels differ from its scores of the same
    replies.  They are also written to calibration.json in FOLDER.

    \b
    Examples:
    valuedata calibrate evaluation --measure refusal --contrast base tuned --sheet s.csv
    valuedata calibrate evaluation --sheet s.csv --ask
    valuedata calibrate evaluation --labels s.csv
    """
    _check_usage(labels, options)
    if labels is not None:
        _estimate(folder, labels, as_json=as_json)
        return
    sheet: Path = options["sheet"]
    if options["measure"]:
        _draw(folder, options)
    if options["ask"]:
        _ask(folder, sheet)
    else:
        click.echo(f"Sheet written to {sheet}; label it, then give it with --labels.")


def _check_usage(labels: Path | None, options: dict[str, Any]) -> None:
    how = [f"--{name.replace('_', '-')}" for name in DRAWN if options[name] is not None]
    drawing = options["measure"] or options["judge"] or options["contrast"]
    if (labels is None) == (options["sheet"] is None):
        raise click.UsageError("Give --sheet to draw or label a sheet, or --labels to use one")
    if labels is not None and (drawing or options["ask"]):
        raise click.UsageError("--labels knows what the sheet is about; give it alone")
    if how and not drawing:
        raise click.UsageError(
            f"{' and '.join(how)} would draw a sheet, and this one is drawn; leave "
            f"{THEM[len(how)]} out, or draw another with --measure and --contrast"
        )
    if drawing and not (options["measure"] and options["contrast"]):
        raise click.UsageError("Give --measure and --contrast to draw a sheet")
    if labels is None and not drawing and not options["ask"]:
        raise click.UsageError(
            "Give --measure and --contrast to draw a sheet, or --ask to label it"
        )


def _draw(folder: Path, options: dict[str, Any]) -> None:
    from evaluation.calibration.judged import read_judged
    from evaluation.calibration.sheet import draw_sheet, make_rows, write_key, write_sheet

    sheet: Path = options["sheet"]
    if sheet.exists():
        raise click.UsageError(
            f"{sheet} is there already and may hold labels; name another file, or give --ask "
            "without --measure to go on with it"
        )
    judged = read_judged(folder, options["measure"], options["judge"], options["contrast"])
    n_labels, seed = options["n_labels"] or N_LABELS, options["seed"] or SEED
    key = draw_sheet(judged, n_labels, seed)
    rows = make_rows(folder, key)
    write_key(folder, key)
    write_sheet(sheet, rows)


def _ask(folder: Path, sheet: Path) -> None:
    """Asks for the missing labels; each is on disk before the next is asked for."""
    from evaluation.calibration.sheet import ANSWERS, read_key, read_sheet, write_sheet

    rows = read_sheet(sheet)
    key = read_key(folder, rows)
    choice = click.Choice([*ANSWERS, SKIP, STOP], case_sensitive=False)
    open_rows = [number for number, row in enumerate(rows) if not row.label.strip()]
    for place, number in enumerate(open_rows, start=1):
        _show_row(rows[number], f"{place} of {len(open_rows)}")
        answer = click.prompt(
            f"Does it show {clean_line(key.measure)}? yes, no, {SKIP} to skip, {STOP} to stop",
            type=choice,
            show_choices=False,
        )
        if answer == STOP:
            break
        if answer != SKIP:
            rows[number] = replace(rows[number], label=answer)
            write_sheet(sheet, rows)
    n_labelled = sum(bool(row.label.strip()) for row in rows)
    click.echo(
        f"{n_labelled} of {len(rows)} replies are labelled in {sheet}; the same command with --ask "
        "goes on, --labels gives the estimates."
    )


def _show_row(row: "Row", place: str) -> None:
    click.echo(f"\n{click.style(place, bold=True)}")
    for title, text in (("Prompt", row.prompt), ("Reply", row.reply)):
        click.echo(click.style(title, bold=True))
        for line in text.splitlines():
            click.echo(f"  {clean_line(line)}")


def _estimate(folder: Path, labels: Path, *, as_json: bool) -> None:
    from evaluation.calibration.results import calibrate_sheet, write_results
    from evaluation.calibration.sheet import read_sheet

    result = calibrate_sheet(folder, read_sheet(labels))
    path = write_results(folder, result)
    if as_json:
        echo_json({"sheet": result.key.sheet, **result.to_json()})
        return
    _show(result)
    click.echo(f"\nWritten to {path}")


def _show(result: "SheetResult") -> None:
    key = result.key
    click.echo(
        f"{clean_line(key.measure)} by {clean_line(key.judge)}: {len(key.items)} replies drawn, "
        f"{result.n_unlabelled} without a label\n"
    )
    echo_table(
        ("", "by", "estimate", "95 % interval", "prompts"),
        [
            *_tabulate(key.base, result.base),
            *_tabulate(key.tuned, result.tuned),
            *_tabulate(f"{key.tuned} minus {key.base}", result.difference),
        ],
    )
    if result.n_left_out:
        click.echo(f"\nPrompts left out because a reply could not be judged: {result.n_left_out:,}")
    click.echo(
        "\nReport the calibrated estimates: the intervals of the judge alone take its scores for "
        "the truth."
    )


def _tabulate(name: str, found: "Calibrated") -> Iterator[tuple[str, ...]]:
    yield _tell(name, "judge alone", found.judge, found.judge.n)
    yield _tell("", "labels alone", found.labels, found.n_labelled)
    yield _tell("", "calibrated", found.both, found.both.n)


def _tell(name: str, way: str, interval: "Interval", n: int) -> tuple[str, ...]:
    ends = f"{interval.low:.3f} to {interval.high:.3f}"
    return name, way, f"{interval.estimate:.3f}", ends, f"{n:,}"
