"""What of a run goes to the Hub: the weights with their card, and how they were trained."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from valuedata.errors import HubError
from valuedata.hub.content import Item
from valuedata.hub.names import is_hub_name

__all__ = ["ModelContent", "check_base", "prepare_model"]

RECORD, CARD, ADAPTER = "run.json", "README.md", "adapter_config.json"
KEPT: Final = ("metrics.jsonl", "curves.png")
"""Files of each training that are sent, too."""


@dataclass(frozen=True)
class ModelContent:
    """Everything that a push of a model puts on the Hub.

    Attributes:
        items: Every file, in order of the paths.
        card: The model card.
    """

    items: tuple[Item, ...]
    card: str


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


def prepare_model(run: Path, weights: Path) -> ModelContent:
    """Says what of a finished run goes to the Hub; folders of this machine are not named there.

    Args:
        run: Folder of the run.
        weights: Folder below it with an adapter, all weights, or a merged model.

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
    shown = _hide_folders(record, {item.path: item for item in items})
    return ModelContent(
        tuple(sorted(shown.values(), key=lambda item: item.path)),
        shown[CARD].read().decode(),
    )


def _hide_folders(record: Mapping[str, Any], items: dict[str, Item]) -> dict[str, Item]:
    """The files with the last part of the folders that the run names in place of the whole."""
    named = (record["model"]["name"], record["recipe"]["chat_template"])
    folders = [name for name in named if name is not None and Path(name).exists()]
    for path in (CARD, RECORD):
        text = items[path].read().decode()
        for folder in folders:
            text = text.replace(folder, Path(folder).name)
        content = text.encode()
        items[path] = Item(path, content, len(content), hashlib.sha256(content).hexdigest())
    return items


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
