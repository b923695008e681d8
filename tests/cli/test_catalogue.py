"""What `values` and `sources` list."""

import json

from valuedata.intake.known import KNOWN_SOURCES
from valuedata.labelling.values import LABEL_NAMES


def test_values_are_listed_in_order(run) -> None:
    lines = run("values").stdout.splitlines()
    assert lines[0].split() == ["name", "branch", "valence", "a", "reply", "counts", "where"]
    assert [line.split()[0] for line in lines[2:]] == list(LABEL_NAMES)
    assert lines[2].split()[:3] == ["empathy", "social", "positive"]
    assert lines[-1].split()[:3] == ["validation", "behaviour", "-"]


def test_values_for_scripts(run) -> None:
    content = json.loads(run("values", "--json").stdout)
    assert tuple(content) == LABEL_NAMES
    assert content["deception"]["valence"] == "negative"
    assert content["deception"]["not"]


def test_sources_are_listed_in_order(run) -> None:
    lines = run("sources").stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == list(KNOWN_SOURCES)
    assert lines[3].split()[:5] == ["hh-rlhf", "Anthropic/hh-rlhf", "MIT", "hh", "dialogues"]


def test_sources_for_scripts(run) -> None:
    content = json.loads(run("sources", "--json").stdout)
    assert content["starter"]["repository"] is None
    assert content["helpsteer2"]["homepage"] == "https://huggingface.co/datasets/nvidia/HelpSteer2"
