"""From labelled pairs to subsets: one-sided, semantically distinct, clustered, capped, split."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from valuedata.accounting import Step, Verdict
from valuedata.errors import SelectionError
from valuedata.labelling.labels import Labels
from valuedata.labelling.values import list_values, resolve_values
from valuedata.progress import Progress
from valuedata.recipe import ALL_VALUES, Recipe
from valuedata.selection.balance import Balanced, balance
from valuedata.selection.distinct import EmbedPairs, Found, find_candidates
from valuedata.selection.side_effects import Measured
from valuedata.selection.splits import SPLITS, assign_splits
from valuedata.selection.xor import (
    SideCounts,
    cap_pairs,
    count_sides,
)

__all__ = ["Subset", "choose_subset", "select_subsets", "split_subsets"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subset:
    """The pairs of one value.

    Attributes:
        value: Name of the value.
        steps: The stages, over the labelled pairs; the first saw all of them.
        flipped: (n,) bool over the labelled pairs.
        margin: (n,) float32 over the labelled pairs: p(rewarded) - p(other).
        cluster: (n,) object over the labelled pairs: name of the cluster, None for pairs never
            clustered.
        place: (n, 2) float32 over the labelled pairs: where they lie on the map of the clusters,
            NaN for pairs never clustered.
        balanced: What isolation did; None for a subset that was not isolated.
    """

    value: str
    steps: tuple[Step, ...]
    flipped: npt.NDArray[np.bool_]
    margin: npt.NDArray[np.float32]
    cluster: npt.NDArray[np.object_]
    place: npt.NDArray[np.float32]
    balanced: Balanced | None = None

    @property
    def kept(self) -> npt.NDArray[np.int64]:
        """(k,) int64 rows of the labelled pairs in the subset, ascending."""
        return self.steps[-1].kept

    @property
    def weight(self) -> npt.NDArray[np.float64] | None:
        """(n,) float64 over the labelled pairs, NaN outside; None where all count the same."""
        if self.balanced is None or self.balanced.mode != "weights":
            return None
        weight = np.full(len(self.margin), np.nan)
        weight[self.kept] = self.balanced.isolated.weights
        return weight


def select_subsets(
    pairs: Dataset,
    labels: Labels,
    recipe: Recipe,
    embed_pairs: EmbedPairs,
    measured: Measured | None,
    progress: Progress,
) -> list[Subset]:
    """Selects the subset of each value that the recipe names; "all" takes those large enough.

    A value is large enough for "all" where, before the caps, `min_pairs` of its pairs are left.

    Args:
        pairs: n labelled pairs.
        labels: Their labels.
        recipe: The values, settings of selection and deduplication, and the seed.
        embed_pairs: Gives the vectors of the one-sided pairs.
        measured: What isolation holds down; None to isolate nothing.
        progress: Shows how many values are done.

    Raises:
        UnknownValueError: If the recipe names an unknown value.
        SelectionError: If no pair is left for a value named, or no value is large enough, or the
            side effects of a value named cannot be held; with "all" such a value is left out with
            a warning, unless it is the only one.
    """
    takes_all = recipe.values == (ALL_VALUES,)
    least = recipe.selection.min_pairs if takes_all else 1
    known = list_values(labels.names)
    values = known if takes_all else resolve_values(recipe.values, known)
    subsets = []
    refused: list[SelectionError] = []
    with progress("Selecting", len(values)) as advance:
        for value in values:
            found = find_candidates(pairs, labels, value, recipe, embed_pairs, least)
            if found.candidates is not None:
                chosen = _try_choose(found, measured, recipe)
                subsets += [chosen] if isinstance(chosen, Subset) else []
                refused += [] if isinstance(chosen, Subset) else [chosen]
            elif not takes_all:
                raise SelectionError(_explain_empty(value, count_sides(labels, value), recipe))
            del found  # its vectors, before those of the next value come
            advance(1)
    if refused and not (takes_all and subsets):
        raise refused[0]
    for error in refused:
        logger.warning("%s", error)
    if not subsets:
        counts = {value: count_sides(labels, value).one_sided for value in values}
        best = max(values, key=lambda value: counts[value])
        raise SelectionError(
            f"No value reaches {least} one-sided pairs (the most are {counts[best]} of {best}, "
            "before margin and semantic duplicates); lower --min-pairs or add a --source."
        )
    return subsets


def choose_subset(found: Found, measured: Measured | None, recipe: Recipe) -> Subset:
    """Chooses a value's subset of its candidates: within the caps, or isolated.

    Args:
        found: The candidates, of which there are some.
        measured: What isolation holds down; None to isolate nothing.
        recipe: The caps, and how to isolate.

    Raises:
        SelectionError: If too few candidates hold the tolerance, or a cap cannot hold.
    """
    candidates = found.candidates
    assert candidates is not None  # noqa: S101 - as the docstring asks
    balanced = None
    if measured is None:
        verdict = cap_pairs(
            candidates.margin, candidates.sources, candidates.clusters, recipe.selection
        )
        _warn_of_room(found.value, verdict, recipe.selection.max_pairs)
    else:
        balanced = balance(candidates, measured, recipe)
        verdict = balanced.isolated.verdict
    steps = (*found.steps, Step(candidates.rows, verdict))
    facts = (found.flipped, found.margin, found.cluster, found.place)
    return Subset(found.value, steps, *facts, balanced)


def _try_choose(found: Found, measured: Measured | None, recipe: Recipe) -> Subset | SelectionError:
    try:
        return choose_subset(found, measured, recipe)
    except SelectionError as error:
        return error


def _warn_of_room(value: str, caps: Verdict, max_pairs: int | None) -> None:
    """Says where the caps, not a lack of pairs, keep a subset smaller than was asked."""
    n_kept = len(caps.kept)
    if max_pairs is not None and n_kept < min(max_pairs, len(caps.reasons)):
        logger.warning(
            "The subset of %s has %d pairs, not %d: %s; raise --max-cluster-share or "
            "--max-source-share for more.",
            value,
            n_kept,
            max_pairs,
            ", ".join(f"{reason} {n}" for reason, n in caps.report.dropped.items()),
        )


def split_subsets(
    subsets: Sequence[Subset],
    sources: npt.NDArray[np.object_],
    groups: npt.NDArray[np.int64],
    recipe: Recipe,
) -> npt.NDArray[np.object_]:
    """Splits all subsets of a build at once, so that a prompt is in the same split for every value.

    Args:
        subsets: Subsets over the same n labelled pairs.
        sources: (n,) names of the pairs' sources.
        groups: (n,) int64; pairs with the same or a near-duplicate prompt share a group.
        recipe: Shares of the splits and the seed.

    Returns:
        (n,) object: name of the split of each pair in any subset, None elsewhere.
    """
    split = np.full(len(sources), None, dtype=object)
    strata: dict[int, list[int]] = {}
    numbers: dict[tuple[object, ...], int] = {}
    for subset in subsets:
        for row in subset.kept.tolist():
            for key in (
                (subset.value,),
                (subset.value, sources[row]),
                (subset.value, bool(subset.flipped[row])),
            ):
                strata.setdefault(row, []).append(numbers.setdefault(key, len(numbers)))
    rows = np.array(sorted(strata), dtype=np.int64)
    rng = np.random.default_rng(recipe.seed)
    assigned = assign_splits(
        groups[rows], [np.array(strata[row]) for row in rows.tolist()], recipe.splits, rng
    )
    split[rows] = np.array(SPLITS, dtype=object)[assigned]
    return split


def _explain_empty(value: str, found: SideCounts, recipe: Recipe) -> str:
    counted = (
        f"(chosen only {found.chosen_only}, rejected only {found.rejected_only}, "
        f"both {found.both}, neither {found.neither})"
    )
    if found.one_sided:
        return (
            f"No pair has {value!r} on exactly one side {counted} with a margin of at least "
            f"{recipe.selection.min_margin:g}; lower --min-margin or add a --source."
        )
    return f"No pair has {value!r} on exactly one side {counted}; add a --source."
