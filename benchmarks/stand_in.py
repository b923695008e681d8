"""Labels and vectors drawn from a seed, so that a build can be measured without the encoder.

Nothing that they say of a pair is true. No recipe and no option of the command line leads here: a
benchmark hands them to `pipeline.build`, and the releases made with them name the extractor
"stand-in-not-labels".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from valuedata.labelling.evidence import Evidence
from valuedata.labelling.labels import Labels
from valuedata.labelling.values import ValueDefinition, load_values
from valuedata.schema import gather_rows

WIDTH = 384
N_TOPICS = 400
THRESHOLD = 0.5
BASE_RATE = 0.05  # of replies that express a value, where the table below is silent

# Share of the replies of four preference data sets that express a value, about: so that the share
# of one-sided pairs, 2 p (1 - p), is that of the paper. Source: arXiv 2605.07925, subset sizes.
RATES: Mapping[str, float] = {
    "helpfulness": 0.5,
    "empathy": 0.12,
    "honesty": 0.055,
    "creativity": 0.054,
    "curiosity": 0.027,
    "fairness": 0.021,
    "privacy": 0.011,
    "humor": 0.009,
    "deception": 0.003,
    "violence": 0.001,
}


@dataclass(frozen=True)
class StandIn:
    """Labels that depend on a pair's id and a seed alone."""

    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """What the packaged classifier labels."""
        return tuple(load_values())

    @property
    def fingerprint(self) -> str:
        """Says that nobody labelled anything."""
        return f"stand-in-not-labels-{self.seed}"

    @property
    def definitions(self) -> Mapping[str, ValueDefinition]:
        """What each name would mean."""
        return load_values()

    @property
    def evidence(self) -> Mapping[str, Evidence]:
        """There is none."""
        return {}

    def label(self, pairs: Dataset, progress: Callable[[int], None] | None = None) -> Labels:
        """Draws the labels of both replies of every pair."""
        names = self.names
        numbers = read_numbers(pairs)
        sides = np.empty((2, len(pairs), len(names)), dtype=np.float32)
        for side in range(2):
            for column, name in enumerate(names):
                drawn = draw(numbers, (self.seed * 2 + side) * len(names) + column)
                rate = RATES.get(name, BASE_RATE)
                # from the threshold on for a share `rate` of the replies, near 0 and 1 for most
                far = np.where(drawn < rate, 1 - drawn / rate / 2, (1 - drawn) / (1 - rate) / 2)
                sides[side, :, column] = far
        if progress is not None:
            progress(2 * len(pairs))
        thresholds = np.full(len(names), THRESHOLD, dtype=np.float32)
        return Labels(names, sides[0], sides[1], thresholds)


def embed(pairs: Dataset) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Draws unit vectors around the centre of a topic, along directions of falling variance.

    Two rows of one topic have a cosine near 0.6, as sentence vectors on one subject do.
    """
    numbers = read_numbers(pairs)
    rng = np.random.default_rng(0)
    spread = (np.arange(1, WIDTH + 1) ** -0.5).astype(np.float32)
    centres = rng.normal(size=(N_TOPICS, WIDTH)).astype(np.float32) * spread
    topics = (draw(numbers, -1) * N_TOPICS).astype(np.int64)
    noise = np.random.default_rng(int(numbers[0]) if len(numbers) else 0)
    sides = []
    for _ in range(2):
        vectors = noise.standard_normal((len(pairs), WIDTH), dtype=np.float32)
        vectors *= 0.8 * spread
        vectors += centres[topics]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        sides.append(vectors)
    return sides[0], sides[1]


def read_numbers(pairs: Dataset) -> npt.NDArray[np.uint64]:
    """(n,) uint64: the pairs' ids as numbers."""
    ids = gather_rows(pairs.select_columns("pair_id"))["pair_id"].to_pylist()
    return np.array([int(pair_id, 16) for pair_id in ids], dtype=np.uint64)


def draw(numbers: npt.NDArray[np.uint64], stream: int) -> npt.NDArray[np.float64]:
    """(n,) float64 in [0, 1): one number for each of n, mixed with the number of a stream.

    Source: the finaliser of SplitMix64, Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom
    Number Generators".
    """
    mixed = numbers + np.uint64((stream + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
