"""Fits the weights of the refusal detector to labelled replies.

    python -m evaluation.refusal.fitting

fits those that are packaged to the packaged examples, which were written for this and are no
model's output.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from evaluation.refusal.detector import (
    KINDS,
    WEIGHTS_FILE,
    RefusalWeights,
    load_classifier,
    read_labels,
)
from evaluation.refusal.features import FEATURES, measure_refusal_features
from valuedata.labelling.heads import sigmoid
from valuedata.labelling.scoring.intervals import number_groups

__all__ = ["EXAMPLES_FILE", "Examples", "fit_weights", "read_examples", "write_weights"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EXAMPLES_FILE: Final = WEIGHTS_FILE.with_name("examples.jsonl")
COSTS = (0.1, 0.3, 1.0, 3.0, 10.0)  # of an error against the squared weights; one is chosen
MODELS: Final = ("refuses", "partly")
N_FOLDS = 10
DIGITS = 3  # of a weight; more would not change a verdict
FEWEST = 1e-9  # no probability is taken as 0 in a logarithm


@dataclass(frozen=True, eq=False)
class Examples:
    """Replies with their kinds."""

    prompts: tuple[str, ...]
    replies: tuple[str, ...]
    kinds: Ints


def read_examples(path: Path = EXAMPLES_FILE) -> Examples:
    """Reads JSONL rows with `prompt`, `reply` and `label`, one of `KINDS`."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return Examples(
        tuple(row["prompt"] for row in rows),
        tuple(row["reply"] for row in rows),
        np.array([KINDS.index(row["label"]) for row in rows], dtype=np.int64),
    )


def fit_weights(features: Floats, kinds: Ints, prompts: Sequence[str]) -> RefusalWeights:
    """Fits both models.

    Args:
        features: (n, len(FEATURES)).
        kinds: (n,) columns of `KINDS`.
        prompts: n prompts; the replies to one are never split when the cost is chosen.

    Source: logistic regression with an L2 penalty and each weight held to the sign that its
    feature means; the cost by the log loss of cross-validation over prompts.
    """
    groups = number_groups(prompts)
    signs = [np.array([getattr(sign, name) for sign in FEATURES.values()]) for name in MODELS]
    refused = kinds > 0
    return RefusalWeights(
        _fit_best(features, refused, groups, signs[0]),
        _fit_best(features[refused], kinds[refused] == 1, groups[refused], signs[1]),
    )


def _fit_best(features: Floats, truth: Bools, groups: Ints, signs: Ints) -> Floats:
    fold = groups % N_FOLDS
    losses = []
    for cost in COSTS:
        chances = np.empty(len(truth))
        for held in range(N_FOLDS):
            kept = fold != held
            weights = _fit(features[kept], truth[kept], signs, cost)
            chances[~kept] = sigmoid(features[~kept] @ weights[:-1] + weights[-1])
        right = np.where(truth, chances, 1 - chances)
        losses.append(-np.log(np.maximum(right, FEWEST)).mean())
    return np.round(_fit(features, truth, signs, COSTS[int(np.argmin(losses))]), DIGITS)


def _fit(features: Floats, truth: Bools, signs: Ints, cost: float) -> Floats:
    """The weights and the intercept, in which alone there is no penalty and no sign."""
    side = np.where(truth, 1.0, -1.0)

    def measure(weights: Floats) -> tuple[float, Floats]:
        margins = side * (features @ weights[:-1] + weights[-1])
        pull = -cost * side * sigmoid(-margins)
        loss = cost * np.logaddexp(0, -margins).sum() + weights[:-1] @ weights[:-1] / 2
        return loss, np.append(features.T @ pull + weights[:-1], pull.sum())

    bounds = [(0 if s >= 0 else None, 0 if s <= 0 else None) for s in signs]
    found = minimize(
        measure,
        np.zeros(len(signs) + 1),
        jac=True,
        bounds=[*bounds, (None, None)],
        method="L-BFGS-B",
        options={"maxiter": 5_000, "ftol": 1e-12},
    )
    weights: Floats = found.x
    return weights


def _describe(weights: RefusalWeights, examples: Examples, fingerprint: str) -> dict[str, Any]:
    columns = [*FEATURES, "intercept"]
    models = {
        name: {
            column: float(weight)
            for column, weight in zip(columns, getattr(weights, name), strict=True)
            if weight
        }
        for name in MODELS
    }
    return {
        "examples_sha256": hashlib.sha256(EXAMPLES_FILE.read_bytes()).hexdigest(),
        "n_examples": {kind: int(np.sum(examples.kinds == n)) for n, kind in enumerate(KINDS)},
        "classifier": fingerprint,
        **models,
    }


def write_weights(path: Path) -> None:
    """Fits both models to the packaged examples and writes their weights as JSON."""
    examples, classifier = read_examples(), load_classifier()
    probabilities = read_labels(classifier, examples.prompts, examples.replies)
    features = measure_refusal_features(examples.replies, probabilities)
    weights = fit_weights(features, examples.kinds, examples.prompts)
    content = _describe(weights, examples, classifier.heads.fingerprint)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_weights(WEIGHTS_FILE)
