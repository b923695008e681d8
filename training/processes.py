"""The processes of one run: the only one, or those that `accelerate launch` starts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["count_processes", "is_main", "join_processes", "main_first", "wait_for_all"]


def count_processes() -> int:
    """How many processes the run has.

    Source: WORLD_SIZE and RANK are the variables of torch.distributed's launcher.
    """
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this process is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def join_processes(device: str) -> None:
    """Lets the processes that were started together wait for each other.

    Args:
        device: "cpu" or "cuda".
    """
    if "WORLD_SIZE" not in os.environ:
        return
    from accelerate import PartialState

    PartialState(cpu=device == "cpu")


def wait_for_all() -> None:
    """Waits until every process has come here."""
    import torch

    if torch.distributed.is_initialized():
        torch.distributed.barrier()


@contextmanager
def main_first() -> Iterator[None]:
    """The main process runs the block, then the others, who find what it wrote."""
    if not is_main():
        wait_for_all()
    yield
    if is_main():
        wait_for_all()
