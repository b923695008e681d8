"""Findings as JSON types: results.json, which says everything that a report does."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np

from evaluation.analysis import Finding, find_agreement
from evaluation.judges.bench import Bench
from evaluation.judges.judge import CLASSIFIER, LLM
from evaluation.left_out import find_left_out, list_warnings
from evaluation.prompts.records import PromptSet
from evaluation.side_effects.measure import Measure
from evaluation.statistics.comparison import Comparison
from evaluation.statistics.differences import Interval
from evaluation.statistics.equivalence import ALPHA
from evaluation.statistics.power import minimum_detectable_difference
from evaluation.tables import write_text
from evaluation.verdicts import Ruling, rule, rule_dimension
from valuedata.errors import EvaluationError

__all__ = [
    "RESULTS",
    "describe_judges",
    "describe_measures",
    "describe_sets",
    "hash_file",
    "list_absences",
    "list_versions",
    "write_results",
]

RESULTS: Final = "results.json"
PACKAGES: Final = ("valuedata", "torch", "transformers", "peft", "openai", "numpy", "scipy")


def describe_measures(
    findings: Sequence[Finding], contrasts: Sequence[str], least_judged: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """What was found of the measures, the verdicts of their dimensions, and warnings.

    Args:
        findings: By measure, the judge that gives the verdict first.
        contrasts: What the tuned arm is compared with; the last gives the verdict.
        least_judged: Share of a measure's prompts that a verdict rests on at least.
    """
    leading: dict[str, Finding] = {}
    for found in findings:
        leading.setdefault(found.scored.measure.name, found)
    n_primary = max(1, sum(found.scored.measure.is_primary for found in leading.values()))
    first = list(leading.values())
    rulings = {contrast: rule(first, contrast, least_judged) for contrast in contrasts}
    measures = [
        _describe(found, leading, rulings, contrasts, ALPHA / n_primary) for found in findings
    ]
    dimensions = _describe_dimensions(leading, rulings[contrasts[-1]])
    return measures, dimensions, list_warnings(first, contrasts[-1], least_judged)


def _describe_dimensions(
    leading: Mapping[str, Finding], rulings: Mapping[str, Ruling]
) -> list[dict[str, Any]]:
    """A dimension's verdict rests on its primary measures, or on all where it has none."""
    dimensions: dict[str, list[str]] = {}
    for name, found in leading.items():
        dimensions.setdefault(found.scored.measure.dimension, []).append(name)
    described = []
    for dimension, names in dimensions.items():
        primary = [name for name in names if leading[name].scored.measure.is_primary] or names
        verdict = rule_dimension([rulings[name] for name in primary])
        described.append(
            {
                "name": dimension,
                "verdict": verdict.value,
                "rests_on": primary,
                "changed": [name for name in names if rulings[name].verdict == "changed"],
                "measures": names,
            }
        )
    return described


def _describe(
    found: Finding,
    leading: Mapping[str, Finding],
    rulings: Mapping[str, Mapping[str, Ruling]],
    contrasts: Sequence[str],
    alpha: float,
) -> dict[str, Any]:
    measure, scored = found.scored.measure, found.scored
    lead = leading[measure.name]
    is_leading = lead is found
    return {
        "measure": measure.name,
        "dimension": measure.dimension,
        "judge": scored.judge,
        "gives_verdict": is_leading,
        "is_primary": measure.is_primary,
        "meaning": measure.meaning,
        "source": measure.source,
        "unit": measure.unit,
        "direction": measure.direction,
        "unit_of_analysis": "prompt" if measure.sign is None else "family",
        "validity": scored.validity.to_json(),
        "agreement": None if is_leading else find_agreement(lead, found),
        "n_scores": len(scored.rows),
        "n_unjudged": {arm: int(np.isnan(one).sum()) for arm, one in scored.scores.items()},
        "left_out": clean(find_left_out(found)),
        "n_half_judged": dict(found.units.n_half_judged),
        "means": {arm: _show_interval(one) for arm, one in found.means.items()},
        "verdict": rulings[contrasts[-1]][measure.name].verdict.value if is_leading else None,
        "contrasts": {
            name: _show_comparison(comparison, found, name, alpha)
            | (_show_ruling(rulings[name][measure.name]) if is_leading else {})
            for name, comparison in found.contrasts.items()
        },
        "placebo": None if found.placebo is None else clean(asdict(found.placebo)),
    }


def _show_ruling(ruling: Ruling) -> dict[str, Any]:
    return clean(asdict(ruling) | {"verdict": ruling.verdict.value})


def _show_comparison(one: Comparison, found: Finding, name: str, alpha: float) -> dict[str, Any]:
    difference = one.difference
    spread = difference.se * math.sqrt(difference.n_clusters) if difference.n_clusters else math.nan
    detectable = math.nan
    if spread > 0:
        detectable = minimum_detectable_difference(difference.n_clusters, spread, alpha=alpha)
    adjusted = one.at_equal_length
    mcnemar = found.mcnemar.get(name)
    return {
        **clean(
            {
                "tuned_mean": one.tuned_mean,
                "other_mean": one.base_mean,
                "p": one.p,
                "effect_size": one.effect_size,
                "smallest_effect": found.smallest_effect,
                "equivalence_p": one.equivalence.p,
                "detectable": detectable,
                "n_left_out": one.n_left_out,
            }
        ),
        "difference": _show_interval(difference),
        "at_equal_length": None if adjusted is None else _show_interval(adjusted),
        "mcnemar": None if mcnemar is None else clean(asdict(mcnemar)),
    }


def _show_interval(one: Interval) -> dict[str, Any]:
    named = ("estimate", "low", "high", "se", "n", "n_clusters", "method")
    return clean({name: getattr(one, name) for name in named})


def clean(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same with null for every number that is undefined or infinite, as JSON has none."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in content.items()
    }


def describe_sets(sets: Sequence[PromptSet]) -> list[dict[str, Any]]:
    """What was asked, by whom it was written and under which licence."""
    return [
        {
            "name": found.name,
            "n_prompts": len(found.prompts),
            "n_families": len({prompt.family for prompt in found.prompts}),
            "kinds": dict(Counter(prompt.kind for prompt in found.prompts)),
            "licence": found.licence,
            "citation": found.citation,
            "source": found.source,
            "sha256": found.content_hash,
            "left_out": dict(found.left_out),
        }
        for found in sets
    ]


def describe_judges(bench: Bench, used: frozenset[str]) -> dict[str, Any]:
    """Which judges took part, with what decides their scores and what they could not read."""
    described: dict[str, Any] = {name: {} for name in sorted(used)}
    if CLASSIFIER in used:
        described[CLASSIFIER] = {
            "fingerprint": bench.labeller.fingerprint,
            "fingerprint_for_refusals": bench.packaged.fingerprint,
            "prompts_of_a_kind_at_most": bench.classify,
        }
    if LLM in used and bench.asker is not None:
        settings = bench.asker.settings
        described[LLM] = {
            "model": settings.model,
            "base_url": settings.base_url,
            "temperature": settings.temperature,
            "seed": settings.seed,
            "round": bench.asker.round,
            "calls": {
                name: {"n": len(calls), "n_kept": sum(calls.values())}
                for name, calls in sorted(bench.asker.calls.items())
            },
            "questions_sha256": dict(sorted(bench.asker.hashes.items())),
            "unreadable_answers": {
                name: dict(sorted(Counter(reasons.values()).items()))
                for name, reasons in sorted(bench.asker.failures.items())
            },
        }
    return described


def list_absences(measures: Sequence[Measure], bench: Bench) -> list[dict[str, str]]:
    """Judges of measures that take no part, with why."""
    absent = []
    for measure in measures:
        for judge in measure.judges:
            reason = bench.explain_absence(judge)
            if reason is not None:
                absent.append({"measure": measure.name, "judge": judge, "reason": reason})
    return absent


def list_versions() -> dict[str, str | None]:
    """Versions of the packages that decide a figure; null where one is not installed."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def hash_file(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        EvaluationError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EvaluationError(
            f"{path} cannot be read ({error.strerror}); leave it in place until the end, and run "
            "again."
        ) from error


def write_results(content: Mapping[str, Any], folder: Path) -> None:
    """Writes results.json in one move; its presence means that the evaluation is whole.

    Raises:
        EvaluationError: If it cannot be written.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(text, folder / RESULTS)
