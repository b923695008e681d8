"""Which pairs of a subset push an effect: those whose rewarded reply has more of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from valuedata.errors import ReleaseError, name_nearest
from valuedata.release.derived import choose_subsets
from valuedata.release.features import read_features
from valuedata.release.folder import Release
from valuedata.release.recall import Members, read_labels, read_members

__all__ = ["Trace", "list_effects", "quote_pairs", "trace"]

TEXTS = ("prompt", "chosen", "rejected")


@dataclass(frozen=True, eq=False)
class Trace:
    """How far each pair of a subset pushes an effect, those that push it most first.

    Attributes:
        value: Name of the subset.
        effect: Name of the effect.
        members: The k pairs, in the order of the ranking, by rows of decisions.parquet.
        rewarded: (k,) float64: how much of the effect the rewarded reply has.
        other: (k,) float64: the same of the other reply.
    """

    value: str
    effect: str
    members: Members
    rewarded: npt.NDArray[np.float64]
    other: npt.NDArray[np.float64]

    @property
    def differences(self) -> npt.NDArray[np.float64]:
        """(k,) float64, falling: rewarded minus other."""
        return self.rewarded - self.other

    def mean_difference(self, start: int = 0) -> float:
        """Mean of the differences from a rank on, weighted where the pairs have weights."""
        weight = self.members.weight
        weights = None if weight is None else weight[start:]
        return float(np.average(self.differences[start:], weights=weights))

    @property
    def n_pushing(self) -> int:
        """Pairs whose rewarded reply has more of the effect."""
        return int((self.differences > 0).sum())


def list_effects(release: Release) -> tuple[str, ...]:
    """Names of what can be traced in a release: values and behaviours of its labels, markers."""
    return (*release.manifest["labels"]["names"], *release.manifest.get("markers", ()))


def trace(release: Release, effect: str, values: Sequence[str] = ()) -> tuple[Trace, ...]:
    """Ranks the pairs of subsets by how far they push an effect; ties go to the earlier row.

    Args:
        release: Where the subsets are.
        effect: What is pushed: a value or a behaviour that the release's labels know, or a marker.
        values: Names of the subsets; all of the release where none is named.

    Raises:
        ReleaseError: If the release has no such effect or subset.
    """
    if effect not in list_effects(release):
        raise ReleaseError(
            f"Effect {effect!r} is none that {release.folder} has labels or markers of; "
            f"{name_nearest(effect, list_effects(release))}"
        )
    chosen = choose_subsets(release, values)
    sides = _measure(release, effect)
    return tuple(_rank(release, effect, value, sides) for value in chosen)


def quote_pairs(release: Release, found: Trace, n_pairs: int) -> list[dict[str, Any]]:
    """Tells of the pairs that push most, with their texts, as JSON types.

    Args:
        release: Where the pairs are.
        found: Their ranking.
        n_pairs: How many to tell of; all where the subset has fewer.
    """
    top = slice(0, n_pairs)
    told = release.decisions.select(["source", "source_row", "pair_id"])
    told = told.take(pa.array(found.members.rows[top])).to_pylist()
    texts = _read_texts(release, found.value, {_place(row) for row in told})
    return [
        {
            **row,
            "split": found.members.split[rank],
            "flipped": bool(found.members.flipped[rank]),
            "difference": round(float(found.differences[rank]), 4),
            "rewarded": round(float(found.rewarded[rank]), 4),
            "other": round(float(found.other[rank]), 4),
            **texts[_place(row)],
        }
        for rank, row in enumerate(told)
    ]


def _rank(release: Release, effect: str, value: str, sides: npt.NDArray[np.float64]) -> Trace:
    members = read_members(release.decisions, value)
    chosen, rejected = sides[:, members.rows]
    rewarded = np.where(members.flipped, rejected, chosen)
    other = np.where(members.flipped, chosen, rejected)
    order = np.argsort(other - rewarded, kind="stable")
    return Trace(value, effect, members.take(order), rewarded[order], other[order])


def _measure(release: Release, effect: str) -> npt.NDArray[np.float64]:
    """(2, n) float64 over decisions.parquet: how much of an effect the two replies have."""
    rows, labels = read_labels(release, release.decisions)
    measured = np.full((2, len(release.decisions)), np.nan)
    if effect in labels.names:
        column = labels.column(effect)
        measured[:, rows] = labels.chosen[:, column], labels.rejected[:, column]
    else:
        sides = read_features(release).sides
        column = sides.names.index(effect)
        measured[:, rows] = sides.chosen[:, column], sides.rejected[:, column]
    return measured


def _read_texts(
    release: Release, value: str, places: set[tuple[str, int]]
) -> dict[tuple[str, int], dict[str, Any]]:
    found = {}
    for split in release.manifest["values"][value]["splits"]:
        rows = release.load(value, split)
        identities = zip(rows["source"], rows["source_row"], strict=True)
        for row, place in enumerate(identities):
            if place in places:
                found[place] = {name: rows[row][name] for name in TEXTS}
    return found


def _place(row: Mapping[str, Any]) -> tuple[str, int]:
    return row["source"], row["source_row"]
