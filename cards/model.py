"""The card of a tuned model, rendered from the record of its run alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from cards.licences import ModelLicence, link_licence
from cards.markdown import fence, make_environment

__all__ = ["render_model_card"]

METHODS: Final = {"sft": "SFT", "dpo": "DPO"}


def render_model_card(
    folder: Path,
    record: Mapping[str, Any],
    *,
    is_merged: bool = False,
    on_hub: bool = True,
    licence: ModelLicence | None = None,
) -> None:
    """Writes README.md into the folder of an adapter or of tuned weights.

    Args:
        folder: The folder.
        record: What run.json says of the run until then.
        is_merged: Whether the adapter is merged into the weights.
        on_hub: Whether a name of no folder here is one on the Hub; False where a folder was hidden.
        licence: The model's; None where it was not asked for, so that the card says nothing of it.

    Raises:
        jinja2.UndefinedError: If the record lacks a fact that the card states.
    """
    stages, recipe = record["stages"], record["recipe"]
    model = record["model"]["name"]
    front_matter: dict[str, Any] = {
        "library_name": "transformers" if recipe["full"] or is_merged else "peft",
        "pipeline_tag": "text-generation",
        "tags": ["valuedata", "values", *stages],
    }
    if on_hub and record["made"] is None and not Path(model).exists():  # the Hub takes names alone
        front_matter["base_model"] = model
    if licence is not None:
        front_matter["license"] = licence.licence
        if licence.name is not None:
            front_matter["license_name"] = licence.name
    settings = yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True).rstrip()
    card = (
        make_environment()
        .get_template("model.md.jinja")
        .render(
            front_matter=yaml.safe_dump(front_matter, sort_keys=False),
            model=model,
            revision=record["model"]["revision"],
            made=record["made"],
            subset=record["release"]["value"],
            release=record["release"],
            control=record["control"],
            sources=record["sources"],
            forecast=record["forecast"],
            licence=licence,
            link=None if licence is None else link_licence(licence.licence),
            methods=" and then ".join(METHODS[stage] for stage in stages),
            stages=stages,
            last=list(stages)[-1],
            recipe=recipe,
            is_merged=is_merged,
            recipe_block=fence(settings, "yaml"),
            versions=record["versions"],
        )
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
