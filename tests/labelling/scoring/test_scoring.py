"""Labels find their gold by the pair, what finds none is counted, and classifiers are measured."""

import json
from pathlib import Path

import numpy as np
import pytest

import valuedata
from tests.labelling.record_rows import make_record, make_side, write_lines
from valuedata.errors import LabelError, RecipeError, UnknownValueError
from valuedata.labelling.gold import load_gold
from valuedata.labelling.heads import load_heads, save_heads
from valuedata.labelling.scoring.scoring import compare, score
from valuedata.labelling.scoring.settings import ScoreSettings
from valuedata.labelling.values import LABEL_NAMES

FEW = ScoreSettings(n_resamples=100)


def make_gold(number, chosen, rejected, prompt=None, **more):
    return {
        "prompt": prompt or f"Question {number}?",
        "chosen": f"Answer {number}.",
        "rejected": f"Reply {number}.",
        "chosen_labels": chosen,
        "rejected_labels": rejected,
        **more,
    }


ROWS = [
    make_gold(0, ["humor"], []),
    make_gold(1, [], ["humor"], "Question 0?"),
    make_gold(2, ["humor", "empathy"], ["humor"], source="other"),
    make_gold(3, [], []),
]
ON, OFF = make_side(humor=0.8), make_side(humor=0.1)


@pytest.fixture
def gold(tmp_path) -> Path:
    return write_lines(tmp_path / "gold.jsonl", ROWS)


def label(gold, *sides, name="labels.jsonl", extra=()):
    """Records of the gold's first pairs."""
    ids = [pair.pair_id for pair in load_gold([gold])]
    rows = [make_record(i, *both) for i, both in zip(ids, sides, strict=False)]
    return write_lines(gold.with_name(name), [*rows, *extra])


def test_labels_are_scored_by_hand(gold):
    labels = label(gold, (ON, OFF), (ON, OFF), (ON, ON), (OFF, OFF))
    found = score([gold], labels, settings=FEW)
    humor = found.names["humor"]
    # Expressed: four, three of them rightly; one of four true ones is missed.
    values = {name: one.value for name, one in humor.measures.items()}
    assert (values["precision"], values["recall"], values["f1"]) == (0.75, 0.75, 0.75)
    # Tied at 0.8: recall 3/4 at 3/4; at 0.1 the last quarter at 4/8.
    assert values["average_precision"] == pytest.approx(0.75 * 0.75 + 0.25 * 0.5)
    assert (values["subset_precision"], values["subset_recall"]) == (0.5, 0.5)
    assert (found.n_gold, found.n_pairs, found.n_prompts) == (4, 4, 3)
    assert found.unscored == ("empathy",)
    reliability = {entry.low: entry for entry in humor.reliability if entry.n_replies}
    assert [(entry.n_replies, entry.observed) for entry in reliability.values()] == [
        (4, 0.25),
        (4, 0.75),
    ]
    assert found.means["f1"].estimate.value == 0.75
    # Two one-sided pairs are too few for the subsets' means.
    assert found.means["subset_recall"].names == ()
    assert found.to_json()["means"]["subset_recall"]["value"] is None
    assert found.to_json()["names"]["humor"]["reliability"][0]["observed"] is None
    json.dumps(found.to_json(), allow_nan=False)


def test_what_does_not_join_is_counted(gold, tmp_path):
    doubled = write_lines(tmp_path / "doubled.jsonl", [*ROWS, ROWS[0]])
    extra = [make_record("elsewhere", ON, ON), make_record("elsewhere", OFF, OFF)]
    labels = label(gold, (ON, OFF), ({"error": "cut off"}, ON), extra=extra)
    found = score([doubled], labels, settings=FEW)
    assert (found.n_gold, found.n_pairs, found.n_repeated, found.n_unused) == (5, 3, 1, 1)
    assert (found.n_repeated_records, found.n_conflicting_records) == (1, 1)
    assert found.errors == {"cut off": 1}
    humor = found.names["humor"]
    # Pair 0 counts twice; of pair 1 the rejected side is right and the other has no label.
    assert (humor.counts["n_replies"], humor.counts["n_right"]) == (5, 3)
    assert humor.counts["n_one_sided"] == humor.counts["n_subset"] == 2


def test_errors_of_pairs_that_the_gold_lacks_are_not_counted(gold):
    extra = [make_record("elsewhere", {"error": "cut off"}, ON)]
    found = score([gold], label(gold, (ON, OFF), extra=extra), settings=FEW)
    assert found.errors == {}


def test_order_changes_nothing(gold, tmp_path):
    sides = ((ON, OFF), (ON, OFF), (ON, ON), (OFF, OFF))
    turned = write_lines(tmp_path / "gold-turned.jsonl", ROWS[::-1])
    labels, other = label(gold, *sides), label(turned, *sides[::-1], name="other.jsonl")
    assert (
        score([gold], labels, settings=FEW).to_json()
        == score([turned], other, settings=FEW).to_json()
    )


def test_the_undefined_names_what_undoes_a_mean(gold):
    side = make_side(humor=0.8, privacy=0.1)
    found = score([gold], label(gold, (side, side)), settings=FEW)
    assert found.means["recall"].undefined == ("privacy",)
    assert np.isnan(found.means["recall"].estimate.value)
    only = ScoreSettings(names=("humor",), n_resamples=100)
    assert score([gold], label(gold, (side, side)), settings=only).means["recall"].undefined == ()


def test_what_cannot_be_scored_is_refused(gold):
    labels = label(gold, (ON, OFF))
    with pytest.raises(UnknownValueError, match="'humour' is unknown; did you mean 'humor'"):
        score([gold], labels, settings=ScoreSettings(names=("humour",)))
    with pytest.raises(LabelError, match="No labelled pair is left"):
        score([gold], labels, settings=ScoreSettings(excluded_sources=("gold", "other")))
    with pytest.raises(LabelError, match="None of the 1 labelled pairs is among the 1 pairs"):
        score([gold], labels, settings=ScoreSettings(excluded_sources=("gold",)))
    with pytest.raises(RecipeError, match="99 resamples are too few"):
        ScoreSettings(n_resamples=99)


def test_label_files_are_compared(gold):
    first = label(gold, (ON, OFF), (ON, OFF), (ON, ON), (OFF, OFF))
    second = label(gold, (ON, OFF), (ON, ON), (ON, ON), name="second.jsonl")
    by_pair = compare(first, second, settings=FEW)
    by_prompt = compare(first, second, [str(gold)], FEW)
    # Six replies, both on four, the second alone once, neither once.
    humor = by_pair.names["humor"]
    assert (humor.n_replies, humor.n_both, humor.n_second_only) == (6, 4, 1)
    assert humor.measures["kappa"].value == pytest.approx(1 - (1 / 6) / (4 / 6 / 6 + 2 / 6 * 5 / 6))
    assert (by_pair.n_clusters, by_prompt.n_clusters) == (3, 2)
    assert by_prompt.clusters == "prompts"
    other = make_record("x", make_side(empathy=1), make_side(empathy=1))
    with pytest.raises(LabelError, match=r"share no name \(humor against empathy\)"):
        compare(first, write_lines(gold.with_name("other.jsonl"), [other]))


def test_a_classifier_is_scored_and_its_training_told(gold, tmp_path, vector_cache):  # noqa: ARG001
    found = valuedata.score([gold], settings=FEW)
    assert tuple(found.names) == LABEL_NAMES
    assert (found.n_pairs, found.unscored, found.trained_on) == (4, (), {})
    packaged = load_heads()
    heads = type(packaged)(**{**vars(packaged), "metadata": {**packaged.metadata}})
    heads.metadata["sources"] = {"other": 7, "third": 1}
    save_heads(heads, tmp_path / "weights")
    again = valuedata.score([gold], weights=tmp_path / "weights", settings=FEW)
    assert again.trained_on == {"other": 7}
    assert again.to_json()["names"] == found.to_json()["names"]
    del heads.metadata["added"]
    save_heads(heads, tmp_path / "weights")
    with pytest.raises(LabelError, match="do not say which sources they were trained on"):
        valuedata.score([gold], weights=tmp_path / "weights", settings=FEW)


def test_development_labels_score_fully_against_themselves(shared_data, tmp_path):
    path = shared_data / "gold" / "dev.jsonl"
    pairs = load_gold([path])
    names = LABEL_NAMES
    rows = [
        make_record(
            pair.pair_id,
            *(
                {
                    "probabilities": {name: float(name in labels) for name in names},
                    "expressed": sorted(labels),
                }
                for labels in (pair.chosen_labels, pair.rejected_labels)
            ),
        )
        for pair in pairs
    ]
    found = score([path], write_lines(tmp_path / "labels.jsonl", rows), settings=FEW)
    assert (found.n_gold, found.n_pairs, found.n_unused) == (5_624, 5_624, 0)
    assert found.n_prompts < 5_624
    # The few pairs that were labelled twice, and not alike, keep it from being perfect.
    for measure in ("average_precision", "f1", "subset_precision", "subset_recall"):
        assert found.means[measure].estimate.value > 0.98
        assert len(found.means[measure].names) == 15
    assert found.means["ece"].estimate.value < 0.01
