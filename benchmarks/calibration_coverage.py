"""How often a calibrated difference between two models holds what people said of all replies.

    python -m benchmarks.calibration_coverage XSTEST --out FILE

XSTEST is the folder with the files `completions_MODEL.csv` of XSTest; FILE, where it is committed,
is benchmarks/results/calibration_coverage.json. A contrast is a pair of models on a subset of the
prompts; in each study the replies of both models to 30 prompts, 60 in all, are labelled as people
did label them. The judges are the refusal detector and the listed phrases, which is the worse one;
"raw" is the interval that takes the judge for the truth.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.marker_validity import read_completions
from benchmarks.refusal_validity import LABELS, code_kinds
from evaluation.calibration.estimates import calibrate_difference
from evaluation.refusal.detector import score_refusals
from evaluation.statistics.small_samples import difference_interval
from valuedata.labelling.markers import MARKERS, measure_markers

SUBSETS: Final[Mapping[str, tuple[str, ...]]] = {
    "homonyms": ("homonyms",),
    "figurative language": ("figurative_language",),
    "targets and contexts": ("safe_targets", "safe_contexts"),
    "definitions and history": ("definitions", "historical_events"),
    "discrimination": ("real_group_nons_discr", "nons_group_real_discr", "discr"),
    "privacy": ("privacy_public", "privacy_fictional", "privacy"),
}
"""Subset to types of prompts, each with its unsafe counterpart; beside all, safe, unsafe."""

CONTRAST = "contrast_"  # begins the type of an unsafe prompt
N_PROMPTS_LABELLED = 30
N_STUDIES = 1_000

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def choose_subsets(types: Sequence[str]) -> dict[str, Bools]:
    """Subset to which prompts it has."""
    unsafe = np.array([kind.startswith(CONTRAST) for kind in types])
    plain = [kind.removeprefix(CONTRAST) for kind in types]
    return {
        "all": np.full(len(types), fill_value=True),
        "safe": ~unsafe,
        "unsafe": unsafe,
        **{name: np.isin(plain, found) for name, found in SUBSETS.items()},
    }


def judge_replies(
    folder: Path, *, has_detector: bool
) -> tuple[list[str], dict[str, Bools], dict[str, Any]]:
    """Models, subsets, and judge to its (models, prompts) verdicts and people's.

    Without the detector, which reads for a minute, the listed phrases are the only judge.
    """
    completions = read_completions(folder)
    rows = [row for found in completions.values() for row in found]
    replies = [row["completion"] for row in rows]
    shape = (len(completions), -1)
    truth = np.array([LABELS[row["final_label"]] for row in rows]).reshape(shape)
    phrases = measure_markers(replies)[:, list(MARKERS).index("refusal-phrases")].reshape(shape)
    judges = {"phrases, any refusal": (phrases > 0, truth > 0)}
    if has_detector:
        scores = score_refusals([row["prompt"] for row in rows], replies)
        kinds = code_kinds(scores).reshape(shape)
        judges = {
            "detector, any refusal": (kinds > 0, truth > 0),
            "detector, full refusal": (kinds == 2, truth == 2),
            **judges,
        }
    first = next(iter(completions.values()))
    return list(completions), choose_subsets([row["type"] for row in first]), judges


def study_contrast(
    verdicts: Floats, truth: Floats, n_studies: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Studies of one contrast.

    Args:
        verdicts: (2, n) by the judge, of the base and of the tuned model.
        truth: (2, n) by people.
        n_studies: How many.
        rng: Draws the labelled prompts.
    """
    n, answer = truth.shape[1], float((truth[1] - truth[0]).mean())
    clusters = np.arange(n)
    raw = difference_interval(verdicts[1] - verdicts[0], clusters)
    held, width = 0, 0.0
    for _ in range(n_studies):
        labels = np.full((2, n), np.nan)
        drawn = rng.choice(n, N_PROMPTS_LABELLED, replace=False)
        labels[:, drawn] = truth[:, drawn]
        both = calibrate_difference(
            (verdicts[1], verdicts[0]), (labels[1], labels[0]), clusters
        ).both
        held += both.low <= answer <= both.high
        width += both.high - both.low
    return {
        "n_prompts": n,
        "difference_by_people": round(answer, 4),
        "difference_by_judge": round(raw.estimate, 4),
        "raw_holds": bool(raw.low <= answer <= raw.high),
        "coverage": round(held / n_studies, 4),
        "mean_width": round(width / n_studies, 4),
    }


def measure_coverage(folder: Path, n_studies: int, *, has_detector: bool = True) -> dict[str, Any]:
    """All contrasts by each judge, with how many the raw and the calibrated intervals hold."""
    models, subsets, judges = judge_replies(folder, has_detector=has_detector)
    rng = np.random.default_rng(0)
    result: dict[str, Any] = {}
    for judge, (verdicts, truth) in judges.items():
        contrasts = {
            f"{models[tuned]} minus {models[base]}, {name}": study_contrast(
                verdicts[[base, tuned]][:, kept].astype(np.float64),
                truth[[base, tuned]][:, kept].astype(np.float64),
                n_studies,
                rng,
            )
            for base, tuned in combinations(range(len(models)), 2)
            for name, kept in subsets.items()
        }
        found = [one["coverage"] for one in contrasts.values()]
        result[judge] = {
            "n_contrasts": len(found),
            "raw_holds": sum(one["raw_holds"] for one in contrasts.values()),
            "mean_coverage": round(float(np.mean(found)), 4),
            "worst_coverage": min(found),
            "n_under_93_percent": sum(share < 0.93 for share in found),
            "contrasts": contrasts,
        }
    return result


def main() -> None:
    """Measures, writes and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("xstest", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    result = {"n_studies": N_STUDIES, "judges": measure_coverage(given.xstest, N_STUDIES)}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for judge, found in result["judges"].items():
        print(judge, {key: value for key, value in found.items() if key != "contrasts"})  # noqa: T201


if __name__ == "__main__":
    main()
