"""Figure of measured crosstalk: what inducing each value changed, beside its data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from cards.drawing import DIVERGING, make_figure, save_figure, write_number

__all__ = ["draw_measured_crosstalk"]

Floats = npt.NDArray[np.float64]

LEAST_END: Final = 10.0
"""Change in points at which colours end where none is larger, so that noise looks pale."""
DATA_END: Final = 1.0
COLUMN_INCHES, ROW_INCHES = 0.42, 0.34


def draw_measured_crosstalk(content: Mapping[str, Any], path: Path) -> None:
    """Draws the matrices, the measured one above.

    Args:
        content: What `Crosstalk.to_json` gives.
        path: PNG or SVG to write.
    """
    changes = 100 * _read(content, "change")
    with_data = content["explained"] is not None
    panels = 2 if with_data else 1
    n_rows, n_columns = changes.shape
    figure = make_figure(
        max(8.0, 3.0 + COLUMN_INCHES * n_columns), panels * (2.4 + ROW_INCHES * n_rows)
    )
    axes = np.atleast_1d(figure.subplots(panels, 1))
    targets = np.array(
        [[value == name for name in content["values"]] for value in content["cells"]]
    )
    beside = np.abs(changes[~targets & ~np.isnan(changes)])
    end = max(LEAST_END, float(beside.max(initial=0.0)))
    rate = f"{100 * content['false_discovery_rate']:.0f} %"
    _draw(
        axes[0],
        content,
        changes,
        end,
        "change of the share of replies with the value, tuned minus controls, in points\n"
        f"numbers where found at a false discovery rate of {rate} and farther off than any "
        "control,\nand of the framed target; colours end at the largest change beside the targets",
    )
    axes[0].set_title("Measured", loc="left", fontweight="bold")
    if with_data:
        _draw(
            axes[1],
            content,
            _read(content, "data"),
            DATA_END,
            "standardised mean difference in the subset, rewarded minus other; "
            "colours end at \N{PLUS-MINUS SIGN}1",
        )
        axes[1].set_title("Data", loc="left", fontweight="bold")
    save_figure(figure, path)


def _read(content: Mapping[str, Any], key: str) -> Floats:
    """(r, v) numbers of the cells; NaN where undefined."""
    return np.array(
        [
            [np.nan if row[name][key] is None else row[name][key] for name in content["values"]]
            for row in content["cells"].values()
        ]
    )


def _draw(axes: Axes, content: Mapping[str, Any], numbers: Floats, end: float, label: str) -> None:
    names = content["values"]
    image = axes.imshow(numbers, cmap=DIVERGING, vmin=-end, vmax=end, aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(content["induced"])), content["induced"])
    axes.set_ylabel("induced")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    is_data = end == DATA_END
    for row, (value, cells) in enumerate(content["cells"].items()):
        for column, name in enumerate(names):
            number = numbers[row, column]
            shown = is_data or cells[name]["is_found"] or name == value
            if shown and not np.isnan(number):
                text = f"{number:+z.1f}" if is_data else f"{number:+z.0f}"
                write_number(axes, (row, column), text, number / end, in_frame=name == value)
    bar = axes.figure.colorbar(
        image, ax=axes, location="bottom", extend="both", aspect=40, pad=0.02
    )
    bar.set_label(label)
