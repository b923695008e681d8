"""Build, survey and label: every stage in order, one straight function each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from datasets import Dataset

from cards.render import render_card
from valuedata.accounting import StageReport, Step
from valuedata.cleaning.clean import Cleaned, clean_pairs
from valuedata.cleaning.prompts import group_near_prompts
from valuedata.errors import SelectionError
from valuedata.intake.collect import Intake, SourceRecord, read_pairs
from valuedata.intake.known import STARTER_FILE
from valuedata.intake.naming import Source, resolve_source
from valuedata.labelling.classifier import Extractor, load_extractor
from valuedata.labelling.encoder import embed_pairs, load_encoder
from valuedata.labelling.labels import Labels
from valuedata.labelling.records import check_records_path, write_records
from valuedata.labelling.values import VALUE_NAMES, resolve_values
from valuedata.progress import Progress, show_nothing
from valuedata.recipe import ALL_VALUES, Recipe
from valuedata.release.decisions import Discarded, Trail, tabulate_decisions
from valuedata.release.folder import Release, finish_manifest, load_release
from valuedata.release.manifest import (
    count_flags,
    describe_labels,
    describe_recipe,
    list_versions,
)
from valuedata.release.staging import stage_release
from valuedata.release.subsets import describe_subset, write_subset
from valuedata.selection.splits import SPLITS, count_crossing
from valuedata.selection.subsets import Subset, join_user_turns, select_subset, split_subsets
from valuedata.selection.xor import SideCounts, count_sides

__all__ = ["Survey", "build", "label", "survey"]


@dataclass(frozen=True)
class Survey:
    """On which sides of the cleaned pairs each value is expressed.

    Attributes:
        counts: Value or behaviour to its counts over all sources.
        by_source: Source to the same counts of its pairs.
        stages: What each stage before did.
    """

    counts: Mapping[str, SideCounts]
    by_source: Mapping[str, Mapping[str, SideCounts]]
    stages: tuple[StageReport, ...]


def build(recipe: Recipe, out: Path | str, progress: Progress = show_nothing) -> Release:
    """Builds a release: the subset of each wanted value, cleaned, deduplicated and split.

    Args:
        recipe: What to build.
        out: Folder of the release; an earlier release there is replaced once the new one is whole.
        progress: Shows how far each stage is.

    Raises:
        ValuedataError: Whatever the user can mend; nothing is written then.
    """
    if recipe.values != (ALL_VALUES,):
        resolve_values(recipe.values)
    sources = _resolve_sources(recipe)
    extractor = load_extractor(recipe.labels)
    with stage_release(Path(out)) as staging:
        with TemporaryDirectory(dir=staging, prefix=".work-") as work:
            intake = _read(recipe, sources, Path(work), progress)
            cleaned = clean_pairs(intake.pairs, recipe, progress)
            labels = _label(extractor, cleaned.pairs, progress)
            counts = _count(labels, VALUE_NAMES)
            with progress("Selecting", None):
                subsets = _select(cleaned.pairs, labels, counts, recipe)
                groups = group_near_prompts(
                    cleaned.pairs, recipe.splits.near_prompt_jaccard, recipe.seed
                )
                split = split_subsets(subsets, _sources_of(cleaned.pairs), groups, recipe)
            trails = [_trace(subset, len(intake.pairs), cleaned.rows, split) for subset in subsets]
            with progress("Writing", None):
                _write(staging, intake, cleaned, labels, trails)
        content = {
            "valuedata_version": version("valuedata"),
            "recipe": describe_recipe(recipe, _name_sources(sources, intake.records)),
            "sources": [asdict(record) for record in intake.records],
            "labels": describe_labels(extractor.fingerprint, labels),
            "survey": {value: found.to_json() for value, found in counts.items()},
            "stages": [report.to_json() for report in _report(intake, cleaned)],
            "values": {
                trail.value: describe_subset(trail, _sources_of(intake.pairs), SPLITS)
                for trail in trails
            },
            "splits": {"names": list(SPLITS)} | _check_leaks(cleaned.pairs, groups, split),
            "flags": count_flags(cleaned.flags),
            "versions": list_versions(),
        }
        finish_manifest(staging, content)
        render_card(staging)
        finish_manifest(staging, content)
    return load_release(out)


def survey(recipe: Recipe, progress: Progress = show_nothing) -> Survey:
    """Counts, for each value, the cleaned pairs that have it on either side, on both or on neither.

    Args:
        recipe: Sources, cleaning and labels; the values it names do not matter.
        progress: Shows how far each stage is.

    Raises:
        ValuedataError: Whatever the user can mend.
    """
    sources = _resolve_sources(recipe)
    extractor = load_extractor(recipe.labels)
    with TemporaryDirectory(prefix="valuedata-") as work:
        intake = _read(recipe, sources, Path(work), progress)
        cleaned = clean_pairs(intake.pairs, recipe, progress)
        labels = _label(extractor, cleaned.pairs, progress)
        names = _sources_of(cleaned.pairs)
    by_source = {
        source: _count(labels.take(np.flatnonzero(names == source)), labels.names)
        for source in dict.fromkeys(names.tolist())
    }
    return Survey(_count(labels, labels.names), by_source, _report(intake, cleaned))


def label(recipe: Recipe, out: Path | str, progress: Progress = show_nothing) -> int:
    """Labels every pair of the sources, uncleaned, and writes one record a pair in input order.

    Args:
        recipe: Sources and labels.
        out: JSONL or Parquet file to write, by its suffix; one that exists is replaced.
        progress: Shows how far each stage is.

    Returns:
        The number of pairs written.

    Raises:
        ValuedataError: Whatever the user can mend; nothing is written then.
    """
    check_records_path(Path(out))
    sources = _resolve_sources(recipe)
    extractor = load_extractor(recipe.labels)
    with TemporaryDirectory(prefix="valuedata-") as work:
        intake = _read(recipe, sources, Path(work), progress)
        write_records(intake.pairs, _label(extractor, intake.pairs, progress), Path(out))
        return len(intake.pairs)


def _resolve_sources(recipe: Recipe) -> list[Source]:
    return [resolve_source(text, recipe.format) for text in recipe.sources]


def _read(recipe: Recipe, sources: Sequence[Source], work: Path, progress: Progress) -> Intake:
    with progress("Reading", None) as advance:
        return read_pairs(sources, work, recipe.max_bad_rows, advance)


def _label(extractor: Extractor, pairs: Dataset, progress: Progress) -> Labels:
    if not len(pairs):
        raise SelectionError(
            "No pair passes the filters; loosen the recipe's quality settings or add a --source."
        )
    with progress("Labelling", 2 * len(pairs)) as advance:
        return extractor.label(pairs, advance)


def _select(
    pairs: Dataset, labels: Labels, counts: Mapping[str, SideCounts], recipe: Recipe
) -> list[Subset]:
    encoder = load_encoder(recipe.labels.precision)

    subsets = []
    for value in _choose_values(recipe, counts):
        subset = select_subset(pairs, labels, value, recipe, partial(embed_pairs, encoder))
        if not len(subset.kept):
            found = counts[value]
            raise SelectionError(
                f"No pair is left with {value!r} on exactly one side (chosen only "
                f"{found.chosen_only}, rejected only {found.rejected_only}, both {found.both}, "
                f"neither {found.neither}); add a --source or lower --min-margin."
            )
        subsets.append(subset)
    return subsets


def _choose_values(recipe: Recipe, counts: Mapping[str, SideCounts]) -> tuple[str, ...]:
    """The values to build; "all" takes each that reaches the recipe's smallest subset."""
    if recipe.values != (ALL_VALUES,):
        return resolve_values(recipe.values)
    least = recipe.selection.min_pairs
    reached = tuple(value for value in counts if counts[value].one_sided >= least)
    if not reached:
        best = max(counts, key=lambda value: counts[value].one_sided)
        raise SelectionError(
            f"No value reaches {least} one-sided pairs (the most are {counts[best].one_sided} of "
            f"{best}); lower --min-pairs or add a --source."
        )
    return reached


def _count(labels: Labels, names: Sequence[str]) -> dict[str, SideCounts]:
    return {name: count_sides(labels, name) for name in names}


def _sources_of(pairs: Dataset) -> npt.NDArray[np.object_]:
    return np.array(pairs["source"], dtype=object)


def _report(intake: Intake, cleaned: Cleaned) -> tuple[StageReport, ...]:
    return (*intake.reports, *(step.verdict.report for step in cleaned.steps))


def _trace(
    subset: Subset,
    n_rows: int,
    labelled: npt.NDArray[np.int64],
    split: npt.NDArray[np.object_],
) -> Trail:
    """Tells a subset's way, which speaks of labelled pairs, in rows of the intake."""

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
    )


def _write(
    staging: Path, intake: Intake, cleaned: Cleaned, labels: Labels, trails: Sequence[Trail]
) -> None:
    labelled = (cleaned.rows, labels)
    for trail in trails:
        write_subset(staging, intake.pairs, labelled, trail, SPLITS)
    discarded = [
        Discarded(**{name: row[name] for name in row if name != "is_bad"})
        for row in intake.discards
    ]
    decisions = tabulate_decisions(
        intake.pairs, discarded, cleaned.flags, cleaned.steps, labelled, trails
    )
    pq.write_table(decisions, staging / "decisions.parquet")


def _name_sources(sources: Sequence[Source], records: Sequence[SourceRecord]) -> list[str]:
    """The sources as they are written to read the same rows again, without folders."""
    names = []
    for source, record in zip(sources, records, strict=True):
        if source.repository is not None:
            parts = ":".join(filter(None, (source.repository, source.config)))
            names.append(f"{parts}@{record.revision}")
        elif source.files == (STARTER_FILE,):
            names.append(source.name)
        else:
            names.append(f"{source.name}={record.location}")
    return names


def _check_leaks(
    pairs: Dataset, groups: npt.NDArray[np.int64], split: npt.NDArray[np.object_]
) -> dict[str, int]:
    """Counts, from the result, prompts and groups of near prompts in more than one split."""
    rows = np.flatnonzero(split != None)  # noqa: E711 - elementwise
    prompts = [join_user_turns(prompt) for prompt in pairs.select(rows)["prompt"]]
    return {
        "n_prompt_groups": len(np.unique(groups[rows])),
        "n_crossing_prompts": count_crossing(prompts, split[rows]),
        "n_crossing_groups": count_crossing(groups[rows].tolist(), split[rows]),
    }
