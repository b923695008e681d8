"""Side effects by hand: what is held, in which units, and what only tells."""

from typing import Any

import numpy as np
import pytest

from tests.cleaning.made import gather, make
from valuedata.effects.differences import Rewarded
from valuedata.errors import RecipeError
from valuedata.labelling.labels import Labels
from valuedata.labelling.markers import MARKERS, measure_sides
from valuedata.labelling.scoring.recorded import LabelRecords, make_records
from valuedata.recipe import make_recipe
from valuedata.selection.side_effects import (
    Measured,
    SideEffects,
    check_isolation,
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
        "second-person",
        "hedges",
        "embedding 3",
        "embedding 4",
    ]
    assert set(MARKERS) < set(held)


def test_only_what_is_named_is_held() -> None:
    found = gather_all(make_measured(), hold=("words", "embedding", "questions"))
    held = np.array(found.names)[found.held].tolist()
    assert held == ["words", "questions", "embedding 1", "embedding 2"]


def test_what_never_varies_never_differs() -> None:
    found = gather_all(make_measured())
    assert found.differences[:, found.names.index("refusal")].tolist() == [0, 0]


def test_quality_is_in_deviations_of_the_scores_of_its_source() -> None:
    """Of source a, 9 and 5, 6 and 8: variances 2.25 and 2.25; the second pair is flipped."""
    found = gather_all(make_measured(((9, 5), (6, 8), (0, 100))))
    column = found.names.index("quality")
    assert found.kinds[column] == "quality"
    assert found.held[column]
    assert found.differences[:, column] == pytest.approx([4 / 1.5, 2 / 1.5])


def test_a_pair_without_scores_has_no_quality() -> None:
    measured = make_measured(((9, 5), (6, 8), None))
    subset = Rewarded(np.array([0, 2]), np.array([False, False]))
    settings = IsolationSettings(mode="subset")
    found = gather_side_effects(measured, subset, "empathy", np.empty((2, 0)), settings)
    assert found.differences[:, found.names.index("quality")] == pytest.approx(
        [4 / 1.5, np.nan], nan_ok=True
    )


def test_another_extractor_is_audited_and_never_held() -> None:
    """It knows the first pair and the third; humor 0.2 - 0.4, and 0.3 - 0.3."""
    second = make_records(["0", "elsewhere"], LABELS.take([0, 2]))
    found = gather_all(make_measured(second=second))
    column = found.names.index("humor (second extractor)")
    assert not found.held[column]
    assert found.kinds[column] == "second extractor"
    unit = np.sqrt((np.var([0.2, 0.3]) + np.var([0.4, 0.3])) / 2)
    assert found.differences[0, column] == pytest.approx(-0.2 / unit, rel=1e-6)
    assert np.isnan(found.differences[1, column])
    assert "empathy (second extractor)" in found.names


def test_labels_of_other_pairs_audit_nothing() -> None:
    second = make_records(["x", "y"], LABELS.take([0, 2]))
    with pytest.raises(RecipeError, match=r"The 2 pairs of 'isolation\.audit_labels' are none of"):
        make_measured(second=second)


def test_unsafe_is_a_rewarded_reply_with_a_negative_value_but_the_target() -> None:
    """Violence: in the rejected reply of rows 0 and 2, in the chosen one of row 1."""
    measured = make_measured()
    subset = Rewarded(np.array([0, 0, 1, 2]), np.array([False, True, False, True]))
    assert find_unsafe(measured, subset, "empathy").tolist() == [False, True, True, True]
    assert not find_unsafe(measured, subset, "violence").any()


def test_directions_are_principal_components_in_their_deviations() -> None:
    """Along x the four vectors are 3, -3, 1, -1; along y 1, 1, -1, -1, with mean 0."""
    rewarded = np.array([[3, 1], [-3, 1]], dtype=np.float32)
    other = np.array([[1, -1], [-1, -1]], dtype=np.float32)
    found = find_directions(rewarded, other, 2)
    assert found == pytest.approx(np.array([[2 / np.sqrt(5), 2], [-2 / np.sqrt(5), 2]]), rel=1e-6)
    assert find_directions(rewarded, other, 1) == pytest.approx(found[:, :1])


def test_a_direction_without_variation_is_zero() -> None:
    rewarded = np.array([[1, 5], [2, 5]], dtype=np.float32)
    found = find_directions(rewarded, rewarded[::-1], 2)
    assert found[:, 1].tolist() == [0, 0]
    assert found[:, 0] == pytest.approx([-2, 2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hold": ["humour"]}, r"'isolation\.hold' cannot name 'humour'; did you mean 'humor'\?"),
        ({"held_out": ["humor"]}, r"'isolation\.held_out' cannot name 'humor'; known: apologies"),
    ],
)
def test_unknown_names_are_refused(changes: dict[str, Any], message: str) -> None:
    recipe = make_recipe({"values": ["empathy"], "isolation": {"mode": "subset", **changes}})
    with pytest.raises(RecipeError, match=message):
        check_isolation(recipe, NAMES)


def test_weights_take_no_largest_size() -> None:
    content = {"values": ["empathy"], "isolation": {"mode": "weights"}}
    recipe = make_recipe(content, {"selection.max_pairs": 10})
    with pytest.raises(RecipeError, match="so they take no --max-pairs"):
        check_isolation(recipe, NAMES)
    check_isolation(make_recipe(content), NAMES)
    check_isolation(make_recipe({"values": ["empathy"]}, {"selection.max_pairs": 10}), NAMES)
