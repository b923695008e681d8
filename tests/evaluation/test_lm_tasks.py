"""Public benchmarks through lm-evaluation-harness, on a task in a local file."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from evaluation.analysis import SmallestEffect
from evaluation.arms import Arm, list_roles
from evaluation.generation.generate import GenerationSettings
from evaluation.generation.loading import choose_template
from evaluation.generation.local_model import LocalModel
from evaluation.generation.model_files import find_model
from evaluation.judges.bench import Bench
from evaluation.lm_tasks import gather_scores, read_items, require_harness, score_tasks
from evaluation.run import Plan, evaluate
from evaluation.side_effects.table import MEASURES
from tests.evaluation.made import make_prompt, make_set
from valuedata.cli import main
from valuedata.errors import EvaluationError

has_harness = importlib.util.find_spec("lm_eval") is not None
ITEMS = [
    {"question": f"What follows {k}?", "options": [str(k + 1), str(k + 2)], "answer": 0}
    for k in range(5)
]


def test_the_harness_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval", None)  # as where it is not installed
    with pytest.raises(EvaluationError, match=r"pip install 'valuedata\[qa\]'"):
        require_harness()


def make_item(doc, metrics, **changes):
    """An item as the harness logs it."""
    return {"doc_id": doc, "filter": "none", "metrics": list(metrics)} | metrics | changes


def test_an_item_is_scored_by_the_metric_that_is_right_or_wrong():
    samples = {
        "one": [
            make_item(0, {"f1": (1, 0), "acc": 1.0}),
            make_item(1, {"acc_norm": np.float64(1), "acc": 0}),
            make_item(0, {"acc": 0.0}, filter="second"),  # the first reading counts
        ],
        "two": [
            make_item(0, {"exact_match": True, "bleu": ("a", "b")}),
            make_item(1, {"mc2": 0.25}),
        ],
    }
    assert read_items("both", samples) == {
        "one/0": 1.0, "one/1": 0.0, "two/0": 1.0, "two/1": 0.25,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"f1": (1, 0)}, "a tuple by 'f1'"),
        ({"word_perplexity": (-12.5, 3)}, "a tuple by 'word_perplexity'"),
        ({("acc", "none"): "yes"}, "a str by ('acc', 'none')"),
        ({"bypass": 999}, "999 by 'bypass'"),
        ({"judged": float("nan")}, "nan by 'judged'"),
        ({}, "no metric"),
    ],
)
def test_what_is_no_score_of_an_item_is_one_sentence(metrics, told):
    with pytest.raises(EvaluationError) as caught:
        read_items("wikitext", {"wikitext": [make_item(0, metrics)]})
    assert str(caught.value) == (
        f"--qa wikitext gives an item {told}, which is no score from 0 to 1, so arms cannot be "
        "compared item by item; give tasks that report acc or exact_match."
    )


def test_items_become_measures_that_share_one_table():
    found = {
        "sums": {"base": {"s/0": 1.0, "s/1": 0.0}, "tuned": {"s/0": 1.0, "s/1": 1.0}},
        "words": {"base": {"w/0": 0.5}, "tuned": {"w/0": 0.0}},
    }
    (sums, words), answers = gather_scores(found)
    assert (sums.measure.name, sums.measure.meaning) == ("qa-sums", "accuracy on sums")
    assert (sums.rows.tolist(), words.rows.tolist()) == ([0, 1], [2])
    assert sums.scores["tuned"].tolist() == [1.0, 1.0]
    assert words.scores["base"].tolist() == [0.5]
    assert [slot.prompt.prompt_id for slot in answers.slots] == ["s/0", "s/1", "w/0"]
    assert answers.arms == ("base", "tuned")
    nothing, no_answers = gather_scores({})
    assert (nothing, no_answers.slots, no_answers.arms) == ([], [], ())


@pytest.mark.parametrize(
    ("by_arm", "sentence"),
    [
        ({"base": {"s/0": 1.0}, "tuned": {"s/1": 1.0}}, "gave the arms different items; run"),
        ({"base": {}, "tuned": {}}, "has no items; give another task"),
    ],
)
def test_arms_must_have_answered_the_same_items(by_arm, sentence):
    with pytest.raises(EvaluationError, match=f"--qa sums {sentence}"):
        gather_scores({"sums": by_arm})


@pytest.mark.skipif(not has_harness, reason="needs the extra qa (lm-eval)")
@pytest.mark.filterwarnings("ignore")  # the harness's own
class TestHarness:
    @pytest.fixture
    def model(self, tiny_model):
        files = find_model(str(tiny_model))
        return LocalModel(files, choose_template({"arm": files}, None), "cpu")

    @pytest.fixture
    def task(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
        path = tmp_path / "items.jsonl"
        path.write_text("".join(json.dumps(item) + "\n" for item in ITEMS), encoding="utf-8")
        return {
            "task": "follows",
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(path)}},
            "test_split": "test",
            "output_type": "multiple_choice",
            "doc_to_text": "{{question}}",
            "doc_to_choice": "{{options}}",
            "doc_to_target": "{{answer}}",
            "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        }

    def test_items_are_scored_as_the_model_weighs_them(self, model, task):
        require_harness()
        (found,), answers = score_tasks({"base": model, "tuned": model}, [task])
        assert found.measure.name == "qa-follows"
        assert [slot.prompt.prompt_id for slot in answers.slots] == [
            f"follows/{k}" for k in range(5)
        ]
        assert found.scores["base"].tolist() == found.scores["tuned"].tolist()
        assert set(found.scores["base"].tolist()) <= {0.0, 1.0}
        assert np.array_equal(found.rows, np.arange(5))
        (fewer,), _ = score_tasks({"base": model}, [task], limit=2)
        assert fewer.scores["base"].tolist() == found.scores["base"].tolist()[:2]

    def test_an_evaluation_takes_them(self, model, task, tmp_path, monkeypatch):
        monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "cache"))
        prompts = make_set(*(make_prompt(str(k)) for k in range(3)))
        arms = (Arm("base", "base", "m"), Arm("tuned", "tuned", "m"))
        plan = Plan(
            arms=arms,
            roles=list_roles(arms),
            generators={"base": model, "tuned": model},
            sets=[prompts],
            measures=[MEASURES["style-words"]],
            settings=GenerationSettings(max_tokens=2),
            smallest=SmallestEffect(0.05, 0.2),
            tasks=[task],
        )
        content = evaluate(plan, Bench(("base", "tuned")), tmp_path / "out")
        found = {one["measure"]: one for one in content["measures"]}
        assert found["qa-follows"]["contrasts"]["base"]["difference"]["estimate"] == 0.0
        assert found["qa-follows"]["n_scores"] == 5
        assert [one["name"] for one in content["dimensions"]] == ["style", "capability"]
        elsewhere = replace(plan, generators={"base": model})
        with pytest.raises(EvaluationError, match="tuned is none; leave --qa out"):
            evaluate(elsewhere, Bench(("base", "tuned")), tmp_path / "other")

    def test_figures_of_a_whole_task_are_one_sentence(self, model, task):
        whole = task | {"metric_list": [{"metric": "f1", "aggregation": "f1"}]}
        with pytest.raises(EvaluationError, match="--qa follows gives an item a tuple by 'f1'"):
            score_tasks({"base": model}, [whole])

    def test_a_task_whose_file_is_gone_is_one_sentence(self, model, task):
        gone = task | {"dataset_kwargs": {"data_files": {"test": "absent.jsonl"}}}
        with pytest.raises(EvaluationError, match=r"--qa follows cannot be run \(Unable to find"):
            score_tasks({"base": model}, [gone])

    def test_the_command_takes_a_task_in_a_file(self, tiny_model, task, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "cache"))
        Path("follows.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
        words = ["evaluate", "--base", tiny_model, "--tuned", tiny_model, "--prompts", "pushback",
                 "--judge", "patterns", "--max-tokens", "2", "--qa", "follows.yaml",
                 "--out", "out", "--json"]  # fmt: skip
        result = CliRunner().invoke(main, [str(word) for word in words], prog_name="valuedata")
        assert result.exit_code == 0, result.output
        found = {one["measure"]: one for one in json.loads(result.stdout)["measures"]}
        assert found["qa-follows.yaml"]["n_scores"] == 5

    def test_an_unknown_task_is_one_sentence(self, model):
        with pytest.raises(EvaluationError, match="--qa follws cannot be run"):
            score_tasks({"base": model}, ["follws"])
