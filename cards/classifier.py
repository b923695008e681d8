"""The card of a classifier, rendered from the folder of its weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cards.licences import combine_licences
from cards.markdown import make_environment
from cards.scores import draw_scores
from valuedata.labelling.evidence import read_evidence
from valuedata.labelling.metadata import read_metadata
from valuedata.labelling.scoring.titles import SCORE_TITLES

__all__ = ["render_classifier_card"]

FIGURE = "scores.png"


def render_classifier_card(folder: Path) -> None:
    """Writes README.md and a figure into the folder of weights that `fit_classifier` made.

    Raises:
        LabelError: If the folder holds no weights.
        jinja2.UndefinedError: If the metadata lack a fact that the card states.
    """
    names, metadata = read_metadata(folder)
    measured = {name: metadata["quality"][name] for name in names if name in metadata["quality"]}
    draw_scores({"names": measured}, folder / FIGURE)
    environment = make_environment()
    environment.filters["both"] = _format_with_interval
    environment.filters["estimate"] = lambda found: _format(found["value"])
    environment.filters["interval"] = _format_interval
    trained_on = [*metadata["sources"], *metadata["added"]]
    front_matter = {
        "license": combine_licences(metadata["licences"].get(source) for source in trained_on),
        "library_name": "valuedata",
        "pipeline_tag": "text-classification",
        "language": ["en"],
        "base_model": "sentence-transformers/all-MiniLM-L6-v2",
        "tags": ["values", "preference", "multi-label", "valuedata"],
    }
    card = environment.get_template("classifier.md.jinja").render(
        front_matter=yaml.safe_dump(front_matter, sort_keys=False),
        names=list(measured),
        metadata=metadata,
        means=SCORE_TITLES,
        evidence=read_evidence(list(measured), metadata),
        modes=_group_probes(metadata["probes"]),
        figure=FIGURE,
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def _group_probes(probes: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What makes probes hard to the probes, in order."""
    modes: dict[str, list[dict[str, Any]]] = {}
    for probe in probes:
        modes.setdefault(probe["mode"], []).append(probe)
    return modes


def _format(number: float | None) -> str:
    return "undefined" if number is None else f"{number:.2f}"


def _format_interval(found: Mapping[str, float | None]) -> str:
    return f"{_format(found['low'])} to {_format(found['high'])}"


def _format_with_interval(found: Mapping[str, float | None]) -> str:
    if found["value"] is None:
        return "undefined"
    return f"{_format(found['value'])} ({_format_interval(found)})"
