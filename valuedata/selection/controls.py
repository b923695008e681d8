"""Control arms of a subset: as many pairs of the same candidates, drawn whatever their value.

A control has, in every split, as many pairs as the subset and as many of them flipped, because
rewarding a reply that annotators rejected moves a model by itself.  A random control is drawn from
all candidates of the split.  A length-matched one is drawn within strata, which are quantiles of
the subset's length differences.  Strata are taken rather than nearest neighbours because draws
within a stratum are random, so that seeds give different controls, and because a stratum always
holds enough candidates: the subset's own pairs are among them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from valuedata.errors import ReleaseError
from valuedata.recipe import SplitSettings
from valuedata.schema import BATCH_ROWS
from valuedata.selection.splits import SPLITS, assign_splits

__all__ = [
    "Control",
    "deal_weights",
    "draw_control",
    "make_strata",
    "measure_distance",
    "measure_lengths",
    "split_candidates",
]

MAX_STRATA: Final = 20  # 5 % of a large subset each
STRATUM_PAIRS: Final = 10  # fewer would leave hardly any choice but the subset's own pairs
OUTSIDE: Final = -1


@dataclass(frozen=True)
class Control:
    """Pairs that stand for a subset.

    Attributes:
        rows: (k,) int64 rows of the candidates, ascending.
        flipped: (k,) bool: whether the rejected reply is rewarded.
    """

    rows: npt.NDArray[np.int64]
    flipped: npt.NDArray[np.bool_]


def split_candidates(
    groups: npt.NDArray[np.int64],
    released: npt.NDArray[np.object_],
    sources: npt.NDArray[np.object_],
    settings: SplitSettings,
    seed: int,
) -> npt.NDArray[np.object_]:
    """Gives every candidate a split, so that no prompt is in two, and none leaves its own.

    A candidate whose prompt, or one near it, is in the release goes to the split of that; the
    others are split as the release's recipe says, mirroring the sources.

    Args:
        groups: (n,) int64; candidates with the same or a near-duplicate prompt share a group.
        released: (n,) split of each candidate in the release, None where it is in no subset.
        sources: (n,) names of the candidates' sources.
        settings: Shares of the splits.
        seed: Breaks ties.

    Raises:
        ReleaseError: If the release has one group in two splits.
    """
    names = np.array(SPLITS, dtype=object)
    of_group = np.full(groups.max(initial=0) + 1, OUTSIDE, dtype=np.int64)
    for number, name in enumerate(SPLITS):
        touched = np.unique(groups[released == name])
        if (of_group[touched] != OUTSIDE).any():
            raise ReleaseError(
                "Splits of the release share prompts that this version takes for near duplicates; "
                "build the release again."
            )
        of_group[touched] = number
    split = of_group[groups]
    free = np.flatnonzero(split == OUTSIDE)
    if len(free):
        _, strata = np.unique(sources[free].astype(str), return_inverse=True)
        rng = np.random.default_rng(seed)
        split[free] = assign_splits(groups[free], list(strata[:, None]), settings, rng)
    return names[split]


def measure_lengths(pairs: Dataset) -> npt.NDArray[np.int64]:
    """(n,) int64: characters of the chosen reply minus characters of the rejected one."""
    found = [
        sum(len(turn["content"]) for turn in chosen)
        - sum(len(turn["content"]) for turn in rejected)
        for batch in pairs.select_columns(["chosen", "rejected"]).iter(batch_size=BATCH_ROWS)
        for chosen, rejected in zip(batch["chosen"], batch["rejected"], strict=True)
    ]
    return np.array(found, dtype=np.int64)


def make_strata(
    differences: npt.NDArray[np.int64], subset: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Cuts candidates at the quantiles of the subset's length differences.

    There are at most 20 strata, with at least 10 of the subset's pairs in each where it has as
    many.

    Args:
        differences: (n,) int64: chosen minus rejected length of each candidate.
        subset: (k,) int64: the candidates that are in the subset, at least one.

    Returns:
        (n,) int64: the stratum of each candidate, -1 beyond the subset's extremes.
    """
    n_strata = min(max(len(subset) // STRATUM_PAIRS, 1), MAX_STRATA)
    edges = np.unique(np.quantile(differences[subset], np.linspace(0, 1, n_strata + 1)))
    strata = np.searchsorted(edges[1:-1], differences, side="right")
    strata[(differences < edges[0]) | (differences > edges[-1])] = OUTSIDE
    return strata.astype(np.int64)


def draw_control(
    cells: npt.NDArray[np.int64], subset: Control, rng: np.random.Generator
) -> Control:
    """Draws a control with as many pairs, and as many flipped, in each cell as the subset has.

    Args:
        cells: (n,) int64: the cell of each candidate, such as its split; -1 is never drawn from.
        subset: The candidates that are in the subset.
        rng: Draws the pairs, without replacement, and which of them are flipped.
    """
    rows, flipped = [], []
    for cell in np.unique(cells[subset.rows]):
        members = cells[subset.rows] == cell
        n_pairs, n_flipped = int(members.sum()), int(subset.flipped[members].sum())
        rows.append(rng.choice(np.flatnonzero(cells == cell), n_pairs, replace=False))
        flipped.append(np.arange(n_pairs) < n_flipped)
    drawn = np.concatenate(rows)
    order = np.argsort(drawn)
    return Control(drawn[order], np.concatenate(flipped)[order])


def deal_weights(
    cells: npt.NDArray[np.int64],
    subset: Control,
    weight: npt.NDArray[np.float64],
    control: Control,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Deals the weights of a subset's pairs to those of a control, in each cell and flip alike.

    A control is then as large in effect as the subset, and flipped pairs weigh as much.

    Args:
        cells: (n,) int64: the cells that the control was drawn in.
        subset: The candidates that are in the subset.
        weight: (k,) float64 of them.
        control: What was drawn.
        rng: Draws the order.

    Returns:
        (k,) float64: the weights of the control's pairs.
    """
    theirs, ours = (cells[pairs.rows] * 2 + pairs.flipped for pairs in (subset, control))
    dealt = np.empty(len(control.rows))
    for kind in np.unique(theirs):
        dealt[ours == kind] = rng.permutation(weight[theirs == kind])
    return dealt


def measure_distance(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> float:
    """Measures how far two samples are apart: the largest gap of their distribution functions.

    Source: the two-sample statistic of Kolmogorov and Smirnov.
    """
    values = np.union1d(a, b)
    shares = [np.searchsorted(np.sort(x), values, side="right") / len(x) for x in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())
