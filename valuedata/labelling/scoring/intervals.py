"""Intervals by a bootstrap that draws whole clusters, because pairs of one prompt are alike."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

__all__ = ["Estimate", "estimate", "number_groups"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVEL = 0.95
MIN_CLUSTERS = 10  # with 5, an expanded end is already the last of 1,000 resamples
DRAWN_AT_ONCE = 2_000_000  # counts of clusters held at a time, which bounds memory
DIGITS = 6


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; NaN where undefined.

    Attributes:
        value: Of the data as they are.
        low: Lower end of the interval.
        high: Upper end.
        n_undefined: Resamples in which the number was undefined; the others gave the interval.
    """

    value: float
    low: float
    high: float
    n_undefined: int = 0

    def to_json(self) -> dict[str, float | int | None]:
        """The numbers as JSON types; None where undefined."""
        ends = {
            name: None if np.isnan(number) else round(number, DIGITS)
            for name, number in (("value", self.value), ("low", self.low), ("high", self.high))
        }
        return {**ends, "n_undefined": self.n_undefined}


def number_groups(keys: Sequence[str]) -> Ints:
    """(n,) int64: the number of each key among the sorted distinct keys, so from 0."""
    number_of = {key: number for number, key in enumerate(sorted(set(keys)))}
    return np.array([number_of[key] for key in keys], dtype=np.int64)


def estimate(
    measure: Callable[[Floats], Mapping[str, Floats]],
    n_groups: int,
    n_resamples: int,
    rng: np.random.Generator,
    centred: Collection[str] = (),
    n_clusters: Mapping[str, Ints] = MappingProxyType({}),
) -> dict[str, list[Estimate]]:
    """Measures the data as they are, and on resamples of their clusters for the intervals.

    A resample draws as many clusters as there are, with replacement, and takes each with all its
    pairs; the ends of an interval are percentiles over the resamples.

    Args:
        measure: Given how often each cluster counts, (b, n_groups) float64, gives each measure of
            b resamples as (b, k) float64, NaN where undefined.
        n_groups: Clusters.
        n_resamples: How many resamples.
        rng: Draws them.
        centred: Measures of zero or more that chance can only raise, such as a sum of absolute
            gaps: a resample has the chance of the data and its own, so all lie too high. Their
            intervals are moved by the mean excess of the resamples.
        n_clusters: Measure to the (k,) clusters that each of its numbers rests on; where given,
            intervals are expanded as few clusters ask for, and undefined under `MIN_CLUSTERS`.

    Returns:
        Measure to its k estimates; the interval is undefined where there is but one cluster.

    Source: percentile bootstrap, Efron and Tibshirani 1993, chapter 13; clusters drawn whole, Field
    and Welsh 2007, "Bootstrapping clustered data". The excess of absolute gaps: Kumar, Liang and Ma
    2019, "Verified Uncertainty Calibration", arXiv 1909.10155. Few clusters: the expanded
    percentiles of Hesterberg 2015, "What Teachers Should Know About the Bootstrap", arXiv
    1411.5279.
    """
    values = measure(np.ones((1, n_groups)))
    drawn = [measure(counts) for counts in _draw(n_groups, n_resamples, rng)]
    return {
        name: [
            _make_estimate(
                float(value),
                np.concatenate([block[name][:, k] for block in drawn]),
                _find_tail(n_clusters[name][k]) if name in n_clusters else (1 - LEVEL) / 2,
                is_centred=name in centred,
            )
            if n_groups > 1
            else Estimate(float(value), np.nan, np.nan)
            for k, value in enumerate(numbers[0])
        ]
        for name, numbers in values.items()
    }


def _draw(n_groups: int, n_resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Blocks of (b, n_groups) counts of each cluster, n_resamples rows in all."""
    size = max(1, DRAWN_AT_ONCE // n_groups)
    for start in range(0, n_resamples, size):
        drawn = [
            np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)
            for _ in range(min(size, n_resamples - start))
        ]
        yield np.array(drawn, dtype=np.float64)


def _find_tail(n_clusters: int) -> float:
    """The share of resamples beyond each end: that of a normal variable beyond Student's quantile.

    A resample of n clusters varies as if their variance were taken over n, not n - 1.
    """
    if n_clusters < MIN_CLUSTERS:
        return float(np.nan)
    quantile = stdtrit(n_clusters - 1, (1 + LEVEL) / 2)
    return float(ndtr(-np.sqrt(n_clusters / (n_clusters - 1)) * quantile))


def _make_estimate(value: float, drawn: Floats, tail: float, *, is_centred: bool) -> Estimate:
    defined = drawn[~np.isnan(drawn)]
    if np.isnan(value + tail) or not len(defined):
        return Estimate(value, np.nan, np.nan, len(drawn) - len(defined))
    low, high = np.quantile(defined, [tail, 1 - tail])
    if is_centred:
        excess = defined.mean() - value
        low, high = max(0.0, low - excess), high - excess
    return Estimate(value, float(low), float(high), len(drawn) - len(defined))
