"""What a machine computes with: its arithmetic, its devices, its threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import loky
import torch

__all__ = ["Arithmetic", "Precision", "find_precision", "limit_threads", "list_devices"]

Arithmetic = Literal["float32", "bfloat16"]
Precision = Literal["auto", "float32", "bfloat16"]


def list_devices() -> tuple[str, ...]:
    """Every GPU that this process may use; without one, the processor."""
    return tuple(f"cuda:{n}" for n in range(torch.cuda.device_count())) or ("cpu",)


def find_precision(wanted: Precision) -> Arithmetic:
    """The arithmetic to compute in; "auto" is bfloat16 where the hardware multiplies in it.

    A processor without such instructions computes in bfloat16 too, but more slowly than in float32.
    """
    if wanted != "auto":
        return wanted
    if torch.cuda.device_count():
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bfloat16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if has_bfloat16 else "float32"


@contextmanager
def limit_threads() -> Iterator[None]:
    """Computes on no more threads than there are cores that the process may use.

    PyTorch counts the cores of the machine, loky those that affinity and a container's quota
    leave; more threads would wait for each other. Fewer threads, if set by hand, stay.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, loky.cpu_count()))
    try:
        yield
    finally:
        torch.set_num_threads(before)
