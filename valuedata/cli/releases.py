"""inspect, diff: the commands that read whole releases."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import json_option
from valuedata.cli.output import clean_line, echo_json, echo_table, shorten

if TYPE_CHECKING:
    from valuedata.release.difference import Change, Difference
    from valuedata.release.folder import Release

__all__ = ["diff", "inspect"]

N_EXAMPLES = 3
N_CLUSTERS = 5
N_IDS = 5
CHANGES = ("added", "removed", "flipped", "moved", "reweighted")
TEXT_WIDTH = 160
HASH_WIDTH = 16

release_argument = click.argument("release", type=click.Path(path_type=Path))


@click.command
@release_argument
@json_option
def inspect(*, release: Path, as_json: bool) -> None:
    """Verify every hash of a release, then show its sizes, sources, drops and three pairs.

    \b
    Example:
    valuedata inspect empathy-release
    """
    from valuedata.hub.pull import open_release
    from valuedata.release.folder import verify_release
    from valuedata.release.life import count_drops

    opened = open_release(release)
    n_files = verify_release(opened)
    drops = count_drops(opened)
    examples = list(_choose_examples(opened))
    n_in = len(opened.decisions)
    n_kept = n_in - sum(drop.n_rows for drop in drops)
    if as_json:
        shown = ("content_hash", "sources", "values", "splits", "flags")
        echo_json(
            {
                "release": str(release),
                "n_files_verified": n_files,
                **{name: opened.manifest[name] for name in shown},
                "rows": {
                    "in": n_in,
                    "kept": n_kept,
                    "dropped": [asdict(drop) for drop in drops],
                },
                "examples": examples,
            }
        )
        return
    click.echo(f"{release}: {n_files} files verified, content {opened.content_hash[:HASH_WIDTH]}")
    _show_contents(opened)
    _show_heading("Rows")
    echo_table(
        ("stage", "what became of them", "rows"),
        (
            *((drop.stage, drop.reason, drop.n_rows) for drop in drops),
            ("release", "kept", n_kept),
            ("", "all that came in", n_in),
        ),
    )
    _show_heading("Examples")
    for example in examples:
        flipped = ", flipped" if example["flipped"] else ""
        click.echo(
            f"{example['value']}: {clean_line(example['pair_id'])} from "
            f"{clean_line(example['source'])}, margin {example['margin']:.2f}{flipped}"
        )
        _show_texts(example)


@click.command
@click.argument("before", type=click.Path(path_type=Path), metavar="RELEASE")
@click.argument("after", type=click.Path(path_type=Path), metavar="OTHER")
@json_option
def diff(*, before: Path, after: Path, as_json: bool) -> None:
    """Verify two releases and show what differs: recipe, sources, versions and pairs.

    \b
    Example:
    valuedata diff empathy-release empathy-release
    """
    from valuedata.hub.pull import open_release
    from valuedata.release.difference import compare_releases
    from valuedata.release.folder import verify_release

    opened = open_release(before), open_release(after)
    for release in opened:
        verify_release(release)
    found = compare_releases(*opened)
    if as_json:
        echo_json(asdict(found))
    else:
        _show_difference(found)


def _choose_examples(release: "Release") -> Iterator[dict[str, Any]]:
    """Three pairs, or all of a smaller release: first of each value, then further ones."""
    subsets = {
        value: release.load(value, next(iter(release.manifest["values"][value]["splits"])))
        for value in release.values[:N_EXAMPLES]
    }
    places = ((row, value) for row in range(N_EXAMPLES) for value in subsets)
    for row, value in islice(((r, v) for r, v in places if r < len(subsets[v])), N_EXAMPLES):
        yield {"value": value, **subsets[value][row]}


def _show_contents(release: "Release") -> None:
    _show_heading("Values")
    values = release.manifest["values"]
    echo_table(
        ("value", "pairs", "splits", "flipped", "median margin"),
        (
            (
                value,
                content["n_pairs"],
                ", ".join(f"{split} {n:,}" for split, n in content["splits"].items()),
                f"{content['n_flipped'] / content['n_pairs']:.0%}",
                f"{content['margin']['median']:.2f}",
            )
            for value, content in values.items()
        ),
    )
    _show_heading("Largest clusters")
    for value, content in values.items():
        largest = content["clusters"][:N_CLUSTERS]
        text = "; ".join(f"{cluster['name']} {cluster['n_pairs']:,}" for cluster in largest)
        click.echo(f"{value}: {shorten(text, TEXT_WIDTH)}")
    decisions = release.decisions.select(["source", "outcome"]).to_pylist()
    kept = Counter(row["source"] for row in decisions if row["outcome"] == "kept")
    _show_heading("Sources")
    echo_table(
        ("source", "rows", "pairs", "bad", "kept", "licence", "revision"),
        (
            (
                source["name"],
                source["n_rows"],
                source["n_pairs"],
                source["n_bad"],
                kept[source["name"]],
                source["licence"] or "unknown",
                (source["revision"] or "-")[:HASH_WIDTH],
            )
            for source in release.manifest["sources"]
        ),
    )


def _show_heading(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}")


def _show_texts(pair: dict[str, Any]) -> None:
    for name, side in (("prompt", "prompt"), ("rewarded", "chosen"), ("other", "rejected")):
        text = " ".join(message["content"] for message in pair[side][-1:])
        click.echo(f"  {name:<9} {shorten(text, TEXT_WIDTH)}")


def _show_difference(found: "Difference") -> None:
    if found.same_content:
        click.echo("Same content hash: the data are the same to the last byte.")
    else:
        click.echo("The content hashes differ.")
    if found.changes:
        _show_heading("Settings")
        echo_table(("setting", "before", "after"), map(_describe_change, found.changes))
    _show_heading("Pairs")
    echo_table(
        (
            "value",
            "before",
            "after",
            "added",
            "removed",
            "flip changed",
            "split changed",
            "weight changed",
        ),
        (
            (value, s.n_before, s.n_after, *(len(getattr(s, what)) for what in CHANGES))
            for value, s in found.subsets.items()
        ),
    )
    for value, subset in found.subsets.items():
        for what in CHANGES:
            ids = getattr(subset, what)
            if ids:
                more = f" and {len(ids) - N_IDS:,} more" if len(ids) > N_IDS else ""
                click.echo(f"  {value} {what}: {', '.join(map(clean_line, ids[:N_IDS]))}{more}")


def _describe_change(change: "Change") -> tuple[str, str, str]:
    return (
        change.name,
        shorten(str(change.before), TEXT_WIDTH),
        shorten(str(change.after), TEXT_WIDTH),
    )
