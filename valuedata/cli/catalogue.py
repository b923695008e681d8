"""values, sources: what the package knows."""

import rich_click as click

from valuedata.cli.options import json_option
from valuedata.cli.output import echo_json, echo_table

__all__ = ["sources", "values"]


@click.command
@json_option
def values(*, as_json: bool) -> None:
    """List the values and behaviours, with what it means to express each.

    \b
    Examples:
    valuedata values
    valuedata values --json
    """
    from valuedata.labelling.values import load_values

    known = load_values()
    if as_json:
        echo_json({name: entry.model_dump(by_alias=True) for name, entry in known.items()})
        return
    echo_table(
        ("name", "branch", "valence", "a reply counts where"),
        (
            (name, entry.branch or entry.kind, entry.valence or "-", entry.definition)
            for name, entry in known.items()
        ),
    )


@click.command
@json_option
def sources(*, as_json: bool) -> None:
    """List the known sources, with licence and format; --json adds how to cite them.

    \b
    Examples:
    valuedata sources
    valuedata sources --json
    """
    from valuedata.intake.known import KNOWN_SOURCES

    if as_json:
        echo_json(
            {
                source.name: {
                    "summary": source.summary,
                    "repository": source.repository,
                    "revision": source.revision,
                    "licence": source.licence,
                    "format": source.format,
                    "citation": source.citation,
                    "homepage": source.homepage,
                }
                for source in KNOWN_SOURCES.values()
            }
        )
        return
    echo_table(
        ("name", "repository", "licence", "format", "what it holds"),
        (
            (
                source.name,
                source.repository or "bundled",
                source.licence,
                source.format,
                source.summary,
            )
            for source in KNOWN_SOURCES.values()
        ),
    )
