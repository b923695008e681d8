import csv
import logging
from pathlib import Path

import pytest

from tests.cleaning.made import gather, make
from valuedata.cleaning.clean import clean_pairs
from valuedata.progress import show_nothing
from valuedata.recipe import make_recipe

QUESTION = "How do I keep a sourdough starter alive while I travel for two weeks?"


def test_stages_follow_each_other_and_conserve_rows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (tmp_path / "evaluation.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["prompt"], [QUESTION]])
    rows = gather(
        [
            make(
                "What is tea?", "A drink made of leaves.", "No idea at all."
            ),  # 0 contradicted by 1
            make("What is tea?", "No idea at all.", "A drink made of leaves."),
            make("What is rain?", "Water that falls from clouds.", "Look out of the window."),
            make("What is rain?", "Water that falls from clouds.", "Look out of the window."),
            make(QUESTION, "Feed it, then chill it.", "Leave it on the counter."),
            make("What is snow?", "Same words.", "Same words."),
        ]
    )
    recipe = make_recipe(
        {
            "values": ["empathy"],
            "decontaminate": [str(tmp_path / "evaluation.csv")],
            "dedup": {"warn_share": 0.3},
        }
    )
    with caplog.at_level(logging.WARNING):
        cleaned = clean_pairs(rows, recipe, show_nothing)
    assert cleaned.rows.tolist() == [2]
    assert cleaned.pairs.to_list() == [rows[2]]
    dropped = {step.verdict.stage: dict(step.verdict.report.dropped) for step in cleaned.steps}
    assert dropped == {
        "quality": {"identical sides": 1},
        "contradictory duplicates": {"contradictory duplicate": 2},
        "exact duplicates": {"exact duplicate": 1},
        "near duplicates": {},
        "decontamination": {"overlaps evaluation prompts in evaluation.csv": 1},
    }
    for before, after in zip(cleaned.steps, cleaned.steps[1:], strict=False):
        assert before.verdict.report.rows_out == after.verdict.report.rows_in
    assert [record.args[0] for record in caplog.records if record.args] == [
        "contradictory duplicates",
        "exact duplicates",
        "decontamination",
    ]
