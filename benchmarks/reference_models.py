"""The classifier beside two plain models, cross-validated in the same folds on the same pairs.

    python -m benchmarks.reference_models GOLD --exclude-source NAME --work FOLDER --out FILE

Both are trained on the pairs alone, without the text that the classifier is given besides:

- "frozen": logistic regression on MiniLM's sentence vector and on TF-IDF of words and word pairs;
- "fine-tuned": all of MiniLM, mean pooling and a linear head, three epochs at 8e-5 peak.

"mean" is the mean of both in logit space. Folds that are done are kept in the work folder.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from valuedata.labelling.encoding.encoder import encode, load_encoder
from valuedata.labelling.encoding.minilm import load_minilm, tokenize
from valuedata.labelling.fitting.adaptation import load_bert, order_rows
from valuedata.labelling.fitting.quality import measure_unseen
from valuedata.labelling.fitting.training import read_labels, split_folds
from valuedata.labelling.gold import load_gold
from valuedata.labelling.heads import load_heads, sigmoid
from valuedata.labelling.readings import Reading
from valuedata.labelling.values import LABEL_NAMES

SEED = 0
N_EPOCHS = 3
READINGS_AT_ONCE = 32  # scored
PEAK_RATE = 8e-5
HEAD_RATE = 1e-3  # a new layer hardly moves at the rate of the old ones
WARM_SHARE = 0.1
DROPOUT = 0.1  # of the pooled states; inside the layers it would double the time on a CPU
REGULARISATION = 4.0

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def score_frozen(readings: Sequence[Reading], truth: Bools, inside: Ints, outside: Ints) -> Floats:
    """(m, v) scores of the readings outside, by logistic regressions trained inside."""
    vectors = encode(load_encoder(), readings).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    words.fit([readings[row].reply for row in inside])

    def join(rows: Ints) -> csr_matrix:
        counted = words.transform([readings[row].reply for row in rows])
        return hstack([csr_matrix(vectors[rows]), counted]).tocsr()

    trained, unseen = join(inside), join(outside)
    scores = [
        LogisticRegression(C=REGULARISATION, solver="liblinear")
        .fit(trained, truth[inside, v])
        .decision_function(unseen)
        for v in range(truth.shape[1])
    ]
    return np.stack(scores, axis=1)


class FineTuned(torch.nn.Module):
    """MiniLM, mean pooling, a linear head."""

    def __init__(self, n_names: int) -> None:
        super().__init__()
        self.encoder = load_bert()
        self.encoder.set_attn_implementation("eager")  # its gradient is the quicker one on a CPU
        for module in self.encoder.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        self.dropout = torch.nn.Dropout(DROPOUT)
        self.head = torch.nn.Linear(self.encoder.config.hidden_size, n_names)

    def forward(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """(n, v) scores of n rows of tokens."""
        tokens = torch.nn.utils.rnn.pad_sequence(list(map(torch.tensor, rows)), batch_first=True)
        lengths = torch.tensor(list(map(len, rows)))
        attended = torch.arange(tokens.shape[1])[None] < lengths[:, None]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self.encoder(input_ids=tokens, attention_mask=attended.long())
        masked = states.last_hidden_state.float() * attended[..., None]
        return self.head(self.dropout(masked.sum(dim=1) / lengths[:, None]))


def score_fine_tuned(
    readings: Sequence[Reading], truth: Bools, inside: Ints, outside: Ints
) -> Floats:
    """(m, v) scores of the readings outside, by MiniLM fine-tuned inside."""
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    tokens = tokenize(load_minilm()[1], readings)
    model = FineTuned(truth.shape[1]).train()
    steps = [step for _ in range(N_EPOCHS) for step in order_rows(tokens, inside, random)]
    optimizer = torch.optim.AdamW(
        [
            {"params": model.encoder.parameters(), "lr": PEAK_RATE},
            {"params": model.head.parameters(), "lr": HEAD_RATE},
        ],
        fused=True,
    )
    n_warm = round(WARM_SHARE * len(steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda at: min((at + 1) / n_warm, (len(steps) - at) / (len(steps) - n_warm))
    )
    wanted = torch.from_numpy(truth).float()
    for rows in steps:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            model([tokens[row] for row in rows]), wanted[rows], reduction="none"
        )
        optimizer.zero_grad()
        loss.sum(dim=1).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    scores = np.zeros((len(outside), truth.shape[1]))
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(outside), READINGS_AT_ONCE):
            rows = outside[start : start + READINGS_AT_ONCE]
            scores[start : start + len(rows)] = model([tokens[row] for row in rows]).numpy()
    return scores


MODELS = {"frozen": score_frozen, "fine-tuned": score_fine_tuned}


def main() -> None:
    """Scores fold by fold, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--exclude-source", action="append", default=[])
    parser.add_argument("--work", type=Path, required=True, help="folder of finished folds")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    pairs = load_gold([given.gold], given.exclude_source)
    readings, truth = read_labels(pairs, LABEL_NAMES)
    groups = [pair.group for pair in pairs]
    folds = split_folds(groups, SEED)
    given.work.mkdir(parents=True, exist_ok=True)
    scores = {name: np.zeros(truth.shape) for name in MODELS}
    for name, score in MODELS.items():
        for fold in np.unique(folds):
            path = given.work / f"{name}-{fold}.npy"
            inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            if not path.exists():
                np.save(path, score(readings, truth, inside, outside))
            scores[name][outside] = np.load(path)
            print(name, fold, flush=True)  # noqa: T201
    scores["mean"] = (scores["frozen"] + scores["fine-tuned"]) / 2
    packaged = load_heads().metadata
    result = {"valuedata": {key: packaged[key] for key in ("means", "best_f1")}}
    for name, found in scores.items():
        measured = measure_unseen(LABEL_NAMES, sigmoid(found), truth, folds, groups)
        result[name] = {key: measured[key] for key in ("means", "best_f1")}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, measured in result.items():
        precision, f1 = measured["means"]["average_precision"], measured["best_f1"]
        print(f"{name}: mAP {precision['value']:.3f}, F1 {f1['value']:.3f}")  # noqa: T201


if __name__ == "__main__":
    main()
