"""report.html: one file that needs no network, in which no text of a reply can run."""

import base64
import hashlib
import re
from importlib.resources import files
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evaluation.report.figures import (
    choose_shade,
    draw_effects,
    draw_lengths,
    format_gap,
    format_mean,
)
from evaluation.report.view import MeasureView, Range, ReportView
from evaluation.statistics.equivalence import Verdict
from evaluation.tables import write_text

__all__ = ["PAGE", "render_page", "write_page"]

PAGE: Final = "report.html"
TEMPLATE: Final = "report.html.jinja"
UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
VERDICTS: Final = (Verdict.CHANGED, Verdict.EQUIVALENT, Verdict.INCONCLUSIVE)


def write_page(view: ReportView, path: Path) -> None:
    """Writes the page in one move.

    Args:
        view: What it shows.
        path: Where it goes.

    Raises:
        EvaluationError: If it cannot be written.
    """
    write_text(render_page(view), path)


def render_page(view: ReportView) -> str:
    """The page as HTML; the same view gives the same text.

    Its security policy allows the page's own style and script, by their hashes, and nothing else.
    """
    environment = Environment(
        loader=PackageLoader("evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    environment.filters |= {
        "gap": lambda number, measure: format_gap(number, is_share=measure.is_share),
        "mean": format_mean,
        "number": lambda n: f"{n:,}",
        "range": _format_range,
        "shade": choose_shade,
    }
    folder = files("evaluation.report") / "templates"
    style = (folder / "report.css").read_text(encoding="utf-8")
    script = (folder / "report.js").read_text(encoding="utf-8")
    page = environment.get_template(TEMPLATE).render(
        view=view,
        style=Markup(style),  # noqa: S704 - the package's own file
        script=Markup(script),  # noqa: S704 - the package's own file
        style_hash=_hash(style),
        script_hash=_hash(script),
        verdicts=VERDICTS,
        has_base=any(measure.from_base is not None for measure in view.measures),
        plots=draw_effects(view.measures),
        length_plots=draw_lengths(view.measures),
        changed={score.key: score.title for one in view.changes for score in one.scores},
    )
    return page.strip() + "\n"


def _hash(text: str) -> str:
    """As a security policy names a text that it lets through."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _clean(found: object) -> object:
    """Replaces characters that no HTML page may hold."""
    if isinstance(found, str) and not isinstance(found, Markup):
        return UNPRINTABLE.sub("\ufffd", found)
    return found


def _format_range(found: Range, measure: MeasureView) -> str:
    """A difference with its interval."""
    text = format_gap(found.estimate, is_share=measure.is_share)
    if found.low is None or found.high is None:
        return text
    low, high = (
        format_gap(end, is_share=measure.is_share, unit=False) for end in (found.low, found.high)
    )
    return f"{text} [{low}, {high}]"
