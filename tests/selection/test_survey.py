import numpy as np
import pytest
from datasets import Dataset

from valuedata.labelling.labels import Labels
from valuedata.labelling.values import VALUE_NAMES
from valuedata.selection.survey import PUBLISHED, count_values, number_prompts


def make_prompts(*texts: str) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": text}] for text in texts]


def test_prompts_are_numbered_by_all_their_messages() -> None:
    prompts = make_prompts("Hi", "Bye", "Hi")
    prompts.append([{"role": "system", "content": "Hi"}])
    prompts.append([*prompts[0], {"role": "assistant", "content": "Hi"}])
    found = number_prompts(Dataset.from_dict({"prompt": prompts}))
    assert found.tolist() == [0, 1, 0, 2, 3]


def test_values_are_counted_by_sides_and_by_prompts() -> None:
    """Five pairs of three prompts; 1 is expressed, 0 is not."""
    chosen = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]], dtype=np.float32)
    rejected = np.array([[0, 0], [1, 1], [1, 0], [0, 0], [0, 0]], dtype=np.float32)
    labels = Labels(("empathy", "refusal"), chosen, rejected, np.full(2, 0.5, dtype=np.float32))
    found = count_values(labels, np.array([7, 7, 8, 9, 8])).to_json()
    assert found["empathy"] == {
        "chosen_only": 2,
        "rejected_only": 1,
        "both": 1,
        "neither": 1,
        "one_sided": 3,
        "positive_prompts": 2,
        "positive_prompt_share": 0.6667,
        "reaches_500": False,
        "published": {"chosen_only": 31_157, "rejected_only": 35_352, "one_sided": 66_509},
    }
    assert found["refusal"]["one_sided"] == found["refusal"]["positive_prompts"] == 1
    assert found["refusal"]["published"] is None


@pytest.mark.parametrize(
    ("value", "total"),
    [
        ("empathy", 66_509),
        ("honesty", 31_483),
        ("creativity", 30_779),
        ("curiosity", 15_758),
        ("fairness", 12_418),
        ("privacy", 6_425),
        ("humor", 5_211),
        ("deception", 1_780),
        ("violence", 637),
    ],
)
def test_published_sides_give_the_published_total(value, total) -> None:
    assert sum(PUBLISHED[value]) == total
    assert set(PUBLISHED) <= set(VALUE_NAMES)
