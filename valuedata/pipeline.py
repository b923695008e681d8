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
from datasets import Dataset

from valuedata.accounting import StageReport
from valuedata.cleaning.clean import Cleaned, clean_pairs
from valuedata.cleaning.prompts import group_near_prompts
from valuedata.engine import LOCAL, Engine
from valuedata.errors import SelectionError
from valuedata.intake.collect import Intake
from valuedata.intake.naming import Source, describe_source, resolve_source
from valuedata.labelling.classifier import Extractor, load_extractor
from valuedata.labelling.encoding.encoder import load_encoder
from valuedata.labelling.encoding.filling import embed_pairs
from valuedata.labelling.labels import Labels
from valuedata.labelling.markers import measure_sides
from valuedata.labelling.records import check_records_path, write_records
from valuedata.labelling.scoring.recorded import LabelRecords, read_records
from valuedata.labelling.values import list_values, resolve_values
from valuedata.progress import Progress, show_nothing
from valuedata.recipe import ALL_VALUES, Recipe
from valuedata.release.decisions import Trail
from valuedata.release.folder import Release, load_release
from valuedata.release.hashing import hash_file
from valuedata.release.manifest import (
    count_flags,
    describe_labels,
    describe_recipe,
    list_versions,
)
from valuedata.release.maps import write_maps
from valuedata.release.markers import describe_markers, write_markers
from valuedata.release.staging import stage_release
from valuedata.release.subsets import describe_subset
from valuedata.schema import list_sources
from valuedata.selection.balance import check_isolation, describe_balance
from valuedata.selection.distinct import EmbedPairs
from valuedata.selection.leaks import count_leaks
from valuedata.selection.side_effects import measure_replies
from valuedata.selection.splits import SPLITS
from valuedata.selection.subsets import Subset, select_subsets, split_subsets
from valuedata.selection.survey import ValueCounts, count_values, number_prompts
from valuedata.selection.xor import SideCounts, count_sides
from valuedata.stages import (
    drop_failed,
    finish_release,
    read_sources,
    trace_subset,
    write_pairs,
)

__all__ = ["Survey", "build", "label", "survey"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Survey:
    """On which sides of the cleaned pairs each value is expressed.

    Attributes:
        total: The counts over all sources.
        by_source: Source to the counts of its pairs.
        stages: What each stage before did.
    """

    total: ValueCounts
    by_source: Mapping[str, ValueCounts]
    stages: tuple[StageReport, ...]

    @property
    def counts(self) -> Mapping[str, SideCounts]:
        """Value or behaviour to the sides that it is on, over all sources."""
        return self.total.sides


def build(
    recipe: Recipe,
    out: Path | str,
    progress: Progress = show_nothing,
    engine: Engine = LOCAL,
    extractor: Extractor | None = None,
    embed: EmbedPairs | None = None,
) -> Release:
    """Builds a release: the subset of each wanted value, cleaned, deduplicated and split.

    Args:
        recipe: What to build.
        out: Folder of the release; an earlier release there is replaced once the new one is whole.
        progress: Shows how far each stage is.
        engine: Where filters, markers and encoder run, which alters nothing in the release.
        extractor: Who labels; None loads the one that the recipe names.
        embed: Who gives the vectors that subsets are chosen by; None takes the packaged encoder.

    Raises:
        ValuedataError: Whatever the user can mend; nothing is written then.
    """
    extractor = extractor or load_extractor(recipe.labels, engine=engine)
    if recipe.values != (ALL_VALUES,):
        resolve_values(recipe.values, list_values(extractor.names))
    check_isolation(recipe, extractor.names)
    second = _read_second(recipe)
    means = _Means(_resolve_sources(recipe), extractor, embed, engine, second)
    with stage_release(Path(out)) as staging:
        # a function of its own, so that what it holds is given back before the forecast
        content = _fill(staging, recipe, means, progress)
        finish_release(staging, content, progress)
    return load_release(out)


@dataclass(frozen=True)
class _Means:
    """What a build works with."""

    sources: Sequence[Source]
    extractor: Extractor
    embed: EmbedPairs | None
    engine: Engine
    second: LabelRecords | None


def _fill(staging: Path, recipe: Recipe, means: _Means, progress: Progress) -> dict[str, Any]:
    """Writes the Parquet files of a release; returns what its manifest says of them."""
    extractor, engine = means.extractor, means.engine
    with TemporaryDirectory(dir=staging, prefix=".work-") as work:
        intake = read_sources(recipe, means.sources, Path(work), progress)
        cleaned = clean_pairs(intake.pairs, recipe, progress, engine)
        cleaned, labels = drop_failed(cleaned, _label(extractor, cleaned.pairs, progress))
        counts = {name: count_sides(labels, name) for name in list_values(labels.names)}
        embed = means.embed or _load_embed(recipe, engine)
        with progress("Measuring style", len(labels)) as advance:
            markers = measure_sides(cleaned.pairs, advance, engine)
        groups = group_near_prompts(cleaned.pairs, recipe.splits.near_prompt_jaccard, recipe.seed)
        measured = None
        if recipe.isolation is not None:
            negative = _list_negative(extractor)
            measured = measure_replies(
                cleaned.pairs, labels, markers, groups, negative, means.second
            )
        subsets = select_subsets(cleaned.pairs, labels, recipe, embed, measured, progress)
        split = split_subsets(subsets, list_sources(cleaned.pairs), groups, recipe)
        trails = [
            trace_subset(subset, len(intake.pairs), cleaned.rows, split) for subset in subsets
        ]
        write_pairs(staging, intake, cleaned, labels, trails, progress)
        write_markers(staging, intake.pairs, cleaned.rows, groups, markers)
        write_maps(
            staging, intake.pairs, cleaned.rows, {found.value: found.place for found in subsets}
        )
        names = list_sources(intake.pairs)
        described = {
            trail.value: _describe(trail, names, extractor) | _tell_isolation(subset, recipe)
            for subset, trail in zip(subsets, trails, strict=True)
        }
        leaks = count_leaks(cleaned.pairs, recipe, split)
    return {
        "valuedata_version": version("valuedata"),
        "recipe": describe_recipe(recipe, _describe_sources(means.sources, intake)),
        "sources": [asdict(record) for record in intake.records],
        "labels": describe_labels(extractor.fingerprint, labels, extractor.definitions)
        | _describe_second(recipe),
        "markers": describe_markers(),
        "survey": {value: found.to_json() for value, found in counts.items()},
        "stages": [report.to_json() for report in _report(intake, cleaned)],
        "values": described,
        "splits": {"names": list(SPLITS)} | leaks,
        "flags": count_flags(cleaned.flags),
        "versions": list_versions(),
    }


def survey(recipe: Recipe, progress: Progress = show_nothing, engine: Engine = LOCAL) -> Survey:
    """Counts, for each value, the cleaned pairs that have it on either side, on both or on neither.

    Args:
        recipe: Sources, cleaning and labels; the values it names do not matter.
        progress: Shows how far each stage is.
        engine: Where quality filters and encoder run.

    Raises:
        ValuedataError: Whatever the user can mend.
    """
    sources = _resolve_sources(recipe)
    extractor = load_extractor(recipe.labels, engine=engine)
    with TemporaryDirectory(prefix="valuedata-") as work:
        intake = read_sources(recipe, sources, Path(work), progress)
        cleaned = clean_pairs(intake.pairs, recipe, progress, engine)
        cleaned, labels = drop_failed(cleaned, _label(extractor, cleaned.pairs, progress))
        names, prompts = list_sources(cleaned.pairs), number_prompts(cleaned.pairs)
    rows = {source: np.flatnonzero(names == source) for source in dict.fromkeys(names.tolist())}
    by_source = {
        source: count_values(labels.take(own), prompts[own]) for source, own in rows.items()
    }
    return Survey(count_values(labels, prompts), by_source, _report(intake, cleaned))


def label(
    recipe: Recipe, out: Path | str, progress: Progress = show_nothing, engine: Engine = LOCAL
) -> int:
    """Labels every pair of the sources, uncleaned, and writes one record a pair in input order.

    Args:
        recipe: Sources and labels.
        out: JSONL or Parquet file to write, by its suffix; one that exists is replaced.
        progress: Shows how far each stage is.
        engine: Where the encoder runs.

    Returns:
        The number of pairs written.

    Raises:
        ValuedataError: Whatever the user can mend; nothing is written then.
    """
    sources = _resolve_sources(recipe)
    check_records_path(Path(out), [file for source in sources for file in source.files])
    extractor = load_extractor(recipe.labels, engine=engine)
    with TemporaryDirectory(prefix="valuedata-") as work:
        intake = read_sources(recipe, sources, Path(work), progress)
        write_records(intake.pairs, _label(extractor, intake.pairs, progress), Path(out))
        return len(intake.pairs)


def _resolve_sources(recipe: Recipe) -> list[Source]:
    return [resolve_source(text, recipe.format) for text in recipe.sources]


def _load_embed(recipe: Recipe, engine: Engine) -> EmbedPairs:
    return partial(embed_pairs, load_encoder(recipe.labels.precision, engine=engine))


def _label(extractor: Extractor, pairs: Dataset, progress: Progress) -> Labels:
    if not len(pairs):
        raise SelectionError(
            "No pair passes the filters; loosen the recipe's quality settings or add a --source."
        )
    with progress("Labelling", 2 * len(pairs)) as advance:
        return extractor.label(pairs, advance)


def _read_second(recipe: Recipe) -> LabelRecords | None:
    """The labels by another extractor that isolation is audited by, where there are any."""
    if recipe.isolation is None or recipe.isolation.audit_labels is None:
        return None
    return read_records(Path(recipe.isolation.audit_labels))


def _describe_second(recipe: Recipe) -> dict[str, Any]:
    """Which file of labels isolation was audited by, for the manifest; nothing without one."""
    if recipe.isolation is None or recipe.isolation.audit_labels is None:
        return {}
    file = Path(recipe.isolation.audit_labels)
    return {"audited_by": {"file": file.name, "sha256": hash_file(file)}}


def _list_negative(extractor: Extractor) -> list[str]:
    """The values that are bad to have more of."""
    return [name for name, told in extractor.definitions.items() if told.valence == "negative"]


def _report(intake: Intake, cleaned: Cleaned) -> tuple[StageReport, ...]:
    return (*intake.reports, *(step.verdict.report for step in cleaned.steps))


def _describe_sources(sources: Sequence[Source], intake: Intake) -> list[str]:
    return [
        describe_source(source, record.revision)
        for source, record in zip(sources, intake.records, strict=True)
    ]


def _describe(
    trail: Trail, sources: npt.NDArray[np.object_], extractor: Extractor
) -> dict[str, Any]:
    """A subset for the manifest; weak evidence is said aloud."""
    evidence = extractor.evidence.get(trail.value)
    if evidence is not None and evidence.doubt == "weak":
        logger.warning("%s: %s", trail.value, evidence.note)
    definition = extractor.definitions[trail.value]
    return describe_subset(trail, sources, SPLITS, definition, evidence)


def _tell_isolation(subset: Subset, recipe: Recipe) -> dict[str, Any]:
    """What isolation did to a subset, for the manifest; nothing where it was not isolated."""
    if subset.balanced is None or recipe.isolation is None:
        return {}
    return {"isolation": describe_balance(subset.balanced, recipe.isolation)}
