"""Side effects by hand: what is held, in which units, and what only tells."""

from typing import Any

import numpy as np
import pytest

from tests.cleaning.made import gather, make
from valuedata.effects.differences import Rewarded
from valuedata.errors import RecipeError, SelectionError
from valuedata.labelling.labels import Labels
from valuedata.labelling.markers import measure_sides
from valuedata.labelling.scoring.recorded import LabelRecords, make_records
from valuedata.selection.side_effects import (
    Measured,
    SideEffects,
    find_directions,
    find_unsafe,
    gather_side_effects,
    measure_replies,
)
from valuedata.settings import IsolationSettings

NAMES = ("empathy", "humor", "violence", "refusal")
CHOSEN = np.array([[0.9, 0.2, 0.1, 0.0], [0.1, 0.4, 0.9, 0.0], [0.8, 0.3, 0.1, 0.0]], np.float32)
REJECTED = np.array([[0.1, 0.4, 0.9, 0.0], [0.7, 0.2, 0.1, 0.0], [0.2, 0.3, 0.9, 0.0]], np.float32)
LABELS = Labels(NAMES, CHOSEN, REJECTED, np.full(4, 0.5, np.float32))
SUBSET = Rewarded(np.array([0, 1]), np.array([False, True]))


def make_measured(
    scores: tuple[tuple[float, float] | None, ...] = (None, None, None),
    second: LabelRecords | None = None,
) -> Measured:
    """Three pairs; the first two rewarded replies have one word more than the others."""
    texts = [("One two three.", "One two."), ("One.", "One two."), ("Why?", "Because it is.")]
    pairs = [
        {**make(f"Question {row}", *text), "source": "b" if row == 2 else "a", "pair_id": str(row)}
        | dict(zip(("chosen_score", "rejected_score"), found or (None, None), strict=True))
        for row, (text, found) in enumerate(zip(texts, scores, strict=True))
    ]
    dataset = gather(pairs)
    markers = measure_sides(dataset, lambda _: None)
    return measure_replies(dataset, LABELS, markers, np.array([4, 4, 9]), ["violence"], second)


def gather_all(measured: Measured, **settings: Any) -> SideEffects:
    directions = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]])
    given = IsolationSettings(mode="subset", n_directions=2, **settings)
    return gather_side_effects(measured, SUBSET, "empathy", directions, given)


def test_differences_are_rewarded_minus_other_in_deviations_of_both_sides() -> None:
    """Humor: 0.2 - 0.4, flipped 0.2 - 0.4. Words: 3 - 2, flipped 2 - 1."""
    found = gather_all(make_measured())
    humor, words = (found.differences[:, found.names.index(name)] for name in ("humor", "words"))
    humor_unit = np.sqrt((np.var([0.2, 0.4, 0.3], ddof=1) + np.var([0.4, 0.2, 0.3], ddof=1)) / 2)
    words_unit = np.sqrt((np.var([3, 1, 1], ddof=1) + np.var([2, 2, 3], ddof=1)) / 2)
    assert humor == pytest.approx([-0.2 / humor_unit] * 2, rel=1e-6)
    assert words == pytest.approx([1 / words_unit] * 2, rel=1e-6)


def test_all_is_held_but_the_target_what_is_held_out_and_the_later_directions() -> None:
    found = gather_all(make_measured())
    held = dict(zip(found.names, found.held.tolist(), strict=True))
    assert "empathy" not in held
    assert "quality" not in held  # no source scores its replies
    assert [name for name, is_held in held.items() if not is_held] == [
        "questions",
        "embedding 3",
        "embedding 4",
    ]
    assert {"words", "characters", "humor", "violence", "embedding 1"} < set(held)


def test_only_what_is_named_is_held() -> None:
    found = gather_all(make_measured(), hold=("words", "embedding", "questions"))
    held = np.array(found.names)[found.held].tolist()
    assert held == ["words", "questions", "embedding 1", "embedding 2"]


def test_what_never_varies_is_no_side_effect() -> None:
    assert "refusal" not in gather_all(make_measured()).names


@pytest.mark.parametrize("hold", ["refusal", "quality"])
def test_what_cannot_be_held_is_named(hold: str) -> None:
    with pytest.raises(
        SelectionError, match=f"'empathy' has nothing to hold by the name of {hold}"
    ):
        gather_all(make_measured(), hold=("humor", hold))


def test_holding_the_target_alone_is_refused() -> None:
    with pytest.raises(
        SelectionError, match="'empathy' has nothing to hold by the name of empathy"
    ):
        gather_all(make_measured(), hold=("empathy",))


def test_quality_is_in_deviations_of_the_scores_of_its_source() -> None:
    """Of source a, 9 and 5, 6 and 8: variances 4.5 and 4.5; the second pair is flipped."""
    found = gather_all(make_measured(((9, 5), (6, 8), (0, 100))))
    column = found.names.index("quality")
    assert found.kinds[column] == "quality"
    assert found.held[column]
    assert found.differences[:, column] == pytest.approx([4 / np.sqrt(4.5), 2 / np.sqrt(4.5)])


def test_a_pair_without_scores_has_no_quality() -> None:
    measured = make_measured(((9, 5), (6, 8), None))
    subset = Rewarded(np.array([0, 2]), np.array([False, False]))
    settings = IsolationSettings(mode="subset")
    found = gather_side_effects(measured, subset, "empathy", np.empty((2, 0)), settings)
    assert found.differences[:, found.names.index("quality")] == pytest.approx(
        [4 / np.sqrt(4.5), np.nan], nan_ok=True
    )


def test_another_extractor_is_audited_and_never_held() -> None:
    """It knows rows 0 and 2; humor 0.2 - 0.4 and 0.3 - 0.3, of variance 0.005 on either side."""
    second = make_records(["0", "2", "elsewhere"], LABELS.take([0, 2, 1]))
    found = gather_all(make_measured(second=second))
    column = found.names.index("humor (second extractor)")
    assert not found.held[column]
    assert found.kinds[column] == "second extractor"
    assert found.differences[:, column] == pytest.approx(
        [-0.2 / np.sqrt(0.005), np.nan], rel=1e-6, nan_ok=True
    )
    target = found.names.index("empathy (second extractor)")
    assert found.kinds[target] == "target by the second extractor"
    assert not found.held[target]


def test_labels_of_other_pairs_or_of_one_side_audit_nothing() -> None:
    message = (
        r"The 2 pairs of 'isolation\.audit_labels' are none of the 3 of this build, or have no"
    )
    with pytest.raises(RecipeError, match=message):
        make_measured(second=make_records(["x", "y"], LABELS.take([0, 2])))
    failed = make_records(["0", "2"], LABELS.take([0, 2]))
    failed.probabilities[1] = np.nan
    with pytest.raises(RecipeError, match=message):
        make_measured(second=failed)


def test_scores_that_do_not_vary_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    assert "quality" not in gather_all(make_measured(((7.3, 2.1), (7.3, 2.1), None))).names
    assert "The scores of source a do not vary within a side" in caplog.text


def test_unsafe_is_a_rewarded_reply_with_a_negative_value_but_the_target() -> None:
    """Violence: in the rejected reply of rows 0 and 2, in the chosen one of row 1."""
    measured = make_measured()
    subset = Rewarded(np.array([0, 0, 1, 2]), np.array([False, True, False, True]))
    assert find_unsafe(measured, subset, "empathy").tolist() == [False, True, True, True]
    assert not find_unsafe(measured, subset, "violence").any()


def test_directions_are_principal_components_in_their_deviations() -> None:
    """Along x the four vectors are 3, -3, 1, -1, along y 1, 0, -1, 0, and both have mean 0.

    The variances of the two sides are 18 and 2 along x, 0.5 and 0.5 along y.
    """
    rewarded = np.array([[3, 1], [-3, 0]], dtype=np.float32)
    other = np.array([[1, 0], [-1, -1]], dtype=np.float32)
    both = np.concatenate([rewarded, other])
    angle = (
        np.arctan2(2 * both[:, 0] @ both[:, 1], both[:, 0] @ both[:, 0] - both[:, 1] @ both[:, 1])
        / 2
    )
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = [side @ axes for side in (rewarded, other)]
    unit = np.sqrt((turned[0].var(axis=0, ddof=1) + turned[1].var(axis=0, ddof=1)) / 2)
    found = find_directions(rewarded, other, 2)
    assert found == pytest.approx((turned[0] - turned[1]) / unit, rel=1e-5)
    assert find_directions(rewarded, other, 1) == pytest.approx(found[:, :1])


def test_a_direction_without_variation_is_undefined() -> None:
    rewarded = np.array([[1, 5], [2, 5]], dtype=np.float32)
    found = find_directions(rewarded, rewarded[::-1], 2)
    assert np.isnan(found[:, 1]).all()
    assert found[:, 0] == pytest.approx([-np.sqrt(2), np.sqrt(2)])  # 1 apart, of variance 1/2
