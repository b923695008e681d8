"""What `valuedata train` trains on what: its options, and what a recipe says in their place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from valuedata.errors import RecipeError

if TYPE_CHECKING:
    from training.models import Base
    from training.settings import Job, TrainingRecipe
    from valuedata.release.folder import Release

__all__ = ["Inputs", "read_inputs"]

TINY, SMOKE = "tiny", "smoke-cpu"
CHANGES: Final = ("method", "seed", "device", "system_prompt")
"""Options that are settings of the recipe by the same name, too."""
WAYS: Final = {
    "release": "give RELEASE",
    "model": "give --model",
    "out": "give --out",
}
"""What must be named, and how on the command line."""


@dataclass(frozen=True)
class Inputs:
    """What is trained on what, as `training.run.train` takes it.

    Attributes:
        release: The release.
        value: Name of the subset.
        recipe: The recipe.
        out: Folder of the run, or of all arms.
        base: The model.
    """

    release: "Release"
    value: str
    recipe: "TrainingRecipe"
    out: Path
    base: "Base"


def read_inputs(options: Mapping[str, Any]) -> Inputs:
    """Reads the recipe and opens the release.

    Args:
        options: The command's; they go before what the recipe says.

    Raises:
        RecipeError: If the recipe or an option is wrong, or something is named in neither.
        ReleaseError: If there is no such release.
        HubError: If the release is on the Hub and cannot be read.
    """
    from valuedata.hub.pull import open_release

    job, recipe = _read_recipe(options)
    named = {name: options[name] or getattr(job, name) for name in WAYS}
    for name, way in WAYS.items():
        if named[name] is None:
            raise RecipeError(f"No {name} is named; {way}, or write {name!r} in the recipe.")
    release = open_release(named["release"])
    value = options["value"] or job.value
    return Inputs(
        release,
        _choose_value(release.values, value, named["release"]),
        recipe,
        Path(named["out"]),
        _read_model(named["model"]),
    )


def _read_recipe(options: Mapping[str, Any]) -> "tuple[Job, TrainingRecipe]":
    from training.settings import load_job

    changes: dict[str, Any] = {name: options[name] for name in CHANGES if options[name] is not None}
    if options["full"]:
        changes["full"] = True
    changes |= dict(_read_change(text) for text in options["changes"])
    name = options["recipe"]
    if name is None and options["model"] == TINY:
        name = SMOKE
    elif name is None:
        method = options["method"] or "dpo"
        name = f"{method.rpartition('-')[2]}-lora-1gpu-8b"
    job, recipe = load_job(name, changes)
    if options["merge"] and recipe.full:
        raise RecipeError("--merge is for adapters and --full trains none; leave one of them out.")
    return job, recipe


def _read_change(text: str) -> tuple[str, Any]:
    import yaml

    key, sign, value = text.partition("=")
    try:
        if key and sign:
            return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        pass
    raise RecipeError(f"--set {text!r} is no setting; write for example --set dpo.beta=0.2.")


def _read_model(text: str) -> "Base":
    from training.models import Base

    if Path(text).exists() or "@" not in text:
        return Base(text)
    name, _, revision = text.rpartition("@")
    return Base(name, revision)


def _choose_value(values: Sequence[str], given: str | None, release: str) -> str:
    if given is not None:
        return given
    if len(values) != 1:
        raise RecipeError(
            f"{release} has several subsets ({', '.join(values)}); name one with --value."
        )
    return values[0]
