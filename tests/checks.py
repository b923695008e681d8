"""What holds of every whole release."""

import json
from collections import Counter
from itertools import pairwise

from valuedata.release.folder import Release


def check_conservation(release: Release) -> None:
    """Every input row is in decisions.parquet once, and all counts agree with it."""
    stages = release.manifest["stages"]
    decisions = release.decisions.to_pylist()
    assert len(decisions) == stages[0]["rows_in"]
    assert len({(row["source"], row["source_row"]) for row in decisions}) == len(decisions)
    for before, after in pairwise(stages):
        assert before["rows_out"] == after["rows_in"]
    dropped = Counter((row["stage"], row["reason"]) for row in decisions if row["stage"])
    for stage in stages:
        for reason, n_rows in stage["dropped"].items():
            assert dropped[stage["stage"], reason] == n_rows
    for value, subset in release.manifest["values"].items():
        kept = [
            (row, fate)
            for row in decisions
            for fate in row["subsets"]
            if fate["value"] == value and fate["outcome"] == "kept"
        ]
        assert len(kept) == subset["n_pairs"] == sum(subset["splits"].values())
        in_files = {
            (row["source"], row["source_row"]): (split, row)
            for split in subset["splits"]
            for row in release.load(value, split)
        }
        assert len(in_files) == len(kept)
        for row, fate in kept:
            assert row["outcome"] == "kept"
            split, written = in_files[row["source"], row["source_row"]]
            assert (split, written["pair_id"]) == (fate["split"], row["pair_id"])
            for column in ("flipped", "margin", "cluster"):
                assert written[column] == fate[column]
        for before, after in pairwise(subset["stages"]):
            assert before["rows_out"] == after["rows_in"]
        assert subset["stages"][0]["rows_in"] == stages[-1]["rows_out"]
        assert subset["stages"][-1]["rows_out"] == subset["n_pairs"]


def check_splits(release: Release) -> None:
    """No prompt is in two splits, over all values."""
    split_of: dict[str, str] = {}
    for value, subset in release.manifest["values"].items():
        for split in subset["splits"]:
            for prompt in release.load(value, split)["prompt"]:
                assert split_of.setdefault(json.dumps(prompt), split) == split
    assert release.manifest["splits"]["n_crossing_prompts"] == 0
    assert release.manifest["splits"]["n_crossing_groups"] == 0
