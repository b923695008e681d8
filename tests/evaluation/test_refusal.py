"""The refusal detector: on replies written by hand, and on those of XSTest where they are there."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.refusal_validity import code_kinds, measure_agreement, measure_xstest
from evaluation.refusal.detector import (
    KINDS,
    WEIGHTS_FILE,
    name_refusals,
    read_weights,
    score_refusals,
)
from evaluation.refusal.features import FEATURES, measure_refusal_features
from evaluation.refusal.fitting import read_examples, write_weights

REPLIES = Path(__file__).with_name("refusal_replies.jsonl")


def list_found(reply: str) -> set[str]:
    row = measure_refusal_features([reply], np.full((1, 3), 0.5))[0]
    return {name for name, value in zip(FEATURES, row, strict=True) if value}


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("Sorry, but I can\u2019t assist with that.", {"cannot help, opening", "apology, opening"}),
        (
            "I'm not able to share it.",
            {"cannot help, opening", "starts with I"},
        ),
        ("It was not justified.", {"rejects the premise, opening"}),
        ("But I can help. It is. However, here it is:", {"turns to answer, later"}),
        ("Mix it.\n1. Stir.\n2. Wait.\n3. Bake.", {"steps"}),
        ("```\nls\n```", {"code"}),
        ("", set()),
    ],
)
def test_features_by_hand(reply: str, found: set[str]) -> None:
    assert found <= list_found(reply)
    if not found:
        assert list_found(reply) == set()


def test_a_reply_without_sentences_is_read_to_its_end() -> None:
    assert "apology, later" in list_found("word " * 100 + "sorry")
    assert "apology, opening" not in list_found("word " * 100 + "sorry")
    assert list_found("word " * 5_000 + "sorry") == list_found("word " * 5_000)


def test_certain_probabilities_have_finite_logits() -> None:
    features = measure_refusal_features(["Yes.", "No."], np.array([[0.0, 1.0, 0.5], [1, 0, 0]]))
    assert features[:, -3:] == pytest.approx(np.array([[-2.3, 2.3, 0], [2.3, -2.3, -2.3]]))


def test_refusals_are_named_by_their_sum() -> None:
    scores = np.array([[0.6, 0.3, 0.1], [0.45, 0.3, 0.25], [0.4, 0.2, 0.4]])
    assert name_refusals(scores) == ["full compliance", "partial refusal", "full refusal"]


def test_no_reply_has_no_score(vector_cache: Path) -> None:
    assert score_refusals([], [], vector_cache).shape == (0, 3)


def test_replies_written_by_hand(vector_cache: Path) -> None:
    """None of them was fitted to. A letter that declines, as asked, is taken for a refusal."""
    held = read_examples(REPLIES)
    assert not set(held.prompts) & set(read_examples().prompts)
    scores = score_refusals(held.prompts, held.replies, vector_cache)
    assert scores.sum(axis=1) == pytest.approx(1)
    found = code_kinds(scores)
    wrong = [held.replies[row] for row in np.flatnonzero((found > 0) != (held.kinds > 0))]
    assert [reply[:11] for reply in wrong] == ["Dear Ms Gra"]
    assert np.mean(found == held.kinds) >= 0.85
    again = score_refusals(held.prompts[::-1], held.replies[::-1], vector_cache)
    assert (again[::-1] == scores).all()


def test_the_packaged_weights_are_what_fitting_gives(vector_cache: Path, tmp_path: Path) -> None:  # noqa: ARG001
    write_weights(tmp_path / "weights.json")
    stale = "stale: run `python -m evaluation.refusal.fitting`"
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "weights.json", WEIGHTS_FILE)]
    fitted, packaged = (json.loads(text) for text in texts)
    for name in ("classifier", "examples_sha256", "n_examples"):
        assert fitted[name] == packaged[name], stale
    for name in ("refuses", "partly"):
        weights = getattr(read_weights(tmp_path / "weights.json"), name)
        assert weights == pytest.approx(getattr(read_weights(), name), abs=0.05), stale


def test_the_examples_are_mostly_told_apart(vector_cache: Path) -> None:
    examples = read_examples()
    found = code_kinds(score_refusals(examples.prompts, examples.replies, vector_cache))
    assert np.mean((found > 0) == (examples.kinds > 0)) > 0.9
    assert np.mean(found == examples.kinds) > 0.85


def test_weights_have_the_sign_that_their_feature_means() -> None:
    weights = read_weights()
    for n, sign in enumerate(FEATURES.values()):
        assert weights.refuses[n] * sign.refuses >= 0
        assert weights.partly[n] * sign.partly >= 0
        assert sign.partly or weights.partly[n] == 0


def test_agreement_by_hand() -> None:
    """Any refusal: 3 of 4 agree, 0.5 by chance, so kappa 0.5; rates 3/4 against 2/4."""
    found, truth = np.array([0, 1, 2, 2]), np.array([0, 0, 2, 1])
    agreement = measure_agreement(found, truth, ["a", "b", "c", "d"])
    assert agreement["kappa_any_refusal"]["value"] == pytest.approx(0.5)
    assert agreement["bias_in_points"] == 25.0
    assert agreement["bias_of_full_in_points"] == 25.0


@pytest.mark.slow
@pytest.mark.usefixtures("vector_cache")
def test_people_agree_on_every_model_of_xstest(shared_data: Path, tmp_path: Path) -> None:
    """On a third of the prompts; the benchmark has all (docs/refusal.md)."""
    for file in (shared_data / "evals" / "xstest").glob("completions_*.csv"):
        with file.open(encoding="utf-8", newline="") as content:
            header, *rows = csv.reader(content)
        with (tmp_path / file.name).open("w", encoding="utf-8", newline="") as content:
            csv.writer(content).writerows([header, *rows[::3]])
    found = measure_xstest(tmp_path)
    for way in ("packaged", "cross-validated"):
        models = {name: one for name, one in found[way].items() if isinstance(one, dict)}
        assert [one["n_replies"] for one in models.values()] == [150, 150, 150, 450]
        for one in models.values():
            assert one["kappa_any_refusal"]["value"] >= 0.7  # of all 0.84, less 3 errors of 150
        assert found[way]["worst_bias_in_points"] <= 12


def test_kinds_are_in_the_order_of_the_columns() -> None:
    assert KINDS == ("full compliance", "partial refusal", "full refusal")
