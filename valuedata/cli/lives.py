"""why: the command that tells the life of a pair."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from valuedata.cli.options import json_option
from valuedata.cli.output import clean_line, echo_json, echo_table, shorten

if TYPE_CHECKING:
    from valuedata.release.folder import Release
    from valuedata.release.life import Fate, Life, Reference

__all__ = ["why"]

N_MATCHES = 10
TEXT_WIDTH = 160


@click.command
@click.argument("release", type=click.Path(path_type=Path))
@click.argument("query", metavar="PAIR_ID|TEXT")
@json_option
def why(*, release: Path, query: str, as_json: bool) -> None:
    """Tell the life of one pair: the stages it passed, why it was dropped, and its scores.

    The pair is named by its id or the start of one, by SOURCE:ROW, or by text from it; of a dropped
    pair, a release holds only the beginning.

    \b
    Examples:
    valuedata why empathy-release starter:0
    valuedata why empathy-release "sorry"
    """
    from valuedata.hub.pull import open_release
    from valuedata.release.life import find_rows, tell_life

    opened = open_release(release)
    rows = find_rows(opened, query)
    names = opened.decisions.select(["pair_id"]).take(list(rows))["pair_id"].to_pylist()
    distinct = dict.fromkeys(name or f"row {row}" for name, row in zip(names, rows, strict=True))
    if len(distinct) > 1:
        _show_matches(opened, rows, len(distinct), as_json=as_json)
        return
    lives = [tell_life(opened, row) for row in rows]
    if as_json:
        echo_json([asdict(life) for life in lives])
        return
    for number, life in enumerate(lives):
        if number:
            click.echo()
        _show_life(life)


def _show_matches(
    release: "Release", rows: tuple[int, ...], n_distinct: int, *, as_json: bool
) -> None:
    from valuedata.release.life import tell_life

    lives = [tell_life(release, row) for row in rows[:N_MATCHES]]
    if as_json:
        echo_json({"n_matches": len(rows), "matches": [asdict(life.row) for life in lives]})
        return
    click.echo(f"{n_distinct:,} pairs match; name one of them:")
    for life in lives:
        click.echo(f"  {_name(life.row)}: {life.outcome}")
    if len(rows) > N_MATCHES:
        click.echo(f"  and {len(rows) - N_MATCHES:,} more rows")


def _name(row: "Reference") -> str:
    place = f"{row.source}:{row.source_row}"
    return clean_line(f"{row.pair_id} ({place})" if row.pair_id else place)


def _describe_end(what: "Life | Fate") -> str:
    if what.stage is None:
        return what.outcome
    twin = f" of {_name(what.duplicate_of)}" if what.duplicate_of else ""
    return clean_line(f"{what.outcome} at {what.stage}: {what.reason}{twin}")


def _show_life(life: "Life") -> None:
    click.echo(click.style(_name(life.row), bold=True))
    click.echo(f"  {_describe_end(life)}")
    if life.source_id is not None:
        click.echo(f"  id in the source: {shorten(life.source_id, TEXT_WIDTH)}")
    if life.excerpt is not None:
        what = "the last turn of its prompt" if life.row.pair_id else "the row"
        click.echo(f"  {what} begins: {shorten(life.excerpt, TEXT_WIDTH)}")
    click.echo(f"  passed: {', '.join(life.passed) or 'no stage'}")
    if life.flags:
        click.echo(f"  found in it: {clean_line(', '.join(life.flags))}")
    for fate in life.fates:
        click.echo(f"  {fate.value}: {_describe_end(fate)}")
        if fate.margin is not None:
            click.echo(f"    {_describe_fate(fate)}")
    if life.scores:
        click.echo()
        echo_table(
            ("value", "p(chosen)", "p(rejected)", "threshold", "expressed in"),
            (
                (s.value, f"{s.chosen:.3f}", f"{s.rejected:.3f}", f"{s.threshold:.3f}", s.side)
                for s in life.scores
            ),
        )


def _describe_fate(fate: "Fate") -> str:
    facts = [
        f"passed: {', '.join(fate.passed)}",
        f"margin {fate.margin:.3f}",
        "flipped" if fate.flipped else "not flipped",
        f"cluster {fate.cluster}" if fate.cluster else "",
        f"split {fate.split}" if fate.split else "",
        f"weight {fate.weight:.3f}" if fate.weight is not None else "",
    ]
    return clean_line("; ".join(fact for fact in facts if fact))
