"""Figures of a release, readable on light and dark pages."""

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["draw_sides"]

# Okabe and Ito's colour-blind safe palette, 2008.
CHOSEN_COLOUR = "#0072B2"
REJECTED_COLOUR = "#E69F00"
DPI = 150


def draw_sides(counts: dict[str, dict[str, int]], built: tuple[str, ...], path: Path) -> None:
    """Draws, for each value, the pairs that have it on exactly one side.

    Args:
        counts: Value to its `chosen_only` and `rejected_only` pairs.
        built: Values with a subset in the release, marked by bold names.
        path: PNG to write.
    """
    names = sorted(counts, key=lambda name: counts[name]["one_sided"])
    figure = Figure(figsize=(8, 0.8 + 0.32 * len(names)), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    chosen = [counts[name]["chosen_only"] for name in names]
    rejected = [counts[name]["rejected_only"] for name in names]
    axes.barh(names, chosen, color=CHOSEN_COLOUR, label="in the chosen reply only")
    bars = axes.barh(
        names,
        rejected,
        left=chosen,
        color=REJECTED_COLOUR,
        label="in the rejected reply only (flipped)",
    )
    totals = [f"{one + other:,}" for one, other in zip(chosen, rejected, strict=True)]
    axes.bar_label(bars, labels=totals, padding=4)
    axes.set_xlabel("pairs with the value on exactly one side")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.1)
    axes.legend(loc="lower right", frameon=False)
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_fontweight("bold" if name in built else "normal")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without the software's version, so that the same numbers give the same bytes.
    metadata: dict[str, Any] = {"Software": None}
    figure.savefig(path, dpi=DPI, metadata=metadata)
