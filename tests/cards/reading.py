"""What a card says, taken apart: its front matter, sections, tables, blocks and figures."""

import re
from pathlib import Path
from typing import Any

import yaml
from pymarkdown.api import PyMarkdownApi

from valuedata.release.folder import Release


def read_card(release: Release) -> str:
    return (release.folder / "README.md").read_text(encoding="utf-8")


def read_front_matter(release: Release) -> dict[str, Any]:
    return yaml.safe_load(read_card(release).split("---\n")[1])


def read_body(release: Release) -> str:
    return read_card(release).split("---\n", 2)[2]


def read_section(release: Release, heading: str) -> str:
    """The text below a heading of the second level, up to the next."""
    _, _, rest = read_body(release).partition(f"\n## {heading}\n")
    assert rest, heading
    return rest.partition("\n## ")[0]


def read_subsection(section: str, heading: str) -> str:
    _, _, rest = section.partition(f"\n### {heading}\n")
    assert rest, heading
    return rest.partition("\n### ")[0]


def read_tables(text: str) -> list[list[list[str]]]:
    """Each table as its rows of cells, the heading first."""
    tables = []
    for block in re.findall(r"(?:^\|.*\|\n)+", text + "\n", flags=re.MULTILINE):
        rows = [
            [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in block.splitlines()
        ]
        tables.append([rows[0], *rows[2:]])
    return tables


def read_blocks(text: str, language: str) -> list[str]:
    """Code blocks, without the indent of a list that they stand in."""
    found = re.findall(rf"^( *)```{language}\n(.*?)\n\1```$", text, flags=re.MULTILINE | re.DOTALL)
    return [
        "\n".join(line.removeprefix(indent) for line in block.split("\n"))
        for indent, block in found
    ]


def read_figures(release: Release) -> dict[Path, str]:
    """Figures that the card shows, with their alt texts."""
    found = re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", read_body(release))
    return {release.folder / path: alt for alt, path in found}


def strip_code(text: str) -> str:
    """Prose: without blocks, tables, code spans, figures and addresses."""
    text = re.sub(r"^( *)(`{3,}).*?^\1\2$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^\|.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`|!\[[^\]]*\]\([^)]*\)|<http[^>]*>", "", text)
    return re.sub(r"^ *\d+\. ", "", text, flags=re.MULTILINE)


def lint(release: Release) -> list[str]:
    """What a linter finds; lines may be long, tables narrow, and headings of values the same."""
    linter = PyMarkdownApi().enable_extension_by_identifier("front-matter")
    linter = linter.enable_extension_by_identifier("markdown-tables")
    linter = linter.set_boolean_property("plugins.md024.siblings_only", property_value=True)
    for rule in ("md013", "md060"):
        linter = linter.disable_rule_by_identifier(rule)
    found = linter.scan_path(str(release.folder / "README.md"))
    return [f"{entry.line_number}: {entry.rule_description}" for entry in found.scan_failures]
