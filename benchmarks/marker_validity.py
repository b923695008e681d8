"""How far the markers of a reply agree with labels of what they may be taken for.

    python -m benchmarks.marker_validity GOLD XSTEST --out benchmarks/results/marker_validity.json

GOLD is a JSONL file of labelled pairs (`valuedata fit` takes the same), XSTEST the folder with the
files `completions_MODEL.csv` of XSTest, whose `final_label` people gave. A marker is compared with
the labels in `COMPARED`, which were chosen before anything was measured: by Cohen's kappa, where
the marker says yes if it is above zero, and by the area under the ROC curve of its numbers. The
intervals draw whole prompts. Prints the sentences that the markers' notes quote.
"""

import argparse
import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from valuedata.labelling.gold import GoldPair, load_gold
from valuedata.labelling.markers import MARKERS, measure_markers
from valuedata.labelling.scoring.agreement import measure_agreement
from valuedata.labelling.scoring.intervals import estimate, number_groups
from valuedata.labelling.scoring.measures import rank_auc
from valuedata.labelling.scoring.recorded import LabelRecords
from valuedata.labelling.scoring.settings import ScoreSettings

COMPARED: Final[Mapping[str, tuple[str, ...]]] = {
    "exclamations": ("engagement",),
    "questions": ("curiosity", "engagement"),
    "emoji": ("engagement",),
    "first-person": ("anthropomorphism",),
    "second-person": ("engagement", "validation"),
    "hedges": ("honesty", "open-mindedness"),
    "praise-phrases": ("validation",),
    "apologies": ("refusal", "empathy"),
    "refusal-phrases": ("refusal",),
}
"""Marker to the labels that it may be taken for."""

CHARACTERS_READ = 1_400  # of a reply, by those who labelled the pairs
REFUSALS: Final = {
    "in full or in part": ("2_full_refusal", "3_partial_refusal"),
    "in full": ("2_full_refusal",),
}
QUOTED_REFUSAL = "in full or in part"

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def compare_gold(pairs: Sequence[GoldPair], settings: ScoreSettings) -> dict[str, Any]:
    """Compares the markers with the labels of pairs: marker to label to its figures."""
    sides = [
        [pair.chosen.reply[:CHARACTERS_READ] for pair in pairs],
        [pair.rejected.reply[:CHARACTERS_READ] for pair in pairs],
    ]
    expressed = [[pair.chosen_labels for pair in pairs], [pair.rejected_labels for pair in pairs]]
    measured = np.stack([measure_markers(side) for side in sides]).astype(np.float64)
    groups = number_groups([pair.group for pair in pairs])
    compared = [(name, label) for name, labels in COMPARED.items() for label in labels]
    columns = [list(MARKERS).index(name) for name, _ in compared]
    truth = np.array([[[label in one for _, label in compared] for one in s] for s in expressed])
    titles = [f"{name}/{label}" for name, label in compared]
    agreement = measure_agreement(
        make_records(titles, measured[:, :, columns] > 0),
        make_records(titles, truth),
        titles,
        {str(row): pair.group for row, pair in enumerate(pairs)},
        (settings.n_resamples, np.random.default_rng(settings.seed)),
    )
    found: dict[str, Any] = {}
    for k, (name, label) in enumerate(compared):
        auc = estimate_auc(measured[:, :, columns[k]], truth[:, :, k], groups, settings)
        plain = agreement.names[titles[k]].to_json()
        kept = {key: plain[key] for key in ("n_both", "n_first_only", "n_second_only", "kappa")}
        found.setdefault(name, {})[label] = kept | {"auc": auc}
    return {
        "n_replies": 2 * len(pairs),
        "n_prompts": int(groups.max()) + 1,
        "markers": found,
    }


def estimate_auc(
    scores: Floats, truth: Bools, groups: npt.NDArray[np.int64], settings: ScoreSettings
) -> dict[str, float | int | None]:
    """The area under the ROC curve of (2, n) scores against (2, n) labels, with its interval."""

    def measure(counts: Floats) -> dict[str, Floats]:
        area = rank_auc(scores.ravel(), truth.ravel(), np.tile(groups, 2), counts)
        return {"auc": area[:, None]}

    rng = np.random.default_rng(settings.seed)
    return estimate(measure, int(groups.max()) + 1, settings.n_resamples, rng)["auc"][0].to_json()


def compare_refusals(rows: Sequence[Mapping[str, str]], settings: ScoreSettings) -> dict[str, Any]:
    """Compares the refusal phrases with people's labels of completions.

    Args:
        rows: Completions, with `prompt`, `completion` and `final_label`.
        settings: Resamples and seed.

    Returns:
        What counts as a refusal to kappa, both rates, and the error of the marker's rate in points.
    """
    column = list(MARKERS).index("refusal-phrases")
    says = measure_markers([row["completion"] for row in rows])[:, column] > 0
    titles = list(REFUSALS)
    truth = np.array([[row["final_label"] in REFUSALS[kind] for kind in titles] for row in rows])
    agreement = measure_agreement(
        make_records(titles, np.broadcast_to(says[:, None], truth.shape)[None]),
        make_records(titles, truth[None]),
        titles,
        {str(row): rows[row]["prompt"] for row in range(len(rows))},
        (settings.n_resamples, np.random.default_rng(settings.seed)),
    )
    found = {}
    for kind in titles:
        plain = agreement.names[kind].to_json()
        rates = plain["first_share"]["value"], plain["second_share"]["value"]
        found[kind] = {
            "n_replies": plain["n_replies"],
            "kappa": plain["kappa"],
            "marker_rate": plain["first_share"],
            "label_rate": plain["second_share"],
            "error_in_points": round(100 * (rates[0] - rates[1]), 1),
        }
    return found


def make_records(names: Sequence[str], expressed: Bools) -> LabelRecords:
    """Records of (1 or 2, n, v) labels, their rows for ids; without a second side none is there."""
    n_rows = expressed.shape[1]
    probabilities = np.full((2, *expressed.shape[1:]), np.nan)
    probabilities[: len(expressed)] = expressed
    return LabelRecords(
        names=tuple(names),
        pair_ids=tuple(str(row) for row in range(n_rows)),
        probabilities=probabilities,
        expressed=probabilities == 1,
        errors=np.full((2, n_rows), "", dtype=object),
    )


def read_completions(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Reads the completions of XSTest, by model."""
    found = {}
    for path in sorted(folder.glob("completions_*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found[path.stem.removeprefix("completions_")] = list(csv.DictReader(file))
    return found


def write_quotes(result: Mapping[str, Any]) -> dict[str, list[str]]:
    """Marker to the sentences with its figures, which its note has word for word."""
    quotes = {
        name: [
            f"Against the label {label}: kappa {_write(figures['kappa'])}, "
            f"AUC {_write(figures['auc'])}."
            for label, figures in labels.items()
        ]
        for name, labels in result["gold"]["markers"].items()
    }
    models = {
        model: found[QUOTED_REFUSAL]
        for model, found in result["xstest"].items()
        if model != "all models"
    }
    worst = max(models, key=lambda model: abs(models[model]["error_in_points"]))
    kappas = ", ".join(
        f"{found['kappa']['value']:.2f} for {model}" for model, found in models.items()
    )
    quotes["refusal-phrases"].append(
        f"On XSTest against refusal {QUOTED_REFUSAL}: kappa {kappas}; the refusal rate is off by "
        f"up to {abs(models[worst]['error_in_points']):.0f} points ({worst})."
    )
    return quotes


def _write(found: Mapping[str, float]) -> str:
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def main() -> None:
    """Compares, writes and prints the quotes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("xstest", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    settings = ScoreSettings()
    completions = read_completions(given.xstest)
    by_model = {**completions, "all models": [row for rows in completions.values() for row in rows]}
    result = {
        "gold_sha256": hashlib.sha256(given.gold.read_bytes()).hexdigest(),
        "characters_read": CHARACTERS_READ,
        "n_resamples": settings.n_resamples,
        "seed": settings.seed,
        "gold": compare_gold(load_gold([given.gold]), settings),
        "xstest": {model: compare_refusals(rows, settings) for model, rows in by_model.items()},
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, sentences in write_quotes(result).items():
        print(name, *sentences, sep="\n  ")  # noqa: T201


if __name__ == "__main__":
    main()
