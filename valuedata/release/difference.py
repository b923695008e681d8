"""What differs between two releases: the recipe, the sources, and the pairs of each value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from valuedata.release.folder import Release, read_table

__all__ = ["Change", "Difference", "SubsetDifference", "compare_releases"]

COLUMNS = ["pair_id", "flipped"]
WEIGHT = "weight"


@dataclass(frozen=True)
class Change:
    """A setting that differs; None where a release has no such setting.

    Attributes:
        name: Dotted name, such as "recipe.selection.min_margin" or "sources.hh-rlhf.revision".
        before: Its value in the first release.
        after: Its value in the second release.
    """

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class SubsetDifference:
    """How the subset of one value differs; pairs are known by their ids.

    Attributes:
        n_before: Pairs in the first release.
        n_after: Pairs in the second release.
        added: Ids of pairs in the second release only.
        removed: Ids of pairs in the first release only.
        flipped: Ids of pairs in both, flipped in one of them only.
        moved: Ids of pairs in both, in different splits.
        reweighted: Ids of pairs in both, of different weights.
    """

    n_before: int
    n_after: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    flipped: tuple[str, ...]
    moved: tuple[str, ...]
    reweighted: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether both releases have the same pairs, alike flipped, split and weighted."""
        return not (self.added or self.removed or self.flipped or self.moved or self.reweighted)


@dataclass(frozen=True)
class Difference:
    """What differs between two releases.

    Attributes:
        same_content: Whether both have the same content hash.
        changes: Settings that differ, in order of their names.
        subsets: Value to the difference of its subset, for every value of either release.
    """

    same_content: bool
    changes: tuple[Change, ...]
    subsets: Mapping[str, SubsetDifference] = field(default_factory=dict)


class _Place(NamedTuple):
    flipped: bool
    split: str
    weight: float | None


def compare_releases(before: Release, after: Release) -> Difference:
    """Compares two releases by their manifests and by the ids of their pairs.

    Raises:
        ReleaseError: If a subset cannot be read.
    """
    values = dict.fromkeys((*before.values, *after.values))
    return Difference(
        same_content=before.content_hash == after.content_hash,
        changes=tuple(_compare_settings(_list_settings(before), _list_settings(after))),
        subsets={
            value: _compare_subsets(_read_subset(before, value), _read_subset(after, value))
            for value in values
        },
    )


def _list_settings(release: Release) -> dict[str, Any]:
    manifest = release.manifest
    sources = {source["name"]: source for source in manifest["sources"]}
    sections = {
        "recipe": manifest["recipe"],
        "sources": sources,
        "labels": manifest["labels"],
        "versions": manifest["versions"],
    }
    return dict(_flatten(sections))


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _compare_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Change(name, before.get(name), after.get(name))


def _read_subset(release: Release, value: str) -> dict[str, _Place]:
    """Pair id to its place; empty where there is no such subset."""
    if value not in release.values:
        return {}
    return {
        row["pair_id"]: _Place(row["flipped"], split, row.get(WEIGHT))
        for split in release.manifest["values"][value]["splits"]
        for file in release.files(value, split)
        for row in _read_rows(release, file)
    }


def _read_rows(release: Release, file: Path) -> list[dict[str, Any]]:
    """What may change of each pair; weights are there only where they were asked for."""
    table = read_table(release, file, COLUMNS)
    if WEIGHT in pq.read_schema(file).names:
        table = table.append_column(WEIGHT, read_table(release, file, [WEIGHT])[WEIGHT])
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _compare_subsets(before: Mapping[str, _Place], after: Mapping[str, _Place]) -> SubsetDifference:
    common = [pair_id for pair_id in before if pair_id in after]
    return SubsetDifference(
        n_before=len(before),
        n_after=len(after),
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        flipped=tuple(sorted(p for p in common if before[p].flipped != after[p].flipped)),
        moved=tuple(sorted(p for p in common if before[p].split != after[p].split)),
        reweighted=tuple(sorted(p for p in common if before[p].weight != after[p].weight)),
    )
