"""The clean labelled pairs that the build of a release chose from, found again.

A release holds the texts of its own pairs only, so the sources are read again; its labels and what
cleaning dropped are in decisions.parquet, so neither runs again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from valuedata.cleaning.clean import Cleaned
from valuedata.cleaning.prompts import group_near_prompts
from valuedata.errors import ReleaseError, SourceError, name_nearest
from valuedata.intake.collect import Intake
from valuedata.intake.naming import Source, name_source, resolve_source
from valuedata.labelling.labels import Labels
from valuedata.progress import Progress
from valuedata.recipe import Recipe
from valuedata.release.folder import Release
from valuedata.release.recall import read_labels, read_splits, read_steps
from valuedata.schema import list_sources
from valuedata.selection.controls import measure_lengths, split_candidates

__all__ = ["Pool", "find_sources", "recall_pool"]


@dataclass(frozen=True)
class Pool:
    """The clean labelled pairs that a build chose from, n of them.

    Attributes:
        intake: What the sources gave.
        cleaned: Which of its pairs are the candidates.
        labels: Their labels.
        table: Their rows of decisions.parquet.
        split: (n,) name of the split that each may be in.
        lengths: (n,) int64: characters of the chosen reply minus those of the rejected one.
    """

    intake: Intake
    cleaned: Cleaned
    labels: Labels
    table: pa.Table
    split: npt.NDArray[np.object_]
    lengths: npt.NDArray[np.int64]


def find_sources(release: Release, recipe: Recipe, given: Sequence[str]) -> list[Source]:
    """Finds the sources of a release, in their order.

    Args:
        release: Whose sources.
        recipe: Its recipe, which says where they were.
        given: Where some of them are now, as NAME=PATH.

    Raises:
        SourceError: If one is not there, is none of the release, or is given twice.
    """
    told = {record["name"]: record for record in release.manifest["sources"]}
    found: dict[str, Source] = {}
    for text in given:
        # names of files and of Hub data sets may hold what NAME=PATH has no room for
        named = [name for name in told if text.startswith(f"{name}=")]
        name = max(named, key=len, default="")
        source = (
            name_source(name, text.removeprefix(f"{name}="), recipe.format)
            if named
            else resolve_source(text, recipe.format)
        )
        if source.name not in told:
            raise SourceError(
                f"Release {release.folder} has no source {source.name!r} "
                f"({name_nearest(source.name, told)}); give --source NAME=PATH with one that it "
                "has."
            )
        if source.name in found:
            raise SourceError(f"Source {source.name!r} is given twice; give each --source once.")
        found[source.name] = source
    for text, name in zip(recipe.sources, told, strict=True):
        if name in found:
            continue
        try:
            found[name] = resolve_source(text, recipe.format)
        except SourceError as error:
            raise SourceError(
                f"Source {name!r} of {release.folder} was read from {told[name]['location']}, "
                f"which is not here; give --source {name}=PATH."
            ) from error
    return [found[name] for name in told]


def recall_pool(release: Release, recipe: Recipe, intake: Intake, progress: Progress) -> Pool:
    """Finds the candidates of a build among what its sources give now.

    Args:
        release: The release that was built.
        recipe: Its recipe.
        intake: What the sources give.
        progress: Shows how far the splits are.

    Raises:
        ReleaseError: If the sources or the pairs are not those of the build.
    """
    decisions = release.decisions
    pairs = decisions.filter(pc.is_valid(decisions["pair_id"]))
    _check_same(release, intake, pairs)
    rows, labels = read_labels(release, pairs)
    shared = [report["stage"] for report in release.manifest["stages"][1:]]
    cleaned = Cleaned(
        pairs["flags"].to_pylist(), read_steps(pairs, shared), rows, intake.pairs.select(rows)
    )
    table = pairs.take(pa.array(rows))
    with progress("Splitting", len(rows)) as advance:
        split = split_candidates(
            group_near_prompts(cleaned.pairs, recipe.splits.near_prompt_jaccard, recipe.seed),
            read_splits(table, release.values),
            list_sources(cleaned.pairs),
            recipe.splits,
            recipe.seed,
        )
        advance(len(rows))
    return Pool(intake, cleaned, labels, table, split, measure_lengths(cleaned.pairs))


def _check_same(release: Release, intake: Intake, told: pa.Table) -> None:
    for record, before in zip(intake.records, release.manifest["sources"], strict=True):
        if record.revision != before["revision"]:
            raise ReleaseError(
                f"Source {record.name!r} is not what {release.folder} was built from (revision "
                f"{record.revision[:12]}, not {before['revision'][:12]}); give it as it was with "
                f"--source {record.name}=PATH, or build the release again."
            )
    names = ["source", "source_row", "pair_id"]
    found = intake.pairs.data.table.select(names)
    if not found.combine_chunks().equals(told.select(names).combine_chunks()):
        raise ReleaseError(
            f"This version of valuedata reads other pairs from the sources than {release.folder} "
            "has; build the release again."
        )
