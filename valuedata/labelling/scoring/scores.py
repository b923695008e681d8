"""Labels measured against gold: every name, their means, and intervals for both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from valuedata.labelling.scoring.intervals import DIGITS, Estimate, estimate
from valuedata.labelling.scoring.measures import COUNTS, N_BINS, derive, rank_precision, sum_up
from valuedata.labelling.values import BEHAVIOUR_NAMES

__all__ = [
    "MIN_ONE_SIDED",
    "Bin",
    "Matched",
    "Mean",
    "NameScores",
    "choose_values",
    "make_mean",
    "measure_matched",
    "measure_mean_f1",
    "take_mean",
]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MIN_ONE_SIDED = 40  # with fewer one-sided pairs a share moves by a tenth through four of them
MEAN_MEASURES: Final = (
    "average_precision",
    "precision",
    "recall",
    "f1",
    "brier",
    "ece",
    "subset_precision_rewarded",
    "subset_precision",
    "subset_recall",
)


@dataclass(frozen=True, eq=False)
class Matched:
    """Labels beside the truth, for n pairs and v names; chosen replies first.

    Attributes:
        names: v names.
        probabilities: (2, n, v) float64; NaN where a reply has no labels.
        expressed: (2, n, v) bool.
        truth: (2, n, v) bool.
        groups: (n,) int64 numbers of the prompts, from 0.
    """

    names: tuple[str, ...]
    probabilities: Floats
    expressed: Bools
    truth: Bools
    groups: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bin:
    """Replies whose probabilities lie in one of `N_BINS` bins of equal width.

    Attributes:
        low: Lower edge, which belongs to the bin.
        high: Upper edge, which belongs to the last bin only.
        n_replies: Replies in it.
        mean_probability: Their mean probability; NaN where there are none.
        observed: Their share that expresses the name; NaN where there are none.
    """

    low: float
    high: float
    n_replies: int
    mean_probability: float
    observed: float

    def to_json(self) -> dict[str, float | int | None]:
        """The numbers as JSON types; None where undefined."""
        return {
            name: number if isinstance(number, int) or not np.isnan(number) else None
            for name, number in vars(self).items()
        }


@dataclass(frozen=True)
class NameScores:
    """The measures of one name.

    Attributes:
        counts: Replies, positives, pairs, one-sided pairs and the like.
        measures: Measure to its estimate.
        reliability: All bins, from 0 to 1.
    """

    counts: Mapping[str, int]
    measures: Mapping[str, Estimate]
    reliability: tuple[Bin, ...]

    def to_json(self) -> dict[str, Any]:
        """Counts, measures and bins as JSON types."""
        return {
            **self.counts,
            **{name: found.to_json() for name, found in self.measures.items()},
            "reliability": [entry.to_json() for entry in self.reliability],
        }


@dataclass(frozen=True)
class Mean:
    """The mean of one measure over names.

    Attributes:
        estimate: The mean; undefined where it is for one of the names.
        names: The names.
        undefined: Those of them for which the measure is undefined.
    """

    estimate: Estimate
    names: tuple[str, ...]
    undefined: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The numbers and names as JSON types."""
        return {
            **self.estimate.to_json(),
            "names": list(self.names),
            "undefined": list(self.undefined),
        }


def measure_matched(
    matched: Matched, n_resamples: int, rng: np.random.Generator
) -> tuple[dict[str, NameScores], dict[str, Mean]]:
    """Measures every name, and the means over the values.

    Behaviours are left out of the means, unless there is nothing else. The means of the subsets'
    measures are over the values with at least `MIN_ONE_SIDED` one-sided pairs.

    Args:
        matched: Labels and truth.
        n_resamples: Bootstrap resamples of prompts behind the intervals.
        rng: Draws them.

    Returns:
        Name to its measures, and measure to its mean.
    """
    v, n_groups = len(matched.names), int(matched.groups.max()) + 1
    columns = _list_columns(matched)
    sums = [sum_up(*column, matched.groups, n_groups) for column in columns]
    totals = [column.sum(axis=0) for column in sums]
    values = choose_values(matched.names)
    n_one_sided = [total[COUNTS.index("n_one_sided")] for total in totals]
    frequent = [k for k in values if n_one_sided[k] >= MIN_ONE_SIDED]
    chosen = {
        measure: frequent if measure.startswith("subset_") else values for measure in MEAN_MEASURES
    }
    flat = np.concatenate(sums, axis=1)

    def measure_all(counts: Floats) -> dict[str, Floats]:
        weighted = np.split(counts @ flat, v, axis=1)
        found = [
            {**derive(part), "average_precision": _rank(column, matched.groups, counts)}
            for part, column in zip(weighted, columns, strict=True)
        ]
        table = {name: np.stack([one[name] for one in found], axis=1) for name in found[0]}
        return table | {f"mean_{name}": take_mean(table[name], ks) for name, ks in chosen.items()}

    found = estimate(measure_all, n_groups, n_resamples, rng, centred=("ece", "mean_ece"))
    names = {
        name: NameScores(
            counts={
                count: int(totals[k][column])
                for column, count in enumerate(COUNTS)
                if count.startswith("n_")
            },
            measures={
                measure: entries[k]
                for measure, entries in found.items()
                if not measure.startswith("mean_")
            },
            reliability=_describe_bins(totals[k]),
        )
        for k, name in enumerate(matched.names)
    }
    means = {
        measure: make_mean(found, measure, matched.names, ks) for measure, ks in chosen.items()
    }
    return names, means


def measure_mean_f1(matched: Matched, n_resamples: int, rng: np.random.Generator) -> Mean:
    """Measures the mean of F1 alone, as `measure_matched` does, in a small part of its time.

    Args:
        matched: Labels and truth.
        n_resamples: Bootstrap resamples of prompts behind the interval.
        rng: Draws them.
    """
    v, n_groups = len(matched.names), int(matched.groups.max()) + 1
    sums = [sum_up(*column, matched.groups, n_groups) for column in _list_columns(matched)]
    flat = np.concatenate(sums, axis=1)
    values = choose_values(matched.names)

    def measure(counts: Floats) -> dict[str, Floats]:
        parts = np.split(counts @ flat, v, axis=1)
        table = np.stack([derive(part)["f1"] for part in parts], axis=1)
        return {"f1": table, "mean_f1": take_mean(table, values)}

    return make_mean(estimate(measure, n_groups, n_resamples, rng), "f1", matched.names, values)


def choose_values(names: Sequence[str]) -> list[int]:
    """Which names a mean is over: no behaviours, unless there is nothing else."""
    values = [k for k, name in enumerate(names) if name not in BEHAVIOUR_NAMES]
    return values or list(range(len(names)))


def take_mean(table: Floats, columns: Sequence[int]) -> Floats:
    """(b, 1) means of some columns of (b, k) numbers; NaN where one is, or there are none."""
    if not columns:
        return np.full((len(table), 1), np.nan)
    means: Floats = table[:, list(columns)].mean(axis=1, keepdims=True)
    return means


def make_mean(
    found: Mapping[str, Sequence[Estimate]],
    measure: str,
    names: Sequence[str],
    columns: Sequence[int],
) -> Mean:
    """Describes the mean of a measure, which stands in `found` as `mean_` and its name."""
    return Mean(
        found[f"mean_{measure}"][0],
        tuple(names[k] for k in columns),
        tuple(names[k] for k in columns if np.isnan(found[measure][k].value)),
    )


def _list_columns(matched: Matched) -> list[tuple[Floats, Bools, Bools]]:
    """For each name its (2, n) probabilities, labels and truth."""
    return [
        (matched.probabilities[:, :, k], matched.expressed[:, :, k], matched.truth[:, :, k])
        for k in range(len(matched.names))
    ]


def _rank(
    column: tuple[Floats, Bools, Bools], groups: npt.NDArray[np.int64], counts: Floats
) -> Floats:
    probabilities, _, truth = column
    labelled = ~np.isnan(probabilities)
    both = np.broadcast_to(groups, labelled.shape)
    return rank_precision(probabilities[labelled], truth[labelled], both[labelled], counts)


def _describe_bins(total: Floats) -> tuple[Bin, ...]:
    counts, probabilities, positives = total[len(COUNTS) :].reshape(3, N_BINS)
    return tuple(
        Bin(
            low=round(k / N_BINS, DIGITS),
            high=round((k + 1) / N_BINS, DIGITS),
            n_replies=int(counts[k]),
            mean_probability=round(probabilities[k] / counts[k], DIGITS) if counts[k] else np.nan,
            observed=round(positives[k] / counts[k], DIGITS) if counts[k] else np.nan,
        )
        for k in range(N_BINS)
    )
