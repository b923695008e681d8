"""docs/markers.md says what the markers are; run as a program it writes it anew (`make docs`)."""

import re
from pathlib import Path

from valuedata.labelling.markers import FORM_ONLY, MARKERS

PAGE = Path(__file__).parents[3] / "docs" / "markers.md"


def write_table() -> str:
    lines = ["| marker | unit | what is measured | source |", "|---|---|---|---|"]
    for name, marker in MARKERS.items():
        listed = "; a list" if marker.is_lexical else ""
        cells = (f"`{name}`", marker.unit + listed, marker.definition, marker.source)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write_notes() -> str:
    return "\n".join(
        f"- `{name}`: {marker.validity}"
        for name, marker in MARKERS.items()
        if marker.validity != FORM_ONLY
    )


def fill(page: str) -> str:
    """The page with its table and notes as the markers have them."""
    for name, text in (("table", write_table()), ("notes", write_notes())):
        place = re.compile(rf"(<!-- {name},[^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
        page, n_filled = place.subn(lambda found, text=text: f"{found[1]}{text}\n{found[2]}", page)
        assert n_filled == 1, name
    return page


def test_the_page_is_what_the_markers_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert fill(page) == page, "stale: run `make docs`"


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
