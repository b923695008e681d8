"""What `--base`, `--tuned` and `--control` name: a model, an adapter on one, or a training run."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from valuedata.errors import EvaluationError

__all__ = ["ModelFiles", "fetch_adapter", "find_model", "identify_model", "read_run"]

RECORD: Final = "run.json"
ADAPTER, MODEL, BASE, TINY = "adapter", "model", "base", "tiny"
ADAPTER_CONFIG: Final = "adapter_config.json"
ADAPTER_FILES: Final = ("adapter_*", "*token*", "*.jinja", "vocab.*", "merges.txt")
"""Files of an adapter on the Hub that decide what it says, with those of its tokenizer."""
MADE: Final = (".md", ".png")
"""Suffixes of files that describe a model and decide nothing."""
CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class ModelFiles:
    """Where the weights of an arm are.

    Attributes:
        name: Folder of a whole model, or its name on the Hub.
        revision: Branch, tag or commit on the Hub; None for the main branch, and for folders.
        adapter: Folder of an adapter on it; None for the model itself.
        adapter_name: Name of that adapter on the Hub, whose folder is then that of a commit.
    """

    name: str
    revision: str | None = None
    adapter: Path | None = None
    adapter_name: str | None = None


def find_model(text: str) -> ModelFiles:
    """Finds what a user's word for a model means.

    Args:
        text: Folder of a model of transformers, of an adapter of peft or of a run of `valuedata
            train`; else ORG/NAME[@REVISION] on the Hub, of which `fetch_adapter` finds out more.

    Raises:
        EvaluationError: If a folder holds none of these, or cannot be read.
    """
    try:
        return _find_model(text)
    except OSError as error:
        raise _refuse_folder(Path(text), error) from error


def _find_model(text: str) -> ModelFiles:
    folder = Path(text)
    if not folder.exists():
        name, _, revision = text.partition("@")
        return ModelFiles(name, revision or None)
    if (folder / RECORD).is_file():
        return _find_trained(folder)
    if (folder / ADAPTER_CONFIG).is_file():
        return _find_below(folder)
    if (folder / "config.json").is_file():
        return ModelFiles(str(folder))
    raise EvaluationError(
        f"{text} holds no model; give a folder with a model of transformers, an adapter of peft, a "
        "run of `valuedata train`, or ORG/NAME on the Hub."
    )


def read_run(folder: Path) -> dict[str, Any]:
    """Reads run.json of a finished run of `valuedata train`.

    Raises:
        EvaluationError: If it cannot be read, or the run has not ended.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        is_complete, _ = record["complete"], record["model"]["name"]
        _ = record["release"]["value"], record["release"]["content_hash"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"{folder} holds no run that can be read; give a folder that `valuedata train` wrote."
        ) from error
    if not is_complete:
        raise EvaluationError(
            f"The run {folder} has not ended; finish it with the `valuedata train` that began it."
        )
    return dict(record)


def _find_trained(folder: Path) -> ModelFiles:
    """The weights of the last stage of a run."""
    record = read_run(folder)
    if not record.get("stages"):
        raise EvaluationError(
            f"{folder} holds no run that can be read, for its run.json names no training; give a "
            "folder that `valuedata train` wrote."
        )
    stage = folder / list(record["stages"])[-1]
    if (stage / MODEL).is_dir():
        return ModelFiles(str(stage / MODEL))
    base = find_base(folder, record)
    return ModelFiles(base.name, base.revision, stage / ADAPTER)


def find_base(folder: Path, record: dict[str, Any]) -> ModelFiles:
    """The model that a run started from; a tiny one is in its folder, or in that of all arms.

    Raises:
        EvaluationError: If the tiny one is gone.
    """
    name, revision = record["model"]["name"], record["model"].get("revision")
    if name != TINY:
        return ModelFiles(name, revision)
    for place in (folder / BASE, folder.parent / BASE):
        if place.is_dir():
            return ModelFiles(str(place))
    raise EvaluationError(
        f"The tiny model that the run {folder} started from is gone; train it again."
    )


def _find_below(folder: Path) -> ModelFiles:
    """An adapter, and the model that it says it is on."""
    try:
        content = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        name = str(content["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"{folder / ADAPTER_CONFIG} does not say which model the adapter is on; save the "
            "adapter anew."
        ) from error
    return ModelFiles(name, content.get("revision"), folder)


def fetch_adapter(files: ModelFiles) -> ModelFiles:
    """Brings an adapter of the Hub here, pinned as the model is that it says it is on.

    Args:
        files: What a user named.

    Returns:
        The same where that is no adapter on the Hub.

    Raises:
        EvaluationError: If the adapter cannot be brought, or its model is not there.
    """
    if files.adapter is not None or Path(files.name).exists():
        return files
    from huggingface_hub import hf_hub_download, snapshot_download

    try:
        config = Path(hf_hub_download(files.name, ADAPTER_CONFIG, revision=files.revision))
    except (OSError, ValueError):
        return files  # no adapter; where there is nothing at all, its weights say so
    try:
        folder = Path(
            snapshot_download(
                files.name, revision=config.parent.name, allow_patterns=list(ADAPTER_FILES)
            )
        )
    except (OSError, ValueError) as error:
        raise _refuse(files, error) from error
    below = _find_below(folder)
    return ModelFiles(below.name, _find_commit(below), folder, files.name)


def identify_model(files: ModelFiles) -> dict[str, Any]:
    """Says which weights these are, by content: hashes of folders, the commit on the Hub.

    Raises:
        EvaluationError: If the Hub does not know the model or cannot be reached, or a folder cannot
            be read.
    """
    found: dict[str, Any] = {"name": files.name}
    if Path(files.name).is_dir():
        found = {"sha256": _hash(Path(files.name))}
    else:
        found["commit"] = _find_commit(files)
    if files.adapter_name is not None and files.adapter is not None:
        found |= {"adapter": files.adapter_name, "adapter_commit": files.adapter.name}
    elif files.adapter is not None:
        found["adapter_sha256"] = _hash(files.adapter)
    return found


def _hash(folder: Path) -> str:
    try:
        return hash_folder(folder)
    except OSError as error:
        raise _refuse_folder(folder, error) from error


def _refuse_folder(folder: Path, error: OSError) -> EvaluationError:
    return EvaluationError(
        f"{folder} cannot be read ({error.strerror}); give a model that you may read."
    )


def hash_folder(folder: Path) -> str:
    """SHA-256 over the names and hashes of a model's files, without those that only describe it."""
    lines = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix not in MADE and not path.name.startswith("."):
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
            lines.append(f"{path.name} {digest.hexdigest()}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _find_commit(files: ModelFiles) -> str:
    """The commit that a revision is at, which names the folder of the Hub's cache."""
    from huggingface_hub import hf_hub_download

    try:
        path = hf_hub_download(files.name, "config.json", revision=files.revision)
    except (OSError, ValueError) as error:
        raise _refuse(files, error) from error
    return Path(path).parent.name


def _refuse(files: ModelFiles, error: Exception) -> EvaluationError:
    where = files.name + (f" at {files.revision}" if files.revision else "")
    reason = str(error).strip().split("\n")[0].rstrip(".")
    return EvaluationError(
        f"The model {where} cannot be loaded ({reason}); give a folder with a model of "
        "transformers, an adapter of peft, a run of `valuedata train`, or ORG/NAME on the Hub."
    )
