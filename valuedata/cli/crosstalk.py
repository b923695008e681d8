"""crosstalk: the command that puts several evaluations into one matrix, beside that of the data."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import json_option
from valuedata.cli.output import echo_json, echo_table
from valuedata.cli.plots import check_plot, draw_plot, make_plot_option

if TYPE_CHECKING:
    from evaluation.crosstalk.runs import EvaluatedRun

__all__ = ["crosstalk"]

N_LARGEST = 3
LEAST_SHOWN = 0.001

Content = Mapping[str, Any]


@click.command
@click.argument("runs", nargs=-1, required=True, metavar="RUNS...")
@click.option(
    "--release",
    "releases",
    multiple=True,
    metavar="RELEASE",
    help="Release, as a folder or by its name on the Hub, with the subsets that the models were "
    "trained on; repeatable.  Its forecast is the data's matrix.",
)
@click.option(
    "--judge",
    metavar="NAME",
    help="Whose scores.  Without it, the judge that gives the verdicts.",
)
@click.option("--value", metavar="NAME", help="Show every value after inducing this one.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the matrices as one page that needs no network.",
)
@make_plot_option("both matrices")
@json_option
def crosstalk(
    *,
    value: str | None,
    html: Path | None,
    plot: Path | None,
    as_json: bool,
    **given: Any,  # noqa: ANN401
) -> None:
    """Say what inducing each value did to all others, and how much of it the data explain.

    RUNS are folders that `valuedata evaluate` wrote, one for each induced value, with control arms;
    VALUE=FOLDER says which value it was where the folder does not.  A change is the share of
    replies with a value, tuned minus controls, paired by prompt and clustered by family.

    \b
    Examples:
    valuedata crosstalk empathy-evaluation honesty-evaluation --release my-release
    valuedata crosstalk empathy=evaluation-1 humor=evaluation-2 --plot crosstalk.png
    """
    check_plot(plot)
    content = _measure(given)
    if value is not None and value not in content["cells"]:
        from valuedata.errors import EvaluationError, name_nearest

        raise EvaluationError(
            f"No run induced {value!r}; {name_nearest(value, content['induced'])}"
        )
    _draw(content, given, plot, html)
    if as_json:
        echo_json(content)
        return
    if value is None:
        _show_all(content)
    else:
        _show_one(content, value)
    for note in content["notes"]:
        click.echo(f"\n{note}")
    for what, path in (("Plot", plot), ("Page", html)):
        if path is not None:
            click.echo(f"\n{what} in {path}")


def _draw(content: Content, given: Content, plot: Path | None, html: Path | None) -> None:
    if plot is not None:
        from cards.crosstalk import draw_measured_crosstalk

        draw_plot(partial(draw_measured_crosstalk, content), plot)
    if html is not None:
        from evaluation.crosstalk.view import view_crosstalk
        from evaluation.report.page import write_page

        write_page(view_crosstalk(content, _tell_command(given)), html)


def _measure(given: Content) -> Content:
    from evaluation.crosstalk.data import read_data
    from evaluation.crosstalk.matrix import measure_crosstalk
    from evaluation.crosstalk.runs import read_runs
    from valuedata.hub.pull import open_release

    evaluated = read_runs(given["runs"], given["judge"])
    data, notes = read_data([open_release(name) for name in given["releases"]], evaluated)
    found = measure_crosstalk([run.induction for run in evaluated], evaluated[0].values, data)
    return {
        "judge": evaluated[0].judge,
        "runs": [
            {"value": run.value, "folder": str(run.folder), "n_controls": run.n_controls}
            for run in evaluated
        ],
        **found.to_json(),
        "notes": [*notes, *_list_few_controls(evaluated)],
    }


def _list_few_controls(evaluated: "Sequence[EvaluatedRun]") -> Iterator[str]:
    from evaluation.statistics.placebo import MIN_CONTROLS

    for run in evaluated:
        if run.n_controls < MIN_CONTROLS:
            arms = "1 control arm" if run.n_controls == 1 else f"{run.n_controls} control arms"
            yield (
                f"{run.folder} has {arms}, fewer than the {MIN_CONTROLS} that a spread takes: what "
                "is found there may be what any training does."
            )


def _tell_command(given: Content) -> str:
    words = ["valuedata", "crosstalk", *given["runs"]]
    words += [word for release in given["releases"] for word in ("--release", release)]
    return shlex.join(words + (["--judge", given["judge"]] if given["judge"] else []))


def _show_all(content: Content) -> None:
    from evaluation.crosstalk.view import list_beyond_data, list_found, tell_explained

    click.echo(
        "Share of replies with each value, tuned minus controls, in points; judge "
        f"{content['judge']}\n"
    )
    rows = []
    for run in content["runs"]:
        cells = content["cells"][run["value"]]
        found = list_found(content, run["value"])
        rows.append(
            (
                run["value"],
                run["n_controls"],
                _change(cells[run["value"]]),
                f"{len(found)} of {len(cells) - 1}",
                ", ".join(f"{name} {_points(cell['change'])}" for name, cell in found[:N_LARGEST]),
            )
        )
    echo_table(("induced", "controls", "itself", "others found", "largest of these"), rows)
    rate = f"{content['false_discovery_rate']:.0%}"
    click.echo(
        f"\nFound: at a false discovery rate of {rate} over the matrix, and farther off than any "
        "control arm."
    )
    if content["explained"] is not None:
        click.echo(f"\n{tell_explained(content['explained'])}")
        beyond = list_beyond_data(content)
        if beyond:
            click.echo("\nOtherwise than the data would have it, by the same two criteria:\n")
            echo_table(
                ("induced", "value", "change", "in the data", "expected", "beyond", "q"),
                (
                    (
                        induced,
                        name,
                        _change(cell),
                        _number(cell["data"]),
                        _points(cell["predicted"]),
                        _points(cell["beyond_data"]),
                        _q(cell["q_beyond_data"]),
                    )
                    for induced, name, cell in beyond
                ),
            )
        else:
            click.echo("Nothing is found beyond the data.")
    click.echo("\nGive --value NAME for every value after inducing one, with intervals.")


def _show_one(content: Content, value: str) -> None:
    n_controls = next(run["n_controls"] for run in content["runs"] if run["value"] == value)
    cells = content["cells"][value]
    own = cells[value]
    click.echo(
        f"After inducing {value}: {own['n_prompts']:,} prompts of {own['n_families']:,} families, "
        f"{n_controls} control arms, judge {content['judge']}; in points\n"
    )
    with_data = content["explained"] is not None
    columns = ["value", "tuned", "controls", "change", "q", "found", "rank"]
    rows = []
    for name, cell in sorted(cells.items(), key=lambda one: (one[0] != value, _order(one[1]))):
        rank = "" if cell["rank"] is None else f"{cell['rank']} of {n_controls + 1}"
        row = [name, _share(cell["tuned"]), _share(cell["control"]), _change(cell)]
        row += [_q(cell["q"]), "yes" if cell["is_found"] else "", rank]
        if with_data:
            row += [_number(cell["data"]), _points(cell["predicted"])]
        rows.append(row)
    echo_table(columns + (["in the data", "expected"] if with_data else []), rows)


def _order(cell: Content) -> float:
    """The largest changes first; undefined ones come last."""
    return 1.0 if cell["change"] is None else -abs(cell["change"])


def _change(cell: Content) -> str:
    if cell["change"] is None:
        return "undefined"
    return f"{_points(cell['change'])} [{_points(cell['low'])}, {_points(cell['high'])}]"


def _points(share: float | None) -> str:
    return "" if share is None else f"{100 * share:+z.1f}"


def _share(share: float | None) -> str:
    return "undefined" if share is None else f"{100 * share:.1f}"


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:+z.2f}"


def _q(q: float | None) -> str:
    if q is None:
        return ""
    return f"{q:.3f}" if q >= LEAST_SHOWN else f"<{LEAST_SHOWN}"
