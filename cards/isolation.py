"""What isolation did: every side effect in the plain subset and in the isolated one."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from cards.drawing import BLUE, GREY, ORANGE, make_figure, name_rows, save_figure

__all__ = ["count_side_effects", "draw_isolation"]

ROW_INCHES = 0.24
SIDES = ("plain", "isolated")
SECOND, SECOND_TARGET = "second extractor", "target by the second extractor"
HELD, AUDITED, BY_SECOND = "held", "not held, for the audit", "by another extractor"


def draw_isolation(content: Mapping[str, Any], value: str, path: Path) -> None:
    """Draws the mean difference of each side effect before and after, held ones first.

    Args:
        content: What the manifest says of the isolation of a subset.
        value: Name of the subset.
        path: PNG or SVG to write.

    Source: Love plots, Austin 2009, "Balance diagnostics", Statistics in Medicine 28.
    """
    rows = list(_arrange(content["effects"], content["tolerance"]))
    figure = make_figure(8, 1.6 + ROW_INCHES * len(rows))
    axes = figure.add_subplot()
    _draw_rows(axes, rows)
    for side in (-content["tolerance"], content["tolerance"]):
        axes.axvline(side, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_title(f"Side effects of {value}", loc="left", fontsize="medium", fontweight="bold")
    axes.set_xlabel(
        "standardised mean difference, rewarded minus other "
        f"(dotted at ±{content['tolerance']:g}, the tolerance)"
    )
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    save_figure(figure, path)


def count_side_effects(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Sums up the side effects that were held and those that were only audited, for the card.

    Args:
        content: What the manifest says of the isolation of a subset.

    Returns:
        For each group that has an effect its `title`, `n`, and for "plain" and "isolated" the
        effect of the largest difference, its size, and how many are beyond the tolerance.
    """
    groups = []
    for title, own in _group(content["effects"]).items():
        own = [effect for effect in own if effect["kind"] != SECOND_TARGET]
        summary: dict[str, Any] = {"title": title, "n": len(own)}
        for side in SIDES:
            known = [effect for effect in own if effect[side] is not None]
            worst = max(known, key=lambda effect: abs(effect[side]), default=None)
            summary[side] = {
                "name": None if worst is None else worst["name"],
                "value": None if worst is None else worst[side],
                "n_beyond": sum(abs(effect[side]) > content["tolerance"] for effect in known),
            }
        groups.append(summary)
    return groups


def _arrange(
    effects: Sequence[Mapping[str, Any]], tolerance: float
) -> Iterator[Mapping[str, Any] | str]:
    """Headings, and below each its effects, those largest in the plain subset first."""
    for title, own in _group(effects).items():
        yield f"{title} within {tolerance:g}".capitalize() if title == HELD else title.capitalize()
        yield from sorted(own, key=lambda effect: -abs(effect["plain"] or 0.0))


def _group(effects: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Title to the effects that were held, not held, or measured by another extractor."""
    groups: dict[str, list[Mapping[str, Any]]] = {HELD: [], AUDITED: [], BY_SECOND: []}
    for effect in effects:
        is_second = effect["kind"] in (SECOND, SECOND_TARGET)
        groups[BY_SECOND if is_second else HELD if effect["held"] else AUDITED].append(effect)
    return {title: own for title, own in groups.items() if own}


def _draw_rows(axes: Axes, rows: Sequence[Mapping[str, Any] | str]) -> None:
    """Plain and isolated mean of each effect, downwards; a text is a heading."""
    effects = {row: entry for row, entry in enumerate(rows) if not isinstance(entry, str)}
    for row, effect in effects.items():
        if effect["plain"] is not None and effect["isolated"] is not None:
            axes.plot(
                [effect["plain"], effect["isolated"]],
                [row, row],
                color=GREY,
                linewidth=0.8,
                zorder=1,
            )
    for side, colour, marker in (("plain", ORANGE, "D"), ("isolated", BLUE, "o")):
        known = {row: effect[side] for row, effect in effects.items() if effect[side] is not None}
        axes.scatter(
            list(known.values()),
            list(known),
            color=colour,
            marker=marker,
            s=24,
            label=f"{side} subset",
            zorder=2,
        )
    axes.axvline(0, color="black", linewidth=0.8)
    name_rows(axes, rows)
