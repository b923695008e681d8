"""Isolation as a stage: what it leaves is balanced by an independent count, and told in full."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from valuedata.effects.differences import Sides
from valuedata.errors import IsolationError, RecipeError, SelectionError
from valuedata.recipe import Recipe, make_recipe
from valuedata.selection.balance import Balanced, balance, check_isolation, describe_balance
from valuedata.selection.distinct import Distinct
from valuedata.selection.side_effects import Measured

N = 200
NAMES = ("empathy", "humor", "words", "questions")
LABELS = NAMES[:2]


def make_problem(seed: int = 0, *, flipped_share: float = 0.4) -> tuple[Distinct, Measured]:
    """Candidates whose rewarded reply is longer and funnier where the pair is not flipped.

    The target lies 0.6 higher in all; questions follow words.
    """
    rng = np.random.default_rng(seed)
    flipped = rng.random(N) < flipped_share
    rewarded, other = (rng.normal(size=(N, 4)) for _ in range(2))
    rewarded[:, 0] += 0.6
    rewarded[:, 1:3] += np.where(flipped, -0.2, 0.6)[:, None]
    rewarded[:, 3] = rewarded[:, 2] + rng.normal(size=N) / 2
    sides = Sides(
        NAMES,
        np.where(flipped[:, None], other, rewarded),
        np.where(flipped[:, None], rewarded, other),
        np.arange(N),
    )
    measured = Measured(
        sides=sides,
        kinds=("value", "value", "marker", "marker"),
        quality=np.full(N, np.nan),
        second=np.empty((N, 0)),
        second_names=(),
        unsafe=rng.random((2, N, 1)) < 0.1,
        unsafe_names=("violence",),
    )
    candidates = Distinct(
        value="empathy",
        rows=np.arange(N),
        flipped=flipped,
        margin=rng.random(N).astype(np.float32),
        sources=np.array(["a", "b"], dtype=object)[rng.integers(0, 2, N)],
        clusters=rng.integers(0, 8, N),
        vectors=tuple(rng.normal(size=(N, 5)).astype(np.float32) for _ in range(2)),
    )
    return candidates, measured


def make_isolating(**changes: Any) -> Recipe:
    content = {
        "values": ["empathy"],
        "isolation": {"mode": "subset", "held_out": ["questions"], "n_directions": 2},
    }
    return make_recipe(content, {key.replace("__", "."): told for key, told in changes.items()})


def measure_means(balanced: Balanced, candidates: Distinct, measured: Measured) -> np.ndarray:
    """Weighted mean of rewarded - other in deviations, counted anew."""
    rows, weights = balanced.isolated.rows, balanced.isolated.weights
    sides = measured.sides
    unit = np.sqrt((sides.chosen.var(axis=0, ddof=1) + sides.rejected.var(axis=0, ddof=1)) / 2)
    sign = np.where(candidates.flipped, -1, 1)[:, None]
    gaps = (sides.chosen - sides.rejected) * sign / unit
    return np.average(gaps[rows], weights=weights, axis=0)


@pytest.mark.parametrize("mode", ["subset", "weights"])
@pytest.mark.parametrize("objective", ["size", "margin"])
def test_what_is_held_is_balanced(mode: str, objective: str) -> None:
    candidates, measured = make_problem()
    recipe = make_isolating(isolation__mode=mode, isolation__objective=objective)
    balanced = balance(candidates, measured, recipe)
    assert len(balanced.isolated.rows) >= 0.35 * N
    target, humor, words, questions = measure_means(balanced, candidates, measured)
    assert abs(humor) <= 0.1 + 1e-9
    assert abs(words) <= 0.1 + 1e-9
    assert target > 0.4
    told = describe_balance(balanced, recipe.isolation)
    effects = {effect["name"]: effect for effect in told["effects"]}
    assert list(effects) == [
        "humor",
        "words",
        "questions",
        *(f"embedding {number}" for number in (1, 2, 3, 4)),
    ]
    assert effects["words"]["isolated"] == pytest.approx(words, abs=5e-5)
    assert effects["questions"]["isolated"] == pytest.approx(questions, abs=5e-5)
    assert effects["words"]["plain"] > 0.15
    assert [name for name, effect in effects.items() if not effect["held"]] == [
        "questions",
        "embedding 3",
        "embedding 4",
    ]
    assert abs(effects["embedding 2"]["isolated"]) <= 0.1


def test_a_description_adds_up() -> None:
    candidates, measured = make_problem()
    recipe = make_isolating()
    balanced = balance(candidates, measured, recipe)
    told = describe_balance(balanced, recipe.isolation)
    rows = balanced.isolated.rows
    assert told["n_candidates"] == told["n_plain"] == N
    assert told["n_pairs"] == told["effective_size"] == len(rows)
    assert told["n_pairs"] <= told["bound"] <= N
    assert told["margin"]["plain"] == pytest.approx(candidates.margin.mean(), abs=1e-4)
    assert told["margin"]["isolated"] == pytest.approx(candidates.margin[rows].mean(), abs=1e-4)
    # the words tell the sides of the plain subset apart, and those of the isolated one less
    assert told["separation"]["plain"]["value"] > told["separation"]["isolated"]["value"]
    assert told["effects"][0]["n_plain"] == N
    assert told["effects"][0]["n_isolated"] == len(rows)


def test_the_plain_subset_is_the_one_within_the_caps() -> None:
    candidates, measured = make_problem()
    recipe = make_isolating(selection__max_pairs=80)
    told = describe_balance(balance(candidates, measured, recipe), recipe.isolation)
    assert (told["n_candidates"], told["n_plain"]) == (N, 80)
    assert told["n_pairs"] <= 80


def test_unsafe_rewarded_replies_are_banned_when_asked() -> None:
    candidates, measured = make_problem()
    side = np.where(candidates.flipped, 1, 0)
    unsafe = measured.unsafe[side, np.arange(N), 0]
    free = balance(candidates, measured, make_isolating()).isolated
    assert unsafe[free.rows].any()
    banned = balance(candidates, measured, make_isolating(isolation__ban_unsafe=True)).isolated
    assert not unsafe[banned.rows].any()
    reasons = banned.verdict.reasons
    assert (reasons == "unsafe rewarded reply").sum() == unsafe.sum()


def test_nothing_left_by_the_ban_is_said() -> None:
    candidates, measured = make_problem()
    all_unsafe = replace(measured, unsafe=np.ones((2, N, 1), dtype=bool))
    with pytest.raises(SelectionError, match="Every one of the 200 candidate pairs of 'empathy'"):
        balance(candidates, all_unsafe, make_isolating(isolation__ban_unsafe=True))


def test_a_tolerance_out_of_reach_shows_the_frontier() -> None:
    """Every rewarded reply is longer by far, so nothing balances the length."""
    candidates, measured = make_problem(flipped_share=0.0)
    longer = measured.sides.chosen.copy()
    longer[:, 2] = measured.sides.rejected[:, 2] + 1
    sides = replace(measured.sides, chosen=longer)
    with pytest.raises(IsolationError, match=r"^empathy: No 70 of 200 pairs keep .* at 0\.1") as no:
        balance(candidates, replace(measured, sides=sides), make_isolating())
    factors, sizes, worst = (np.array(column) for column in zip(*no.value.frontier, strict=True))
    assert factors[0] == 1
    assert sizes[0] == 0
    assert sizes[-1] >= 70
    assert worst[-1] > 0.5


def test_a_cap_that_cannot_hold_names_one_that_can() -> None:
    candidates, measured = make_problem()
    few = replace(candidates, clusters=candidates.clusters % 3)
    with pytest.raises(
        SelectionError, match=r"With 3 clusters among .*--max-cluster-share to 0\.34"
    ):
        balance(few, measured, make_isolating(selection__max_pairs=80))
    assert balance(few, measured, make_isolating()).n_plain == N


def test_what_grew_unseen_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Questions are turned against words, so that balancing words unbalances them."""
    candidates, measured = make_problem()
    sign = np.where(candidates.flipped, -1, 1)
    chosen, rejected = (side.copy() for side in (measured.sides.chosen, measured.sides.rejected))
    gap = (chosen[:, 2] - rejected[:, 2]) * sign
    centred = gap.mean() - gap
    chosen[:, 3], rejected[:, 3] = centred * sign / 2, -centred * sign / 2
    sides = replace(measured.sides, chosen=chosen, rejected=rejected)
    balance(candidates, replace(measured, sides=sides), make_isolating())
    assert "Isolating empathy made differences larger that it did not hold: questions" in (
        caplog.text
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hold": ["embedding"], "n_directions": 0}, r"'isolation\.n_directions' is 0"),
        ({"hold": ["humour"]}, r"'isolation\.hold' cannot name 'humour'; did you mean 'humor'\?"),
        ({"held_out": ["humor"]}, r"'isolation\.held_out' cannot name 'humor'; known: apologies"),
    ],
)
def test_unknown_names_are_refused(changes: dict[str, Any], message: str) -> None:
    recipe = make_recipe({"values": ["empathy"], "isolation": {"mode": "subset", **changes}})
    with pytest.raises(RecipeError, match=message):
        check_isolation(recipe, LABELS)


def test_weights_take_no_largest_size() -> None:
    content = {"values": ["empathy"], "isolation": {"mode": "weights"}}
    recipe = make_recipe(content, {"selection.max_pairs": 10})
    with pytest.raises(RecipeError, match="so they take no --max-pairs"):
        check_isolation(recipe, LABELS)
    check_isolation(make_recipe(content), LABELS)
    check_isolation(make_recipe({"values": ["empathy"]}, {"selection.max_pairs": 10}), LABELS)


def test_a_value_named_like_a_marker_is_refused() -> None:
    recipe = make_recipe({"values": ["empathy"], "isolation": {"mode": "subset"}})
    with pytest.raises(RecipeError, match="A value is named 'hedges', as something else"):
        check_isolation(recipe, (*LABELS, "hedges"))
