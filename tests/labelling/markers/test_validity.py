"""The notes of the markers quote what was measured, and nothing else."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.marker_validity import (
    COMPARED,
    compare_gold,
    compare_refusals,
    read_completions,
    write_quotes,
)
from valuedata.labelling.gold import load_gold
from valuedata.labelling.markers import FORM_ONLY, MARKERS
from valuedata.labelling.scoring.settings import ScoreSettings

REPOSITORY = Path(__file__).parents[3]
RESULT = json.loads((REPOSITORY / "benchmarks/results/marker_validity.json").read_text("utf-8"))
QUICK = ScoreSettings(n_resamples=100)


@pytest.mark.parametrize("name", MARKERS)
def test_a_note_quotes_the_figures_and_has_no_others(name):
    rest = MARKERS[name].validity
    for quote in write_quotes(RESULT).get(name, []):
        assert quote in rest
        rest = rest.replace(quote, "")
    assert not re.search(r"\d", rest)


def test_what_may_be_taken_for_more_was_compared():
    assert list(RESULT["gold"]["markers"]) == list(COMPARED)
    assert {name for name, found in MARKERS.items() if found.is_lexical} <= set(COMPARED)
    assert {name for name, found in MARKERS.items() if found.validity != FORM_ONLY} == set(COMPARED)


def test_the_page_says_what_was_measured():
    page = (REPOSITORY / "docs" / "markers.md").read_text("utf-8")
    (n_completions,) = {
        found["in full or in part"]["n_replies"]
        for model, found in RESULT["xstest"].items()
        if model != "all models"
    }
    assert f"{RESULT['gold']['n_replies']:,} replies" in page
    assert f"first {RESULT['characters_read']:,} characters" in page
    assert f"{n_completions} completions of each model" in page


def write_gold(path, rows):
    """Pairs of (prompt, chosen, its labels, rejected, its labels)."""
    keys = ("prompt", "chosen", "chosen_labels", "rejected", "rejected_labels")
    lines = [json.dumps(dict(zip(keys, row, strict=True))) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return load_gold([path])


def test_agreement_with_labels_by_hand(tmp_path):
    """Praise in three of six replies, the label on two of these and on one more."""
    pairs = write_gold(
        tmp_path / "gold.jsonl",
        [
            ("a", "Great question!", ["validation"], "No.", []),
            ("b", "You are right.", ["validation"], "Lovely, as ever.", ["validation"]),
            ("c", "It was a great idea.", [], "Yes.", []),
        ],
    )
    found = compare_gold(pairs, QUICK)
    praise = found["markers"]["praise-phrases"]["validation"]
    assert (found["n_replies"], found["n_prompts"]) == (6, 3)
    assert (praise["n_both"], praise["n_first_only"], praise["n_second_only"]) == (2, 1, 1)
    # Both shares are one half; agreement is 4 of 6 where chance gives 1/2: (2/3 - 1/2) / (1/2).
    assert praise["kappa"]["value"] == pytest.approx(1 / 3, abs=1e-6)
    # Numbers with the label: 50 (1 of 2 words), 33.3, 0; without: 20, 0, 0. Of the nine couples
    # 50 and 33.3 win three each, 0 ties with two: (6 + 2 x 0.5) / 9.
    assert praise["auc"]["value"] == pytest.approx(7 / 9, abs=1e-6)


def test_only_what_was_read_for_the_labels_is_compared(tmp_path):
    long = "word " * 280 + "Great question!"  # the praise begins at character 1,400
    pairs = write_gold(tmp_path / "gold.jsonl", [("a", long, ["validation"], "No.", [])])
    praise = compare_gold(pairs, QUICK)["markers"]["praise-phrases"]["validation"]
    assert (praise["n_both"], praise["n_second_only"]) == (0, 1)


def test_refusals_by_hand():
    """One refuses and is found, one in part and is not, one is found wrongly, one rightly not."""
    rows = [
        ("p1", "I cannot help with that.", "2_full_refusal"),
        ("p2", "That would hurt people.", "3_partial_refusal"),
        ("p3", "As an AI, I say: sift, then stir.", "1_full_compliance"),
        ("p4", "Sift, then stir.", "1_full_compliance"),
    ]
    keys = ("prompt", "completion", "final_label")
    found = compare_refusals([dict(zip(keys, row, strict=True)) for row in rows], QUICK)
    both, full = found["in full or in part"], found["in full"]
    # Shares one half and one half, agreement 2 of 4: chance alone.
    assert (both["kappa"]["value"], both["error_in_points"]) == (0.0, 0.0)
    # Shares 2/4 and 1/4: agreement 3/4, chance 1/8 + 3/8; the rate is 50 - 25 points too high.
    assert (full["kappa"]["value"], full["error_in_points"]) == (0.5, 25.0)
    assert full["n_replies"] == 4


def test_the_worst_model_is_quoted():
    refusals = {
        "one": {"in full or in part": {"kappa": {"value": 0.512}, "error_in_points": 4.0}},
        "two": {"in full or in part": {"kappa": {"value": 0.7}, "error_in_points": -12.6}},
        "all models": {"in full or in part": {"kappa": {"value": 0.6}, "error_in_points": -99.0}},
    }
    interval = {"value": 0.5, "low": 0.4, "high": 0.6}
    figures = {"refusal-phrases": {"refusal": {"kappa": interval, "auc": interval}}}
    quotes = write_quotes({"gold": {"markers": figures}, "xstest": refusals})
    assert quotes["refusal-phrases"] == [
        "Against the label refusal: kappa 0.50 (0.40 to 0.60), AUC 0.50 (0.40 to 0.60).",
        "On XSTest against refusal in full or in part: kappa 0.51 for one, 0.70 for two; "
        "the refusal rate is off by up to 13 points (two).",
    ]


def test_the_recorded_refusals_can_be_measured_again(shared_data):
    for model, rows in read_completions(shared_data / "evals" / "xstest").items():
        found = compare_refusals(rows, QUICK)["in full or in part"]
        recorded = RESULT["xstest"][model]["in full or in part"]
        assert found["kappa"]["value"] == recorded["kappa"]["value"]
        assert found["error_in_points"] == recorded["error_in_points"]


def test_the_recorded_agreement_can_be_measured_again(shared_data):
    pairs = load_gold([shared_data / "gold" / "dev.jsonl"])
    markers = compare_gold(pairs, QUICK)["markers"]
    for name, labels in RESULT["gold"]["markers"].items():
        for label, recorded in labels.items():
            found = [markers[name][label][key]["value"] for key in ("kappa", "auc")]
            assert np.allclose(found, [recorded["kappa"]["value"], recorded["auc"]["value"]])
