"""A training from its last checkpoint to its end, and what it may run short of."""

import errno
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from training.processes import main_first
from valuedata.errors import TrainingError

__all__ = ["find_checkpoint", "name_shortages", "train_to_end"]

logger = logging.getLogger(__name__)

STATE: Final = "trainer_state.json"
"""The file that transformers writes last into a checkpoint."""
DISK_FULL: Final = ("os error 28", "inline_container", "iostream error")
"""What safetensors and torch's writer say of a full disk, in errors that carry no errno."""
MEMORY_FULL: Final = ("DefaultCPUAllocator", "CUDA out of memory")
"""What torch says where memory is full and the error is no OutOfMemoryError."""


def train_to_end(trainer: Any, checkpoints: Path) -> None:  # noqa: ANN401
    """Trains from the last whole checkpoint to the end, or takes the best where it had stopped.

    Args:
        trainer: A trainer of transformers.
        checkpoints: Folder of its checkpoints.
    """
    with main_first():
        checkpoints.mkdir(parents=True, exist_ok=True)
        last = find_checkpoint(checkpoints)
    if last is not None and _had_stopped(last):
        logger.info("The training had stopped at %s", last.name)
        _take_best(trainer, last)
        return
    if last is not None:
        logger.info("Going on from %s", last.name)
    trainer.train(resume_from_checkpoint=None if last is None else str(last))


@contextmanager
def name_shortages(out: Path) -> Iterator[None]:
    """Says in one sentence that the memory or the disk is full, and what to lower.

    Args:
        out: Folder that is written to.

    Raises:
        TrainingError: If one of them is full.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if _is_memory_full(error):
            raise TrainingError(
                "The memory of the device is full; lower per_device_train_batch_size (and raise "
                "gradient_accumulation_steps) or max_length, or write "
                "'gradient_checkpointing: true'."
            ) from error
        if _is_disk_full(error):
            raise TrainingError(
                f"The disk of {out} is full; free some space and run the same command again, or "
                "write 'save_total_limit: 1'."
            ) from error
        raise


def _is_memory_full(error: Exception) -> bool:
    import torch

    told = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(part in told for part in MEMORY_FULL)


def _is_disk_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno == errno.ENOSPC
    return any(part in str(error) for part in DISK_FULL)


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


def _had_stopped(checkpoint: Path) -> bool:
    """Whether patience had ended by a checkpoint; transformers would take one more step there."""
    state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    told = state.get("stateful_callbacks", {}).get("EarlyStoppingCallback")
    if told is None:
        return False
    n_worse: int = told["attributes"]["early_stopping_patience_counter"]
    patience: int = told["args"]["early_stopping_patience"]
    return n_worse >= patience


def _take_best(trainer: Any, last: Path) -> None:  # noqa: ANN401
    """Leaves a trainer as it was when its training had stopped at a checkpoint."""
    from transformers import TrainerState

    state = TrainerState.load_from_json(str(last / STATE))
    state.is_world_process_zero = trainer.is_world_process_zero()
    # by number, for the run may have been moved
    state.best_model_checkpoint = str(last.with_name(f"checkpoint-{state.best_global_step}"))
    trainer.state = state
    trainer.callback_handler.on_train_begin(trainer.args, state, trainer.control)
    trainer._load_best_model()
