"""forecast: the command that says what a subset will also train, before any training."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import rich_click as click

from valuedata.cli.options import json_option, make_resampling_options
from valuedata.cli.output import echo_json, echo_table
from valuedata.cli.plots import check_plot, draw_plot, make_plot_option
from valuedata.cli.progress import choose_progress
from valuedata.effects.settings import ForecastSettings

__all__ = ["forecast", "show_several"]

DEFAULTS = ForecastSettings()
N_LARGEST = 3
LEAST_SHOWN = 0.001


@click.command
@click.argument("release", type=click.Path(path_type=Path))
@click.option(
    "--value",
    multiple=True,
    metavar="NAME",
    help="Forecast the subset of this value only; repeatable.  Of one, every difference is shown.",
)
@make_resampling_options(DEFAULTS.n_resamples, DEFAULTS.seed)
@make_plot_option("the differences of one subset, or the crosstalk of several,")
@json_option
def forecast(
    *,
    release: Path,
    value: tuple[str, ...],
    resamples: int,
    seed: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Say what training on a subset also pushes: how its rewarded replies differ from the others.

    Measured are every value, behaviour and marker, in standard deviations of the whole source, with
    intervals that resample prompts; q is the false discovery rate at which a difference is found.

    \b
    Examples:
    valuedata forecast empathy-release
    valuedata forecast empathy-release --value empathy --plot empathy.png
    """
    check_plot(plot)
    from valuedata.hub.pull import open_release
    from valuedata.release.forecast import forecast as make_forecast

    settings = ForecastSettings(value, resamples, seed)
    made = make_forecast(open_release(release), settings, choose_progress(quiet=False))
    content = made.to_json()
    names = list(content["values"])
    if plot is not None:
        from cards.forecast import draw_crosstalk, draw_love

        several = len(names) > 1
        draw_plot(
            partial(draw_crosstalk, content) if several else partial(draw_love, content, names[0]),
            plot,
        )
    if as_json:
        echo_json(content)
        return
    if len(names) > 1:
        show_several(content)
    else:
        _show_one(content, names[0])
    if plot is not None:
        click.echo(f"\nPlot in {plot}")


def _show_one(content: Mapping[str, Any], value: str) -> None:
    found = content["values"][value]
    click.echo(
        f"{value}: {found['n_pairs']:,} pairs of {found['n_prompts']:,} prompts, out of "
        f"{content['n_pairs']:,} of {content['n_prompts']:,}"
    )
    click.echo(
        "Rewarded minus other (in the whole source chosen minus rejected), in standard deviations\n"
    )
    columns = ("feature", "kind", "this subset", "whole source", "q", "found")
    echo_table(columns, map(_describe, _arrange(found)))
    click.echo(
        f"\n{found['n_found']} of {found['n_tested']} differences are found at a false discovery "
        f"rate of {content['false_discovery_rate']:.0%}."
    )
    click.echo(
        "Markers and behaviours alone tell rewarded from other with an area under the curve of "
        f"{_format(found['separation'], '.2f')}; 0.5 is clean."
    )


def show_several(content: Mapping[str, Any]) -> None:
    """Prints a line for each subset.

    Args:
        content: What `Forecast.to_json` gives.
    """
    from valuedata.release.forecast import list_largest

    click.echo(
        f"Rewarded minus other, in standard deviations of all {content['n_pairs']:,} labelled "
        "pairs; told apart: 0.5 is clean\n"
    )
    echo_table(
        ("subset", "pairs", "itself", "told apart", "found", "largest of these"),
        (
            (
                value,
                found["n_pairs"],
                _format_value(found["target"]["difference"], "+z.2f") if found["target"] else "-",
                _format(found["separation"], ".2f"),
                f"{found['n_found']} of {found['n_tested']}",
                ", ".join(
                    f"{effect['name']} {effect['difference']['value']:+z.1f}"
                    for effect in list_largest(found, N_LARGEST)
                ),
            )
            for value, found in content["values"].items()
        ),
    )
    click.echo("\nGive --value NAME for every difference of one, with intervals.")


def _arrange(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The target, then the largest differences first; undefined ones come last."""
    if found["target"] is not None:
        yield {**found["target"], "kind": "target"}
    sizes = [effect["difference"]["value"] for effect in found["others"]]
    order = sorted(range(len(sizes)), key=lambda k: -1.0 if sizes[k] is None else abs(sizes[k]))
    yield from (found["others"][k] for k in reversed(order))


def _describe(effect: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        effect["name"],
        effect["kind"],
        _format(effect["difference"], "+z.2f"),
        _format(effect["in_source"], "+z.2f"),
        _format_q(effect["q"]),
        "yes" if effect["is_found"] else "",
    )


def _format_value(found: Mapping[str, Any], form: str) -> str:
    """A number; "undefined" where it is not."""
    return "undefined" if found["value"] is None else f"{found['value']:{form}}"


def _format(found: Mapping[str, Any], form: str) -> str:
    """A number with its interval, where it has one."""
    value = _format_value(found, form)
    if found["value"] is None or found["low"] is None:
        return value
    return f"{value} [{found['low']:{form}}, {found['high']:{form}}]"


def _format_q(q: float | None) -> str:
    if q is None:
        return ""
    return f"{q:.3f}" if q >= LEAST_SHOWN else f"<{LEAST_SHOWN}"
