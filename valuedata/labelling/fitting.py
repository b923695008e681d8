"""Training of the classifier's heads; calibration and quality come from cross-validation."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from valuedata.errors import LabelError
from valuedata.labelling.encoder import VECTOR_KIND, Encoder, encode
from valuedata.labelling.gold import GoldPair
from valuedata.labelling.heads import Heads, count_words, sigmoid, weigh_words
from valuedata.labelling.quality import choose_threshold, measure_quality, summarize_quality
from valuedata.labelling.values import LABEL_NAMES
from valuedata.progress import Advance, Progress, show_nothing

__all__ = ["fit_classifier"]

N_FOLDS = 5
MIN_POSITIVES = 10  # two a fold, so that every fold can be trained and scored

# Source: the best of a small grid in five-fold cross-validation on the development labels.
REGULARISATION = 4.0  # liblinear's C
VECTOR_WEIGHT = 1.0  # length of a vector beside the words' length 1

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def fit_classifier(
    pairs: Sequence[GoldPair],
    encoder: Encoder,
    seed: int,
    names: Sequence[str] = LABEL_NAMES,
    progress: Progress = show_nothing,
) -> Heads:
    """Trains one head a name on all pairs; what is said of its quality comes from other heads.

    Five-fold cross-validation grouped by prompt gives each reply a score from heads that were not
    trained on its prompt. On these scores the calibration is fitted, the thresholds are chosen and
    the quality is measured.

    Args:
        pairs: Labelled pairs.
        encoder: Gives the vectors.
        seed: Decides the folds.
        names: What to train heads for.
        progress: Shows how far reading and training are.

    Returns:
        The heads; `metadata` holds the training data, the settings and the quality.

    Raises:
        LabelError: If a name is expressed too rarely to be learned, or by every reply.
    """
    readings = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
    labelled = [pair.chosen_labels for pair in pairs] + [pair.rejected_labels for pair in pairs]
    truth = np.array([[name in labels for name in names] for labels in labelled], dtype=np.bool_)
    _check_counts(truth, names)
    folds = _split_folds([pair.group for pair in pairs], seed)
    with progress("Reading", len(readings)) as advance:
        vectors = encode(encoder, readings, advance)
    counts = count_words(readings)
    with progress("Training", (N_FOLDS + 1) * len(names)) as advance:
        scores = np.zeros(truth.shape)
        for fold in range(N_FOLDS):
            inside = folds != fold
            features, _ = _make_features(vectors, counts, inside)
            weights = _train(features[inside], truth[inside], advance)
            scores[~inside] = features[~inside] @ weights[:, :-1].T + weights[:, -1]
        features, rarity = _make_features(vectors, counts, np.ones(len(folds), dtype=np.bool_))
        weights = _train(features, truth, advance)
    probabilities = _calibrate_across(scores, truth, folds)
    thresholds = np.array(
        [choose_threshold(p, y) for p, y in zip(probabilities.T, truth.T, strict=True)]
    )
    quality = {
        name: measure_quality(probabilities[:, v], truth[:, v], float(thresholds[v]))
        for v, name in enumerate(names)
    }

    calibration = np.array([_fit_platt(s, y) for s, y in zip(scores.T, truth.T, strict=True)])
    width = vectors.shape[1]
    return Heads(
        names=tuple(names),
        vector=(weights[:, :width] * VECTOR_WEIGHT).astype(np.float16),
        words=weights[:, width:-1].astype(np.float16),
        rarity=rarity,
        bias=weights[:, -1].astype(np.float32),
        slope=calibration[:, 0].astype(np.float32),
        offset=calibration[:, 1].astype(np.float32),
        thresholds=thresholds.astype(np.float32),
        metadata={
            "encoder": VECTOR_KIND,
            "n_pairs": len(pairs),
            "sources": dict(sorted(Counter(pair.source for pair in pairs).items())),
            "seed": seed,
            "n_folds": N_FOLDS,
            "regularisation": REGULARISATION,
            "vector_weight": VECTOR_WEIGHT,
            **summarize_quality(quality),
            "quality": quality,
        },
    )


def _check_counts(truth: Bools, names: Sequence[str]) -> None:
    n_positives = truth.sum(axis=0) if len(truth) else np.zeros(len(names))
    for name, n in zip(names, n_positives, strict=True):
        if not MIN_POSITIVES <= n <= len(truth) - MIN_POSITIVES:
            raise LabelError(
                f"Value {name!r} is expressed by {int(n)} of {len(truth)} replies; label "
                f"at least {MIN_POSITIVES} that express it and {MIN_POSITIVES} that do not."
            )


def _split_folds(groups: Sequence[str], seed: int) -> Ints:
    """(2 n,) int64: the fold of each reply, chosen replies first."""
    if len(set(groups)) < N_FOLDS:
        raise LabelError(
            f"The labelled pairs have {len(set(groups))} distinct prompts; at least {N_FOLDS} are "
            "needed to measure quality."
        )
    folds = np.zeros(len(groups), dtype=np.int64)
    splitter = GroupKFold(n_splits=N_FOLDS, shuffle=True, random_state=seed)
    for fold, (_, outside) in enumerate(splitter.split(folds, groups=groups)):
        folds[outside] = fold
    return np.concatenate([folds, folds])


def _make_features(
    vectors: npt.NDArray[np.float32], counts: csr_matrix, inside: Bools
) -> tuple[csr_matrix, npt.NDArray[np.float16]]:
    """Vectors beside weighed words; rarity is counted on the rows inside only.

    Source: ln((1 + n) / (1 + df)) + 1, the smooth idf of scikit-learn's TfidfTransformer.
    """
    n_with = np.asarray(counts[inside].sum(axis=0)).ravel()
    rarity = (np.log((1 + inside.sum()) / (1 + n_with)) + 1).astype(np.float16)
    words = weigh_words(counts, rarity)
    return hstack([csr_matrix(vectors * VECTOR_WEIGHT), words]).tocsr(), rarity


def _train(features: csr_matrix, truth: Bools, advance: Advance) -> Floats:
    """(v, features + 1) float64: one logistic regression a name; the bias stands last."""
    trained = []
    with ThreadPoolExecutor() as threads:
        for weights in threads.map(partial(_train_one, features), truth.T):
            trained.append(weights)
            advance(1)
    return np.stack(trained)


def _train_one(features: csr_matrix, truth: Bools) -> Floats:
    # liblinear's primal solver draws no random numbers, so threads cannot disturb it.
    model = LogisticRegression(C=REGULARISATION, solver="liblinear").fit(features, truth)
    return np.concatenate([model.coef_[0], model.intercept_])


def _fit_platt(scores: Floats, truth: Bools) -> tuple[float, float]:
    """Slope and offset of Platt's sigmoid, p = sigmoid(slope * score + offset)."""
    model = LogisticRegression(C=1e6).fit(scores[:, None], truth)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _calibrate_across(scores: Floats, truth: Bools, folds: Ints) -> Floats:
    """Calibrates each fold's scores by those of the other folds."""
    probabilities = np.zeros_like(scores)
    for fold in range(N_FOLDS):
        inside = folds != fold
        for v in range(scores.shape[1]):
            slope, offset = _fit_platt(scores[inside, v], truth[inside, v])
            probabilities[~inside, v] = sigmoid(slope * scores[~inside, v] + offset)
    return probabilities
