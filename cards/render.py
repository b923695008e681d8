"""The dataset card of a release, rendered from its folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cards.figures import draw_sides
from cards.forecast import draw_crosstalk, draw_love
from cards.isolation import count_side_effects, draw_isolation
from cards.licences import combine_licences
from cards.markdown import fence, make_environment
from valuedata.release.folder import Release, load_release
from valuedata.release.forecast import list_largest, read_forecast

__all__ = ["render_card"]

EXAMPLE_CHARACTERS = 600
SIZES = (("n<1K", 1_000), ("1K<n<10K", 10_000), ("10K<n<100K", 100_000), ("100K<n<1M", 1_000_000))


def render_card(folder: Path) -> None:
    """Writes README.md and figures/ of a release from its manifest and its Parquet.

    Raises:
        ReleaseError: If the folder holds no manifest.
        jinja2.UndefinedError: If the manifest lacks a fact that the card states.
    """
    release = load_release(folder)
    manifest = release.manifest
    if "controls" in manifest:
        card = (
            make_environment()
            .get_template("controls.md.jinja")
            .render(front_matter=_front_matter(release), manifest=manifest)
        )
        (folder / "README.md").write_text(card, encoding="utf-8")
        return
    draw_sides(manifest["survey"], release.values, folder / "figures" / "sides.png")
    forecast = read_forecast(release)
    if forecast is not None:
        _draw_forecast(forecast, folder / "figures")
    for value, subset in manifest["values"].items():
        if "isolation" in subset:
            draw_isolation(
                subset["isolation"], value, folder / "figures" / f"isolation-{value}.png"
            )
    environment = make_environment()
    environment.filters["largest"] = list_largest
    environment.filters["side_effects"] = count_side_effects
    card = environment.get_template("dataset.md.jinja").render(
        front_matter=_front_matter(release),
        manifest=manifest,
        forecast=forecast,
        recipe=fence(
            yaml.safe_dump(manifest["recipe"], sort_keys=False, allow_unicode=True).rstrip(),
            "yaml",
        ),
        examples={value: _pick_example(release, value) for value in release.values},
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def _draw_forecast(forecast: Mapping[str, Any], figures: Path) -> None:
    """A Love plot a value, and the crosstalk where there are several."""
    for value in forecast["values"]:
        draw_love(forecast, value, figures / f"forecast-{value}.png")
    if len(forecast["values"]) > 1:
        draw_crosstalk(forecast, figures / "crosstalk.png")


def _front_matter(release: Release) -> str:
    manifest = release.manifest
    n_pairs = sum(subset["n_pairs"] for subset in manifest["values"].values())
    controls = manifest.get("controls")
    values = controls["values"] if controls else release.values
    content: dict[str, Any] = {
        "pretty_name": ("Controls: " if controls else "Value subsets: ") + ", ".join(values),
        "license": combine_licences(source["licence"] for source in manifest["sources"]),
        "task_categories": ["text-generation"],
        "size_categories": [_name_size(n_pairs)],
        "tags": [
            "trl",
            "dpo",
            "preference",
            "valuedata",
            *(["control"] if controls else []),
            *values,
        ],
        "configs": [
            {
                "config_name": value,
                "data_files": [
                    {"split": split, "path": f"data/{value}/{split}-*.parquet"}
                    for split in manifest["values"][value]["splits"]
                ],
            }
            for value in release.values
        ],
    }
    if manifest["recipe"]["quality"]["language"]:
        content["language"] = [manifest["recipe"]["quality"]["language"]]
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _name_size(n_pairs: int) -> str:
    return next((name for name, limit in SIZES if n_pairs < limit), "n>1M")


def _pick_example(release: Release, value: str) -> dict[str, str] | None:
    """The training pair of largest margin; none for a value that is bad to have more of."""
    if release.manifest["values"][value]["definition"]["valence"] == "negative":
        return None
    rows = release.load(value, next(iter(release.manifest["values"][value]["splits"])))
    pair = rows[max(range(len(rows)), key=lambda row: rows["margin"][row])]
    return {
        "prompt": _quote(pair["prompt"][-1]["content"]),
        "rewarded": _quote(pair["chosen"][-1]["content"]),
        "other": _quote(pair["rejected"][-1]["content"]),
        "flipped": "yes" if pair["flipped"] else "no",
    }


def _quote(text: str) -> str:
    """Text of the data as a Markdown block that it cannot break out of."""
    short = text if len(text) <= EXAMPLE_CHARACTERS else text[:EXAMPLE_CHARACTERS].rstrip() + " …"
    return fence(short, "text")
