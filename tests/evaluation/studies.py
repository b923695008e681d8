"""Simulated studies: paired differences of prompts in families, whose true mean is known."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CORRELATION = 0.5  # within a family


def draw_study(
    rng: np.random.Generator, n_families: int, sizes: Sequence[int], changed: float | None
) -> tuple[Floats, Ints]:
    """Differences with mean 0 and their families.

    `changed` is the share of prompts whose yes or no goes up, and of those whose goes down; None
    draws normal differences.
    """
    clusters = np.repeat(np.arange(n_families), rng.choice(sizes, size=n_families))
    shared, own = np.sqrt(CORRELATION), np.sqrt(1 - CORRELATION)
    noise = shared * rng.normal(size=n_families)[clusters] + own * rng.normal(size=len(clusters))
    if changed is None:
        return noise, clusters
    limit = -ndtri(changed)
    return (noise > limit).astype(np.float64) - (noise < -limit), clusters
