"""A training goes on from what is whole, and a full memory or disk is one sentence."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training.resume import find_checkpoint, name_shortages, train_to_end
from valuedata.errors import TrainingError


class Stopped:
    """A trainer that an error stops, and that notes where it began."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.began: str | None = "nowhere"

    def train(self, resume_from_checkpoint: str | None) -> None:
        self.began = resume_from_checkpoint
        if self.error is not None:
            raise self.error


def write_checkpoint(folder: Path, step: int, state: str | None) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir()
    if state is not None:
        (checkpoint / "trainer_state.json").write_text(state)
    return checkpoint


def test_the_last_whole_checkpoint_is_by_number(tmp_path: Path) -> None:
    assert find_checkpoint(tmp_path) is None
    for step in (2, 9, 10):
        write_checkpoint(tmp_path, step, "{}")
    cut, begun = write_checkpoint(tmp_path, 11, '{"a'), write_checkpoint(tmp_path, 12, None)
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
    assert not cut.exists()
    assert not begun.exists()


def test_a_training_begins_where_it_was(tmp_path: Path) -> None:
    trainer = Stopped()
    train_to_end(trainer, tmp_path / "new")
    assert trainer.began is None
    checkpoint = write_checkpoint(tmp_path / "new", 3, "{}")
    train_to_end(trainer, tmp_path / "new")
    assert trainer.began == str(checkpoint)


def fill_memory() -> None:
    torch.empty(2**60, dtype=torch.uint8)


def fill_disk() -> None:
    with Path("/dev/full").open("w") as file:
        file.write("one")


@pytest.mark.parametrize(
    ("fill", "sentence"),
    [
        (fill_memory, "The memory of the device is full; lower per_device_train_batch_size (and"),
        (fill_disk, "is full; free some space and run the same command again"),
    ],
)
def test_what_is_full_is_one_sentence(
    fill: Callable[[], None], sentence: str, tmp_path: Path
) -> None:
    if fill is fill_disk and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, which is always full")
    with pytest.raises(TrainingError) as caught, name_shortages(tmp_path):
        fill()
    assert sentence in str(caught.value)


def test_a_gpu_that_is_full_is_one_sentence(tmp_path: Path) -> None:
    error = torch.OutOfMemoryError("CUDA out of memory.")
    with pytest.raises(TrainingError, match="max_length"), name_shortages(tmp_path):
        train_to_end(Stopped(error), tmp_path)


def test_other_errors_of_the_system_are_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), name_shortages(tmp_path):
        train_to_end(Stopped(PermissionError(errno.EACCES, "no")), tmp_path)
    with pytest.raises(RuntimeError, match="mat1"), name_shortages(tmp_path):
        torch.ones(2, 3) @ torch.ones(2, 3)
