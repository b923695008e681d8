"""What fit does with value files: heads for a user's own values, and what is known of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.output import echo_table

if TYPE_CHECKING:
    from valuedata.labelling.fitting.own_values import OwnValue
    from valuedata.labelling.heads import Heads
    from valuedata.progress import Progress

__all__ = ["Fitted", "fit_own_values", "refuse_weak", "show_fitted"]

Fitted = Mapping[str, Mapping[str, Any]]
"""Name of an own value to what the metadata of its weights say of it."""

MEASURES = {
    "average_precision": "average precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}
"""Measure of the metadata to its name in the table."""


def fit_own_values(
    files: Sequence[Path], extend: Path | None, seed: int, progress: "Progress"
) -> "tuple[Heads, Fitted]":
    """Trains a head for each value file, beside those that are there.

    Args:
        files: Value files.
        extend: Weights to extend; None takes the packaged ones.
        seed: Seed of folds and draws.
        progress: Shows how far reading and training are.

    Returns:
        All heads, and what the metadata say of each new one.

    Raises:
        ValuedataError: If a value file is wrong, or weights or encoder are missing or damaged.
    """
    from valuedata.labelling.encoding.encoder import load_encoder
    from valuedata.labelling.fitting.own_training import fit_own_value, read_usual
    from valuedata.labelling.heads import load_heads
    from valuedata.labelling.metadata import PACKAGED

    values = _load_distinct(files)
    heads, usual = load_heads(extend or PACKAGED), read_usual()
    encoder = load_encoder("auto", adapter=heads.adapter)  # as a build reads, from one cache
    for value in values:
        heads = fit_own_value(value, heads, encoder, usual, seed, progress)
    names = [value.definition.name for value in values]
    return heads, {name: heads.metadata["own"][name] for name in names}


def refuse_weak(fitted: "Fitted") -> None:
    """Refuses values under the floor.

    Raises:
        LabelError: If there is one; the message says how many more examples are likely to help.
    """
    from valuedata.errors import LabelError

    weak = [
        f"the average precision of {name!r} may be as low as {_low(entry):.2f}, "
        f"{entry['floor']:.2f} is asked for ({_suggest(entry['n_more'])})"
        for name, entry in fitted.items()
        if entry["is_weak"]
    ]
    if weak:
        raise LabelError(
            f"No weights are written: {'; '.join(weak)}; --accept-weak writes them all the same."
        )


def show_fitted(fitted: "Fitted") -> None:
    """Prints what is known of the quality of each new head."""
    for name, entry in fitted.items():
        _show_entry(name, entry)


def _load_distinct(files: Sequence[Path]) -> "list[OwnValue]":
    from valuedata.errors import RecipeError
    from valuedata.labelling.fitting.own_values import load_own_value

    values = [load_own_value(file) for file in files]
    names = [value.definition.name for value in values]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"Two value files have the name {name!r}; rename one of them.")
    return values


def _show_entry(name: str, entry: Mapping[str, Any]) -> None:
    click.echo(
        f"{name}: {entry['n_examples']:,} labelled replies to {entry['n_prompts']:,} prompts, "
        f"{entry['n_positives']:,} of which express it"
    )
    click.echo("On prompts not trained on, weighed as if half of the replies expressed it:\n")
    echo_table(
        ("measure", "found", "95 % interval"),
        (
            (title, _format(entry[name]["value"]), _format_interval(entry[name]))
            for name, title in MEASURES.items()
        ),
    )
    curve = ", ".join(f"{_format(ap)} with {n}" for n, ap in entry["learning_curve"].items())
    click.echo(f"\nAverage precision by number of examples: {curve}")
    click.echo(
        f"Replies of the bundled corpus that it labels with the value: {entry['starter_share']:.1%}"
    )
    where = "Under" if entry["is_weak"] else "Above"
    click.echo(
        f"{where} the floor: average precision may be as low as {_low(entry):.2f}, "
        f"{entry['floor']:.2f} is asked for"
    )
    if entry["is_weak"]:
        click.echo(_suggest(entry["n_more"]).capitalize())
    click.echo(
        "Replies that express a value are rarer in real data, so more of what it picks there is "
        "wrong: read some pairs before you train on them\n"
    )


def _low(entry: Mapping[str, Any]) -> float:
    low: float = entry["average_precision"]["low"]
    return low


def _suggest(n_more: int | None) -> str:
    if n_more is None:
        return (
            "more examples of this kind are unlikely to help: make the definition narrower, or "
            "look for wrong labels"
        )
    return f"about {n_more:,} more examples are likely to help"


def _format(share: float | None) -> str:
    return "undefined" if share is None else f"{share:.2f}"


def _format_interval(found: Mapping[str, float | None]) -> str:
    return f"{_format(found['low'])} to {_format(found['high'])}"
