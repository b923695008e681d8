"""The life of an input row, told from a release: every stage passed, every reason, every score."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from valuedata.errors import ReleaseError
from valuedata.release.decisions import DROP
from valuedata.release.folder import Release, read_table

__all__ = ["Drop", "Fate", "Life", "Reference", "Score", "count_drops", "find_rows", "tell_life"]

PAIR_ID = re.compile(r"[0-9a-f]{4,16}")
SIDES = ("prompt", "chosen", "rejected")
MAX_ROW_DIGITS = 19  # what fits 64 bits


@dataclass(frozen=True)
class Reference:
    """Names an input row; `pair_id` is None where the row never became a pair."""

    source: str
    source_row: int
    pair_id: str | None


@dataclass(frozen=True)
class Score:
    """What the extractor said of one value; a reply expresses it from the threshold on."""

    value: str
    chosen: float
    rejected: float
    threshold: float

    @property
    def side(self) -> str:
        """Which replies express the value: "chosen", "rejected", "both" or "neither"."""
        sides = (self.chosen >= self.threshold, self.rejected >= self.threshold)
        return {
            (True, True): "both",
            (True, False): "chosen",
            (False, True): "rejected",
            (False, False): "neither",
        }[sides]


@dataclass(frozen=True)
class Fate:
    """What became of a labelled pair in the subset of one value.

    Attributes:
        value: Name of the value.
        outcome: "kept" or "dropped".
        passed: Stages of the value's selection that it passed, in order.
        stage: Stage that dropped it; None where it was kept.
        reason: Why; None where it was kept.
        duplicate_of: The pair that it duplicates, where that is the reason.
        flipped: Whether the rejected reply is rewarded; None where the value is not one-sided.
        margin: p(rewarded) - p(other); None where the value is not one-sided.
        cluster: Name of its cluster; None where it was dropped before.
        split: Name of its split; None where it was dropped.
        weight: How much it counts; None where it was dropped, or where all pairs count the same.
    """

    value: str
    outcome: str
    passed: tuple[str, ...]
    stage: str | None = None
    reason: str | None = None
    duplicate_of: Reference | None = None
    flipped: bool | None = None
    margin: float | None = None
    cluster: str | None = None
    split: str | None = None
    weight: float | None = None


@dataclass(frozen=True)
class Life:
    """What became of one input row.

    Attributes:
        row: Which row it is.
        source_id: Its id in the source, where there is one.
        outcome: "kept" where it is in the subset of any value, otherwise "dropped".
        passed: Stages shared by all values that it passed, in order.
        stage: Stage that dropped it, the furthest over all values; None where it was kept.
        reason: Why; None where it was kept.
        duplicate_of: The row that it duplicates, where that is the reason.
        flags: What was found in it without dropping it.
        excerpt: Start of a row that never became a pair.
        scores: Of the values built here and of those that either reply expresses; empty where the
            row was dropped before the labels.
        fates: One for each value built, where the row was labelled.
    """

    row: Reference
    source_id: str | None
    outcome: str
    passed: tuple[str, ...]
    stage: str | None
    reason: str | None
    duplicate_of: Reference | None
    flags: tuple[str, ...]
    excerpt: str | None
    scores: tuple[Score, ...]
    fates: tuple[Fate, ...]


@dataclass(frozen=True)
class Drop:
    """Rows that entered no subset, by the furthest stage that they reached and the reason there."""

    stage: str
    reason: str
    n_rows: int


def count_drops(release: Release) -> tuple[Drop, ...]:
    """Counts the rows that entered no subset, in order of the stages, most frequent reason first.

    Raises:
        ReleaseError: If rows kept and dropped are not the rows that came in.
    """
    table = release.decisions.select(["outcome", "stage", "reason"])
    dropped = table.filter(pc.equal(table["outcome"], DROP))
    counts = Counter(zip(dropped["stage"].to_pylist(), dropped["reason"].to_pylist(), strict=True))
    n_told, n_in = len(table), release.manifest["stages"][0]["rows_in"]
    if n_told != n_in:
        raise ReleaseError(
            f"Release {release.folder} tells the life of {n_told} rows but {n_in} came in; "
            "build it again."
        )
    order = _list_stages(release)
    drops = [Drop(stage, reason, n_rows) for (stage, reason), n_rows in counts.items()]
    return tuple(
        sorted(drops, key=lambda drop: (order.index(drop.stage), -drop.n_rows, drop.reason))
    )


def find_rows(release: Release, query: str) -> tuple[int, ...]:
    """Finds input rows by pair id, by "SOURCE:ROW" or by text.

    Args:
        release: Where to look.
        query: A pair id or the first four digits or more of one; a source and the row in it; or
            text that occurs in a prompt or reply of a kept pair, or in the excerpt of a dropped
            row. The first of the three that finds something is taken.

    Returns:
        Rows of `release.decisions`, ascending.

    Raises:
        ReleaseError: If nothing matches.
    """
    decisions = release.decisions
    found = pa.array([False] * len(decisions))
    if PAIR_ID.fullmatch(query):
        found = pc.fill_null(pc.starts_with(decisions["pair_id"], query), fill_value=False)
    source, _, row = query.rpartition(":")
    if not pc.any(found).as_py() and row.isdecimal() and len(row) < MAX_ROW_DIGITS:
        same_row = pc.equal(decisions["source_row"], int(row))
        found = pc.and_(pc.equal(decisions["source"], source), same_row)
    if not pc.any(found).as_py() and query.strip():
        kept = pc.is_in(decisions["pair_id"], pa.array(_find_text(release, query), pa.string()))
        excerpt = pc.match_substring(decisions["excerpt"], query, ignore_case=True)
        found = pc.or_(kept, pc.fill_null(excerpt, fill_value=False))
    rows = pc.indices_nonzero(found).to_pylist()
    if not rows:
        raise ReleaseError(
            f"Nothing in {release.folder} matches {query!r}; give a pair id, SOURCE:ROW, text of a "
            "kept pair, or text from the beginning of a dropped one."
        )
    return tuple(rows)


def tell_life(release: Release, row: int) -> Life:
    """Tells the life of one input row.

    Args:
        release: Where it is told.
        row: Row of `release.decisions`.
    """
    told = release.decisions.slice(row, 1).to_pylist()[0]
    shared = [report["stage"] for report in release.manifest["stages"]]
    scores = _read_scores(release, told)
    return Life(
        row=Reference(told["source"], told["source_row"], told["pair_id"]),
        source_id=told["source_id"],
        outcome=told["outcome"],
        passed=_list_passed(shared, told["stage"]),
        stage=told["stage"],
        reason=told["reason"],
        duplicate_of=_refer(told["duplicate_of"]),
        flags=tuple(told["flags"]),
        excerpt=told["excerpt"],
        scores=tuple(
            score for score in scores if score.value in release.values or score.side != "neither"
        ),
        fates=_tell_fates(release, told, scores),
    )


def _list_stages(release: Release) -> list[str]:
    """Every stage once: those of all rows, then those of the values."""
    reports = [*release.manifest["stages"]]
    for value in release.values:
        reports += release.manifest["values"][value]["stages"]
    return list(dict.fromkeys(report["stage"] for report in reports))


def _list_passed(stages: Sequence[str], dropped_at: str | None) -> tuple[str, ...]:
    if dropped_at not in stages:
        return tuple(stages)
    return tuple(stages[: stages.index(dropped_at)])


def _refer(twin: Mapping[str, Any] | None) -> Reference | None:
    return None if twin is None else Reference(twin["source"], twin["source_row"], twin["pair_id"])


def _read_scores(release: Release, told: Mapping[str, Any]) -> tuple[Score, ...]:
    if told["chosen_probabilities"] is None:
        return ()
    labels = release.manifest["labels"]
    columns = (told["chosen_probabilities"], told["rejected_probabilities"], labels["thresholds"])
    return tuple(
        Score(name, *numbers) for name, *numbers in zip(labels["names"], *columns, strict=True)
    )


def _tell_fates(
    release: Release, told: Mapping[str, Any], scores: Sequence[Score]
) -> tuple[Fate, ...]:
    if not scores:
        return ()
    side = {score.value: score.side for score in scores}
    subsets = {subset["value"]: subset for subset in told["subsets"]}
    fates = []
    for value in release.values:
        stages = [report["stage"] for report in release.manifest["values"][value]["stages"]]
        subset = subsets.get(value)
        if subset is None:
            reason = {"both": "value in both replies", "neither": "value in neither reply"}.get(
                side[value], "margin below the minimum"
            )
            fates.append(Fate(value, DROP, (), stages[0], reason))
            continue
        facts = {name: subset[name] for name in ("flipped", "margin", "cluster", "split", "weight")}
        fates.append(
            Fate(
                value,
                subset["outcome"],
                _list_passed(stages, subset["stage"]),
                subset["stage"],
                subset["reason"],
                _refer(subset["duplicate_of"]),
                **facts,
            )
        )
    return tuple(fates)


def _find_text(release: Release, text: str) -> list[str]:
    """Ids of the kept pairs with the text in a message, in any case."""
    found: set[str] = set()
    for value in release.values:
        for split in release.manifest["values"][value]["splits"]:
            for file in release.files(value, split):
                table = read_table(release, file, ["pair_id", *SIDES])
                for side in SIDES:
                    messages = table[side].combine_chunks()
                    contents = pc.struct_field(messages.flatten(), "content")
                    hits = pc.match_substring(contents, text, ignore_case=True)
                    owners = pc.list_parent_indices(messages).filter(hits)
                    found.update(table["pair_id"].take(owners).to_pylist())
    return sorted(found)
