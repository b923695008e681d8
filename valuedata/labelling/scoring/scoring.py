"""Score a classifier or a file of labels against gold, and compare two files of labels."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from datasets import Dataset

from valuedata.errors import LabelError
from valuedata.intake.collect import read_pairs
from valuedata.intake.naming import resolve_source
from valuedata.labelling.classifier import Classifier
from valuedata.labelling.encoding.encoder import load_encoder
from valuedata.labelling.gold import GoldPair, load_gold
from valuedata.labelling.heads import Heads, load_heads
from valuedata.labelling.metadata import PACKAGED
from valuedata.labelling.scoring.agreement import Agreement, measure_agreement
from valuedata.labelling.scoring.intervals import number_groups
from valuedata.labelling.scoring.recorded import LabelRecords, make_records, read_records
from valuedata.labelling.scoring.scores import Matched, Mean, NameScores, measure_matched
from valuedata.labelling.scoring.settings import ScoreSettings
from valuedata.labelling.values import LABEL_NAMES, resolve_values
from valuedata.progress import Progress, show_nothing

__all__ = ["Scores", "compare", "score"]


@dataclass(frozen=True)
class Scores:
    """How good labels are, against pairs that people have labelled.

    Attributes:
        n_gold: Labelled pairs.
        n_pairs: Those of them that the labels have.
        n_prompts: Distinct prompts of these; whole prompts are resampled for the intervals.
        n_repeated: Pairs among them that stood in the gold before.
        n_unused: Pairs of the label file that the gold lacks.
        n_repeated_records: Further records of a pair in the label file; the first stands.
        n_conflicting_records: Those of them with other labels than the first.
        errors: Why replies have no labels, to their number; such replies are not measured.
        unscored: Names that the gold uses and the labels lack.
        trained_on: Sources of the gold from which the classifier's training pairs came, to the
            number of these; empty for a label file, which does not say how it came about.
        names: Name to its measures.
        means: Measure to its mean over the values.
    """

    n_gold: int
    n_pairs: int
    n_prompts: int
    n_repeated: int
    n_unused: int
    n_repeated_records: int
    n_conflicting_records: int
    errors: Mapping[str, int]
    unscored: tuple[str, ...]
    trained_on: Mapping[str, int]
    names: Mapping[str, NameScores]
    means: Mapping[str, Mean]

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return vars(self) | {
            "errors": dict(self.errors),
            "unscored": list(self.unscored),
            "trained_on": dict(self.trained_on),
            "names": {name: found.to_json() for name, found in self.names.items()},
            "means": {name: found.to_json() for name, found in self.means.items()},
        }


def score(
    gold: Sequence[Path | str],
    labels: Path | str | None = None,
    weights: Path | str | None = None,
    settings: ScoreSettings | None = None,
    progress: Progress = show_nothing,
) -> Scores:
    """Measures a classifier, or a file of labels, against pairs that people have labelled.

    Args:
        gold: JSONL files of labelled pairs; "starter" is the bundled corpus.
        labels: File of label records to measure in place of a classifier.
        weights: Folder of the classifier's weights; None takes the packaged ones.
        settings: What to measure; None for the defaults.
        progress: Shows how far labelling is.

    Raises:
        ValuedataError: Whatever the user can mend.
    """
    settings = settings or ScoreSettings()
    records = None if labels is None else read_records(Path(labels))
    heads = load_heads(Path(weights) if weights else PACKAGED) if records is None else None
    known = records.names if records is not None else heads.names if heads is not None else ()
    resolve_values(settings.names, known)  # before the long work
    trained = _list_trained(heads) if heads is not None else {}
    pairs = load_gold(
        [Path(path) for path in gold],
        settings.excluded_sources,
        tuple(dict.fromkeys(LABEL_NAMES + known)),
    )
    if not pairs:
        raise LabelError("No labelled pair is left to score; give a GOLD that has some.")
    trained_on: dict[str, int] = {}
    if heads is not None:
        records = _label(
            pairs, Classifier(load_encoder("auto", adapter=heads.adapter), heads), progress
        )
        used = {pair.source for pair in pairs}
        trained_on = {source: n for source, n in trained.items() if source in used}
    assert records is not None  # noqa: S101 - read or just made
    return _score_records(pairs, records, settings, trained_on)


def compare(
    first: Path | str,
    second: Path | str,
    prompts: Sequence[str] = (),
    settings: ScoreSettings | None = None,
    progress: Progress = show_nothing,
) -> Agreement:
    """Measures the agreement of two files of labels on the pairs that both have.

    Args:
        first: File of label records.
        second: Another one.
        prompts: The sources that were labelled, as `label` took them; pairs of one prompt are then
            resampled together. Without any, each pair is resampled by itself.
        settings: What to measure; None for the defaults.
        progress: Shows how far reading is.

    Raises:
        ValuedataError: Whatever the user can mend.
    """
    settings = settings or ScoreSettings()
    records = read_records(Path(first)), read_records(Path(second))
    shared = [name for name in records[0].names if name in records[1].names]
    if not shared:
        raise LabelError(
            f"The label files share no name ({', '.join(records[0].names)} against "
            f"{', '.join(records[1].names)}); label the same values with both extractors."
        )
    return measure_agreement(
        *records,
        names=resolve_values(settings.names, shared) or shared,
        prompts=_read_prompts(prompts, progress) if prompts else None,
        resampling=(settings.n_resamples, np.random.default_rng(settings.seed)),
    )


def _list_trained(heads: Heads) -> dict[str, int]:
    try:
        return {**heads.metadata["sources"], **heads.metadata["added"]}
    except (KeyError, TypeError) as error:
        raise LabelError(
            "Weights do not say which sources they were trained on; train them again with "
            "`valuedata fit`."
        ) from error


def _label(pairs: Sequence[GoldPair], classifier: Classifier, progress: Progress) -> LabelRecords:
    rows = Dataset.from_list([pair.sides._asdict() for pair in pairs])
    with progress("Labelling", 2 * len(pairs)) as advance:
        return make_records([pair.pair_id for pair in pairs], classifier.label(rows, advance))


def _score_records(
    pairs: Sequence[GoldPair],
    records: LabelRecords,
    settings: ScoreSettings,
    trained_on: Mapping[str, int],
) -> Scores:
    row_of = {pair_id: row for row, pair_id in enumerate(records.pair_ids)}
    ids = [pair.pair_id for pair in pairs]
    matched = [pair for pair, pair_id in zip(pairs, ids, strict=True) if pair_id in row_of]
    if not matched:
        raise LabelError(
            f"None of the {len(pairs):,} labelled pairs is among the {len(records.pair_ids):,} "
            "pairs of the label file; label the GOLD itself with `valuedata label`."
        )
    rows = [row_of[pair_id] for pair_id in ids if pair_id in row_of]
    names = resolve_values(settings.names, records.names) or records.names
    columns = [records.names.index(name) for name in names]
    groups = number_groups([pair.group for pair in matched])
    sides = [pair.chosen_labels for pair in matched], [pair.rejected_labels for pair in matched]
    truth = np.array(
        [[[name in labels for name in names] for labels in side] for side in sides], dtype=np.bool_
    )
    measured, means = measure_matched(
        Matched(
            names,
            records.probabilities[:, rows][:, :, columns],
            records.expressed[:, rows][:, :, columns],
            truth,
            groups,
        ),
        settings.n_resamples,
        np.random.default_rng(settings.seed),
    )
    used = {name for pair in matched for name in pair.chosen_labels | pair.rejected_labels}
    return Scores(
        n_gold=len(pairs),
        n_pairs=len(matched),
        n_prompts=len(np.unique(groups)),
        n_repeated=len(rows) - len(set(rows)),
        n_unused=len(records.pair_ids) - len(set(rows)),
        n_repeated_records=records.n_repeated,
        n_conflicting_records=records.n_conflicting,
        errors=Counter(filter(None, records.errors[:, rows].ravel().tolist())),
        unscored=tuple(sorted(used - set(records.names))),
        trained_on=trained_on,
        names=measured,
        means=means,
    )


def _read_prompts(texts: Sequence[str], progress: Progress) -> dict[str, str]:
    sources = [resolve_source(text, None) for text in texts]
    with TemporaryDirectory(prefix="valuedata-") as work, progress("Reading", None) as advance:
        pairs = read_pairs(sources, Path(work), 1.0, advance).pairs
        return {row["pair_id"]: str(row["prompt"]) for row in pairs}
