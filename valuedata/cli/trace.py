"""trace: the command that shows which pairs push an effect, and drops them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import json_option
from valuedata.cli.output import clean_line, echo_json, shorten, shorten_start

if TYPE_CHECKING:
    from valuedata.release.folder import Release
    from valuedata.release.trace import Trace

__all__ = ["trace"]

N_PAIRS = 10
TEXT_WIDTH = 160


@click.command
@click.argument("release", type=click.Path(path_type=Path))
@click.option(
    "--effect",
    metavar="NAME",
    required=True,
    help="What is pushed: a value or behaviour that `valuedata values` lists, or a marker of "
    "`valuedata markers`.",
)
@click.option(
    "--value",
    multiple=True,
    metavar="NAME",
    help="Subset to look at; repeatable.  Without it, every one of the release.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=N_PAIRS,
    show_default=True,
    metavar="N",
    help="Pairs of each subset to show.",
)
@click.option(
    "--drop",
    type=click.IntRange(1),
    metavar="N",
    help="Write the release anew without the N pairs of each subset that push most.",
)
@click.option(
    "--drop-above",
    type=click.FloatRange(0),
    metavar="X",
    help="Write the release anew without the pairs whose difference is above X.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where the new release goes, in place of an older one.",
)
@json_option
def trace(*, release: Path, effect: str, out: Path | None, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Show the pairs of a subset that push an effect most, and write a release without them.

    A pair pushes an effect by the probability of it in the rewarded reply minus that in the other,
    and a marker, such as words, by what is measured there.
    In the new release, decisions.parquet tells of the dropped pairs at the stage "trace".

    \b
    Examples:
    valuedata trace empathy-release --effect anthropomorphism
    valuedata trace empathy-release --effect anthropomorphism --drop 5 --out empathy-calmer
    """
    worst, above = options["drop"], options["drop_above"]
    _check_usage(worst, above, out)
    from valuedata.hub.pull import open_release
    from valuedata.pruning import drop_pairs
    from valuedata.release.trace import quote_pairs
    from valuedata.release.trace import trace as find

    opened = open_release(release)
    found = find(opened, effect, options["value"])
    written = out and drop_pairs(opened, out, found, worst=worst, above=above)
    quoted = {one.value: quote_pairs(opened, one, options["top"]) for one in found}
    if as_json:
        content = {one.value: {**_summarise(one), "pairs": quoted[one.value]} for one in found}
        new = {"written": _describe(written)} if written else {}
        echo_json({"release": str(release), "effect": effect, "values": content, **new})
        return
    for number, one in enumerate(found):
        if number:
            click.echo()
        _show(one, quoted[one.value])
    if written:
        _show_written(written, found)


def _check_usage(worst: int | None, above: float | None, out: Path | None) -> None:
    if worst is not None and above is not None:
        raise click.UsageError("Give --drop or --drop-above, not both")
    drops = worst is not None or above is not None
    if drops != (out is not None):
        raise click.UsageError(
            "Give --out with --drop or --drop-above: the old release stays, the new one goes there"
        )


def _summarise(found: "Trace") -> dict[str, Any]:
    return {
        "n_pairs": len(found.members.rows),
        "n_pushing": found.n_pushing,
        "mean_difference": round(found.mean_difference(), 4),
    }


def _describe(written: "Release") -> dict[str, Any]:
    return {
        "release": str(written.folder),
        "content_hash": written.content_hash,
        **written.manifest["traces"][-1],
    }


def _show(found: "Trace", pairs: list[dict[str, Any]]) -> None:
    facts = _summarise(found)
    click.echo(
        f"{click.style(found.value, bold=True)}: {facts['n_pushing']:,} of {facts['n_pairs']:,} "
        f"pairs have more {found.effect} in the rewarded reply; mean difference "
        f"{facts['mean_difference']:+.3f}"
    )
    for rank, pair in enumerate(pairs, start=1):
        place = clean_line(f"{pair['source']}:{pair['source_row']}")
        flipped = ", flipped" if pair["flipped"] else ""
        click.echo(
            f"\n{rank}. {pair['difference']:+.3f}  {clean_line(pair['pair_id'])} ({place}), "
            f"{pair['split']}{flipped}"
        )
        click.echo(f"  {'prompt':<16}{shorten_start(_join(pair['prompt'][-1:]), TEXT_WIDTH)}")
        for called, side in (("rewarded", "chosen"), ("other", "rejected")):
            text = shorten(_join(pair[side]), TEXT_WIDTH)
            click.echo(f"  {called:<8}  {pair[called]:.3f} {text}")


def _join(messages: list[Mapping[str, str]]) -> str:
    return " ".join(message["content"] for message in messages)


def _show_written(written: "Release", found: Sequence["Trace"]) -> None:
    dropped = written.manifest["traces"][-1]["dropped"]
    click.echo()
    for one in found:
        n_dropped = dropped.get(one.value, 0)
        rest = one.mean_difference(n_dropped)
        click.echo(
            f"Dropped {n_dropped:,} of {len(one.members.rows):,} pairs of {one.value}; the mean "
            f"difference of the rest is {rest:+.3f}"
        )
    click.echo(f"Release written to {written.folder}")
