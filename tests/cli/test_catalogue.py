"""What `values`, `markers` and `sources` list."""

import json

from valuedata.intake.known import KNOWN_SOURCES
from valuedata.labelling.markers import MARKERS
from valuedata.labelling.values import LABEL_NAMES


def test_values_are_listed_in_order(run) -> None:
    lines = run("values").stdout.splitlines()
    headings = ["name", "branch", "valence", "replies", "precision"]
    assert lines[0].split()[:5] == headings
    assert lines[0].endswith("a reply counts where")
    end = 2 + len(LABEL_NAMES)
    assert [line.split()[0] for line in lines[2:end]] == list(LABEL_NAMES)
    assert lines[2].split()[:3] == ["empathy", "social", "positive"]
    assert lines[end - 1].split()[:3] == ["validation", "behaviour", "-"]
    assert lines[end + 1].startswith("replies: labelled ones that express it")


def test_values_with_thin_evidence_are_marked(run) -> None:
    lines = run("values").stdout.splitlines()
    for name in ("privacy", "discretion"):
        (row,) = [line for line in lines if line.startswith(f"{name} ")]
        assert row.split()[4] == "thin"
        assert any(line.startswith(f"{name}: Thin evidence: ") for line in lines)
    (row,) = [line for line in lines if line.startswith("honesty ")]
    assert "thin" not in row


def test_values_for_scripts(run) -> None:
    content = json.loads(run("values", "--json").stdout)
    assert tuple(content) == LABEL_NAMES
    assert content["deception"]["valence"] == "negative"
    assert content["deception"]["not"]
    assert content["discretion"]["evidence"]["doubt"] == "thin"
    assert content["honesty"]["evidence"]["doubt"] is None
    assert content["honesty"]["evidence"]["mix"] == "as labelled"


def test_values_of_weights_that_are_not_there(run) -> None:
    result = run("values", "--weights", "nowhere")
    assert result.stderr.startswith("Error: Weights in nowhere cannot be read")
    assert result.exit_code == 2


def test_markers_are_listed_in_order_and_then_their_notes(run):
    lines = run("markers").stdout.splitlines()
    assert lines[0].split() == ["name", "unit", "what", "is", "measured"]
    end = 2 + len(MARKERS)
    assert [line.split()[0] for line in lines[2:end]] == list(MARKERS)
    assert lines[end + 1].startswith("A count is not the construct")
    notes = [line.split(":")[0] for line in lines[end + 2 :]]
    assert notes == [name for name in MARKERS if "kappa" in MARKERS[name].validity]


def test_markers_for_scripts(run):
    content = json.loads(run("markers", "--json").stdout)
    assert list(content) == list(MARKERS)
    hedges = content["hedges"]
    assert list(hedges) == ["name", "definition", "unit", "source", "is_lexical", "validity"]
    assert (hedges["unit"], hedges["is_lexical"]) == ("per 100 words", True)


def test_sources_are_listed_in_order(run) -> None:
    lines = run("sources").stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == list(KNOWN_SOURCES)
    assert lines[3].split()[:5] == ["hh-rlhf", "Anthropic/hh-rlhf", "MIT", "hh", "dialogues"]


def test_sources_for_scripts(run) -> None:
    content = json.loads(run("sources", "--json").stdout)
    assert content["starter"]["repository"] is None
    assert content["helpsteer2"]["homepage"] == "https://huggingface.co/datasets/nvidia/HelpSteer2"
