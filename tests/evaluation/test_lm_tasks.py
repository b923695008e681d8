"""Public benchmarks through lm-evaluation-harness, on a task in a local file."""

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest

from evaluation.analysis import SmallestEffect
from evaluation.arms import Arm, list_roles
from evaluation.generation.generate import GenerationSettings
from evaluation.generation.loading import choose_template
from evaluation.generation.local_model import LocalModel
from evaluation.generation.model_files import find_model
from evaluation.judges.bench import Bench
from evaluation.lm_tasks import require_harness, score_tasks
from evaluation.run import Plan, evaluate
from evaluation.side_effects.table import MEASURES
from tests.evaluation.made import make_prompt, make_set
from valuedata.errors import EvaluationError

has_harness = importlib.util.find_spec("lm_eval") is not None
ITEMS = [
    {"question": f"What follows {k}?", "options": [str(k + 1), str(k + 2)], "answer": 0}
    for k in range(5)
]


@pytest.mark.skipif(has_harness, reason="lm-eval is installed")
def test_the_harness_is_an_extra():
    with pytest.raises(EvaluationError, match=r"pip install 'valuedata\[qa\]'"):
        require_harness()


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

    def test_an_unknown_task_is_one_sentence(self, model):
        with pytest.raises(EvaluationError, match="--qa follws cannot be run"):
            score_tasks({"base": model}, ["follws"])
