"""Crosstalk in words and as a page."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from evaluation.report.figures import MINUS, format_gap
from evaluation.report.view import Matrix, MatrixCell, ReportView

__all__ = ["list_beyond_data", "list_found", "tell_explained", "view_crosstalk"]

LEAST_END: Final = 0.1
"""Change in share at which colours end where none beside the targets is larger."""
DATA_END: Final = 1.0  # standard deviations
LEAST_SHOWN: Final = 0.001
MAX_NAMED: Final = 4
"""Values that a page's title names one by one."""

Content = Mapping[str, Any]


def tell_explained(explained: Content) -> str:
    """What the regression on the data says, in sentences.

    Args:
        explained: What `Explained.to_json` gives.
    """
    if explained["slope"] is None:
        return (
            f"The data say nothing of the crosstalk: {explained['n_cells']} cells have a number "
            "from both, or the data do not differ between them."
        )
    ends = ""
    if explained["low"] is not None:
        low, high = (
            format_gap(explained[end], is_share=True, unit=False) for end in ("low", "high")
        )
        ends = f" [{low}, {high}]"
    slope = format_gap(explained["slope"], is_share=True)
    text = f"A standard deviation more of a value in a subset goes with {slope}{ends}"
    if explained["r_squared"] is None:
        return f"{text}; the changes do not differ, so nothing is there to explain."
    text += f" of change: the data explain {_percent(explained['r_squared'])} of the variance over "
    text += f"the {explained['n_cells']} cells beside the targets"
    if explained["p"] is not None:
        p = explained["p"]
        told = f"{p:.3f}" if p >= LEAST_SHOWN else f"<{LEAST_SHOWN}"
        text += f" (p {told} over {explained['n_orders']:,} orders of the rows)"
    if explained["noise"] is not None:
        noise = min(explained["noise"], 1.0)
        text += f". The errors of the changes alone would make {_percent(noise)} of that variance"
    return text + "."


def list_found(content: Content, value: str) -> list[tuple[str, Content]]:
    """The other values that inducing one moved, the largest changes first."""
    cells = content["cells"][value].items()
    found = [(name, cell) for name, cell in cells if name != value and cell["is_found"]]
    return sorted(found, key=lambda one: -abs(one[1]["change"]))


def list_beyond_data(content: Content) -> list[tuple[str, str, Content]]:
    """Induced value, value and cell of what moved otherwise than the data would have it."""
    found = [
        (value, name, cell)
        for value, row in content["cells"].items()
        for name, cell in row.items()
        if cell["is_beyond_data"]
    ]
    return sorted(found, key=lambda one: -abs(one[2]["beyond_data"]))


def view_crosstalk(content: Content, command: str) -> ReportView:
    """The page of the matrices.

    Args:
        content: What `valuedata crosstalk --json` prints.
        command: What makes it again.
    """
    notes = list(content["notes"])
    if content["explained"] is not None:
        notes.insert(0, tell_explained(content["explained"]))
    induced = content["induced"]
    named = ", ".join(induced) if len(induced) <= MAX_NAMED else f"{len(induced)} induced values"
    settings = [("judge", content["judge"])]
    for run in content["runs"]:
        settings.append(
            (f"run of {run['value']}", f"{run['folder']}, {run['n_controls']} controls")
        )
    return ReportView(
        title=f"Crosstalk of {named}",
        against="the mean of the controls",
        arms=(),
        dimensions=(),
        measures=(),
        matrices=tuple(_make_matrices(content)),
        notes=tuple(notes),
        settings=tuple(settings),
        command=command,
    )


def _make_matrices(content: Content) -> Iterator[Matrix]:
    rate = _percent(content["false_discovery_rate"])
    yield _make_matrix(
        content,
        "change",
        "What each training changed",
        "Share of replies with each value (across) after inducing one (downwards), tuned minus "
        f"controls, in points; bold where found at a false discovery rate of {rate} and farther "
        "off than any control arm, the target in a frame.",
        "is_found",
    )
    if content["explained"] is not None:
        yield _make_matrix(
            content,
            "data",
            "What the data differ in",
            "Standardised mean difference of each value in the subset, rewarded minus other.",
            None,
        )
        yield _make_matrix(
            content,
            "beyond_data",
            "What goes beyond the data",
            "Change minus the one that the regression on the data expects, in points; bold where "
            "it is another by the same two criteria.",
            "is_beyond_data",
        )


def _make_matrix(content: Content, key: str, title: str, caption: str, mark: str | None) -> Matrix:
    numbers = [
        abs(cell[key])
        for value, row in content["cells"].items()
        for name, cell in row.items()
        if cell[key] is not None and name != value
    ]
    end = DATA_END if key == "data" else max([LEAST_END, *numbers])
    return Matrix(
        title,
        caption,
        tuple(content["induced"]),
        tuple(content["values"]),
        tuple(
            tuple(
                MatrixCell(
                    number=cell[key],
                    text=_write(key, cell[key]),
                    explanation=_explain(value, name, cell),
                    is_found=mark is not None and cell[mark],
                    is_target=value == name,
                )
                for name, cell in row.items()
            )
            for value, row in content["cells"].items()
        ),
        end,
    )


def _write(key: str, number: float | None) -> str:
    if number is None:
        return ""
    text = f"{number:+z.1f}" if key == "data" else f"{100 * number:+z.0f}"
    return text.replace("-", MINUS)


def _explain(value: str, name: str, cell: Content) -> str:
    if cell["change"] is None:
        return f"{name} after inducing {value}: nothing was judged"
    low, high = (format_gap(cell[end], is_share=True, unit=False) for end in ("low", "high"))
    change = format_gap(cell["change"], is_share=True)
    return f"{name} after inducing {value}: {change} [{low}, {high}]"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
