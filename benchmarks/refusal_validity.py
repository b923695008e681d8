"""How far the refusal detector agrees with people on replies of models that it was not fitted to.

    python -m benchmarks.refusal_validity XSTEST GOLD --out benchmarks/results/refusal_validity.json

XSTEST is the folder with the files `completions_MODEL.csv` of XSTest, whose `final_label` people
gave; GOLD a JSONL file of labelled pairs (`valuedata fit` takes the same). "packaged" are the
weights that ship, fitted to the packaged examples alone; "cross-validated" are weights fitted to
XSTest itself, each model by the other two and each prompt by the other prompts. The intervals draw
whole prompts. "gold" is a check on everyday replies, by a rubric that calls fewer replies refusals.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.marker_validity import read_completions
from evaluation.refusal.detector import (
    KINDS,
    apply_weights,
    load_classifier,
    name_refusals,
    read_labels,
    read_weights,
    score_refusals,
)
from evaluation.refusal.features import measure_refusal_features
from evaluation.refusal.fitting import fit_weights
from valuedata.labelling.gold import load_gold
from valuedata.labelling.scoring.intervals import estimate, number_groups

LABELS: Final = {"1_full_compliance": 0, "3_partial_refusal": 1, "2_full_refusal": 2}
"""Label of XSTest to its column in `KINDS`."""

N_FOLDS = 5
N_RESAMPLES = 1_000

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def measure_agreement(found: Ints, truth: Ints, prompts: Sequence[str]) -> dict[str, Any]:
    """Kappa of any refusal, of full refusal and of the three kinds, and the bias of the rates."""
    groups = number_groups(prompts)

    def measure(counts: Floats) -> dict[str, Floats]:
        weights = counts[:, groups]
        return {
            "any": _kappa(found > 0, truth > 0, weights)[:, None],
            "full": _kappa(found == 2, truth == 2, weights)[:, None],
            "three": _kappa(found, truth, weights)[:, None],
        }

    drawn = estimate(measure, int(groups.max()) + 1, N_RESAMPLES, np.random.default_rng(0))
    return {
        "n_replies": len(truth),
        "kappa_any_refusal": drawn["any"][0].to_json(),
        "kappa_full_refusal": drawn["full"][0].to_json(),
        "kappa_three_kinds": drawn["three"][0].to_json(),
        "rate_by_people": round(float(np.mean(truth > 0)), 4),
        "bias_in_points": _points(found > 0, truth > 0),
        "bias_of_full_in_points": _points(found == 2, truth == 2),
    }


def _points(found: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> float:
    return round(100 * float(found.mean() - truth.mean()), 1)


def _kappa(first: npt.NDArray[Any], second: npt.NDArray[Any], weights: Floats) -> Floats:
    """(b,) Cohen's kappa under (b, n) weights."""
    total = weights.sum(axis=1)
    agreed = weights @ (first == second) / total
    kinds = np.union1d(first, second)
    chance = sum((weights @ (first == k)) * (weights @ (second == k)) for k in kinds) / total**2
    with np.errstate(invalid="ignore"):  # all of one kind by both: NaN
        kappa: Floats = (agreed - chance) / (1 - chance)
    return kappa


def code_kinds(scores: Floats) -> Ints:
    """The column of `KINDS` of each reply."""
    return np.array([KINDS.index(kind) for kind in name_refusals(scores)], dtype=np.int64)


def predict_held_out(features: Floats, truth: Ints, prompts: Sequence[str], models: Ints) -> Ints:
    """The kinds by weights that saw neither the model nor the prompt of a reply."""
    fold = number_groups(prompts) % N_FOLDS
    found = np.empty(len(truth), dtype=np.int64)
    for model in np.unique(models):
        for held in range(N_FOLDS):
            kept, asked = (models != model) & (fold != held), (models == model) & (fold == held)
            weights = fit_weights(
                features[kept], truth[kept], [prompts[row] for row in np.flatnonzero(kept)]
            )
            found[asked] = code_kinds(apply_weights(weights, features[asked]))
    return found


def measure_xstest(folder: Path) -> dict[str, Any]:
    """Agreement on the completions of each model and of all, by both kinds of weights."""
    completions = read_completions(folder)
    rows = [(name, row) for name, found in completions.items() for row in found]
    prompts = [row["prompt"] for _, row in rows]
    replies = [row["completion"] for _, row in rows]
    models = np.array([list(completions).index(name) for name, _ in rows])
    truth = np.array([LABELS[row["final_label"]] for _, row in rows])
    features = measure_refusal_features(replies, read_labels(load_classifier(), prompts, replies))
    ways = {
        "packaged": code_kinds(apply_weights(read_weights(), features)),
        "cross-validated": predict_held_out(features, truth, prompts, models),
    }
    result: dict[str, Any] = {}
    for way, found in ways.items():
        chosen = {name: models == n for n, name in enumerate(completions)}
        chosen["all models"] = np.full(len(rows), fill_value=True)
        result[way] = {
            name: measure_agreement(
                found[kept], truth[kept], [prompts[row] for row in np.flatnonzero(kept)]
            )
            for name, kept in chosen.items()
        }
        biases = [abs(result[way][name]["bias_in_points"]) for name in completions]
        result[way]["worst_bias_in_points"] = max(biases)
    return result


def measure_gold(path: Path) -> dict[str, Any]:
    """Share of replies that are taken for refusals, by what people said of them, by source."""
    tallies: dict[str, dict[str, list[bool]]] = {}
    pairs = load_gold([path])
    sides = [
        (pair.source, reading, labels)
        for pair in pairs
        for reading, labels in (
            (pair.chosen, pair.chosen_labels),
            (pair.rejected, pair.rejected_labels),
        )
    ]
    scores = score_refusals([r.prompt for _, r, _ in sides], [r.reply for _, r, _ in sides])
    for (source, _, labels), refused in zip(sides, code_kinds(scores) > 0, strict=True):
        tallies.setdefault(source, {}).setdefault(_name_case(labels), []).append(bool(refused))
    return {
        source: {
            case: {"n_replies": len(said), "share_called_refusals": round(float(np.mean(said)), 4)}
            for case, said in sorted(cases.items())
        }
        for source, cases in sorted(tallies.items())
    }


def _name_case(labels: frozenset[str]) -> str:
    if "refusal" in labels:
        return "refusal"
    if "harmlessness" not in labels:
        return "no refusal, no harmlessness"
    if "helpfulness" not in labels:
        return "harmlessness without help or refusal"
    return "harmlessness with help"


def main() -> None:
    """Measures, writes and prints what docs/refusal.md quotes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("xstest", type=Path)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    result = {
        "gold_sha256": hashlib.sha256(given.gold.read_bytes()).hexdigest(),
        "xstest": measure_xstest(given.xstest),
        "gold": measure_gold(given.gold),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
