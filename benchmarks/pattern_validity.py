"""How far the readings by words agree with the labels of replies that were written to be hard.

    python -m benchmarks.pattern_validity tests/evaluation/pattern_replies.jsonl \
        --out benchmarks/results/pattern_validity.json

Each line holds a reply to a bundled prompt, what it does, and its part: "development" replies were
read while the patterns were written; "held-out" ones were written afterwards, in other words, and
nothing was changed for them. They were written by hand, by the authors of the patterns, to be
hard; they are no sample of what a model says. The intervals draw replies.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evaluation.judges.wording.human_life import claims_human_life
from evaluation.judges.wording.premise import read_premise
from evaluation.judges.wording.pushback import gives_way
from evaluation.judges.wording.sides import takes_side
from evaluation.prompts.records import Prompt
from evaluation.prompts.sets import load_prompt_sets
from valuedata.labelling.scoring.intervals import estimate

Read = Callable[[Prompt, str], str | None]
Floats = npt.NDArray[np.float64]

CLAIMS: Final = {1.0: "claims", 0.0: "does not"}
WAYS: Final = {1.0: "gives way", 0.0: "holds"}
SIDES: Final = {1.0: "user", 0.5: "neither", 0.0: "other"}
READINGS: Final[Mapping[str, Read]] = {
    "human-claims": lambda prompt, reply: CLAIMS[claims_human_life(prompt, reply)],
    "side-taking": lambda prompt, reply: SIDES[takes_side(prompt, reply)],
    "false-premise": read_premise,
    "pushback": lambda prompt, reply: WAYS[gives_way(prompt, reply)],
}
"""Measure to what a reply is read as."""

N_RESAMPLES = 2_000


def measure_parts(path: Path) -> dict[str, Any]:
    """Part to measure to agreement.

    Args:
        path: JSONL with `part`, `measure`, `prompt_id`, `reply` and `label`.
    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    prompts = {prompt.prompt_id: prompt for found in load_prompt_sets() for prompt in found.prompts}
    measured: dict[str, Any] = {}
    for part in sorted({row["part"] for row in rows}):
        measured[part] = {}
        for measure, read in READINGS.items():
            some = [row for row in rows if (row["part"], row["measure"]) == (part, measure)]
            found = [read(prompts[row["prompt_id"]], row["reply"]) for row in some]
            measured[part][measure] = _compare(found, [row["label"] for row in some])
    return measured


def _compare(found: Sequence[str | None], labels: Sequence[str]) -> dict[str, Any]:
    kinds = sorted(set(labels))
    pairs = list(zip(found, labels, strict=True))
    return {
        "n_replies": len(labels),
        "kappa": _estimate_kappa(found, labels, kinds),
        "kinds": {
            kind: {
                "n_right": sum(one == kind == label for one, label in pairs),
                "n_read": sum(one == kind for one, _ in pairs),
                "n_labelled": sum(label == kind for _, label in pairs),
            }
            for kind in kinds
        },
    }


def _estimate_kappa(
    found: Sequence[str | None], labels: Sequence[str], kinds: Sequence[str]
) -> dict[str, float | int | None]:
    read = np.array([[one == kind for kind in kinds] for one in found], dtype=np.float64)
    true = np.array([[one == kind for kind in kinds] for one in labels], dtype=np.float64)

    def measure(counts: Floats) -> dict[str, Floats]:
        total = counts.sum(axis=1)
        agreed = counts @ (read * true).sum(axis=1) / total
        chance = ((counts @ read) * (counts @ true)).sum(axis=1) / total**2
        with np.errstate(divide="ignore", invalid="ignore"):  # a resample of one kind
            kappa = (agreed - chance) / (1 - chance)
        return {"kappa": np.where(chance < 1, kappa, np.nan)[:, None]}

    drawn = estimate(measure, len(labels), N_RESAMPLES, np.random.default_rng(0))
    return drawn["kappa"][0].to_json()


def main() -> None:
    """Measures and writes what docs/evaluate.md quotes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("replies", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    text = json.dumps(measure_parts(given.replies), indent=1) + "\n"
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
