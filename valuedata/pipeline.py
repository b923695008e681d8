"""Build, survey and label: every stage in order, one straight function each."""

import logging
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

from valuedata.accounting import StageReport, Step
from valuedata.cleaning.clean import Cleaned, clean_pairs
from valuedata.cleaning.prompts import group_near_prompts
from valuedata.errors import SelectionError
from valuedata.intake.collect import Intake, read_pairs
from valuedata.intake.naming import Source, describe_source, resolve_source
from valuedata.labelling.classifier import Extractor, load_extractor
from valuedata.labelling.encoding.encoder import embed_pairs, load_encoder
from valuedata.labelling.labels import Labels
from valuedata.labelling.records import check_records_path, write_records
from valuedata.labelling.values import list_values, resolve_values
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
from valuedata.selection.subsets import Subset, join_user_turns, select_subsets, split_subsets
from valuedata.selection.xor import SideCounts, count_sides

__all__ = ["Survey", "build", "label", "survey"]

logger = logging.getLogger(__name__)


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
    from cards.render import render_card  # matplotlib, which survey and label do without

    extractor = load_extractor(recipe.labels)
    if recipe.values != (ALL_VALUES,):
        resolve_values(recipe.values, list_values(extractor.names))
    sources = _resolve_sources(recipe)
    with stage_release(Path(out)) as staging:
        with TemporaryDirectory(dir=staging, prefix=".work-") as work:
            intake = _read(recipe, sources, Path(work), progress)
            cleaned = clean_pairs(intake.pairs, recipe, progress)
            cleaned, labels = _drop_failed(cleaned, _label(extractor, cleaned.pairs, progress))
            counts = _count(labels, list_values(labels.names))
            embed = partial(embed_pairs, load_encoder(recipe.labels.precision))
            subsets = select_subsets(cleaned.pairs, labels, recipe, embed, progress)
            split = _split(cleaned.pairs, subsets, recipe, progress)
            trails = [_trace(subset, len(intake.pairs), cleaned.rows, split) for subset in subsets]
            _write(staging, intake, cleaned, labels, trails, progress)
            names = _sources_of(intake.pairs)
            described = {trail.value: _describe(trail, names, extractor) for trail in trails}
            leaks = _check_leaks(cleaned.pairs, recipe, split)
        content = {
            "valuedata_version": version("valuedata"),
            "recipe": describe_recipe(recipe, _describe_sources(sources, intake)),
            "sources": [asdict(record) for record in intake.records],
            "labels": describe_labels(extractor.fingerprint, labels),
            "survey": {value: found.to_json() for value, found in counts.items()},
            "stages": [report.to_json() for report in _report(intake, cleaned)],
            "values": described,
            "splits": {"names": list(SPLITS)} | leaks,
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
        cleaned, labels = _drop_failed(cleaned, _label(extractor, cleaned.pairs, progress))
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


def _drop_failed(cleaned: Cleaned, labels: Labels) -> tuple[Cleaned, Labels]:
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


def _split(
    pairs: Dataset, subsets: Sequence[Subset], recipe: Recipe, progress: Progress
) -> npt.NDArray[np.object_]:
    with progress("Splitting", len(pairs)) as advance:
        groups = group_near_prompts(pairs, recipe.splits.near_prompt_jaccard, recipe.seed)
        split = split_subsets(subsets, _sources_of(pairs), groups, recipe)
        advance(len(pairs))
    return split


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


def _describe_sources(sources: Sequence[Source], intake: Intake) -> list[str]:
    return [
        describe_source(source, record.revision)
        for source, record in zip(sources, intake.records, strict=True)
    ]


def _write(
    staging: Path,
    intake: Intake,
    cleaned: Cleaned,
    labels: Labels,
    trails: Sequence[Trail],
    progress: Progress,
) -> None:
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
    pq.write_table(decisions, staging / "decisions.parquet")


def _describe(
    trail: Trail, sources: npt.NDArray[np.object_], extractor: Extractor
) -> dict[str, Any]:
    """A subset for the manifest; weak evidence is said aloud."""
    evidence = extractor.evidence.get(trail.value)
    if evidence is not None and evidence.doubt == "weak":
        logger.warning("%s: %s", trail.value, evidence.note)
    definition = extractor.definitions[trail.value]
    return describe_subset(trail, sources, SPLITS, definition, evidence)


def _check_leaks(pairs: Dataset, recipe: Recipe, split: npt.NDArray[np.object_]) -> dict[str, int]:
    """Counts, from the result, prompts and groups of near prompts in more than one split.

    The groups are formed anew, of the released pairs alone and from another seed.
    """
    released = np.flatnonzero(split != None)  # noqa: E711 - elementwise
    rows = pairs.select(released)
    prompts = [join_user_turns(prompt) for prompt in rows["prompt"]]
    groups = group_near_prompts(rows, recipe.splits.near_prompt_jaccard, recipe.seed + 1)
    return {
        "n_prompt_groups": len(np.unique(groups)),
        "n_crossing_prompts": count_crossing(prompts, split[released]),
        "n_crossing_groups": count_crossing(groups.tolist(), split[released]),
    }
