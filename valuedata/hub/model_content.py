"""What of a run goes to the Hub: the weights with their card, and how they were trained."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cards.licences import derive_licence
from cards.model import render_model_card
from valuedata.errors import HubError
from valuedata.hub.content import Item
from valuedata.hub.names import is_hub_name

__all__ = [
    "ModelContent",
    "can_be_sent",
    "check_base",
    "identify_model",
    "name_base",
    "prepare_model",
]

RECORD, CARD, ADAPTER = "run.json", "README.md", "adapter_config.json"
PROMPT, TEMPLATE = "system_prompt", "chat_template"
KEPT: Final = ("metrics.jsonl", "curves.png")
"""Files of each training that are sent, too."""
WEIGHTS: Final = (".bin", ".jinja", ".json", ".model", ".safetensors", ".tiktoken", ".txt")
"""Ends of the files that transformers and peft write for a model and its tokenizer."""


@dataclass(frozen=True)
class ModelContent:
    """Everything that a push of a model puts on the Hub.

    Attributes:
        items: Every file, in order of the paths.
        card: The model card.
        identity: Which model it is, as `identify_model` says.
    """

    items: tuple[Item, ...]
    card: str
    identity: Mapping[str, str]


def check_base(name: str) -> None:
    """Refuses an adapter that nobody could load.

    Args:
        name: The model that it stands on.

    Raises:
        HubError: If that is none of the Hub's.
    """
    if Path(name).exists() or not is_hub_name(name):
        raise HubError(
            f"An adapter on {name}, which is not on the Hub, can be loaded by nobody else; give "
            "--merge or --full to push a whole model, or train from a model on the Hub."
        )


def can_be_sent(path: str, stages: Sequence[str]) -> bool:
    """Whether a run could leave a file of this path; which files a model has is known at the end.

    Args:
        path: On the Hub.
        stages: Trainings of the run.
    """
    folder, _, name = path.rpartition("/")
    if folder:
        return folder in stages and name in KEPT
    return name in (CARD, RECORD) or name.endswith(WEIGHTS)


def identify_model(record: Mapping[str, Any]) -> dict[str, str]:
    """Says which model a run.json tells of.

    Two runs of one identity make versions of one model: their settings and seeds may differ.

    Args:
        record: Its content.

    Raises:
        KeyError: If it does not say.
        TypeError: If it is no record of a run at all.
    """
    return {
        "release": str(record["release"]["content_hash"]),
        "value": str(record["release"]["value"]),
        "method": str(record["recipe"]["method"]),
        "base": name_base(str(record["model"]["name"])),
    }


def name_base(name: str) -> str:
    """What a base model is called on the Hub: its name there, or the last part of a folder."""
    return name if _is_on_hub(name) else Path(name).resolve().name


def prepare_model(run: Path, weights: Path, base_licence: str | None = None) -> ModelContent:
    """Says what of a finished run goes to the Hub; folders of this machine are not named there.

    Args:
        run: Folder of the run.
        weights: Folder below it with an adapter, all weights, or a merged model.
        base_licence: Licence of the model that was tuned; None where it is not known.

    Raises:
        HubError: If the run is not finished, or it is an adapter on a model of no name on the Hub.
    """
    record = _read(run / RECORD)
    if not record.get("complete") or not (weights / CARD).is_file():
        raise HubError(
            f"{run} holds no finished run with weights in {weights.name}; let `valuedata train` "
            "end first."
        )
    if (weights / ADAPTER).is_file():
        check_base(str(_read(weights / ADAPTER)["base_model_name_or_path"]))
    items = [_send(file.name, file) for file in weights.iterdir() if file.is_file()]
    items += [
        _send(f"{stage}/{name}", run / stage / name) for stage in record["stages"] for name in KEPT
    ]
    items.append(_send(RECORD, run / RECORD))
    shown = {item.path: item for item in items}
    on_hub = _is_on_hub(record["model"]["name"])
    record = _hide_folders(record)
    is_merged = not record["recipe"]["full"] and ADAPTER not in shown
    with TemporaryDirectory() as folder:
        licence = derive_licence(
            base_licence,
            [source["licence"] for source in record["sources"]],
            has_base=record["made"] is None,
        )
        render_model_card(Path(folder), record, is_merged=is_merged, on_hub=on_hub, licence=licence)
        card = (Path(folder) / CARD).read_text(encoding="utf-8")
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    shown |= {CARD: _make(CARD, card), RECORD: _make(RECORD, text)}
    items = sorted(shown.values(), key=lambda item: item.path)
    return ModelContent(tuple(items), card, identify_model(record))


def _is_on_hub(name: str) -> bool:
    """Whether a model is no folder of this machine, where that folder may be gone."""
    return not Path(name).exists() and (is_hub_name(name) or Path(name).name == name)


def _hide_folders(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with the last part of each path in place of the whole."""
    name = record["model"]["name"]
    shown = name_base(name)
    hidden = {key: _hide(record[key]) for key in ("recipe", "stages")}
    return {**record, **hidden, "model": {**record["model"], "name": shown}}


def _hide(value: Any, key: str = "") -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _hide(entry, name) for name, entry in value.items()}
    if isinstance(value, list):
        return [_hide(entry, key) for entry in value]
    if not isinstance(value, str) or key == PROMPT:
        return value
    is_path = value.startswith(("/", "~")) or (key == TEMPLATE and Path(value).exists())
    return Path(value).name if is_path else value


def _make(path: str, text: str) -> Item:
    content = text.encode()
    return Item(path, content, len(content), hashlib.sha256(content).hexdigest())


def _send(path: str, file: Path) -> Item:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return Item(path, file, file.stat().st_size, digest)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HubError(f"{file} cannot be read; give a run of `valuedata train`.") from error
    return dict(content)
