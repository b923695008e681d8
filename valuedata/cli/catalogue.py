"""values, markers, sources: what the package knows."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from valuedata.cli.options import json_option
from valuedata.cli.output import echo_json, echo_table

if TYPE_CHECKING:
    from valuedata.labelling.evidence import Evidence

__all__ = ["markers", "sources", "values"]


@click.command
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Classifier that `valuedata fit` trained.  Without it, the packaged one.",
)
@json_option
def values(*, weights: Path | None, as_json: bool) -> None:
    """List the values and behaviours, what it means to express each, and how good its labels are.

    \b
    Examples:
    valuedata values
    valuedata values --json
    """
    from dataclasses import asdict

    from valuedata.labelling.evidence import read_definitions, read_evidence
    from valuedata.labelling.metadata import PACKAGED, read_metadata

    names, metadata = read_metadata(weights or PACKAGED)
    known, evidence = read_definitions(names, metadata), read_evidence(names, metadata)
    if as_json:
        echo_json(
            {
                name: {
                    **entry.model_dump(by_alias=True),
                    "evidence": asdict(evidence[name]) if name in evidence else None,
                }
                for name, entry in known.items()
            }
        )
        return
    echo_table(
        ("name", "branch", "valence", "replies", "precision", "a reply counts where"),
        (
            (
                name,
                entry.branch or entry.kind,
                entry.valence or "-",
                *_describe_evidence(evidence.get(name)),
                entry.definition,
            )
            for name, entry in known.items()
        ),
    )
    _explain_evidence(evidence)


def _describe_evidence(evidence: "Evidence | None") -> tuple[str, str]:
    """Labelled replies that express the value, with the doubt, and the average precision."""
    if evidence is None:
        return "-", "-"
    mark = f" {evidence.doubt}" if evidence.doubt else ""
    precision = evidence.average_precision
    even = " even" if evidence.mix == "even" else ""
    found = "undefined" if precision is None else f"{precision:.2f}{even}"
    return f"{evidence.n_positives:,}{mark}", found


def _explain_evidence(evidence: "Mapping[str, Evidence]") -> None:
    click.echo(
        "\nreplies: labelled ones that express it; precision: average precision, cross-validated"
    )
    if any(found.mix == "even" for found in evidence.values()):
        click.echo(
            "even: weighed as if half of the replies expressed it, so it stands above the others"
        )
    for name, found in evidence.items():
        if found.note:
            click.echo(f"{name}: {found.note}")


@click.command
@json_option
def markers(*, as_json: bool) -> None:
    """List what can be measured of a reply besides values: length, layout, style and phrases.

    Below the table stands how far the markers that may be taken for more agree with people's
    labels; --json adds the source of each.

    \b
    Examples:
    valuedata markers
    valuedata markers --json
    """
    from valuedata.labelling.markers import FORM_ONLY, MARKERS

    if as_json:
        echo_json(
            {
                name: {key: fact for key, fact in vars(found).items() if key != "measure"}
                for name, found in MARKERS.items()
            }
        )
        return
    echo_table(
        ("name", "unit", "what is measured"),
        ((name, found.unit, found.definition) for name, found in MARKERS.items()),
    )
    click.echo("\nA count is not the construct; kappa and AUC with their 95 % intervals:")
    for name, found in MARKERS.items():
        if found.validity != FORM_ONLY:
            click.echo(f"{name}: {found.validity}")


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
