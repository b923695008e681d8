"""Weights, tokenizers and chat templates of models of transformers, with adapters on them."""

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import torch

from evaluation.generation.model_files import ModelFiles
from valuedata.errors import EvaluationError

__all__ = ["Device", "choose_template", "find_device", "load_model", "load_tokenizer"]

Device = Literal["auto", "cpu", "cuda"]


def choose_template(models: Mapping[str, ModelFiles], given: str | None) -> str:
    """The chat template that all arms share: the one given, else the one that the arms have.

    Args:
        models: Arm to its files.
        given: Text of a template in place of the arms' own; None for none.

    Raises:
        EvaluationError: If no arm has one, or two have different ones.
    """
    if given is not None:
        return given
    found = {arm: load_tokenizer(files).chat_template for arm, files in models.items()}
    own = {arm: template for arm, template in found.items() if template is not None}
    if not own:
        raise EvaluationError(
            "No arm has a chat template; give one with --chat-template FILE, the one that the "
            "models were trained with."
        )
    first, template = next(iter(own.items()))
    for arm, other in own.items():
        if other != template:
            raise EvaluationError(
                f"{first} and {arm} have different chat templates, so their replies could not be "
                "compared; give one for all with --chat-template FILE."
            )
    return str(template)


def load_tokenizer(files: ModelFiles) -> Any:  # noqa: ANN401 - transformers has no types here
    """The tokenizer of an adapter's folder where it has one, else of the model.

    Raises:
        EvaluationError: If there is none.
    """
    from transformers import AutoTokenizer

    name, revision = files.name, files.revision
    if files.adapter is not None and (files.adapter / "tokenizer_config.json").is_file():
        name, revision = str(files.adapter), None
    try:
        return AutoTokenizer.from_pretrained(name, revision=revision)
    except (OSError, ValueError) as error:
        raise _refuse(files, error) from error


def load_model(files: ModelFiles) -> Any:  # noqa: ANN401 - transformers has no types here
    """The weights, with those of the adapter merged into them where there is one.

    Raises:
        EvaluationError: If they cannot be loaded, or peft is not installed.
    """
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(
            files.name, revision=files.revision, dtype="auto"
        )
    except (OSError, ValueError) as error:
        raise _refuse(files, error) from error
    if files.adapter is None:
        return model
    try:
        from peft import PeftModel
    except ImportError as error:
        raise EvaluationError(
            f"The adapter {files.adapter} needs the package peft; run pip install "
            "'valuedata[train]'."
        ) from error
    try:
        with warnings.catch_warnings():
            # peft asks transformers by a name that is to go; nobody here can mend it
            warnings.simplefilter("ignore", FutureWarning)
            return PeftModel.from_pretrained(model, str(files.adapter)).merge_and_unload()
    except (OSError, ValueError, RuntimeError) as error:
        raise _refuse(files, error) from error


def find_device(device: Device) -> str:
    """Where a model runs: "cuda" or "cpu".

    Raises:
        EvaluationError: If CUDA is asked for and absent.
    """
    has_cuda = torch.cuda.is_available()
    if device == "cuda" and not has_cuda:
        raise EvaluationError("--device cuda needs a GPU and there is none; give --device cpu.")
    return "cuda" if device != "cpu" and has_cuda else "cpu"


def _refuse(files: ModelFiles, error: Exception) -> EvaluationError:
    reason = str(error).strip().split("\n")[0].rstrip(".")
    return EvaluationError(
        f"The model {files.adapter or files.name} cannot be loaded ({reason}); give a folder with "
        "a model of transformers, an adapter of peft, a run of `valuedata train`, or ORG/NAME on "
        "the Hub."
    )
