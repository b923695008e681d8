"""A value file with its examples is read as written, and wrong ones are refused in one sentence."""

import json
from pathlib import Path

import pytest
import yaml

from valuedata.errors import RecipeError
from valuedata.labelling.fitting.own_values import load_own_value
from valuedata.labelling.readings import Reading

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "epistemic-humility.yaml"


def make_examples(n_true=10, n_false=10):
    return [
        {"prompt": f"Question {row}?", "reply": f"Answer {row}.", "expresses": row < n_true}
        for row in range(n_true + n_false)
    ]


def write(folder, **changes):
    content = {
        "name": "warmth",
        "branch": "social",
        "valence": "positive",
        "definition": "The reply is warm.",
        "not": "Being polite.",
        "examples": make_examples(),
        **changes,
    }
    content = {key: value for key, value in content.items() if value is not None}
    path = folder / "warmth.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_packaged_example_is_a_value():
    own = load_own_value(EXAMPLE)
    assert (own.definition.name, own.definition.kind) == ("epistemic-humility", "value")
    assert len(own.readings) == len(own.truth) == 26 * 2 + 56
    assert sum(own.truth) == 44


def test_examples_pairs_and_a_file_beside_it_come_together(tmp_path):
    pair = {
        "prompt": " Why? ",
        "chosen": "Cold.",
        "rejected": "Warm.",
        "chosen_expresses": False,
        "rejected_expresses": True,
    }
    example = {"prompt": "Why not?", "reply": "Warm too.", "expresses": True}
    rows = [json.dumps({**pair, "prompt": "Where?"}), "", json.dumps(example)]
    (tmp_path / "more.jsonl").write_text("\n".join(rows), encoding="utf-8")
    own = load_own_value(write(tmp_path, pairs=[pair], examples_file="more.jsonl"))
    assert own.definition.does_not_count == "Being polite."
    assert own.readings[20:] == (
        Reading("Why?", "Cold."),
        Reading("Why?", "Warm."),
        Reading("Where?", "Cold."),
        Reading("Where?", "Warm."),
        Reading("Why not?", "Warm too."),
    )
    assert own.truth[20:] == (False, True, False, True, True)


TWICE = [*make_examples(), {**make_examples()[0], "expresses": False}]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "honesty"}, "has the name 'honesty', which valuedata has itself; .*'my-honesty'"),
        ({"name": "all"}, "has the name 'all', which valuedata has itself"),
        ({"name": "My Value"}, "has the name 'My Value'; write lower-case words joined by hyphens"),
        ({"name": "a" * 101}, "wrong 'name': String should have at most 100 characters"),
        ({"name": None}, "lacks 'name'; add it"),
        ({"branch": "personally"}, "wrong 'branch'"),
        ({"branch": None}, "a value has a branch and a valence"),
        ({"kind": "behaviour"}, "wrong 'kind'"),
        ({"example": []}, "unknown key 'example'; did you mean 'examples'"),
        ({"examples": make_examples(9, 10)}, "labels 19 replies; label at least 20, about half"),
        ({"examples": make_examples(20, 0)}, "that do not express it to 0 prompts; .* at least 5"),
        ({"examples": make_examples(4, 20)}, "that express it to 4 prompts; .* at least 5"),
        ({"examples": TWICE}, "reply 'Answer 0.' to 'Question 0\\?' twice, once as true and once"),
        ({"examples": make_examples() * 2}, "twice, alike; remove one"),
        ({"examples": [{"prompt": "a", "reply": "b", "expresses": "yes"}]}, "'examples.0.expres"),
        ({"examples": [{"prompt": "a", "expresses": True}]}, "lacks 'examples.0.reply'"),
        ({"examples_file": "../gold.jsonl"}, "names the examples '../gold.jsonl' outside"),
        ({"examples_file": "/gold.jsonl"}, "names the examples '/gold.jsonl' outside"),
        ({"examples_file": "a\0b"}, "wrong 'examples_file'"),
        ({"examples_file": "none.jsonl"}, "none.jsonl cannot be read \\(No such file"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, changes, sentence):
    with pytest.raises(RecipeError, match=sentence):
        load_own_value(write(tmp_path, **changes))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"{", "line 1 is not valid JSON"),
        (b"[]", "line 1 is not a JSON object"),
        (
            b'{"prompt": "a", "reply": "b"}',
            "line 1 lacks 'expresses'; a row has prompt, reply, exp",
        ),
        (b'{"prompt": "a"}', "line 1 lacks 'chosen'"),
        (b'{"prompt": "", "reply": "b", "expresses": true}', "line 1 has a wrong 'prompt'"),
        (
            b'{"prompt": "a", "reply": "b", "express": 1, "expresses": true}',
            "unknown key 'express'; did you mean 'expresses'",
        ),
        pytest.param(b"[" * 100_000, "line 1 is nested too deep", id="deep"),
        pytest.param(b"9" * 5_000, "line 1 holds a number of too many digits", id="digits"),
        (b"\xff", "cannot be read \\(not UTF-8\\)"),
    ],
)
def test_a_wrong_line_is_refused(tmp_path, line, sentence):
    (tmp_path / "more.jsonl").write_bytes(line)
    with pytest.raises(RecipeError, match=sentence):
        load_own_value(write(tmp_path, examples_file="more.jsonl"))


def test_long_texts_are_quoted_short(tmp_path):
    example = {"prompt": "p", "reply": "word " * 50, "expresses": True}
    path = write(tmp_path, examples=[*make_examples(), example, example])
    with pytest.raises(RecipeError, match=r"'(word ){7}word…' to 'p' twice"):
        load_own_value(path)
