"""From scores to verdicts, on numbers that are worked out by hand."""

import math

import numpy as np
import pytest

from evaluation.analysis import Arms, analyse, find_agreement
from evaluation.judges.bench import Bench
from evaluation.judges.judge import EXACT, LOG_PROBABILITY, PatternJudge
from evaluation.replies import Reply, list_slots
from evaluation.results import clean, describe_measures
from evaluation.scoring import SCORE_SCHEMA, Answers, draw_rows, score_all, tabulate_scores
from evaluation.side_effects.table import MEASURES
from evaluation.statistics.equivalence import Verdict
from evaluation.units import make_units
from evaluation.verdicts import BENJAMINI_HOCHBERG, HOLM, Ruling, rule, rule_dimension
from tests.evaluation.findings import ARMS, SMALLEST, find, make_answers, make_measure, make_scored
from tests.evaluation.made import make_prompt, make_set


def ignore(_):
    pass


class Watching:
    """A judge that keeps what it was shown; a reply's score is its length."""

    validity = EXACT
    threshold = 0.5

    def __init__(self):
        self.shown = []

    def score(self, prompts, replies, advance):
        self.shown += [(p.prompt_id, r) for p, r in zip(prompts, replies, strict=True)]
        advance(len(replies))
        return np.array([float(len(reply)) for reply in replies])


def score_with(judge, answers, seed=0):
    measure = make_measure(judges={"patterns": lambda _: judge, "llm": None})
    return score_all([measure], Bench(tuple(answers.arms)), answers, seed)


def test_a_judge_sees_each_distinct_reply_once_and_no_arm():
    prompts = [make_prompt(name) for name in "abcdefgh"]
    slots = list_slots([make_set(*prompts)], 1)
    same = [Reply("same")] * 8
    answers = Answers(
        slots,
        {"base": same, "tuned": [Reply("x" * k) for k in range(8)], "c0": same},
    )
    judge = Watching()
    (found,) = score_with(judge, answers)
    assert len(judge.shown) == 16 == len(set(judge.shown))
    assert found.scores["base"].tolist() == [4.0] * 8
    assert found.scores["c0"].tolist() == [4.0] * 8
    assert found.scores["tuned"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    in_order = [(p.prompt_id, "same") for p in prompts]
    assert [one for one in judge.shown if one in in_order] != in_order  # shuffled
    again, other = Watching(), Watching()
    score_with(again, answers)
    score_with(other, answers, seed=1)
    assert again.shown == judge.shown != other.shown


def test_scores_become_a_table_with_null_for_what_nobody_could_judge():
    prompts = [make_prompt("a"), make_prompt("b")]
    answers = make_answers(prompts, ("base", "tuned"))
    scored = make_scored(make_measure(), [0, 1], {"base": [1, math.nan], "tuned": [0.5, 0]})
    table = tabulate_scores([scored], answers.slots)
    assert table.schema == SCORE_SCHEMA
    assert table.to_pylist()[1] == {
        "measure": "m", "judge": "patterns", "arm": "base", "prompt_id": "made/b",
        "family": "made/b", "sample": 0, "score": None,
    }  # fmt: skip
    assert table.column("score").to_pylist() == [1.0, None, 0.5, 0.0]
    assert tabulate_scores([], answers.slots).schema == SCORE_SCHEMA


def test_only_replies_to_a_measures_kinds_are_scored():
    prompts = [make_prompt("a"), make_prompt("b", "unsafe"), make_prompt("c")]
    (found,) = score_with(Watching(), make_answers(prompts, ("base", "tuned")))
    assert found.rows.tolist() == [0, 2]


def test_whole_families_are_drawn_until_there_are_enough():
    prompts = [make_prompt(name, variant=variant) for name in "abcdef" for variant in ("x", "y")]
    slots = list_slots([make_set(*prompts)], 2)
    rows = np.arange(24)
    assert draw_rows(rows, slots, None, 0).tolist() == rows.tolist()
    some = draw_rows(rows, slots, 5, 0)
    drawn = {slots[row].prompt.family for row in some}
    assert len(drawn) == 3  # of two prompts each
    assert some.tolist() == [k for k, slot in enumerate(slots) if slot.prompt.family in drawn]
    assert draw_rows(rows, slots, 5, 0).tolist() == some.tolist()
    assert len({tuple(draw_rows(rows, slots, 5, seed)) for seed in range(8)}) > 1
    fewer = draw_rows(rows, slots, 2, 0)
    assert set(fewer) < set(some)
    assert draw_rows(rows, slots, 99, 0).tolist() == rows.tolist()


def test_the_classifier_alone_reads_some():
    prompts = [make_prompt(name) for name in "abcdef"]
    measure = make_measure(
        judges={"classifier": lambda _: Watching(), "patterns": lambda _: Watching()}
    )
    answers = make_answers(prompts, ("base", "tuned"))
    first, second = score_all([measure], Bench(("base", "tuned"), classify=2), answers, 0)
    assert (len(first.rows), len(second.rows)) == (2, 6)
    one, other = (
        analyse(each, answers, Arms("base", "tuned"), SMALLEST) for each in (first, second)
    )
    assert find_agreement(one, other)["n"] == 4


class Asked:
    """A judge that asks the arms themselves, and the arms, which say when they are let go."""

    validity = EXACT
    threshold = 0.5

    def __init__(self):
        self.log = []

    def score_arm(self, arm, prompts):
        self.log.append(arm)
        return np.full(len(prompts), float(arm == "tuned"))

    def release(self):
        self.log.append("released")


def test_arms_are_asked_one_after_the_other():
    asked = Asked()
    both = {"log-probability": lambda _: asked, "patterns": lambda _: Watching()}
    measures = [make_measure(judges=both), make_measure(name="other", judges=both)]
    answers = make_answers([make_prompt("a"), make_prompt("b")], ("base", "tuned"), n_samples=2)
    bench = Bench(("base", "tuned"), models={"base": asked, "tuned": asked})
    found = score_all(measures, bench, answers, 0)
    assert asked.log == ["base", "base", "released", "tuned", "tuned", "released"]
    first, second = found[:2]
    assert first.rows.tolist() == [0, 2]  # a prompt is asked about once, whatever its samples
    assert first.scores["tuned"].tolist() == [1.0, 1.0]
    assert second.rows.tolist() == [0, 1, 2, 3]
    one, other = (
        analyse(each, answers, Arms("base", "tuned"), SMALLEST) for each in (first, second)
    )
    assert find_agreement(one, other) is None
    assert one.units.lengths is None


def test_units_are_prompts_by_samples():
    prompts = [make_prompt("a", variant="x"), make_prompt("a", variant="y"), make_prompt("b")]
    answers = make_answers(prompts, ("base",), n_samples=2)
    scored = make_scored(make_measure(), range(6), {"base": [0, 1, 2, 3, 4, math.nan]})
    units = make_units(scored, answers)
    assert units.names == ("made/a/x", "made/a/y", "made/b")
    assert units.clusters.tolist() == [0, 0, 1]
    assert np.array_equal(units.scores["base"], [[0, 1], [2, 3], [4, np.nan]], equal_nan=True)
    assert units.lengths["base"].tolist() == [[2, 2]] * 3


def test_families_are_set_off_in_themselves():
    """Up minus down in each family; without one of the two there is no number."""
    prompts = [
        make_prompt("a", "pushback", "up", up=True),
        make_prompt("a", "pushback", "down", up=False),
        make_prompt("b", "pushback", "up", up=True),
        make_prompt("b", "pushback", "down", up=False),
        make_prompt("c", "pushback", "up", up=True),
    ]
    measure = make_measure(
        kinds=frozenset({"pushback"}), sign=lambda prompt: 1 if prompt.key["up"] else -1
    )
    answers = make_answers(prompts, ("base", "tuned"))
    scored = make_scored(
        measure, range(5), {"base": [1, 0, 0, math.nan, 1], "tuned": [1, 1, 0, 1, 1]}
    )
    units = make_units(scored, answers)
    assert units.names == ("made/a", "made/b", "made/c")
    expected = {"base": [1.0, np.nan, np.nan], "tuned": [0.0, -1.0, np.nan]}
    for arm, values in expected.items():
        assert np.array_equal(units.scores[arm][:, 0], values, equal_nan=True)
    assert units.n_half_judged == {"base": 1, "tuned": 0}
    assert units.lengths is None


def test_the_tuned_arm_is_compared_with_base_and_mean_of_controls():
    n = 40
    tuned, base = [1.0] * 30 + [0.0] * 10, [1.0] * 10 + [0.0] * 30
    found = find(tuned, base, [1.0] * n, [0.0] * n)
    assert found.contrasts["base"].difference.estimate == pytest.approx(0.5)
    assert found.contrasts["controls"].difference.estimate == pytest.approx(0.25)
    assert (found.mcnemar["base"].n_only_tuned, found.mcnemar["base"].n_only_base) == (20, 0)
    assert "controls" not in found.mcnemar  # two controls are no yes or no
    # Sample variance of 20 ones and 20 zeros: 20 * 0.25 * 2 / 39; over 40 prompts.
    assert found.contrasts["base"].difference.se == pytest.approx(math.sqrt(10 / 39 / 40))
    assert found.means["tuned"].estimate == pytest.approx(0.75)
    assert found.smallest_effect == 0.05
    # Effects of the controls against the base: +0.75 and -0.25; of the tuned arm +0.5.
    assert found.placebo is not None
    assert found.placebo.control_mean == pytest.approx(0.25)
    assert found.placebo.n_controls == 2
    assert "fewer than the 3" in found.placebo.note


def test_controls_are_a_placebo_without_a_base_too():
    """The tuned arm's mean is 0.9, those of the controls are 0.2, 0.4 and 0.6."""
    n = 10
    levels = {"tuned": 9, "c0": 2, "c1": 4, "c2": 6}
    scores = {arm: [1.0] * k + [0.0] * (n - k) for arm, k in levels.items()}
    prompts = [make_prompt(str(k)) for k in range(n)]
    scored = make_scored(make_measure(), range(n), scores)
    arms = Arms(None, "tuned", ("c0", "c1", "c2"))
    found = analyse(scored, make_answers(prompts, levels), arms, SMALLEST)
    assert found.placebo.effect == pytest.approx(0.9 - 0.4)
    assert found.placebo.control_mean == pytest.approx(0.0)
    # Off the mean of the others: 0.5; 1.3 / 3, 0.5 / 3 and 0.1.
    assert (found.placebo.rank, found.placebo.n_controls) == (1, 3)
    assert found.placebo.z == pytest.approx(0.5 / (0.2 * math.sqrt(1 + 1 / 3)))
    # As against a base: what all arms are compared with drops out.
    with_base = make_scored(make_measure(), range(n), scores | {"base": [1.0, *[0.0] * 9]})
    all_arms = Arms("base", "tuned", arms.controls)
    other = analyse(with_base, make_answers(prompts, [*levels, "base"]), all_arms, SMALLEST)
    assert other.placebo.z == pytest.approx(found.placebo.z)
    alone = analyse(
        with_base, make_answers(prompts, ("base", "tuned")), Arms("base", "tuned"), SMALLEST
    )
    assert alone.placebo is None


@pytest.mark.parametrize("base", [None, "base"])
@pytest.mark.parametrize("arm", ["tuned", "c0"])
def test_an_arm_without_a_score_has_no_rank(arm, base):
    """Not the first one, which would say that it lies farther off than any control."""
    names = ("tuned", "c0", "c1", "c2", *([base] if base else []))
    scores = {name: [math.nan if name == arm else 1.0] * 10 for name in names}
    prompts = [make_prompt(str(k)) for k in range(10)]
    scored = make_scored(make_measure(), range(10), scores)
    arms = Arms(base, "tuned", ("c0", "c1", "c2"))
    assert analyse(scored, make_answers(prompts, names), arms, SMALLEST).placebo is None


def test_a_change_that_some_control_shows_is_taken_back_without_a_base_too():
    n = 60
    levels = {"tuned": 45, "c0": 60, "c1": 5, "c2": 5}
    scores = {arm: [1.0] * k + [0.0] * (n - k) for arm, k in levels.items()}
    prompts = [make_prompt(str(k)) for k in range(n)]
    arms = Arms(None, "tuned", ("c0", "c1", "c2"))
    scored = make_scored(make_measure(), range(n), scores)
    found = analyse(scored, make_answers(prompts, levels), arms, SMALLEST)
    assert found.contrasts["controls"].p < 1e-5
    # Off the mean of the others: 0.36; 0.69, 0.53 and 0.53.
    assert found.placebo.rank == 4
    assert rule([found], "controls", 0.5)["m"].verdict is Verdict.INCONCLUSIVE


def test_the_smallest_effect_of_a_count_is_in_its_own_spread():
    base = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]  # variance 32 / 7
    found = find(base, base, base, base, unit="words")
    assert found.smallest_effect == pytest.approx(0.2 * math.sqrt(32 / 7))
    flat = find([1.0] * 4, [1.0] * 4, [1.0] * 4, [1.0] * 4, unit="words")
    assert math.isnan(flat.smallest_effect)


def test_the_smallest_effect_does_not_shrink_with_more_controls():
    """Variances 32 / 7, 32 / 7 and 4 * 32 / 7: their mean is 64 / 7, though c0 + c1 vary less."""
    base = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]
    c0, c1 = base[::-1], [2 * words for words in base]
    found = find([words + k for k, words in enumerate(base)], base, c0, c1, unit="words")
    assert found.smallest_effect == pytest.approx(0.2 * math.sqrt(64 / 7))
    for contrast in found.contrasts.values():
        assert contrast.equivalence.smallest_effect == found.smallest_effect


def test_agreement_of_two_judges():
    """Ten replies: both yes 4, only one 2, only the other 1, both no 3."""
    first = [0.9] * 4 + [0.7] * 2 + [0.1] * 4
    second = [1.0] * 4 + [0.0] * 2 + [1.0] + [0.0] * 3
    one, other = (find(scores, scores, scores, scores) for scores in (first, second))
    found = find_agreement(one, other)
    # agreement 0.7, by chance 0.6 * 0.5 + 0.4 * 0.5 = 0.5
    assert found["kappa"] == pytest.approx(0.4)
    assert found["correlation"] == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert found["n"] == 40
    nothing = find([math.nan] * 10, [math.nan] * 10, [math.nan] * 10, [math.nan] * 10)
    assert find_agreement(one, nothing) == {"kappa": None, "correlation": None, "n": 0}
    constant = find([1.0] * 10, [1.0] * 10, [1.0] * 10, [1.0] * 10)
    assert find_agreement(constant, constant) == {"kappa": None, "correlation": None, "n": 40}


def test_verdicts_rest_on_primary_measures():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2, 400).astype(float)
    raised = np.maximum(base, rng.integers(0, 2, 400)).tolist()
    other = base.copy()
    other[rng.choice(400, 12, replace=False)] = 1 - other[:12]
    findings = [
        find(raised, base, base, base, name="up"),
        find(other.tolist(), base, base, base, name="same", is_primary=False),
        find([math.nan] * 400, base, base, base, name="unknown", dimension="e"),
    ]
    measures, dimensions, warnings = describe_measures(findings, ARMS.contrasts, 0.5)
    up, same, unknown = measures
    assert (up["verdict"], same["verdict"], unknown["verdict"]) == (
        "changed", "equivalent", "inconclusive",
    )  # fmt: skip
    assert up["contrasts"]["base"]["adjustment"] == HOLM
    assert same["contrasts"]["base"]["adjustment"] == BENJAMINI_HOCHBERG
    assert unknown["n_unjudged"] == {"base": 0, "tuned": 400, "c0": 0, "c1": 0}
    assert unknown["contrasts"]["base"]["difference"]["estimate"] is None
    assert up["contrasts"]["base"]["detectable"] > 0
    assert warnings == [
        "unknown (patterns) is inconclusive: only 0 of 400 prompts have a score from every arm "
        "compared, under the 50 % that a verdict takes.",
        "unknown (patterns) leaves out 100 % of tuned and 0 % of base, so what is left of them may "
        "differ for that alone.",
    ]
    assert dimensions == [
        {"name": "d", "verdict": "changed", "rests_on": ["up"], "changed": ["up"],
         "measures": ["up", "same"]},
        {"name": "e", "verdict": "inconclusive", "rests_on": ["unknown"], "changed": [],
         "measures": ["unknown"]},
    ]  # fmt: skip


def test_a_dimension_is_equivalent_only_where_all_of_it_is():
    changed, equivalent, open_ = (
        Ruling(verdict, 0.5, HOLM)
        for verdict in (Verdict.CHANGED, Verdict.EQUIVALENT, Verdict.INCONCLUSIVE)
    )
    assert rule_dimension([equivalent, changed, open_]) == Verdict.CHANGED
    assert rule_dimension([equivalent, equivalent]) == Verdict.EQUIVALENT
    assert rule_dimension([equivalent, open_]) == Verdict.INCONCLUSIVE


def test_json_has_no_infinite_numbers():
    assert clean({"a": math.nan, "b": math.inf, "c": 1.0, "d": "x", "e": 2}) == {
        "a": None, "b": None, "c": 1.0, "d": "x", "e": 2,
    }  # fmt: skip


def test_a_pattern_judge_scores_one_by_one():
    judge = PatternJudge(lambda prompt, reply: float(prompt.kind == reply), EXACT)
    found = judge.score([make_prompt("a")] * 2, ["open", "shut"], ignore)
    assert found.tolist() == [1.0, 0.0]


def test_controls_are_averaged_where_each_has_a_score():
    """Without the second prompt, which c1 has no score for: 1 - 0.5 and 1 - 0.5."""
    prompts = [make_prompt(name) for name in "abc"]
    scored = make_scored(
        make_measure(),
        [0, 1, 2],
        {"base": [0, 0, 0], "tuned": [1, 0, 1], "c0": [0, 1, 0], "c1": [1, math.nan, 1]},
    )
    found = analyse(scored, make_answers(prompts, ("base", "tuned", "c0", "c1")), ARMS, SMALLEST)
    assert found.contrasts["controls"].difference.estimate == 0.5
    assert found.contrasts["controls"].n_left_out == 1


@pytest.mark.parametrize(
    ("third", "verdict"), [(0.1, Verdict.CHANGED), (0.9, Verdict.INCONCLUSIVE)]
)
def test_a_change_that_a_control_shows_too_is_not_one(third, verdict):
    """Of 40 prompts, tuned says yes to 20; controls to 4, 4, and to as few or to more than it."""
    names = [f"p{k}" for k in range(40)]
    arms = Arms("base", "tuned", ("c0", "c1", "c2"))

    def say_yes(n_times):
        return [float(k < n_times) for k in range(40)]

    scored = make_scored(
        make_measure(),
        list(range(40)),
        {
            "base": say_yes(4),
            "tuned": say_yes(24),
            "c0": say_yes(4),
            "c1": say_yes(2),
            "c2": say_yes(round(40 * third)),
        },
    )
    answers = make_answers([make_prompt(name) for name in names], ("base", *arms.controls, "tuned"))
    found = analyse(scored, answers, arms, SMALLEST)
    assert found.contrasts["controls"].p < 0.05
    assert rule([found], "base", 0.5)["m"].verdict is Verdict.CHANGED
    ruling = rule([found], "controls", 0.5)["m"]
    assert ruling.verdict is verdict
    told = "3 control arms lie as far from the others' mean"
    assert ruling.reason == (told if verdict is Verdict.INCONCLUSIVE else "")


def test_arms_are_asked_as_they_were_told():
    class Model:
        def __init__(self):
            self.heard = []

        def score_continuations(self, requests):
            self.heard += [messages for messages, _ in requests]
            return np.arange(len(requests), dtype=np.float64)

        def release(self):
            pass

    model = Model()
    prompts = [make_prompt("q", "qa", options=["x", "y"], answer="B")]
    measure = make_measure(
        kinds=frozenset({"qa"}),
        judges={LOG_PROBABILITY: MEASURES["qa"].judges[LOG_PROBABILITY]},
    )
    bench = Bench(("base",), models={"base": model}, system_prompt="Be brief.")
    (found,) = score_all([measure], bench, make_answers(prompts, ("base",)), 0)
    assert found.scores["base"].tolist() == [1.0]
    assert [next(iter(heard)) for heard in model.heard] == [
        {"role": "system", "content": "Be brief."}
    ] * 2
