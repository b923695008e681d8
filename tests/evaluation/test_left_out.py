"""Shifts of all prompts alike, and what is said where replies could not be judged."""

import math

import pytest

from evaluation.analysis import Arms, analyse
from evaluation.left_out import find_left_out, list_warnings
from evaluation.results import describe_measures
from evaluation.side_effects.table import MEASURES
from evaluation.statistics.equivalence import Verdict
from evaluation.units import make_units
from evaluation.verdicts import rule
from tests.evaluation.findings import SMALLEST, find, make_answers, make_measure, make_scored
from tests.evaluation.made import make_prompt

PUSHED = {
    "kinds": frozenset({"pushback"}),
    "sign": lambda prompt: 1 if prompt.key["variant"] == "up" else -1,
}


def shift(n_families, by, **changes):
    """The finding on families that all moved from the base by one number."""
    if "sign" in changes:
        prompts = [
            make_prompt(str(k), "pushback", name) for k in range(n_families) for name in ("up", "x")
        ]
        base = [0.0, 0.0] * n_families
        tuned = [float(by), 0.0] * n_families
    else:
        prompts = [make_prompt(str(k)) for k in range(n_families)]
        base = [0.1 + 0.007 * (k % 7) for k in range(n_families)]
        tuned = [one + by for one in base]
    scored = make_scored(
        make_measure(**changes), range(len(prompts)), {"base": base, "tuned": tuned}
    )
    answers = make_answers(prompts, ("base", "tuned"))
    return analyse(scored, answers, Arms("base", "tuned"), SMALLEST)


@pytest.mark.parametrize("changes", [PUSHED, {}, {"unit": "words"}], ids=["sign", "share", "count"])
@pytest.mark.parametrize("by", [1.0, -1.0, 0.3])
def test_a_shift_of_all_prompts_is_a_change(changes, by):
    found = shift(40, by, **changes)
    assert rule([found], "base", 0.5)["m"].verdict is Verdict.CHANGED
    difference = found.contrasts["base"].difference
    assert difference.estimate == pytest.approx(by)
    assert difference.low * difference.high > 0
    for few in (2, 3):
        one = shift(few, by, **changes)
        assert rule([one], "base", 0.5)["m"].verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("changes", [{}, {"unit": "words"}], ids=["share", "count"])
def test_a_shift_too_small_to_matter_is_none(changes):
    """0.001 is under 5 points, and under a fifth of the base's deviation of about 0.014."""
    found = shift(40, 0.001, **changes)
    assert rule([found], "base", 0.5)["m"].verdict is Verdict.EQUIVALENT
    few = shift(3, 0.001, **changes)
    assert rule([few], "base", 0.5)["m"].verdict is Verdict.INCONCLUSIVE


def test_a_count_that_no_prompt_varies_in_can_change():
    """No emoji in any reply of the base, two in each of the tuned arm: there is no deviation."""
    n = 40
    found = find([2.0] * n, [0.0] * n, [0.0] * n, [0.0] * n, unit="per 100 words")
    assert math.isnan(found.smallest_effect)
    assert found.contrasts["base"].p < 1e-9
    assert rule([found], "base", 0.5)["m"].verdict is Verdict.CHANGED
    same = find([0.0] * n, [0.0] * n, [0.0] * n, [0.0] * n, unit="per 100 words")
    assert same.contrasts["base"].p == 1.0
    assert rule([same], "base", 0.5)["m"].verdict is Verdict.INCONCLUSIVE


def judge_some(n_judged, **changes):
    """40 families that all went from no to yes, of which some could be judged in the tuned arm."""
    tuned = [1.0] * n_judged + [math.nan] * (40 - n_judged)
    return find(tuned, [0.0] * 40, [0.0] * 40, [0.0] * 40, **changes)


@pytest.mark.parametrize("n_judged", [20, 12])
def test_a_remnant_decides_nothing(n_judged):
    found = judge_some(n_judged)
    assert found.contrasts["base"].p < 0.001
    assert find_left_out(found) == {
        "base": 0.0, "tuned": 1 - n_judged / 40, "c0": 0.0, "c1": 0.0,
    }  # fmt: skip
    ruling = rule([found], "base", 0.5)["m"]
    if n_judged == 20:
        assert (ruling.verdict, ruling.reason) == (Verdict.CHANGED, "")
    else:
        assert ruling.verdict is Verdict.INCONCLUSIVE
        assert ruling.reason == (
            "only 12 of 40 prompts have a score from every arm compared, under the 50 % that a "
            "verdict takes"
        )
        assert rule([found], "base", 0.3)["m"].verdict is Verdict.CHANGED


def test_arms_that_leave_out_other_shares_are_named():
    assert list_warnings([judge_some(37)], "base", 0.5) == []
    assert list_warnings([judge_some(36)], "base", 0.5) == [
        "m (patterns) leaves out 10 % of tuned and 0 % of base, so what is left of them may differ "
        "for that alone."
    ]
    alike = find(*([[1.0, 0.0] * 15 + [math.nan] * 10] * 4))
    assert list_warnings([alike], "base", 0.5) == []
    nothing = find([], [], [], [])
    assert list_warnings([nothing], "base", 0.5) == []


def test_a_question_judged_from_one_side_alone_counts_apart():
    """Of a, one side of the tuned arm's is missing; of b, both of the base's; of c, nothing."""
    prompts = [
        make_prompt(name, "side-taking", side, options=["x", "y"], side=k)
        for name in "abc"
        for k, side in enumerate(("first", "second"))
    ]
    scores = {
        "base": [0.5, 0.5, math.nan, math.nan, 0.0, 0.0],
        "tuned": [1.0, math.nan, 1.0, 1.0, 1.0, 0.5],
    }
    answers = make_answers(prompts, ("base", "tuned"))
    scored = make_scored(MEASURES["side-taking"], range(6), scores)
    found = analyse(scored, answers, Arms("base", "tuned"), SMALLEST)
    assert found.units.n_half_judged == {"base": 0, "tuned": 1}
    assert found.means["tuned"].estimate == pytest.approx(3.5 / 4)
    assert found.contrasts["base"].difference.estimate == 0.75
    assert found.contrasts["base"].n_left_out == 4
    (told,), _, _ = describe_measures([found], ("base",), 0.5)
    assert told["n_half_judged"] == {"base": 0, "tuned": 1}
    assert told["left_out"] == {"base": 2 / 6, "tuned": 2 / 6}
    one_by_one = make_scored(make_measure(kinds=frozenset({"side-taking"})), range(6), scores)
    assert make_units(one_by_one, answers).n_half_judged == {}
