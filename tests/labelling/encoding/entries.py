"""Entries of a cache whose digest tells what they must hold; light, for processes to load."""

import numpy as np
import numpy.typing as npt

SIZE = 400
N_KEYS = 4_000


def make_key(number: int) -> bytes:
    return number.to_bytes(16, "little")


def make_vector(number: int) -> npt.NDArray[np.float16]:
    """As different from each other as float16 has it: no two share more than a few places."""
    return np.random.default_rng(number).standard_normal(SIZE).astype(np.float16)
