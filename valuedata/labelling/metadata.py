"""What weights say of themselves, read without the weights and without an encoder."""

import json
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from valuedata.errors import LabelError

__all__ = ["METADATA_FILE", "PACKAGED", "check_weights_folder", "name_remedy", "read_metadata"]

PACKAGED = Path(__file__).parent / "weights"
METADATA_FILE = "classifier.json"


def read_metadata(folder: Path = PACKAGED) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Reads the names that weights label, and the rest of their metadata.

    Args:
        folder: Folder of the weights; by default the packaged ones.

    Raises:
        LabelError: If they cannot be read or are damaged.
    """
    remedy = name_remedy(folder)
    try:
        content = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
        return tuple(content.pop("names")), dict(content)
    except OSError as error:
        raise LabelError(
            f"Weights in {folder} cannot be read ({error.strerror}); {remedy}."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabelError(f"Weights in {folder} are damaged ({error}); {remedy}.") from error


def check_weights_folder(folder: Path) -> None:
    """Refuses a folder that weights cannot be written to, or that holds something else.

    Raises:
        LabelError: If it is closed or no folder, or has files and no weights.
    """
    try:
        there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        with TemporaryFile(dir=there):
            is_foreign = there == folder and any(folder.iterdir())
    except OSError as error:
        raise LabelError(
            f"Weights cannot be written to {folder} ({error.strerror}); name a folder that can."
        ) from error
    if is_foreign and not (folder / METADATA_FILE).exists():
        raise LabelError(f"Folder {folder} exists and holds no weights; give another --out.")


def name_remedy(folder: Path) -> str:
    """What to do about weights that cannot be used."""
    if folder == PACKAGED:
        return "reinstall valuedata"
    return "train them again with `valuedata fit`"
