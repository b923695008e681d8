"""The frozen settings of a run, and the packaged recipes that hold them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StrictBool, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from valuedata.errors import RecipeError, name_nearest
from valuedata.recipe import read_yaml, replace_settings
from valuedata.seeds import MAX_SEED
from valuedata.settings import Settings

__all__ = [
    "Job",
    "Method",
    "Stage",
    "TinySettings",
    "TrainingRecipe",
    "list_recipes",
    "load_job",
    "load_training_recipe",
    "make_training_recipe",
]

Method = Literal["sft", "dpo", "sft-dpo"]
Stage = Literal["sft", "dpo"]
STAGES: Final[Mapping[Method, tuple[Stage, ...]]] = {
    "sft": ("sft",),
    "dpo": ("dpo",),
    "sft-dpo": ("sft", "dpo"),
}
RECIPES: Final = Path(__file__).parent / "recipes"


class TinySettings(Settings):
    """The model that `--model tiny` makes and trains before anything else.

    Attributes:
        vocabulary: Largest number of tokens, learned from the text of the release.
        hidden: Width; an even number for each head.
        layers: Layers.
        heads: Heads of attention in each.
        steps: Steps that it is trained for on all replies of the training split, rewarded or not.
        batch_size: Conversations in a step.
        max_length: Most tokens of a conversation; longer ones are left out.
        learning_rate: Learning rate of these steps.
    """

    vocabulary: Annotated[int, Field(ge=300, le=32_000)] = 2_000
    hidden: Annotated[int, Field(ge=8, le=512)] = 64
    layers: Annotated[int, Field(ge=1, le=12)] = 2
    heads: Annotated[int, Field(ge=1, le=16)] = 4
    steps: Annotated[int, Field(ge=0)] = 60
    batch_size: Annotated[int, Field(ge=1)] = 8
    max_length: Annotated[int, Field(ge=16, le=4_096)] = 512
    learning_rate: Annotated[float, Field(gt=0.0)] = 3e-3

    @model_validator(mode="after")
    def _divide(self) -> Self:
        pairs = 2 * self.heads  # rotary positions turn a head's numbers in pairs
        if self.hidden % pairs:
            raise PydanticCustomError(
                "heads",
                f"hidden is {self.hidden}, which {self.heads} heads cannot share; give a multiple "
                f"of {pairs}",
            )
        return self


class TrainingRecipe(Settings):
    """How a model is tuned.

    Attributes:
        method: "sft" trains on the rewarded replies, "dpo" on the pairs, "sft-dpo" one after the
            other.
        seed: Seed of everything random.
        full: Train all weights; otherwise an adapter (LoRA).
        device: "auto" takes CUDA where there is one.
        dtype: Precision of the loaded weights; "auto" is float32, but bfloat16 under an adapter on
            CUDA.
        chat_template: Jinja file of the chat template; without it, the model's own, and where that
            has none, `templates/plain.jinja` of this package.
        system_prompt: A system turn before each conversation that has none: true for the value's
            own, which its control arms get, too, false for none, or its text.
        weights: Multiply the loss of each row by its `weight`, where the release has them.
        patience: Evaluations without a better loss on the validation split after which a training
            stops, with the weights of its best checkpoint; without it, the last ones are kept.
        tiny: The model of `--model tiny`.
        lora: Arguments of `peft.LoraConfig`.
        sft: Arguments of `trl.SFTConfig`.
        dpo: Arguments of `trl.DPOConfig`.
    """

    method: Method
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    full: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    chat_template: str | None = None
    system_prompt: StrictBool | Annotated[str, Field(min_length=1)] = False
    weights: bool = True
    patience: Annotated[int, Field(ge=1)] | None = None
    tiny: TinySettings = TinySettings()
    lora: Mapping[str, Any] = {}
    sft: Mapping[str, Any] = {}
    dpo: Mapping[str, Any] = {}

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The trainings in order."""
        return STAGES[self.method]

    def arguments(self, stage: Stage) -> Mapping[str, Any]:
        """The arguments that the recipe gives to trl for one stage."""
        return self.sft if stage == "sft" else self.dpo


class Job(Settings):
    """What a recipe may say beside its settings: what is trained on what, and where it goes.

    Attributes:
        release: Folder of the release, or its name on the Hub.
        value: Name of the subset.
        model: Folder of the model, its name on the Hub, or "tiny".
        out: Folder of the run, below the working folder.
    """

    release: str | None = None
    value: str | None = None
    model: str | None = None
    out: str | None = None


def list_recipes() -> list[str]:
    """Names of the packaged recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def load_training_recipe(
    name: str | Path, changes: Mapping[str, Any] | None = None
) -> TrainingRecipe:
    """Reads a recipe that says no more than how a model is tuned.

    Args:
        name: Name of a packaged recipe, or the path of a YAML file.
        changes: Dotted setting name, such as "dpo.beta", to the value that it gets instead.

    Raises:
        RecipeError: If there is no such recipe, or it holds a wrong key or value.
    """
    return make_training_recipe(_read(name), changes)


def load_job(
    name: str | Path, changes: Mapping[str, Any] | None = None
) -> tuple[Job, TrainingRecipe]:
    """Reads a recipe that may also name the release, the value, the model and the folder.

    Args:
        name: Name of a packaged recipe, or the path of a YAML file.
        changes: Dotted setting name, such as "dpo.beta", to the value that it gets instead.

    Raises:
        RecipeError: If there is no such recipe, or it holds a wrong key or value.
    """
    content = _read(name)
    named = {key: content.pop(key) for key in Job.model_fields if key in content}
    try:
        job = Job.model_validate(named)
    except ValidationError as error:
        raise RecipeError(_explain(error)) from error
    return job, make_training_recipe(content, changes)


def _read(name: str | Path) -> dict[str, Any]:
    packaged = RECIPES / f"{name}.yaml"
    path = packaged if packaged.is_file() else Path(name)
    if not path.is_file():
        raise RecipeError(
            f"There is no recipe {str(name)!r}; {name_nearest(str(name), list_recipes())}, or give "
            "the path of a YAML file."
        )
    return dict(read_yaml(path, "Recipe", "settings, such as 'method: dpo'"))


def make_training_recipe(
    content: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> TrainingRecipe:
    """Validates a recipe; what trl and peft take is checked when they are loaded.

    Args:
        content: Settings as they stand in YAML.
        changes: Dotted setting name to the value that it gets instead.

    Raises:
        RecipeError: If it holds a wrong key or value.
    """
    try:
        return TrainingRecipe.model_validate(replace_settings(content, changes or {}))
    except ValidationError as error:
        raise RecipeError(_explain(error)) from error


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    key = ".".join(place)
    if first["type"] == "extra_forbidden":
        known = {*TrainingRecipe.model_fields, *Job.model_fields}
        near = name_nearest(place[-1], TinySettings.model_fields if len(place) > 1 else known)
        return f"Recipe key {key!r} is unknown; {near}"
    if first["type"] == "missing":
        return f"Recipe key {key!r} is missing; write for example 'method: dpo'."
    return f"Recipe key {key!r} cannot be {first['input']!r}: {first['msg']}."
