"""The value's own arm and its controls, trained alike and side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from training.arguments import check_arguments, choose_device
from training.base import make_base
from training.models import Base
from training.processes import join_processes, main_first
from training.prompts import settle_system_prompt
from training.resume import name_shortages
from training.run import Run, SeeBatch, ignore_batch, train
from training.settings import TrainingRecipe
from training.tiny import BASE, TINY
from valuedata.controls import build_controls
from valuedata.errors import RecipeError, ReleaseError, TrainingError, name_nearest
from valuedata.progress import Progress, show_nothing
from valuedata.release.folder import Release, load_release

__all__ = ["VALUE", "Arm", "Trial", "parse_arms", "share_base", "train_arms"]

VALUE: Final = "value"
DRAWN: Final = ("random", "length-matched")
SWAPPED: Final = "swapped"
CONTROLS: Final = "controls"
MAX_DRAWS: Final = 100


@dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes:
        name: Name of its folder, and of its config in the release of controls.
        seed: Seed of its draw; None where nothing is drawn.
    """

    name: str
    seed: int | None = None


def parse_arms(text: str) -> tuple[Arm, ...]:
    """Reads a list of arms such as "value,random:3,length-matched,swapped".

    Args:
        text: Kinds with commas between; a number behind a drawn kind says how often it is drawn,
            with the seeds 0, 1, and so on.

    Raises:
        RecipeError: If a kind is unknown or there twice, or a number is wrong.
    """
    arms: list[Arm] = []
    for item in text.split(","):
        kind, sign, number = item.strip().partition(":")
        if kind not in (VALUE, *DRAWN, SWAPPED):
            raise RecipeError(
                f"Arm {kind!r} is unknown; {name_nearest(kind, (VALUE, *DRAWN, SWAPPED))}"
            )
        if not sign and kind not in DRAWN:
            arms.append(Arm(kind))
            continue
        is_right = kind in DRAWN and (not sign or number.isdecimal())
        n_draws = int(number or 1) if is_right else 0
        if not 1 <= n_draws <= MAX_DRAWS:
            raise RecipeError(
                f"Arm {item.strip()!r} cannot be drawn so; write for example random:3, with 1 to "
                f"{MAX_DRAWS} draws of random and length-matched."
            )
        arms.extend(Arm(f"{kind}-{seed}", seed) for seed in range(n_draws))
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names):
        raise RecipeError(f"Arms {text!r} name one twice; name each kind once.")
    return tuple(arms)


@dataclass(frozen=True)
class Trial:
    """What all arms have in common.

    Attributes:
        release: The release.
        value: Name of the subset that the arms are compared on.
        recipe: The recipe, the same for all.
        out: Folder of all arms, each in a folder of its name.
        base: The model to start from; a tiny one is made once.
    """

    release: Release
    value: str
    recipe: TrainingRecipe
    out: Path
    base: Base


def train_arms(
    trial: Trial,
    arms: Sequence[Arm],
    sources: Sequence[str] = (),
    progress: Progress = show_nothing,
    see_batch: SeeBatch = ignore_batch,
) -> dict[str, Run]:
    """Trains every arm with the same recipe, seed and model; complete ones are left as they are.

    Args:
        trial: What they have in common.
        arms: The arms.
        sources: Where sources of the release are now, as NAME=PATH, for drawing controls.
        progress: Shows how far the drawing of controls is.
        see_batch: Called with the first batch of each training.

    Returns:
        The run of each arm by its name, in order.

    Raises:
        ValuedataError: Whatever the user can mend; arms that are complete stay.
    """
    check_arguments(trial.recipe)
    join_processes(choose_device(trial.recipe))
    trial.release.files(trial.value, "train")
    recipe = settle_system_prompt(trial.recipe, trial.release, trial.value)
    with main_first():
        _open_folder(trial.out)
        controls = _read_controls(trial, arms, sources, progress)
    base = share_base(trial)
    if base.made is not None:
        with name_shortages(trial.out):
            make_base(trial.release, trial.value, recipe, base.made)
    runs = {}
    for arm in arms:
        release, value = trial.release, trial.value
        if controls is not None and arm.name != VALUE:
            release, value = controls, arm.name
        runs[arm.name] = train(release, value, recipe, trial.out / arm.name, base, see_batch)
    return runs


def share_base(trial: Trial) -> Base:
    """The model that all arms start from; a tiny one is in a folder beside theirs.

    Args:
        trial: What they have in common.
    """
    if trial.base.name != TINY:
        return trial.base
    return replace(trial.base, made=trial.out / BASE)


def _open_folder(out: Path) -> None:
    if (out / "run.json").exists():
        raise TrainingError(f"{out} holds a run of one arm; give another --out.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(
            f"{out} cannot be written ({error.strerror}); give another --out."
        ) from error


def _read_controls(
    trial: Trial, arms: Sequence[Arm], sources: Sequence[str], progress: Progress
) -> Release | None:
    """The controls that the arms need, drawn where they are not there yet."""
    wanted = [arm for arm in arms if arm.name != VALUE]
    if not wanted:
        return None
    seeds = sorted({arm.seed for arm in wanted if arm.seed is not None}) or [0]
    folder = trial.out / CONTROLS
    try:
        found = load_release(folder)
    except ReleaseError:
        found = None
    if found is not None and _fits(found, trial, [arm.name for arm in wanted]):
        return found
    return build_controls(
        trial.release, folder, seeds, values=[trial.value], sources=sources, progress=progress
    )


def _fits(controls: Release, trial: Trial, names: Sequence[str]) -> bool:
    told: dict[str, Any] = controls.manifest.get("controls", {})
    return (
        told.get("of", {}).get("content_hash") == trial.release.content_hash
        and told.get("values") == [trial.value]
        and set(names) <= set(controls.values)
    )
