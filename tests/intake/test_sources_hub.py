"""Reading from the Hub in a process of its own, against a server on loopback."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hub_server import compute_commit, make_environment, serve_hub

ROOT = Path(__file__).parents[2]

# The endpoint is read when the Hub's library is imported, so each reading is a process of its own.
SCRIPT = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from valuedata.errors import ValuedataError
from valuedata.intake.collect import read_pairs
from valuedata.intake.naming import resolve_source

for number, text in enumerate(sys.argv[2:]):
    folder = Path(sys.argv[1]) / str(number)
    folder.mkdir(parents=True)
    try:
        intake = read_pairs([resolve_source(text)], folder, 0.0)
        prompts = [pair["prompt"][0]["content"] for pair in intake.pairs]
        print(json.dumps({"record": asdict(intake.records[0]), "prompts": prompts}))
    except ValuedataError as error:
        print(json.dumps({"error": str(error)}))
"""


def fetch(endpoint, home, *texts):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(home / "work"), *texts],
        env=make_environment(endpoint, home) | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def answers(hub_root, tmp_path_factory):
    """What one process read of every data set, by its name."""
    texts = (
        "org/plain",
        "org/plain@v1",
        f"org/plain@{compute_commit(hub_root / 'org/plain/v1')}",
        "org/plain@v2",
        "org/configs:small@main",
        "org/configs:big:dev",
        "org/configs:big",
        "org/configs:none",
        "org/configs",
        "hh-rlhf",
        "org/other",
        "org/nothing",
        "org/gated",
    )
    with serve_hub(hub_root) as hub:
        read = fetch(hub.endpoint, tmp_path_factory.mktemp("home"), *texts)
    return dict(zip(texts, read, strict=True))


@pytest.mark.parametrize(
    ("text", "folder", "prompts"),
    [
        ("org/plain", "org/plain/main", ["one", "two"]),
        ("org/plain@v1", "org/plain/v1", ["old"]),
        ("org/configs:small@main", "org/configs/main", ["small"]),
        ("org/configs:big:dev", "org/configs/main", ["big"]),
        (
            "hh-rlhf",
            "Anthropic/hh-rlhf/main",
            [
                "harmless-base train",
                "helpful-base train",
                "helpful-online train",
                "helpful-rejection-sampled train",
            ],
        ),
    ],
)
def test_rows_are_read_at_the_commit_that_is_recorded(hub_root, answers, text, folder, prompts):
    answer = answers[text]
    assert answer["prompts"] == prompts
    assert answer["record"]["revision"] == compute_commit(hub_root / folder)


def test_a_commit_is_a_revision(hub_root, answers):
    commit = compute_commit(hub_root / "org/plain/v1")
    assert answers[f"org/plain@{commit}"]["record"]["revision"] == commit


def test_licence_comes_from_the_table_or_the_card(answers):
    assert answers["hh-rlhf"]["record"]["licence"] == "MIT"
    assert answers["org/configs:small@main"]["record"]["licence"] == "mit"
    assert answers["org/plain"]["record"]["licence"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("org/plain@v2", "has no revision 'v2'"),
        (
            "org/configs:big",
            "has no split train (it has: dev, extra); name one as org/name:config:",
        ),
        ("org/configs:none", "Available: ['small', 'big']"),
        ("org/configs", "give a config that it has as org/name:config"),
        ("org/other", "has columns x, which no known format has"),
        ("org/nothing", "does not exist or is private"),
        ("org/gated", "is gated; accept its terms on https://huggingface.co/datasets/org/gated"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(answers, text, message):
    error = answers[text]["error"]
    assert message in error
    assert "\n" not in error


def test_unreachable_hub_is_one_sentence_and_quick(tmp_path):
    with socket.socket() as reserved:  # bound but not listening: connections are refused
        reserved.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        started = time.monotonic()
        (known, other) = fetch(endpoint, tmp_path, "hh-rlhf", "org/data")
    assert time.monotonic() - started < 30
    assert known["error"].startswith("Hub data set Anthropic/hh-rlhf cannot be fetched (")
    assert known["error"].endswith("or give a local copy as hh-rlhf=PATH.")
    assert other["error"].endswith("or give a local copy as NAME=PATH.")
