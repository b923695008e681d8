"""The dataset card of a release, rendered from its folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cards.citations import PAPER, cite_valuedata
from cards.croissant import list_columns, write_croissant
from cards.facts import Facts, read_facts
from cards.figures import draw_sides
from cards.forecast import draw_crosstalk, draw_love
from cards.front_matter import make_front_matter
from cards.isolation import count_side_effects, draw_isolation
from cards.licences import combine_licences, is_non_commercial, list_restrictions
from cards.markdown import escape_cell, fence, make_environment
from cards.subset_figures import draw_map, draw_margins, draw_quality, draw_sources
from valuedata.release.folder import Release, load_release
from valuedata.release.forecast import list_largest, read_forecast

__all__ = ["render_card", "tell_course"]

MEASURES = {
    "subset_precision": "pairs with the value in the rewarded reply and not in the other",
    "subset_precision_rewarded": "pairs with the value in the rewarded reply",
    "subset_recall": "truly one-sided pairs that are found",
    "precision": "replies labelled with it that express it",
    "recall": "replies that express it that are labelled with it",
    "average_precision": "average precision over replies",
}
"""Measure of quality to what the card calls it."""
TRACE = "trace"
"""Stage at which `valuedata trace` drops pairs."""


def render_card(folder: Path) -> None:
    """Writes README.md, croissant.json and figures/ of a release from its other files.

    Raises:
        ReleaseError: If the folder holds no manifest, or a file is missing or damaged.
        jinja2.UndefinedError: If the manifest lacks a fact that the card states.
    """
    release = load_release(folder)
    write_croissant(release)
    if "controls" in release.manifest:
        template, facts = "controls.md.jinja", {}
    else:
        template, facts = "dataset.md.jinja", _gather(release)
    environment = make_environment()
    environment.filters["largest"] = list_largest
    environment.filters["side_effects"] = count_side_effects
    environment.filters["course"] = tell_course
    card = environment.get_template(template).render(
        front_matter=make_front_matter(release), manifest=release.manifest, **facts
    )
    (folder / "README.md").write_text(card.rstrip("\n") + "\n", encoding="utf-8")


def tell_course(stages: Sequence[Mapping[str, Any]]) -> str:
    """How many pairs of a value had it on one side, and what each later stage left of them.

    Args:
        stages: The stages of a subset as the manifest has them, the one-sided pairs first.
    """
    first, *later = stages
    text = f"{first['rows_out']:,}"
    chosen = [stage for stage in later if stage["stage"] != TRACE]
    if chosen:
        *names, last = [stage["stage"] for stage in chosen]
        text += f", after {' and '.join(filter(None, (', '.join(names), last)))} "
        text += f"{chosen[-1]['rows_out']:,}"
    for stage in later[len(chosen) :]:
        (reason, n_dropped), *_ = stage["dropped"].items()
        which = "pair that" if n_dropped == 1 else "pairs that"
        verb = "pushes" if n_dropped == 1 else "push"
        effect = escape_cell(reason.removeprefix("pushes "))
        text += f", less {n_dropped:,} {which} {verb} {effect} {stage['rows_out']:,}"
    return text


def _gather(release: Release) -> dict[str, Any]:
    """Draws the figures, and gathers what the template says beside the manifest."""
    manifest, facts, forecast = release.manifest, read_facts(release), read_forecast(release)
    figures = release.folder / "figures"
    is_llm = manifest["recipe"]["labels"]["extractor"] == "llm"
    evidence = {
        value: told["evidence"] for value, told in manifest["values"].items() if told["evidence"]
    }
    draw_sides(manifest["survey"], release.values, figures / "sides.png")
    _draw_subsets(facts, figures, with_margins=not is_llm)
    if evidence:
        draw_quality(evidence, figures / "quality.png")
    if forecast is not None:
        _draw_forecast(forecast, figures)
    for value, told in manifest["values"].items():
        if "isolation" in told:
            draw_isolation(told["isolation"], value, figures / f"isolation-{value}.png")
    recipe = yaml.safe_dump(manifest["recipe"], sort_keys=False, allow_unicode=True)
    licences = [source["licence"] for source in manifest["sources"]]
    return {
        "facts": facts,
        "forecast": forecast,
        "is_llm": is_llm,
        "has_quality": bool(evidence),
        "has_weights": any("weight" in list_columns(release, value) for value in release.values),
        "measures": MEASURES,
        "harmful": release.harmful,
        "licence": combine_licences(licences),
        "is_non_commercial": is_non_commercial(licences),
        "restrictions": list_restrictions(manifest["sources"]),
        "recipe": fence(recipe.rstrip(), "yaml"),
        "paper": PAPER,
        "software": cite_valuedata(manifest["valuedata_version"]),
    }


def _draw_subsets(facts: Facts, figures: Path, *, with_margins: bool) -> None:
    draw_sources(facts.subsets, figures / "sources.png")
    if with_margins:
        draw_margins(facts.subsets, figures / "margins.png")
    for value, found in facts.subsets.items():
        draw_map(found, figures / f"map-{value}.png")


def _draw_forecast(forecast: Mapping[str, Any], figures: Path) -> None:
    """A Love plot a value, and the crosstalk where there are several."""
    for value in forecast["values"]:
        draw_love(forecast, value, figures / f"forecast-{value}.png")
    if len(forecast["values"]) > 1:
        draw_crosstalk(forecast, figures / "crosstalk.png")
