"""The arguments of trl and peft that a recipe gives, checked before anything is loaded."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from training.settings import Stage, TrainingRecipe
from valuedata.errors import RecipeError, TrainingError, name_nearest

__all__ = ["check_arguments", "check_installed", "choose_device", "make_arguments", "make_lora"]

LAX: Final = ConfigDict(arbitrary_types_allowed=True)
OURS: Final = {
    "output_dir": "give --out",
    "seed": "write 'seed' at the top of the recipe",
    "data_seed": "write 'seed' at the top of the recipe",
    "use_cpu": "write 'device: cpu' at the top of the recipe",
    "resume_from_checkpoint": "run the same command again",
    "model_init_kwargs": "write 'dtype' at the top of the recipe",
    "chat_template_path": "write 'chat_template' at the top of the recipe",
    "packing": "leave it out, for packed rows cannot be counted or weighed",
    "padding_free": "leave it out, for packed rows cannot be counted or weighed",
    "truncation_mode": "leave it out, for rows that are too long are left out and counted",
    "assistant_only_loss": "leave it out, for the loss is on the reply alone",
    "completion_only_loss": "leave it out, for the loss is on the reply alone",
    "dataset_kwargs": "leave it out, for the rows come from the release",
    "task_type": "leave it out, for it is always CAUSAL_LM",
}
"""Arguments of trl and peft that have another place, and which."""
LEAST: Final = {
    "adam_epsilon": 0,
    "beta": 0,
    "gradient_accumulation_steps": 1,
    "learning_rate": 0,
    "num_train_epochs": 0,
    "per_device_eval_batch_size": 1,
    "per_device_train_batch_size": 1,
    "r": 1,
    "weight_decay": 0,
}
"""Arguments that torch, peft or the batches refuse below a number, most of them by a traceback."""
HUB: Final = ("hub_", "push_to_hub")
"""How the arguments of trl begin that push while it trains."""


def check_installed(packages: Sequence[str] = ("trl", "peft")) -> None:
    """Says what to install where the packages that train are missing.

    Args:
        packages: Names of the packages.

    Raises:
        TrainingError: Naming those that are missing.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise TrainingError(
            f"Training needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} "
            "not installed; run: pip install 'valuedata[train]'."
        )


def check_arguments(recipe: TrainingRecipe) -> None:
    """Refuses arguments that trl or peft does not know, or whose value has the wrong type.

    Raises:
        RecipeError: Naming the nearest argument, or what is wrong with the value.
    """
    for group, given in (("sft", recipe.sft), ("dpo", recipe.dpo), ("lora", recipe.lora)):
        for name in given:  # of trainings that are not run, too: the record publishes all of them
            if name.startswith(HUB):
                raise RecipeError(
                    f"Recipe key '{group}.{name}' is not set here; push the finished run with "
                    "--push-to, and give the token by `hf auth login` or in HF_TOKEN."
                )
    for stage in recipe.stages:
        _check(stage, recipe.arguments(stage), _config_class(stage))
    if not recipe.full:
        from peft import LoraConfig

        _check("lora", recipe.lora, LoraConfig)


def choose_device(recipe: TrainingRecipe) -> str:
    """The device of a run, "cpu" or "cuda".

    Raises:
        TrainingError: If CUDA is asked for and absent.
    """
    import torch

    if recipe.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "The recipe asks for the device cuda, and torch finds none here; write 'device: cpu', "
            "or install a torch with CUDA on a machine that has a GPU."
        )
    if recipe.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return recipe.device


def make_arguments(recipe: TrainingRecipe, stage: Stage, out: Path) -> Any:  # noqa: ANN401
    """The arguments of one training as trl takes them.

    Args:
        recipe: The recipe.
        stage: Which training.
        out: Folder of its checkpoints.

    Returns:
        A `trl.SFTConfig` or a `trl.DPOConfig`. What the recipe leaves open is trl's default, but on
        the CPU there is neither bfloat16 nor gradient checkpointing, and nothing is reported to
        other services.

    Raises:
        RecipeError: If trl refuses a value or a combination.
        TrainingError: If CUDA is asked for and absent.
    """
    on_cpu = choose_device(recipe) == "cpu"
    given: dict[str, Any] = {"report_to": "none", "disable_tqdm": True}
    if on_cpu:
        given |= {"use_cpu": True, "bf16": False, "gradient_checkpointing": False}
    if stage == "sft":
        given |= {"completion_only_loss": True}
    if recipe.patience is not None:
        given |= {
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "restore_callback_states_from_checkpoint": True,  # or patience begins anew
        }
    given |= _check(stage, recipe.arguments(stage), _config_class(stage))
    given |= {"output_dir": str(out), "seed": recipe.seed, "data_seed": recipe.seed}
    try:
        return _config_class(stage)(**given)
    except (ValueError, TypeError, NotImplementedError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RecipeError(
            f"trl refuses the arguments under {stage!r} ({reason}); change the recipe."
        ) from error


def make_lora(recipe: TrainingRecipe) -> Any:  # noqa: ANN401
    """The adapter's `peft.LoraConfig`; None where all weights are trained.

    Raises:
        RecipeError: If peft refuses a value.
    """
    if recipe.full:
        return None
    from peft import LoraConfig

    given = _check("lora", recipe.lora, LoraConfig)
    try:
        return LoraConfig(task_type="CAUSAL_LM", **given)
    except (ValueError, TypeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RecipeError(
            f"peft refuses the arguments under 'lora' ({reason}); change the recipe."
        ) from error


def _config_class(stage: Stage) -> Any:  # noqa: ANN401
    import trl

    return trl.SFTConfig if stage == "sft" else trl.DPOConfig


def _check(group: str, given: Mapping[str, Any], config: Any) -> dict[str, Any]:  # noqa: ANN401
    """The arguments with the types that the configuration declares."""
    known = {field.name for field in fields(config) if field.init}
    hints = get_type_hints(config)
    checked = {}
    for name, value in given.items():
        key = f"{group}.{name}"
        if name in OURS:
            raise RecipeError(f"Recipe key {key!r} is not set here; {OURS[name]}.")
        if name not in known:
            raise RecipeError(f"Recipe key {key!r} is unknown; {name_nearest(name, known)}")
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(hints[name], config=LAX)
            checked[name] = adapter.validate_python(value)
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            raise RecipeError(f"Recipe key {key!r} cannot be {value!r}: {message}.") from error
        _check_number(key, checked[name], LEAST.get(name))
    if group == "dpo":
        _check_losses(checked.get("loss_type", ()), config)
    return checked


def _check_number(key: str, value: object, least: int | None) -> None:
    if least is None or not isinstance(value, int | float):
        return
    if not least <= value < math.inf:  # not-a-number is neither
        raise RecipeError(f"Recipe key {key!r} cannot be {value!r}; give {least} or more.")


def _check_losses(losses: Sequence[str], config: Any) -> None:  # noqa: ANN401
    """Refuses a loss that trl's own help does not name, which it would find at the first step."""
    (help_text,) = (one.metadata["help"] for one in fields(config) if one.name == "loss_type")
    known = re.findall(r"`'(\w+)'`", help_text)
    for loss in losses:
        if known and loss not in known:  # a help that names none leaves it to trl
            raise RecipeError(
                f"Recipe key 'dpo.loss_type' cannot be {loss!r}; {name_nearest(loss, known)}"
            )
