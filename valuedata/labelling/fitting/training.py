"""Training of the classifier; calibration, thresholds and quality come from cross-validation."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from valuedata.errors import LabelError
from valuedata.labelling.encoding.adapter import Adapter
from valuedata.labelling.encoding.minilm import WIDTH
from valuedata.labelling.fitting.adaptation import N_EPOCHS, adapt, read_states, score
from valuedata.labelling.fitting.quality import measure_unseen
from valuedata.labelling.gold import GoldPair
from valuedata.labelling.heads import Heads, count_words, sigmoid, weigh_words
from valuedata.labelling.readings import Reading
from valuedata.labelling.values import LABEL_NAMES
from valuedata.progress import Advance, Progress, show_nothing

__all__ = ["fit_classifier", "read_labels", "split_folds"]

N_FOLDS = 5
MIN_POSITIVES = 10  # two a fold, so that every fold can be trained and scored

# Source: the best of a small grid in five-fold cross-validation on the development labels.
REGULARISATION = 4.0  # liblinear's C
MIXTURE_REGULARISATION = 1e4  # next to none: three numbers from thousands of scores

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Words:
    """What a reply's words say.

    Attributes:
        rarity: (N_BUCKETS,) float16.
        weights: (v, N_BUCKETS + 1) float64; the bias stands last.
    """

    rarity: npt.NDArray[np.float16]
    weights: Floats


def fit_classifier(
    pairs: Sequence[GoldPair],
    seed: int,
    names: Sequence[str] = LABEL_NAMES,
    added: Sequence[GoldPair] = (),
    progress: Progress = show_nothing,
) -> Heads:
    """Fine-tunes the encoder, trains on words, and measures both by cross-validation.

    Five-fold cross-validation grouped by prompt gives each reply two scores, of an adapted encoder
    and of its words, from models that were not trained on its prompt. On these the mixture of both
    is fitted, which calibrates it, the thresholds are chosen and the quality is measured.

    Args:
        pairs: Labelled pairs.
        seed: Decides the folds and the training.
        names: What to label.
        added: More labelled pairs, which every model is trained on and none is measured on.
        progress: Shows how far reading and training are.

    Returns:
        The heads; `metadata` holds the training data, the settings and the quality.

    Raises:
        LabelError: If a name is expressed too rarely to be learned, or by every reply.
    """
    readings, truth = read_labels(pairs, names)
    _check_counts(truth, names)
    folds = split_folds([pair.group for pair in pairs], seed)
    _check_folds(truth, folds, names)
    more, more_truth = read_labels(added, names)
    scores, adapter, words = _score_unseen(
        readings + more, np.concatenate([truth, more_truth]), folds, seed, progress
    )
    probabilities = _mix_across(scores, truth, folds)
    measured = measure_unseen(names, probabilities, truth, folds, [pair.group for pair in pairs])
    thresholds = [measured["quality"][name]["threshold"] for name in names]
    mixture = _fit_mixture(scores, truth)
    vector = np.zeros((len(names), WIDTH + len(names)))
    np.fill_diagonal(vector[:, WIDTH:], mixture[:, 0])
    return Heads(
        names=tuple(names),
        vector=vector.astype(np.float16),
        words=(words.weights[:, :-1] * mixture[:, 1:2]).astype(np.float16),
        rarity=words.rarity,
        bias=(words.weights[:, -1] * mixture[:, 1] + mixture[:, 2]).astype(np.float32),
        thresholds=np.array(thresholds, dtype=np.float32),
        adapter=adapter,
        metadata={
            "sources": _count_sources(pairs),
            "added": _count_sources(added),
            "seed": seed,
            "n_folds": N_FOLDS,
            **measured,
        },
    )


def read_labels(pairs: Sequence[GoldPair], names: Sequence[str]) -> tuple[list[Reading], Bools]:
    """2 n readings, chosen first, and (2 n, v) which names they express."""
    readings = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
    labelled = [pair.chosen_labels for pair in pairs] + [pair.rejected_labels for pair in pairs]
    truth = [[name in labels for name in names] for labels in labelled]
    return readings, np.array(truth, dtype=np.bool_).reshape(len(readings), len(names))


def _count_sources(pairs: Sequence[GoldPair]) -> dict[str, int]:
    return dict(sorted(Counter(pair.source for pair in pairs).items()))


def _check_counts(truth: Bools, names: Sequence[str]) -> None:
    n_positives = truth.sum(axis=0) if len(truth) else np.zeros(len(names))
    for name, n in zip(names, n_positives, strict=True):
        if not MIN_POSITIVES <= n <= len(truth) - MIN_POSITIVES:
            raise LabelError(
                f"Value {name!r} is expressed by {int(n)} of {len(truth)} replies; label "
                f"at least {MIN_POSITIVES} that express it and {MIN_POSITIVES} that do not."
            )


def split_folds(groups: Sequence[str], seed: int) -> Ints:
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


def _check_folds(truth: Bools, folds: Ints, names: Sequence[str]) -> None:
    """Refuses, before the long work, a name that cannot be learned where a fold is left out."""
    for fold in range(N_FOLDS):
        rest = truth[folds != fold]
        for name, has, all_have in zip(names, rest.any(axis=0), rest.all(axis=0), strict=True):
            if not has or all_have:
                what = "do not express" if all_have else "express"
                raise LabelError(
                    f"The replies that {what} {name!r} are to too few prompts, none of which is "
                    "left where one fifth of all is kept for measuring; label some to more prompts."
                )


def _score_unseen(
    readings: Sequence[Reading], truth: Bools, folds: Ints, seed: int, progress: Progress
) -> tuple[Floats, Adapter, Words]:
    """Scores the first readings by models of other folds, and trains on all.

    Args:
        readings: n readings that have a fold, then m that every model is trained on.
        truth: (n + m, v).
        folds: (n,).
        seed: Of the training.
        progress: Shows how far reading and training are.

    Returns:
        (2, n, v) scores of the adapted encoder and of the words; then both, trained on all.
    """
    n = len(folds)
    rows = np.arange(len(readings))
    inside = [np.append(np.flatnonzero(folds != fold), rows[n:]) for fold in range(N_FOLDS)]
    with progress("Reading", len(readings)) as advance:
        states = read_states(readings, advance)
    scores = np.zeros((2, n, truth.shape[1]))
    with progress("Adapting", N_EPOCHS * (sum(map(len, inside)) + len(rows))) as advance:
        for fold, trained in enumerate(inside):
            outside = np.flatnonzero(folds == fold)
            scores[0, outside] = score(
                states, adapt(states, truth, trained, seed, advance), outside
            )
        adapter = adapt(states, truth, rows, seed, advance)
    counts = count_words(readings)
    with progress("Training", (N_FOLDS + 1) * truth.shape[1]) as advance:
        for fold, trained in enumerate(inside):
            words = _train_words(counts, truth, trained, advance)
            unseen = weigh_words(counts[np.flatnonzero(folds == fold)], words.rarity)
            scores[1, folds == fold] = unseen @ words.weights[:, :-1].T + words.weights[:, -1]
        return scores, adapter, _train_words(counts, truth, rows, advance)


def _train_words(counts: csr_matrix, truth: Bools, inside: Ints, advance: Advance) -> Words:
    """Trains a logistic regression a name on the weighed words of some rows.

    Source: ln((1 + n) / (1 + df)) + 1, the smooth idf of scikit-learn's TfidfTransformer.
    """
    n_with = np.asarray(counts[inside].sum(axis=0)).ravel()
    rarity = (np.log((1 + len(inside)) / (1 + n_with)) + 1).astype(np.float16)
    words = weigh_words(counts[inside], rarity)
    trained = []
    with ThreadPoolExecutor() as threads:
        for weights in threads.map(partial(_train_one, words), truth[inside].T):
            trained.append(weights)
            advance(1)
    return Words(rarity, np.stack(trained))


def _train_one(features: csr_matrix, truth: Bools) -> Floats:
    # liblinear's primal solver draws no random numbers, so threads cannot disturb it.
    model = LogisticRegression(C=REGULARISATION, solver="liblinear").fit(features, truth)
    return np.concatenate([model.coef_[0], model.intercept_])


def _fit_mixture(scores: Floats, truth: Bools) -> Floats:
    """(v, 3) float64: weights of the two scores of each name, and offset, which calibrate it.

    Source: Platt 1999, with two scores in place of one; stacking, Wolpert 1992.
    """
    mixtures = []
    for v, expressed in enumerate(truth.T):
        model = LogisticRegression(C=MIXTURE_REGULARISATION).fit(scores[:, :, v].T, expressed)
        mixtures.append(np.concatenate([model.coef_[0], model.intercept_]))
    return np.stack(mixtures)


def _mix_across(scores: Floats, truth: Bools, folds: Ints) -> Floats:
    """(n, v) probabilities: each fold's scores are mixed as those of the other folds say."""
    probabilities = np.zeros(truth.shape)
    for fold in range(N_FOLDS):
        mixture = _fit_mixture(scores[:, folds != fold], truth[folds != fold])
        outside = folds == fold
        mixed = (scores[:, outside] * mixture.T[:2, None]).sum(axis=0) + mixture[:, 2]
        probabilities[outside] = sigmoid(mixed)
    return probabilities
