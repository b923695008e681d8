"""The life of every row of a release made by hand."""

import re

import pytest

from tests.builders import make_pairs, write_release
from valuedata.errors import ReleaseError
from valuedata.release.folder import Release
from valuedata.release.life import (
    Drop,
    Fate,
    Reference,
    Score,
    count_drops,
    find_rows,
    tell_life,
)

IDS = [pair["pair_id"] for pair in make_pairs()]


def test_drops_and_kept_pairs_are_all_that_came_in(release: Release) -> None:
    assert count_drops(release) == (
        Drop("intake", "not valid JSON", 1),
        Drop("exact duplicates", "same text", 1),
        Drop("quality", "not in the wanted language", 1),
        Drop("one-sided", "value in both replies", 1),
        Drop("one-sided", "value in neither reply", 1),
        Drop("semantic duplicates", "same meaning", 1),
    )  # 6 of 9, the other three are kept


def test_a_release_that_lost_rows_is_refused(release: Release) -> None:
    first = {**release.manifest["stages"][0], "rows_in": 10}
    lossy = Release(release.folder, {**release.manifest, "stages": [first]})
    with pytest.raises(ReleaseError, match="tells the life of 9 rows but 10 came in"):
        count_drops(lossy)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (IDS[3], (3,)),
        (IDS[3][:6], (3,)),
        (IDS[0], (0, 1)),  # a pair and its exact duplicate
        ("talk:0", (0,)),
        ("talk:8", (8,)),
        ("kind words to question 6", (6,)),
        ("WORDS TO", (2, 3, 6)),
        ("Broken", (8,)),
    ],
)
def test_rows_are_found(release: Release, query: str, rows: tuple[int, ...]) -> None:
    assert find_rows(release, query) == rows


@pytest.mark.parametrize(
    "query", ["Question 40", "talk:9", "ffffffffffffffff", "", " ", "x:" + "9" * 30]
)
def test_what_matches_nothing_is_said(release: Release, query: str) -> None:
    with pytest.raises(ReleaseError, match=f"matches {re.escape(repr(query))}; give a pair id"):
        find_rows(release, query)


def test_life_of_a_kept_and_flipped_pair(release: Release) -> None:
    life = tell_life(release, 3)
    assert life.row == Reference("talk", 3, IDS[3])
    assert (life.outcome, life.stage, life.reason, life.duplicate_of) == ("kept", None, None, None)
    assert life.passed == ("intake", "exact duplicates", "quality")
    assert life.scores == (Score("empathy", pytest.approx(0.2), pytest.approx(0.7), 0.5),)
    assert life.fates == (
        Fate(
            "empathy",
            "kept",
            ("one-sided", "semantic duplicates"),
            flipped=True,
            margin=0.5,
            cluster="question",
            split="train",
        ),
    )


def test_flags_and_other_values_expressed_are_told(release: Release) -> None:
    life = tell_life(release, 2)
    assert life.flags == ("email",)
    assert [(score.value, score.side) for score in life.scores] == [
        ("empathy", "chosen"),
        ("humor", "chosen"),  # p is exactly the threshold
    ]


def test_life_of_an_exact_duplicate(release: Release) -> None:
    life = tell_life(release, 1)
    assert (life.outcome, life.stage, life.reason) == ("dropped", "exact duplicates", "same text")
    assert life.duplicate_of == Reference("talk", 0, IDS[0])
    assert life.passed == ("intake",)
    assert (life.scores, life.fates) == ((), ())


def test_life_of_a_semantic_duplicate(release: Release) -> None:
    life = tell_life(release, 7)
    assert (life.outcome, life.stage) == ("dropped", "semantic duplicates")
    (fate,) = life.fates
    assert fate.passed == ("one-sided",)
    assert fate.duplicate_of == life.duplicate_of == Reference("talk", 6, IDS[6])
    assert (fate.split, fate.cluster) == (None, None)
    assert fate.margin == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("row", "reason", "side"),
    [(4, "value in both replies", "both"), (5, "value in neither reply", "neither")],
)
def test_life_of_a_pair_that_is_not_one_sided(
    release: Release, row: int, reason: str, side: str
) -> None:
    life = tell_life(release, row)
    assert life.fates == (Fate("empathy", "dropped", (), "one-sided", reason),)
    assert (life.stage, life.reason, life.scores[0].side) == ("one-sided", reason, side)


def test_life_of_a_row_that_became_no_pair(release: Release) -> None:
    life = tell_life(release, 8)
    assert life.row == Reference("talk", 8, None)
    assert (life.stage, life.reason) == ("intake", "not valid JSON")
    assert (life.excerpt, life.passed) == ('{"prompt": "Broken', ())


def test_every_life_agrees_with_its_number(release: Release) -> None:
    outcomes = [tell_life(release, row).outcome for row in range(9)]
    assert [row for row, outcome in enumerate(outcomes) if outcome == "kept"] == [2, 3, 6]


def test_a_release_in_a_folder_that_looks_like_a_partition(tmp_path) -> None:
    release = write_release(tmp_path / "source=other" / "release")
    assert find_rows(release, "Question 6") == (6,)
    assert "source" in release.load("empathy", "train").column_names
