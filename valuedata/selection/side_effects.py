"""What isolation can hold and audit: how the two replies of candidate pairs differ."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from datasets import Dataset
from threadpoolctl import threadpool_limits

from valuedata.effects.differences import Rewarded, Sides
from valuedata.effects.features import VALUE, join_features
from valuedata.errors import RecipeError, SelectionError
from valuedata.labelling.labels import Labels
from valuedata.labelling.markers import MARKERS
from valuedata.labelling.scoring.recorded import LabelRecords
from valuedata.schema import list_sources
from valuedata.selection.axes import find_axes
from valuedata.settings import EMBEDDING, QUALITY, IsolationSettings

__all__ = [
    "SECOND",
    "SECOND_TARGET",
    "Measured",
    "SideEffects",
    "find_directions",
    "find_unsafe",
    "gather_side_effects",
    "measure_replies",
]

logger = logging.getLogger(__name__)

SECOND: Final = "second extractor"
SECOND_TARGET: Final = "target by the second extractor"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Measured:
    """What is known of both replies of n labelled pairs.

    Attributes:
        sides: Their probabilities and markers, and the groups of their prompts.
        kinds: Of each of these "value", "behaviour" or "marker".
        quality: (n,) float64 score of the chosen reply minus that of the rejected one, in pooled
            standard deviations of the scores of its source; NaN where a source has none.
        second: Probabilities by another extractor, chosen minus rejected, (n, j) float64, in
            pooled standard deviations; NaN for pairs that it did not label. No column without one.
        second_names: Their j labels.
        unsafe: (2, n, u) bool: whether the chosen and the rejected reply express the u values of
            negative valence.
        unsafe_names: Their u names.
    """

    sides: Sides
    kinds: tuple[str, ...]
    quality: Floats
    second: Floats
    second_names: tuple[str, ...]
    unsafe: npt.NDArray[np.bool_]
    unsafe_names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SideEffects:
    """How the rewarded reply differs from the other in m candidate pairs.

    Attributes:
        names: k columns.
        kinds: Of each "value", "behaviour", "marker", "quality", "embedding", "second extractor",
            or "target by the second extractor".
        held: (k,) bool: which of them isolation holds; the others tell what it does not see.
        differences: (m, k) float64 in standard deviations; NaN where a pair has no such measure.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    held: npt.NDArray[np.bool_]
    differences: Floats


def measure_replies(
    pairs: Dataset,
    labels: Labels,
    markers: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
    groups: Ints,
    unsafe_names: Sequence[str],
    second: LabelRecords | None,
) -> Measured:
    """Puts together what is known of both replies of n labelled pairs.

    Args:
        pairs: The pairs.
        labels: Their labels.
        markers: (n, len(MARKERS)) markers of their chosen and of their rejected replies.
        groups: (n,) numbers of their prompts.
        unsafe_names: Values of negative valence among the labels.
        second: Labels of some of them by another extractor, for the audit.

    Raises:
        RecipeError: If the other extractor labelled none of the pairs.
    """
    sides, kinds = join_features(labels, tuple(MARKERS), markers, groups)
    found, names = _match(pairs["pair_id"], second)
    return Measured(
        sides=sides,
        kinds=kinds,
        quality=_compare_scores(pairs),
        second=found,
        second_names=names,
        unsafe=_express(labels, unsafe_names),
        unsafe_names=tuple(unsafe_names),
    )


def gather_side_effects(
    measured: Measured,
    subset: Rewarded,
    target: str,
    directions: Floats,
    settings: IsolationSettings,
) -> SideEffects:
    """Gathers how the rewarded replies of candidates differ, in what is held and what is audited.

    Args:
        measured: What is known of all labelled pairs.
        subset: The m candidates among them.
        target: The value that the subset is for; it is never held.
        directions: (m, d) differences along the directions of the vectors, leading ones first.
        settings: What is held. Of the directions `n_directions` are, as many more are audited.

    Raises:
        SelectionError: If nothing is held, or something named in `hold` varies nowhere.
    """
    sides = measured.sides
    sign = np.where(subset.flipped, -1.0, 1.0)
    second = measured.second[subset.rows] * sign[:, None]
    n_held = settings.n_directions
    names = (
        *sides.names,
        QUALITY,
        *(f"{EMBEDDING} {number + 1}" for number in range(directions.shape[1])),
        *(f"{name} (second extractor)" for name in measured.second_names),
    )
    kinds = (
        *measured.kinds,
        QUALITY,
        *(EMBEDDING for _ in range(directions.shape[1])),
        *(SECOND_TARGET if name == target else SECOND for name in measured.second_names),
    )
    columns = (
        subset.subtract(sides) / sides.deviations,
        (measured.quality[subset.rows] * sign)[:, None],
        directions,
        second,
    )
    chosen = set(settings.hold or (*sides.names, QUALITY, EMBEDDING))
    if not settings.hold:
        chosen -= set(settings.held_out)
    audited = {f"{EMBEDDING} {number + 1}" for number in range(n_held, directions.shape[1])}
    can_hold = [kind not in (SECOND, SECOND_TARGET) for kind in kinds]
    held = [
        may and name not in audited and (kind if kind == EMBEDDING else name) in chosen
        for name, kind, may in zip(names, kinds, can_hold, strict=True)
    ]
    differences = np.concatenate(columns, axis=1)
    is_target = [column == (target, VALUE) for column in zip(names, kinds, strict=True)]
    taken = np.flatnonzero(np.isfinite(differences).any(axis=0) & ~np.array(is_target))
    found = {EMBEDDING if kinds[column] == EMBEDDING else names[column] for column in taken}
    missing = [name for name in settings.hold if name not in found and name != target]
    if missing or not np.array(held)[taken].any():
        raise SelectionError(
            f"Isolation of {target!r} has nothing to hold by the name of "
            f"{', '.join(missing) or target}: no candidate pair has it, or it never varies; give "
            "another --hold."
        )
    return SideEffects(
        names=tuple(names[column] for column in taken),
        kinds=tuple(kinds[column] for column in taken),
        held=np.array(held)[taken],
        differences=differences[:, taken],
    )


def find_unsafe(measured: Measured, subset: Rewarded, target: str) -> npt.NDArray[np.bool_]:
    """(m,) bool: whether the rewarded reply expresses a value of negative valence but the target.

    Args:
        measured: What is known of all labelled pairs.
        subset: The m candidates among them.
        target: The value that the subset is for.
    """
    others = [number for number, name in enumerate(measured.unsafe_names) if name != target]
    sides = np.where(subset.flipped, 1, 0)
    is_unsafe: npt.NDArray[np.bool_] = (
        measured.unsafe[sides, subset.rows][:, others].sum(axis=1) > 0
    )
    return is_unsafe


def find_directions(
    rewarded: npt.NDArray[np.float32], other: npt.NDArray[np.float32], n_directions: int
) -> Floats:
    """Measures how vectors differ along the directions in which they vary most.

    Args:
        rewarded: (m, d) vectors of the rewarded replies.
        other: (m, d) vectors of the other replies.
        n_directions: How many directions, leading ones first; at most d.

    Returns:
        (m, n_directions) float64: rewarded - other, in pooled standard deviations of the two sides
        along the direction, whose largest part is positive; NaN where they do not vary.
    """
    both = np.concatenate([rewarded, other]).astype(np.float64)
    with threadpool_limits(limits=1):  # sums in one order, however many threads there are
        chosen, rejected = both.reshape(2, len(rewarded), -1) @ find_axes(
            np.cov(both.T), n_directions
        )
    return _standardise(chosen, rejected)


def _express(labels: Labels, names: Sequence[str]) -> npt.NDArray[np.bool_]:
    columns = [labels.column(name) for name in names]
    return np.stack([labels.expressed(side)[:, columns] for side in ("chosen", "rejected")])


def _compare_scores(pairs: Dataset) -> Floats:
    chosen, rejected = (
        np.array(pairs[f"{side}_score"], dtype=np.float64) for side in ("chosen", "rejected")
    )
    sources = list_sources(pairs)
    compared = np.full(len(pairs), np.nan)
    for source in dict.fromkeys(sources.tolist()):
        rows = np.flatnonzero((sources == source) & np.isfinite(chosen - rejected))
        if len(rows):
            compared[rows] = _standardise(chosen[rows, None], rejected[rows, None])[:, 0]
            if np.isnan(compared[rows]).all():
                logger.warning(
                    "The scores of source %s do not vary within a side, so its quality is not "
                    "measured.",
                    source,
                )
    return compared


def _match(pair_ids: Sequence[str], second: LabelRecords | None) -> tuple[Floats, tuple[str, ...]]:
    """Differences by another extractor in their deviations, (n, j), and their names."""
    if second is None:
        return np.empty((len(pair_ids), 0)), ()
    row_of = {pair_id: row for row, pair_id in enumerate(second.pair_ids)}
    rows = np.array([row_of.get(pair_id, -1) for pair_id in pair_ids], dtype=np.int64)
    is_labelled = second.labelled[0] & second.labelled[1]
    matched = np.flatnonzero((rows >= 0) & is_labelled[rows])
    if not len(matched):
        raise RecipeError(
            f"The {len(second.pair_ids)} pairs of 'isolation.audit_labels' are none of the "
            f"{len(pair_ids)} of this build, or have no labels; label its sources with `valuedata "
            "label`."
        )
    found = np.full((len(pair_ids), len(second.names)), np.nan)
    found[matched] = _standardise(*second.probabilities[:, rows[matched]])
    return found, second.names


def _standardise(chosen: Floats, rejected: Floats) -> Floats:
    """(m, k) differences in pooled deviations of the two sides; NaN where they do not vary."""
    sides = Sides((), chosen, rejected, np.zeros(len(chosen), dtype=np.int64))
    return (chosen - rejected) / sides.deviations
