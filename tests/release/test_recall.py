import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.builders import CHOSEN, REJECTED
from valuedata.release.folder import Release
from valuedata.release.recall import read_labels, read_members, read_splits, read_steps


@pytest.fixture
def pairs(release: Release) -> pa.Table:
    decisions = release.decisions
    return decisions.filter(pc.is_valid(decisions["pair_id"]))


def test_members_are_the_kept_pairs(pairs) -> None:
    members = read_members(pairs, "empathy")
    assert members.rows.tolist() == [2, 3, 6]
    assert members.flipped.tolist() == [False, True, False]
    assert members.margin.tolist() == pytest.approx([0.8, 0.5, 0.5])
    assert members.cluster.tolist() == ["question"] * 3
    assert members.split.tolist() == ["train", "train", "validation"]


def test_members_are_numbered_by_the_rows_of_the_table(pairs) -> None:
    assert read_members(pairs.slice(3), "empathy").rows.tolist() == [0, 3]
    assert read_members(pairs, "humor").rows.tolist() == []


def test_splits_are_those_of_the_members(pairs) -> None:
    splits = [None, None, "train", "train", None, None, "validation", None]
    assert read_splits(pairs, ["empathy", "humor"]).tolist() == splits


def test_labels_are_those_of_the_build(release: Release, pairs) -> None:
    rows, labels = read_labels(release, pairs)
    assert rows.tolist() == [2, 3, 4, 5, 6, 7]
    assert labels.names == ("empathy", "humor")
    assert labels.chosen[:, 0].tolist() == np.array(CHOSEN, dtype=np.float32).tolist()
    assert labels.rejected[:, 0].tolist() == np.array(REJECTED, dtype=np.float32).tolist()
    assert labels.chosen[:, 1].tolist() == [0.5, 0, 0, 0, 0, 0]
    assert labels.thresholds.tolist() == [0.5, 0.5]


def test_steps_are_those_of_the_build(release: Release, pairs) -> None:
    stages = [report["stage"] for report in release.manifest["stages"][1:]]
    exact, language = read_steps(pairs, stages)
    assert exact.rows.tolist() == list(range(8))
    assert exact.verdict.reasons.tolist() == ["", "same text", *[""] * 6]
    assert exact.verdict.duplicate_of is not None
    assert exact.verdict.duplicate_of.tolist() == [-1, 0, *[-1] * 6]
    assert language.rows.tolist() == [0, 2, 3, 4, 5, 6, 7]
    assert language.verdict.reasons.tolist() == ["not in the wanted language", *[""] * 6]
    assert language.kept.tolist() == [2, 3, 4, 5, 6, 7]
    for step, told in zip((exact, language), release.manifest["stages"][1:], strict=True):
        assert step.verdict.report.to_json() == told


def test_a_twin_is_numbered_by_the_rows_that_its_stage_saw(pairs) -> None:
    """The other way round, row 0 is gone before the stage that compares row 1 with it."""
    moved = pairs.set_column(
        pairs.column_names.index("duplicate_of"),
        "duplicate_of",
        pa.array(
            [None, {"pair_id": "x", "source": "talk", "source_row": 2}, *[None] * 6],
            pairs.schema.field("duplicate_of").type,
        ),
    )
    _, exact = read_steps(moved, ["quality", "exact duplicates"])
    assert exact.rows.tolist() == list(range(1, 8))
    assert exact.verdict.duplicate_of is not None
    assert exact.verdict.duplicate_of.tolist() == [1, *[-1] * 6]
