"""The stages that a build shares with what is made of releases later."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from valuedata.accounting import Step
from valuedata.cleaning.clean import Cleaned
from valuedata.errors import SelectionError
from valuedata.intake.collect import Intake, read_pairs
from valuedata.intake.naming import Source
from valuedata.labelling.labels import Labels
from valuedata.progress import Progress, show_nothing
from valuedata.recipe import Recipe
from valuedata.release.decisions import (
    DECISIONS_SCHEMA,
    Discarded,
    Trail,
    tabulate_decisions,
)
from valuedata.release.folder import finish_manifest
from valuedata.release.forecast import write_forecast
from valuedata.release.markers import MARKERS_FILE
from valuedata.release.subsets import write_subset
from valuedata.selection.splits import SPLITS
from valuedata.selection.subsets import Subset

__all__ = ["drop_failed", "finish_release", "read_sources", "trace_subset", "write_pairs"]


def read_sources(
    recipe: Recipe, sources: Sequence[Source], work: Path, progress: Progress
) -> Intake:
    """Reads sources into files in the folder `work`."""
    with progress("Reading", None) as advance:
        return read_pairs(sources, work, recipe.max_bad_rows, advance)


def drop_failed(cleaned: Cleaned, labels: Labels) -> tuple[Cleaned, Labels]:
    """Drops the pairs of which a reply has no label; no such stage where none can fail."""
    verdict = labels.judge()
    if verdict is None:
        return cleaned, labels
    step, kept = Step(cleaned.rows, verdict), verdict.kept
    if not len(kept):
        reasons = ", ".join(f"{n} {reason}" for reason, n in verdict.report.dropped.items())
        raise SelectionError(
            f"No pair has a label ({reasons}); mend the server or the llm settings and run with "
            "--llm-retry-failed."
        )
    left = Cleaned(cleaned.flags, (*cleaned.steps, step), step.kept, cleaned.pairs.select(kept))
    return left, labels.take(kept)


def trace_subset(
    subset: Subset,
    n_rows: int,
    labelled: npt.NDArray[np.int64],
    split: npt.NDArray[np.object_],
) -> Trail:
    """Tells a subset's way, which speaks of labelled pairs, in rows of the intake.

    Args:
        subset: The subset.
        n_rows: Pairs of the intake.
        labelled: (m,) int64 rows of them that were labelled.
        split: (m,) object: name of the split of each pair in any subset, None elsewhere.
    """

    def spread(values: npt.NDArray[Any], fill: object) -> npt.NDArray[Any]:
        wide = np.full(n_rows, fill, dtype=values.dtype)
        wide[labelled] = values
        return wide

    own_split = np.full(len(labelled), None, dtype=object)
    own_split[subset.kept] = split[subset.kept]
    return Trail(
        value=subset.value,
        steps=[Step(labelled[step.rows], step.verdict) for step in subset.steps],
        flipped=spread(subset.flipped, fill=False),
        margin=spread(subset.margin, np.nan),
        cluster=spread(subset.cluster, None),
        split=spread(own_split, None),
        weight=None if subset.weight is None else spread(subset.weight, np.nan),
    )


def write_pairs(
    staging: Path,
    intake: Intake,
    cleaned: Cleaned,
    labels: Labels,
    trails: Sequence[Trail],
    progress: Progress,
) -> None:
    """Writes the subset of each trail and decisions.parquet.

    Args:
        staging: Folder of the release.
        intake: What was read.
        cleaned: Which of its pairs were labelled, and where the others were dropped.
        labels: The labels of the cleaned pairs.
        trails: The way of the pairs into each subset.
        progress: Shows how many subsets are written.
    """
    labelled = (cleaned.rows, labels)
    with progress("Writing", len(trails)) as advance:
        for trail in trails:
            write_subset(staging, intake.pairs, labelled, trail, SPLITS)
            advance(1)
    discarded = [
        Discarded(**{name: row[name] for name in row if name != "is_bad"})
        for row in intake.discards
    ]
    decisions = tabulate_decisions(
        intake.pairs, discarded, cleaned.flags, cleaned.steps, labelled, trails
    )
    with pq.ParquetWriter(staging / "decisions.parquet", DECISIONS_SCHEMA) as writer:
        for table in decisions:
            writer.write_table(table)


def finish_release(
    staging: Path, content: Mapping[str, Any], progress: Progress = show_nothing
) -> None:
    """Writes the manifest, what is made from it, and the manifest with that.

    A release whose pairs have markers gets a forecast; every release gets a card.
    """
    from cards.render import render_card  # matplotlib, which survey and label do without

    finish_manifest(staging, content)
    if (staging / MARKERS_FILE).exists():
        write_forecast(staging, progress)
        finish_manifest(staging, content)
    render_card(staging)
    finish_manifest(staging, content)
