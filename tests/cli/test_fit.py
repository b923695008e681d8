"""fit: what it hands to the training, and what it prints of the result."""

import json
from types import SimpleNamespace

import pytest

QUALITY = {
    "empathy": {
        "n_positives": 1197,
        "threshold": 0.43,
        "precision": 0.602,
        "recall": 0.315,
        "average_precision": 0.47,
        "subset_precision": None,
        "subset_recall": 0.305,
    }
}

FITTED = """\
value     replies with it   threshold   precision   recall   average precision   \
subset precision   subset recall
──────────────────────────────────────────────────────────────────────────────────\
───────────────────────────────
empathy             1,197       0.430       0.602    0.315               0.470   \
undefined                  0.305

Weights of 2 labelled pairs in weights; use them with
    valuedata build --value all --weights weights
"""


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path) -> dict[str, object]:
    """Stands for the training, and keeps what it was given."""
    given: dict[str, object] = {}

    def fit_classifier(pairs, encoder, seed, *, progress) -> SimpleNamespace:
        progress(2 * len(pairs))
        given.update(sources=[pair.source for pair in pairs], encoder=encoder, seed=seed)
        return SimpleNamespace(metadata={"quality": QUALITY})

    monkeypatch.setattr("valuedata.labelling.encoder.load_encoder", lambda: "an encoder")
    monkeypatch.setattr("valuedata.labelling.fitting.fit_classifier", fit_classifier)
    monkeypatch.setattr(
        "valuedata.labelling.heads.save_heads", lambda _, folder: given.update(out=str(folder))
    )
    row = {
        "prompt": "Hello?",
        "chosen": "Hi!",
        "rejected": "No.",
        "chosen_labels": ["empathy"],
        "rejected_labels": [],
    }
    rows = [{**row, "source": source} for source in ("talk", "starter", "talk")]
    (tmp_path / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return given


def test_fit(run, trained: dict[str, object]) -> None:
    words = "fit gold.jsonl --exclude-source starter --seed 3 --out weights"
    result = run(*words.split())
    assert (result.output, result.exit_code) == (FITTED, 0)
    expected = {"sources": ["talk"] * 2, "encoder": "an encoder", "seed": 3, "out": "weights"}
    assert trained == expected


@pytest.mark.usefixtures("trained")
def test_fit_for_scripts(run) -> None:
    result = run("fit", "gold.jsonl", "--out", "weights", "--json")
    assert json.loads(result.stdout) == {"quality": QUALITY}
    assert run("fit", "gold.jsonl", "--out", "weights", "--quiet").output == ""


def test_fit_on_a_file_that_is_not_there(run) -> None:
    result = run("fit", "gold.jsonl", "--out", "weights")
    assert result.stderr.startswith("Error: Labelled pairs gold.jsonl cannot be read")
    assert result.exit_code == 2
