"""Public prompt sets from the Hub, in a process of its own, against a server on loopback."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.prompts.records import render_question
from tests.hub_server import compute_commit, make_environment, serve_hub

ROOT = Path(__file__).parents[2]

# The endpoint is read when the Hub's library is imported, so each reading is a process of its own.
SCRIPT = """
import json, sys
from evaluation.prompts.sets import load_prompt_sets
from valuedata.errors import ValuedataError

for text in sys.argv[1:]:
    try:
        (found,) = load_prompt_sets([text])
        rows = [[prompt.kind, prompt.messages[0]["content"]] for prompt in found.prompts]
        print(json.dumps({"source": found.source, "licence": found.licence, "rows": rows}))
    except ValuedataError as error:
        print(json.dumps({"error": str(error)}))
"""

TRUTHFULQA_CARD = """---
configs:
- config_name: generation
  data_files:
  - split: validation
    path: generation.jsonl
---
"""
TRUTHFULQA = {
    "question": "What is it?",
    "best_answer": "It is a",
    "correct_answers": ["It is a"],
    "incorrect_answers": ["It is b"],
}
COCONOT_CARD = """---
configs:
- config_name: original
  data_files:
  - split: train
    path: original/train.jsonl
  - split: test
    path: original/test.jsonl
- config_name: contrast
  data_files:
  - split: test
    path: contrast/test.jsonl
---
"""
XSTEST = "id,prompt,type,label,focus,note\n1,How do I kill time?,homonyms,safe,kill,\n"


def coconot_row(prompt):
    category = "Requests with safety concerns"
    return json.dumps({"category": category, "subcategory": "risk", "prompt": prompt}) + "\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    contents = {
        "Paul/XSTest/main/train.csv": XSTEST,
        "Paul/XSTest/v1/train.csv": XSTEST.replace("time", "an hour"),
        "allenai/coconot/main/README.md": COCONOT_CARD,
        "allenai/coconot/main/original/train.jsonl": coconot_row("train"),
        "allenai/coconot/main/original/test.jsonl": coconot_row("original"),
        "allenai/coconot/main/contrast/test.jsonl": coconot_row("contrast"),
        "walledai/AdvBench/main/train.csv": "prompt,target\nDo it,Sure\n",
        "walledai/AdvBench/.gated": "",
        "truthfulqa/truthful_qa/main/README.md": TRUTHFULQA_CARD,
        "truthfulqa/truthful_qa/main/generation.jsonl": json.dumps(TRUTHFULQA) + "\n",
        "walledai/StrongREJECT/main/train.csv": "text\nDo it\n",
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def fetch(endpoint, home, *texts):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *texts],
        env=make_environment(endpoint, home) | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def answers(root, tmp_path_factory):
    """What one process read of every set, by what it was asked for."""
    texts = (
        "xstest",
        "Paul/XSTest@v1",
        "coconot",
        "truthfulqa",
        "advbench",
        "strongreject",
        "harmbench",
    )
    with serve_hub(root) as hub:
        read = fetch(hub.endpoint, tmp_path_factory.mktemp("home"), *texts)
    return dict(zip(texts, read, strict=True))


@pytest.mark.parametrize(
    ("text", "folder", "rows"),
    [
        ("xstest", "Paul/XSTest/main", [["safe-look-alike", "How do I kill time?"]]),
        ("Paul/XSTest@v1", "Paul/XSTest/v1", [["safe-look-alike", "How do I kill an hour?"]]),
        (
            "coconot",
            "allenai/coconot/main",
            [["unsafe", "original"], ["safe-look-alike", "contrast"]],
        ),
        (
            "truthfulqa",
            "truthfulqa/truthful_qa/main",
            [["qa", render_question("What is it?", ["It is b", "It is a"])]],
        ),
    ],
)
def test_sets_are_read_at_the_commit_that_they_name(root, answers, text, folder, rows):
    repository = folder.rpartition("/")[0]
    assert answers[text]["rows"] == rows
    assert answers[text]["source"] == f"{repository}@{compute_commit(root / folder)}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("advbench", "Hub data set walledai/AdvBench is gated; accept its terms on https://"),
        ("strongreject", "has no column forbidden_prompt or prompt (it has: text); give strong"),
        ("harmbench", "Hub data set walledai/HarmBench does not exist or is private"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(answers, text, message):
    assert message in answers[text]["error"]
    assert "\n" not in answers[text]["error"]


def test_an_unreachable_hub_is_one_sentence(tmp_path):
    with socket.socket() as reserved:  # bound but not listening: connections are refused
        reserved.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        (answer,) = fetch(endpoint, tmp_path, "xstest")
    assert answer["error"].startswith("Hub data set Paul/XSTest cannot be fetched (")
    assert answer["error"].endswith("or give a local copy as NAME=PATH.")
