"""The model and the tokenizer of a run, loaded by name or from a folder."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.arguments import choose_device
from training.settings import TrainingRecipe
from valuedata.errors import TrainingError

__all__ = [
    "PLAIN",
    "TEMPLATES",
    "Base",
    "describe_template",
    "find_commit",
    "hash_template",
    "load_model",
    "load_tokenizer",
    "save_weights",
]

logger = logging.getLogger(__name__)

TEMPLATES: Final = Path(__file__).parent / "templates"
PLAIN: Final = TEMPLATES / "plain.jinja"
"""The template of base models that have none: the roles in words, the end token after a reply."""
OWN: Final = "the model's own"


@dataclass(frozen=True)
class Base:
    """The model that a run starts from.

    Attributes:
        name: A folder, or its name on the Hub.
        revision: Branch, tag or commit on the Hub; None for the main branch, and for folders.
        adapter: An adapter on it that an earlier stage of the run trained, to go on with.
        made: Folder of the tiny model where several runs share one that is made already.
    """

    name: str
    revision: str | None = None
    adapter: Path | None = None
    made: Path | None = None


def load_tokenizer(base: Base, recipe: TrainingRecipe) -> tuple[Any, str]:
    """Loads the tokenizer of a model, with a chat template, a padding and an end token.

    Returns:
        The tokenizer, and where its chat template comes from.

    Raises:
        TrainingError: If there is no such model, or the tokenizer has no end token.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(base.name, revision=base.revision)
    except (OSError, ValueError) as error:
        raise _refuse(base, error) from error
    if tokenizer.eos_token is None:
        raise TrainingError(
            f"The tokenizer of {base.name} has no end token, so that a model could not learn to "
            "stop; give a model whose tokenizer has one."
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # masked wherever it pads
    return tokenizer, _set_template(tokenizer, base, recipe)


def load_model(base: Base, recipe: TrainingRecipe) -> Any:  # noqa: ANN401
    """Loads the weights of a model in the precision of the recipe.

    Raises:
        TrainingError: If there is no such model, or CUDA is asked for and absent.
    """
    import torch
    from transformers import AutoModelForCausalLM

    in_bfloat16 = recipe.dtype == "bfloat16" or (
        recipe.dtype == "auto" and not recipe.full and choose_device(recipe) == "cuda"
    )
    dtype = torch.bfloat16 if in_bfloat16 else torch.float32
    try:
        return AutoModelForCausalLM.from_pretrained(base.name, revision=base.revision, dtype=dtype)
    except (OSError, ValueError) as error:
        raise _refuse(base, error) from error


def find_commit(base: Base) -> str | None:
    """The commit of a model on the Hub, as its files lie in the Hub's cache; None for a folder."""
    from transformers.utils import cached_file
    from transformers.utils.hub import extract_commit_hash

    file = cached_file(base.name, "config.json", revision=base.revision)
    return None if file is None else extract_commit_hash(file, None)


def describe_template(template: str) -> str:
    """A chat template in the words of a report: its file, or that it is the model's own."""
    return template if template == OWN else Path(template).name


def hash_template(recipe: TrainingRecipe) -> str | None:
    """SHA-256 of the text of a recipe's chat template; None where it names none.

    Raises:
        TrainingError: If the file cannot be read.
    """
    if recipe.chat_template is None:
        return None
    return hashlib.sha256(_read_template(Path(recipe.chat_template)).encode()).hexdigest()


def save_weights(model: Any, tokenizer: Any, folder: Path, **extra: Any) -> None:  # noqa: ANN401
    """Writes a model, or an adapter, with its tokenizer.

    Args:
        model: The model.
        tokenizer: The tokenizer.
        folder: Where they go.
        extra: Further arguments of `save_pretrained`.
    """
    model.save_pretrained(folder, **extra)
    tokenizer.save_pretrained(folder)


def _set_template(tokenizer: Any, base: Base, recipe: TrainingRecipe) -> str:  # noqa: ANN401
    if recipe.chat_template is not None:
        path = Path(recipe.chat_template)
        tokenizer.chat_template = _read_template(path)
        return str(path)
    if tokenizer.chat_template is not None:
        return OWN
    logger.warning(
        "%s has no chat template, so the plain one is used (User: ..., Assistant: ...)", base.name
    )
    tokenizer.chat_template = PLAIN.read_text(encoding="utf-8")
    return str(PLAIN)


def _read_template(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(
            f"The chat template {path} cannot be read; give the path of a Jinja file."
        ) from error


def _refuse(base: Base, error: Exception) -> TrainingError:
    where = base.name + (f" at {base.revision}" if base.revision else "")
    reason = str(error).strip().split("\n")[0].rstrip(".")
    return TrainingError(
        f"The model {where} cannot be loaded ({reason}); give a folder with a model of "
        "transformers, ORG/NAME on the Hub, or 'tiny'."
    )
