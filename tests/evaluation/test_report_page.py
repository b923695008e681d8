"""The page as text: what it shows, and what its policy lets through."""

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.report.figures import (
    Bar,
    choose_shade,
    draw_effects,
    draw_lengths,
    format_gap,
    format_mean,
)
from evaluation.report.page import render_page, write_page
from evaluation.report.view import ControlEffect, Range, ReportView
from tests.evaluation.views import HOSTILE, MEASURES, VIEW, make_measure
from valuedata.errors import EvaluationError

MINUS = "\N{MINUS SIGN}"


def test_the_policy_names_the_page_s_own_style_and_script() -> None:
    page = render_page(VIEW)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert " style=" not in page
    assert " on" not in re.sub(r">[^<]*<", "><", page.split("<body>")[1].split("<script>")[0])


def test_the_same_view_gives_the_same_bytes(tmp_path: Path) -> None:
    write_page(VIEW, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_bytes() == render_page(VIEW).encode()
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]


def test_equal_differences_are_still_told_apart() -> None:
    """At equal length the difference may be the same; its dot is hollow and stands below."""
    same = make_measure("one", "values", "One", at_equal_length=Range(0.18, 0.10, 0.26))
    page = render_page(ReportView("Two", "the base", (), (), (same,)))
    assert page.startswith("<!doctype html>\n")
    dots = re.findall(r'<circle class="(\w+) changed" cx="[\d.]+%" cy="(\d+%)"', page)
    assert dots == [("point", "50%"), ("point", "30%"), ("adjusted", "70%")]


def test_text_of_data_is_escaped() -> None:
    page = render_page(replace(VIEW, title=HOSTILE, command=HOSTILE, notes=(HOSTILE,)))
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "\x00" not in page
    assert "&lt;/article&gt;\ufffd\ufffd {{ 7 * 7 }} &#39;quoted&#34; &amp; done" in page


def test_what_to_mind_stands_below_the_verdicts() -> None:
    page = render_page(replace(VIEW, notes=("One.", "Two.")))
    assert '<a href="#mind">2 things to mind</a>' in page
    assert page.index('id="verdicts"') < page.index('id="mind"') < page.index("One.")
    assert "#mind" not in render_page(replace(VIEW, notes=()))


def test_it_opens_with_the_verdicts() -> None:
    page = render_page(VIEW)
    opening = page[page.index("<header>") : page.index('<section class="panel"')]
    assert "2 changed, 1 equivalent, 2 inconclusive of 5 dimensions." in opening
    assert "compared with the mean of the controls." in opening
    assert re.findall(r"<h3>(\w+) <span class=\"badge (\w+)\">", opening) == [
        ("values", "changed"),
        ("safety", "changed"),
        ("sycophancy", "inconclusive"),
        ("style", "equivalent"),
        ("capability", "inconclusive"),
    ]
    gap = f"{MINUS}18.0 points [{MINUS}27.0, {MINUS}9.0]"
    assert f'62.0 % → 44.0 %, <span class="whole">{gap}</span>' in opening
    assert "Of its other measures value-honesty changed." in opening
    assert "2 changed, 1 equivalent, 1 inconclusive of 6 measures" in opening


def test_a_page_leaves_out_what_there_is_not() -> None:
    page = render_page(ReportView("Nothing", "the base", (), (), ()))
    assert re.findall(r'data-tab="([^"]*)"', page) == ["How it was made"]
    assert "Verdicts" not in page


def test_a_folder_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "report.html"
    with pytest.raises(EvaluationError) as caught:
        write_page(VIEW, path)
    assert str(caught.value) == (
        f"{path} cannot be written (No such file or directory); mend that or give another place."
    )


def test_places_of_an_effect_worked_out_by_hand() -> None:
    """From -20 to 80 points with 5 % to each side the axis is 110 points long, from -25 to 85."""
    measure = make_measure(
        "one",
        "values",
        "One",
        difference=Range(0.3, -0.2, 0.8),
        smallest_effect=0.1,
        controls=(ControlEffect("a", 0.05), ControlEffect("b", None)),
    )
    (plot,) = draw_effects([measure])
    (strip,) = plot.strips
    assert plot.zero == pytest.approx(100 * 25 / 110, abs=0.005)
    assert strip.bars == (Bar(50.0, 4.55, 95.45),)
    assert strip.zone == (pytest.approx(100 * 15 / 110, abs=0.005), pytest.approx(18.18, abs=0.01))
    assert strip.controls == (27.27,)
    # 110 / 5 = 22 points are rounded up to steps of 50
    assert plot.ticks == ((22.73, "0"), (68.18, "+50"))


def test_other_units_are_drawn_in_smallest_effects() -> None:
    shares, others = draw_effects(MEASURES)
    assert shares.unit == "in points of percent"
    assert others.unit.startswith("in multiples of the smallest effect")
    (words,) = others.strips
    # from -1 to 1226 / 300 = 4.087, with 5 % to each side
    low, length = -1 - 0.05 * 5.0867, 1.1 * 5.0867
    assert words.bars[0].point == pytest.approx(100 * (1063 / 300 - low) / length, abs=0.01)
    assert words.controls == ()


def test_lengths_are_drawn_where_they_were_asked_for() -> None:
    (plot,) = draw_lengths(MEASURES)
    assert [strip.measure.key for strip in plot.strips] == [
        "value-empathy",
        "value-honesty",
        "unsafe-refusal",
        "over-refusal",
        "flips",
    ]
    assert all(len(strip.bars) == 2 and strip.controls == () for strip in plot.strips)


def test_what_nothing_is_known_of_is_drawn_as_an_empty_row() -> None:
    (plot,) = draw_effects([MEASURES[-1]])
    assert plot.zero == 50.0
    assert plot.strips[0].bars == (Bar(None, None, None),)
    assert plot.strips[0].zone is None


@pytest.mark.parametrize(
    ("number", "shade"), [(None, 0), (0.0, 0), (0.04, 1), (-0.3, -5), (2.0, 5), (-0.11, -2)]
)
def test_shades_end_at_five(number: float | None, shade: int) -> None:
    assert choose_shade(number, 0.3) == shade


def test_numbers_are_written_with_their_unit() -> None:
    assert format_gap(None, is_share=True) == "undefined"
    assert format_gap(-0.0001, is_share=True) == "+0.0 points"
    assert format_gap(-0.123, is_share=True, unit=False) == f"{MINUS}12.3"
    assert format_gap(1063.2, is_share=False) == "+1,063"
    assert format_gap(-1.2345, is_share=False) == f"{MINUS}1.23"
    assert format_mean(None, is_share=False) == "undefined"
    assert format_mean(0.5, is_share=True) == "50.0 %"
    assert format_mean(1204.4, is_share=False) == "1,204"
    assert format_mean(-1.5, is_share=False) == f"{MINUS}1.5"
