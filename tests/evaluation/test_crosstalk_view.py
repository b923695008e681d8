"""Crosstalk in words, as a page and as a figure."""

from pathlib import Path
from typing import Any

import pytest

from cards.crosstalk import draw_measured_crosstalk
from evaluation.crosstalk.view import tell_explained, view_crosstalk
from evaluation.report.page import render_page

MINUS = "\N{MINUS SIGN}"
EXPLAINED = {
    "n_cells": 6,
    "slope": 0.081,
    "low": -0.02,
    "high": 0.182,
    "intercept": 0.01,
    "r_squared": 0.423,
    "noise": 0.1,
    "p": 0.0417,
    "n_orders": 24,
}


def make_cell(change: float | None, *, found: bool = False, beyond: float | None = None) -> Any:
    return {
        "change": change,
        "low": None if change is None else change - 0.05,
        "high": None if change is None else change + 0.05,
        "is_found": found,
        "data": None if change is None else 2 * change,
        "beyond_data": beyond,
        "is_beyond_data": beyond is not None and beyond > 0.1,
    }


CONTENT: dict[str, Any] = {
    "judge": "classifier",
    "runs": [{"value": "empathy", "folder": "there", "n_controls": 3}],
    "induced": ["empathy"],
    "values": ["empathy", "honesty", "humor"],
    "false_discovery_rate": 0.05,
    "cells": {
        "empathy": {
            "empathy": make_cell(0.5, found=True),
            "honesty": make_cell(-0.25, found=True, beyond=0.2),
            "humor": make_cell(None),
        }
    },
    "explained": EXPLAINED,
    "notes": ["A note."],
}


def test_the_regression_is_told_in_sentences() -> None:
    assert tell_explained(EXPLAINED) == (
        f"A standard deviation more of a value in a subset goes with +8.1 points [{MINUS}2.0, "
        "+18.2] of change: the data explain 42 % of the variance over the 6 cells beside the "
        "targets (p 0.042 over 24 orders of the rows). The errors of the changes alone would make "
        "10 % of that variance."
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"p": 0.0001}, "(p <0.001 over 24 orders"),
        ({"p": None}, "beside the targets. The errors"),
        ({"low": None}, "goes with +8.1 points of change"),
        ({"noise": 1.7}, "would make 100 % of that variance"),
        ({"noise": None}, "over 24 orders of the rows)."),
        ({"r_squared": None}, "[\N{MINUS SIGN}2.0, +18.2]; the changes do not differ, so nothing"),
        ({"slope": None}, "The data say nothing of the crosstalk: 6 cells have a number from both"),
    ],
)
def test_what_is_undefined_is_told_so(changes: dict[str, Any], told: str) -> None:
    assert told in tell_explained(EXPLAINED | changes)


def test_a_page_has_three_matrices() -> None:
    view = view_crosstalk(CONTENT, "valuedata crosstalk there")
    assert [matrix.title for matrix in view.matrices] == [
        "What each training changed",
        "What the data differ in",
        "What goes beyond the data",
    ]
    change, data, beyond = (matrix.cells[0] for matrix in view.matrices)
    assert [cell.text for cell in change] == ["+50", f"{MINUS}25", ""]
    assert [cell.text for cell in data] == ["+1.0", f"{MINUS}0.5", ""]
    assert [cell.text for cell in beyond] == ["", "+20", ""]
    assert [cell.is_found for cell in beyond] == [False, True, False]
    assert [cell.is_target for cell in change] == [True, False, False]
    assert change[1].explanation == (
        f"honesty after inducing empathy: {MINUS}25.0 points [{MINUS}30.0, {MINUS}20.0]"
    )
    assert change[2].explanation == "humor after inducing empathy: nothing was judged"
    # colours end at the largest change beside the target
    assert [matrix.colours_end for matrix in view.matrices] == [0.25, 1.0, 0.2]
    assert view.title == "Crosstalk of empathy"
    many = view_crosstalk(CONTENT | {"induced": list("abcde")}, "")
    assert many.title == "Crosstalk of 5 induced values"
    page = render_page(view)
    assert '<td class="shade5 found target"' in page
    assert '<td class="shade-5 found"' in page
    assert "valuedata crosstalk there" in page
    assert "A note." in page


def test_without_data_there_is_one_matrix() -> None:
    view = view_crosstalk(CONTENT | {"explained": None}, "")
    assert len(view.matrices) == 1
    assert view.notes == ("A note.",)


def test_the_same_matrices_give_the_same_figure(tmp_path: Path) -> None:
    for name in ("one.png", "two.png", "one.svg"):
        draw_measured_crosstalk(CONTENT, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    # text is drawn as paths, whose names say the characters
    drawn = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert "<!-- Measured -->" in drawn
    assert "<!-- Data -->" in drawn
    assert "<!-- +50 -->" in drawn
    assert f"<!-- {MINUS}25 -->" in drawn
    assert f"<!-- {MINUS}0.5 -->" in drawn
    draw_measured_crosstalk(CONTENT | {"explained": None}, tmp_path / "plain.svg")
    assert "<!-- Data -->" not in (tmp_path / "plain.svg").read_text(encoding="utf-8")
