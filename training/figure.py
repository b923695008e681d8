"""The figure of a training: loss, reward margin and accuracy over its steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cards.drawing import BLUE, GREY, make_figure, save_figure

__all__ = ["draw_curves", "list_curves"]

PANELS: Final = {
    "loss": "Loss",
    "rewards/margins": "Reward margin",
    "rewards/accuracies": "Share ranked right",
    "mean_token_accuracy": "Token accuracy",
}
"""Metric of trl to the name of its panel; a training has those that it logs."""

Curve = tuple[list[int], list[float]]


def list_curves(lines: Sequence[Mapping[str, Any]], metric: str) -> tuple[Curve, Curve]:
    """The values of a metric over the steps, in training and on the validation split.

    Args:
        lines: The logged metrics, each with its `step`.
        metric: Name of the metric in training.
    """
    found = []
    for name in (metric, f"eval_{metric}"):
        points = [(line["step"], line[name]) for line in lines if name in line]
        found.append(([step for step, _ in points], [value for _, value in points]))
    return found[0], found[1]


def draw_curves(lines: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Draws the curves of a training.

    Args:
        lines: The logged metrics.
        file: The PNG.
    """
    curves = {metric: list_curves(lines, metric) for metric in PANELS}
    drawn = {metric: found for metric, found in curves.items() if found[0][0] or found[1][0]}
    figure = make_figure(3.2 * max(1, len(drawn)), 2.8)
    for number, (metric, (train, validation)) in enumerate(drawn.items(), start=1):
        axes = figure.add_subplot(1, len(drawn), number)
        axes.plot(*train, color=GREY, linewidth=1, label="training")
        axes.plot(*validation, color=BLUE, marker="o", markersize=3, label="validation")
        axes.set(title=PANELS[metric], xlabel="Step")
        axes.spines[["top", "right"]].set_visible(False)
        if number == 1:
            axes.legend(frameon=False)
    save_figure(figure, file)
