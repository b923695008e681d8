"""A small release made by hand, so that what is read from it can be checked by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from valuedata.accounting import Step, Verdict
from valuedata.labelling.labels import Labels
from valuedata.recipe import make_recipe
from valuedata.release.decisions import Discarded, Trail, tabulate_decisions
from valuedata.release.folder import (
    SUBSET_FEATURES,
    Release,
    finish_manifest,
    load_release,
)
from valuedata.release.splits import write_split
from valuedata.release.staging import stage_release
from valuedata.schema import PAIR_FEATURES, Pair, make_pair

# p(empathy) of the replies to prompts 2 to 7, threshold 0.5: chosen only, rejected only, both,
# neither, chosen only, chosen only.
CHOSEN = [0.9, 0.2, 0.8, 0.1, 0.75, 0.6]
REJECTED = [0.1, 0.7, 0.6, 0.2, 0.25, 0.4]


def make_pairs() -> list[Pair]:
    """Eight pairs of the source "talk": row 1 repeats row 0, rows 2 to 7 reach the labels."""
    prompts = ["Hello?", "Hello?", *(f"Question {number}?" for number in range(2, 8))]
    return [
        make_pair(
            source="talk",
            source_row=row,
            source_id=None,
            prompt=[{"role": "user", "content": prompt}],
            chosen=[{"role": "assistant", "content": f"Kind words to {prompt}"}],
            rejected=[{"role": "assistant", "content": f"Cold words to {prompt}"}],
        )
        for row, prompt in enumerate(prompts)
    ]


def write_release(
    out: Path,
    *,
    seed: int = 0,
    swap_splits: bool = False,
    kept: tuple[int, int, int] = (2, 3, 6),
    flipped: int = 3,
) -> Release:
    """Writes a release with one subset, empathy, of three pairs of "talk".

    Row 0 is dropped for its language, row 1 as an exact duplicate of row 0, row 4 has the value in
    both replies, row 5 in neither, row 7 is a semantic duplicate of row 6, row 8 is not JSON. Row 3
    is flipped. The first two kept rows are in train, the third is in validation.
    """
    pairs = make_pairs()
    dataset = Dataset.from_list(pairs, features=PAIR_FEATURES)
    labels = Labels(
        ("empathy", "humor"),
        np.array([CHOSEN, [0.5, 0, 0, 0, 0, 0]], dtype=np.float32).T.copy(),
        np.array([REJECTED, [0] * 6], dtype=np.float32).T.copy(),
        np.array([0.5, 0.5], dtype=np.float32),
    )
    steps = _make_steps()
    trail = _make_trail(kept, flipped, swap_splits=swap_splits)
    discarded = [Discarded("talk", 8, None, "not valid JSON", '{"prompt": "Broken')]
    flags = [["email"] if row == 2 else [] for row in range(8)]
    told = tabulate_decisions(dataset, discarded, flags, steps, (np.arange(2, 8), labels), [trail])
    decisions = pa.concat_tables(told)
    with stage_release(out) as staging:
        for split in ("train", "validation"):
            rows = [
                _subset_row(pairs[row], trail, row)
                for row in trail.kept
                if trail.split[row] == split
            ]
            write_split(
                staging / "data" / "empathy",
                split,
                Dataset.from_list(rows, features=SUBSET_FEATURES),
            )
        pq.write_table(decisions, staging / "decisions.parquet")
        finish_manifest(staging, _make_manifest(steps, trail, seed))
    return load_release(out)


def _verdict(stage: str, reasons: list[str], twins: Mapping[int, int] | None = None) -> Verdict:
    duplicate_of = np.full(len(reasons), -1, dtype=np.int64)
    for row, twin in (twins or {}).items():
        duplicate_of[row] = twin
    return Verdict(stage, np.array(reasons, dtype=object), duplicate_of)


def _make_steps() -> list[Step]:
    exact = _verdict("exact duplicates", ["", "same text", *[""] * 6], {1: 0})
    language = _verdict("quality", ["not in the wanted language", *[""] * 6])
    return [Step(np.arange(8), exact), Step(np.array([0, 2, 3, 4, 5, 6, 7]), language)]


def _make_trail(kept: tuple[int, int, int], flipped: int, *, swap_splits: bool) -> Trail:
    one_sided = ["", "", "value in both replies", "value in neither reply", "", ""]
    candidates = [2, 3, 6, 7]
    (twin,) = set(candidates) - set(kept)
    semantic = _verdict(
        "semantic duplicates",
        ["same meaning" if row == twin else "" for row in candidates],
        {candidates.index(twin): candidates.index(kept[2])},
    )
    names = ("validation", "train") if swap_splits else ("train", "validation")
    split = np.full(8, None, dtype=object)
    split[list(kept[:2])], split[kept[2]] = names
    cluster = np.full(8, None, dtype=object)
    cluster[list(kept)] = "question"
    margin = np.full(8, np.nan, dtype=np.float32)
    margin[2:] = np.abs(np.array(CHOSEN) - np.array(REJECTED))
    return Trail(
        "empathy",
        [
            Step(np.arange(2, 8), _verdict("one-sided", one_sided)),
            Step(np.array(candidates), semantic),
        ],
        np.arange(8) == flipped,
        margin,
        cluster,
        split,
    )


def _subset_row(pair: Pair, trail: Trail, row: int) -> dict[str, Any]:
    flipped = bool(trail.flipped[row])
    rewarded, other = ("rejected", "chosen") if flipped else ("chosen", "rejected")
    return {
        "pair_id": pair["pair_id"],
        "source": pair["source"],
        "source_row": pair["source_row"],
        "prompt": pair["prompt"],
        "chosen": pair[rewarded],
        "rejected": pair[other],
        "flipped": flipped,
        "margin": float(trail.margin[row]),
        "chosen_values": ["empathy"],
        "rejected_values": [],
        "cluster": trail.cluster[row],
    }


def _make_manifest(steps: list[Step], trail: Trail, seed: int) -> dict[str, Any]:
    splits = [trail.split[row] for row in trail.kept]
    intake = {
        "stage": "intake",
        "rows_in": 9,
        "rows_out": 8,
        "dropped": {"not valid JSON": 1},
        "notes": {},
    }
    return {
        "valuedata_version": "0.1.0",
        "recipe": make_recipe({"values": ["empathy"], "seed": seed}).model_dump(mode="json"),
        "sources": [
            {
                "name": "talk",
                "location": "talk.jsonl",
                "revision": None,
                "licence": "CC0-1.0",
                "citation": None,
                "format": "trl",
                "n_rows": 9,
                "n_pairs": 8,
                "n_bad": 1,
                "homepage": None,
                "red_teaming": False,
            }
        ],
        "labels": {
            "extractor": "by hand",
            "names": ["empathy", "humor"],
            "thresholds": [0.5, 0.5],
        },
        "stages": [intake, *(step.verdict.report.to_json() for step in steps)],
        "values": {
            "empathy": {
                "definition": {},
                "counts": {
                    "chosen_only": 3,
                    "rejected_only": 1,
                    "both": 1,
                    "neither": 1,
                    "one_sided": 4,
                },
                "stages": [step.verdict.report.to_json() for step in trail.steps],
                "splits": {split: splits.count(split) for split in ("train", "validation")},
                "n_pairs": 3,
                "n_flipped": 1,
                "sources": {"talk": 3},
                "clusters": [{"name": "question", "n_pairs": 3}],
                "margin": {"median": 0.5, "min": 0.5},
            }
        },
        "splits": {"n_prompt_groups": 3, "n_crossing_prompts": 0, "n_crossing_groups": 0},
        "flags": {"email": 1},
        "versions": {"valuedata": "0.1.0"},
    }
