"""What labelling on a Ray cluster takes: pairs a node-hour, and what stays in one process.

    python -m benchmarks.cluster_cost ultrafeedback=FILE --pairs 800 --out RESULT.json

Labels the same pairs with an empty cache in this process, then on a cluster (without --address, of
a process for each core of this machine), then once more with what is in the cache by then: what
that takes stays in the process that asks, however many nodes there are. Needs
`pip install 'valuedata[ray]'`.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import ray
import torch
from datasets import Dataset

from valuedata.engine import LOCAL, Engine
from valuedata.intake.collect import read_pairs
from valuedata.intake.naming import resolve_source
from valuedata.labelling.classifier import load_extractor
from valuedata.labelling.labels import Labels
from valuedata.ray_engine import open_ray
from valuedata.recipe import LabelSettings

SECONDS_AN_HOUR = 3_600
PROJECTED_PAIRS = 1_000_000
PROJECTED_NODES = (1, 4, 16)


def measure(pairs: Dataset, address: str | None) -> dict[str, Any]:
    """Labels some pairs in each way.

    Args:
        pairs: n pairs.
        address: Of a cluster, as `open_ray` takes it.

    Returns:
        Seconds of each way, the rate of the cluster once its workers are up, and projections.
    """
    machine: dict[str, Any] = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "torch": torch.__version__,
        "ray": ray.__version__,
    }
    with TemporaryDirectory() as work:
        here, seconds_here = _label(pairs, Path(work, "here"), LOCAL)
        started = time.perf_counter()
        with open_ray(address) as engine:
            seconds_open = time.perf_counter() - started
            nodes = [node for node in ray.nodes() if node["Alive"]]
            n_cores = int(ray.cluster_resources()["CPU"])
            heard: list[tuple[float, int]] = []
            there, seconds_there = _label(
                pairs,
                Path(work, "there"),
                engine,
                lambda n: heard.append((time.perf_counter(), n)),
            )
            again, seconds_again = _label(pairs, Path(work, "there"), engine)
    rate = _measure_rate(heard)
    node_hour = rate / 2 / len(nodes) * SECONDS_AN_HOUR
    return {
        "n_pairs": len(pairs),
        "equal": all(np.array_equal(here.chosen, other.chosen) for other in (there, again)),
        "seconds_in_this_process": seconds_here,
        "cluster": {
            "n_nodes": len(nodes),
            "n_cores": n_cores,
            "seconds_to_open": seconds_open,
            "seconds": seconds_there,
            "replies_a_second_once_up": rate,
            "pairs_a_node_hour": node_hour,
        },
        "seconds_that_stay_in_one_process": seconds_again,
        "projections": _project(node_hour, seconds_again / len(pairs)),
        "machine": machine,
    }


def _label(
    pairs: Dataset, cache: Path, engine: Engine, progress: Callable[[int], None] | None = None
) -> tuple[Labels, float]:
    extractor = load_extractor(LabelSettings(), cache, engine)
    started = time.perf_counter()
    labels = extractor.label(pairs, progress)
    return labels, time.perf_counter() - started


def _measure_rate(heard: list[tuple[float, int]]) -> float:
    """Replies a second between the first batch that came back and the last."""
    seconds = heard[-1][0] - heard[0][0]
    return sum(n for _, n in heard[1:]) / seconds


def _project(node_hour: float, seconds_a_pair: float) -> list[dict[str, float]]:
    """Hours for a million pairs, where nodes add up and the rest stays in one process."""
    serial = PROJECTED_PAIRS * seconds_a_pair / SECONDS_AN_HOUR
    return [
        {
            "n_pairs": PROJECTED_PAIRS,
            "n_nodes": n_nodes,
            "hours": PROJECTED_PAIRS / (node_hour * n_nodes) + serial,
            "node_hours": PROJECTED_PAIRS / node_hour + serial * n_nodes,
        }
        for n_nodes in PROJECTED_NODES
    ]


def main() -> None:
    """Reads pairs, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="what --source of valuedata takes")
    parser.add_argument("--pairs", type=int, required=True, help="how many pairs, from the first")
    parser.add_argument("--address", help="HOST:PORT of a cluster, or auto")
    parser.add_argument("--price", type=float, help="of a node-hour, in any currency")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    with TemporaryDirectory() as work:
        source = resolve_source(given.source, None)
        intake = read_pairs([source], Path(work), 1.0, lambda _: None)
        result = measure(intake.pairs.select(range(given.pairs)), given.address)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{result['cluster']['pairs_a_node_hour']:,.0f} pairs a node-hour")  # noqa: T201
    for told in result["projections"]:
        cost = "" if given.price is None else f", {told['node_hours'] * given.price:,.2f} in all"
        print(  # noqa: T201
            f"{told['n_pairs']:,} pairs on {told['n_nodes']} nodes: {told['hours']:.2f} hours, "
            f"{told['node_hours']:.1f} node-hours{cost}"
        )


if __name__ == "__main__":
    main()
