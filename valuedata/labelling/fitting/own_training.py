"""Training of one head for a user's own value, beside heads that are there already."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isnan, log
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from valuedata.errors import LabelError
from valuedata.labelling.encoding.encoder import Encoder, encode
from valuedata.labelling.encoding.minilm import WIDTH
from valuedata.labelling.fitting.own_quality import (
    FLOOR,
    USUAL_SHARE,
    bound_quality,
    choose_own_threshold,
    forecast_examples,
    measure_evenly,
    weigh_evenly,
)
from valuedata.labelling.fitting.own_values import OwnValue
from valuedata.labelling.gold import load_gold
from valuedata.labelling.heads import Heads, count_words, sigmoid, weigh_words
from valuedata.labelling.readings import Reading
from valuedata.progress import Progress, show_nothing

__all__ = ["fit_own_value", "read_usual"]

# Source: the best of 1, 4 and 16 with 20, 60 and 200 labelled replies of seven packaged values,
# by the average precision on the other development labels. Presumed negatives in training made it
# worse at every weight, so the bundled corpus serves the threshold alone.
REGULARISATION = 16.0  # liblinear's C

MAX_FOLDS = 10
CURVE = (1 / 3, 2 / 3, 1.0)  # shares of the training examples
N_REPEATS = 5  # random choices of each share

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trained:
    """A head of one value.

    Attributes:
        weights: (features + 1,) float64; the bias stands last.
        decision: Slope, offset and threshold.
        evidence: What is known of its quality, as JSON types.
    """

    weights: Floats
    decision: tuple[float, float, float]
    evidence: Mapping[str, Any]


def read_usual() -> list[Reading]:
    """The replies of the bundled corpus."""
    pairs = load_gold([Path("starter")])
    return [reading for pair in pairs for reading in (pair.chosen, pair.rejected)]


def fit_own_value(
    own: OwnValue,
    base: Heads,
    encoder: Encoder,
    usual: Sequence[Reading],
    seed: int,
    progress: Progress = show_nothing,
) -> Heads:
    """Trains a head on the labelled replies and sets it behind those that are there.

    Cross-validation grouped by prompt gives each reply a score from a head that was not trained on
    its prompt; calibration, threshold and quality come from these. The calibration is Platt's,
    moved to the share of replies that usually express a value. The usual replies are presumed not
    to express the value; they take part in the choice of the threshold and in no training.

    Args:
        own: The value with its labelled replies.
        base: The heads to extend; one of the same name is replaced.
        encoder: Gives the vectors; it has the adapter of `base`.
        usual: Replies of all kinds, such as `read_usual()`.
        seed: Decides folds, draws and the learning curve.
        progress: Shows how far reading and training are.

    Returns:
        The heads of `base` and the new one, last; `metadata["own"]` holds its definition, quality
        and, where it is under the floor, its weakness.

    Raises:
        LabelError: If the heads rank replies to prompts not trained on the wrong way round.
    """
    readings = [*own.readings, *usual]
    with progress("Reading", len(readings)) as advance:
        vectors = encode(encoder, readings, advance)[:, :WIDTH]
    features = hstack(
        [csr_matrix(vectors), weigh_words(count_words(readings), base.rarity)]
    ).tocsr()
    n = len(own.truth)
    truth = np.array(own.truth, dtype=np.bool_)
    groups = np.unique([reading.prompt for reading in own.readings], return_inverse=True)[1]
    with progress("Training", None) as advance:
        trained = _fit(features[:n], truth, groups, features[n:], seed)
        advance(1)
    if trained.decision[0] <= 0:
        # Calibration would turn the head round, and what it then measured would look good.
        raise LabelError(
            f"The labelled replies do not tell {own.definition.name!r} apart: what is learned from "
            "some prompts is wrong on the others; look for wrong labels, or give replies that show "
            "the value by themselves, whatever the prompt."
        )
    entry = {
        "definition": own.definition.model_dump(mode="json", by_alias=True),
        **trained.evidence,
        "seed": seed,
        "arithmetic": encoder.precision,
        "regularisation": REGULARISATION,
    }
    return _append(base, own.definition.name, trained, entry)


def _fit(
    features: csr_matrix, truth: Bools, groups: Ints, others: csr_matrix, seed: int
) -> Trained:
    """Trains on n labelled replies of numbered prompts, and measures with m usual ones besides."""
    folds = _split_folds(truth, groups, seed)
    scores, other_scores = _score_unseen(features, truth, folds, others)
    weights = _train(features, truth)
    slope, offset = _fit_platt(scores, truth)
    probabilities = sigmoid(slope * scores + offset)
    other_probabilities = sigmoid(slope * other_scores + offset)
    threshold = choose_own_threshold(probabilities, truth, other_probabilities)
    rng = np.random.default_rng(seed)
    quality = bound_quality(probabilities, truth, groups, threshold, rng)
    curve = _trace_curve(features, truth, folds, rng)
    low = quality["average_precision"].low
    sizes, precisions = np.array(list(curve), dtype=np.float64), np.array(list(curve.values()))
    evidence: dict[str, Any] = {
        "n_examples": len(truth),
        "n_positives": int(truth.sum()),
        "n_prompts": int(groups.max()) + 1,
        "n_folds": int(folds.max()) + 1,
        "threshold": threshold,
        **{name: _to_json(asdict(found)) for name, found in quality.items()},
        "starter_share": _round(float((other_probabilities >= threshold).mean())),
        "learning_curve": {str(size): _round(found) for size, found in curve.items()},
        "floor": FLOOR,
        "is_weak": low < FLOOR,
        "n_more": forecast_examples(sizes, precisions, low) if low < FLOOR else 0,
    }
    return Trained(weights, (slope, offset, threshold), evidence)


def _split_folds(truth: Bools, groups: Ints, seed: int) -> Ints:
    """(n,) int64: the fold of each reply; each training part has replies of both kinds."""
    n_prompts = min(len(np.unique(groups[truth])), len(np.unique(groups[~truth])))
    splitter = StratifiedGroupKFold(
        n_splits=min(MAX_FOLDS, n_prompts), shuffle=True, random_state=seed
    )
    folds = np.zeros(len(truth), dtype=np.int64)
    for fold, (_, outside) in enumerate(splitter.split(folds, truth, groups)):
        folds[outside] = fold
    return folds


def _train(features: csr_matrix, truth: Bools) -> Floats:
    """(features + 1,) float64: a logistic regression on an even mix; the bias stands last."""
    weights = weigh_evenly(truth) * len(truth)
    model = LogisticRegression(C=REGULARISATION, solver="liblinear")
    model.fit(features, truth, sample_weight=weights)
    return np.concatenate([model.coef_[0], model.intercept_])


def _score_unseen(
    features: csr_matrix, truth: Bools, folds: Ints, others: csr_matrix
) -> tuple[Floats, Floats]:
    """Scores of the n replies by heads not trained on their prompts, and of the others by each."""
    scores, other_scores = np.zeros(len(truth)), []
    for fold in np.unique(folds):
        inside = folds != fold
        weights = _train(features[inside], truth[inside])
        scores[~inside] = features[~inside] @ weights[:-1] + weights[-1]
        other_scores.append(others @ weights[:-1] + weights[-1])
    return scores, np.concatenate(other_scores)


def _fit_platt(scores: Floats, truth: Bools) -> tuple[float, float]:
    """Slope and offset of p = sigmoid(slope * score + offset) for a share of `USUAL_SHARE`.

    Source: Platt 1999, "Probabilistic Outputs for Support Vector Machines", with its smoothed
    targets (n + 1) / (n + 2) and 1 / (n + 2), which keep the slope finite where the replies are
    told apart; the offset is moved from an even mix by the logarithm of the odds.
    """
    n_with, n_without = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (n_with + 1) / (n_with + 2), 1 / (n_without + 2))
    weights = weigh_evenly(truth) * len(truth)
    model = LogisticRegression(C=1e6).fit(
        np.concatenate([scores, scores])[:, None],
        np.repeat([True, False], len(scores)),
        sample_weight=np.concatenate([weights * target, weights * (1 - target)]),
    )
    moved = log(USUAL_SHARE / (1 - USUAL_SHARE))
    return float(model.coef_[0, 0]), float(model.intercept_[0]) + moved


def _trace_curve(
    features: csr_matrix, truth: Bools, folds: Ints, rng: np.random.Generator
) -> dict[int, float]:
    """Number of examples to the average precision on an even mix with that share of them.

    Each fold is scored by heads trained on a share of the replies outside, of both kinds alike,
    chosen at random `N_REPEATS` times.
    """
    curve = {}
    for share in CURVE:
        found = []
        for _ in range(N_REPEATS if share < 1 else 1):
            scores = np.zeros(len(truth))
            for fold in np.unique(folds):
                rows = np.concatenate(
                    [
                        _choose(np.flatnonzero((folds != fold) & (truth == kind)), share, rng)
                        for kind in (True, False)
                    ]
                )
                weights = _train(features[rows], truth[rows])
                outside = folds == fold
                scores[outside] = features[outside] @ weights[:-1] + weights[-1]
            measured = measure_evenly(scores, truth, 0.0, weigh_evenly(truth))
            found.append(measured["average_precision"])
        curve[round(share * len(truth))] = float(np.mean(found))
    return curve


def _choose(rows: Ints, share: float, rng: np.random.Generator) -> Ints:
    n = max(1, round(share * len(rows)))
    return np.sort(rng.permutation(rows)[:n])


def _append(base: Heads, name: str, trained: Trained, entry: Mapping[str, Any]) -> Heads:
    """The base without a head of that name, and the new head last."""
    kept = [column for column, other in enumerate(base.names) if other != name]
    slope, offset, threshold = trained.decision
    weights = slope * trained.weights
    vector = np.zeros(base.vector.shape[1])  # nothing on the scores of the other names
    vector[:WIDTH] = weights[:WIDTH]

    def join(old: npt.NDArray[Any], new: Floats | float) -> npt.NDArray[Any]:
        return np.concatenate([old[kept], np.asarray(new)[None].astype(old.dtype)])

    own = {key: found for key, found in base.metadata.get("own", {}).items() if key != name}
    return replace(
        base,
        names=(*(base.names[column] for column in kept), name),
        vector=join(base.vector, vector),
        words=join(base.words, weights[WIDTH:-1]),
        bias=join(base.bias, weights[-1] + offset),
        thresholds=join(base.thresholds, threshold),
        metadata={**base.metadata, "own": {**own, name: dict(entry)}},
    )


def _round(number: float) -> float | None:
    return None if isnan(number) else round(number, 4)


def _to_json(numbers: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _round(number) for name, number in numbers.items()}
