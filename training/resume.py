"""A training from its last checkpoint to its end, and what may stop it."""

import errno
import json
import logging
import shutil
from pathlib import Path
from typing import Any, Final

from valuedata.errors import TrainingError

__all__ = ["find_checkpoint", "train_to_end"]

logger = logging.getLogger(__name__)

STATE: Final = "trainer_state.json"
"""The file that transformers writes last into a checkpoint."""


def train_to_end(trainer: Any, checkpoints: Path) -> None:  # noqa: ANN401
    """Trains from the last whole checkpoint to the end.

    Args:
        trainer: A trainer of transformers.
        checkpoints: Folder of its checkpoints.

    Raises:
        TrainingError: If the memory or the disk is full.
    """
    import torch

    checkpoints.mkdir(parents=True, exist_ok=True)
    last = find_checkpoint(checkpoints)
    if last is not None:
        logger.info("Going on from %s", last.name)
    try:
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            "The memory of the device is full; lower per_device_train_batch_size (and raise "
            "gradient_accumulation_steps) or max_length, or write 'gradient_checkpointing: true'."
        ) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise TrainingError(
            f"The disk of {checkpoints} is full; free some space and run the same command again, "
            "or write 'save_total_limit: 1'."
        ) from error


def find_checkpoint(checkpoints: Path) -> Path | None:
    """Finds the last checkpoint that is whole; what a killed run left half-written is removed.

    Args:
        checkpoints: Folder of the checkpoints.
    """
    found = sorted(checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    while found:
        try:
            json.loads((found[-1] / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(found.pop())
        else:
            return found[-1]
    return None
