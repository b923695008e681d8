"""What a report shows, read from what an evaluation left behind."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evaluation.report.changes import list_changes
from evaluation.report.figures import MINUS
from evaluation.report.view import (
    ArmView,
    ControlEffect,
    Dimension,
    JudgeNote,
    MeasureView,
    Range,
    ReportView,
)
from evaluation.statistics.equivalence import Verdict

__all__ = ["read_view"]

BASE, CONTROL = "base", "control"
AGAINST: Final = {"base": "the base", "controls": "the mean of the controls"}
SHARE: Final = "share"
SETTINGS: Final = {
    "samples": "replies to each prompt",
    "temperature": "temperature",
    "seed": "seed",
    "max_tokens": "longest reply in tokens",
    "system_prompt": "system prompt",
    "smallest_effect_share": "smallest effect that matters, of shares",
    "smallest_effect_spreads": "the same of all else, in standard deviations",
    "least_judged": "least share of prompts that a verdict rests on",
}
"""Setting to what a report calls it."""
FLAWS: Final = {"n_truncated": "cut off", "n_empty": "empty", "n_degenerate": "degenerate"}
"""What can be wrong with a reply as a text to what a report calls it."""
MANY: Final = 0.1
"""Share of an arm's replies from which on what went wrong with them is said at the top."""
DIGESTS: Final = {
    "sha256": "weights",
    "commit": "commit",
    "adapter_sha256": "adapter",
    "adapter_commit": "commit of the adapter",
}
"""Digest of a model to what a report calls it."""

Content = Mapping[str, Any]


def read_view(content: Content, folder: Path) -> ReportView:
    """Gathers what a report shows.

    Args:
        content: Content of results.json.
        folder: Where replies.parquet and scores.parquet are.

    Raises:
        EvaluationError: If one of them cannot be read, or does not fit the other.
    """
    measures = [_read_measure(found, content) for found in content["measures"]]
    leading = [
        measure
        for measure, found in zip(measures, content["measures"], strict=True)
        if found["gives_verdict"]
    ]
    value = content["value"]
    return ReportView(
        title=f"What training on {value} changed" if value else "What training changed",
        against=AGAINST[content["verdict_against"]],
        arms=tuple(_read_arm(arm) for arm in content["arms"]),
        dimensions=_read_dimensions(content["dimensions"], leading),
        measures=tuple(measures),
        changes=list_changes(content, leading, folder),
        judges=tuple(_read_judge(found) for found in content["measures"]),
        notes=tuple(_list_notes(content)),
        hashes=tuple(_list_hashes(content)),
        settings=tuple(_list_settings(content)),
        command=content["command"],
    )


def _read_measure(found: Content, content: Content) -> MeasureView:
    against = content["verdict_against"]
    contrast = found["contrasts"][against]
    other = contrast["other_mean"]
    controls = [arm["name"] for arm in content["arms"] if arm["role"] == CONTROL]
    adjusted = contrast["at_equal_length"]
    return MeasureView(
        key=f"{found['measure']} {found['judge']}",
        title=found["measure"],
        meaning=found["meaning"],
        dimension=found["dimension"],
        is_share=found["unit"] == SHARE,
        is_primary=found["is_primary"],
        verdict=None if found["verdict"] is None else Verdict(found["verdict"]),
        reason=contrast.get("reason", ""),
        other=other,
        tuned=contrast["tuned_mean"],
        difference=_read_range(contrast["difference"]),
        from_base=(
            _read_range(found["contrasts"][BASE]["difference"])
            if against != BASE and BASE in found["contrasts"]
            else None
        ),
        at_equal_length=None if adjusted is None else _read_range(adjusted),
        smallest_effect=contrast["smallest_effect"],
        p_adjusted=contrast.get("p_adjusted"),
        controls=tuple(
            ControlEffect(arm, _subtract(found["means"][arm]["estimate"], other))
            for arm in controls
        ),
        placebo=_tell_placebo(found["placebo"]),
        judge=found["judge"],
        n_prompts=contrast["difference"]["n"],
        n_families=contrast["difference"]["n_clusters"],
        n_left_out=contrast["n_left_out"],
    )


def _read_range(found: Content) -> Range:
    return Range(found["estimate"], found["low"], found["high"])


def _subtract(number: float | None, other: float | None) -> float | None:
    return None if number is None or other is None else number - other


def _tell_placebo(placebo: Content | None) -> str:
    if placebo is None:
        return ""
    n_arms = placebo["n_controls"] + 1
    text = f"Rank {placebo['rank']} of {n_arms} among the controls, by distance from the others"
    if placebo["z"] is not None:
        text += f"; z {placebo['z']:z.1f}".replace("-", MINUS)
    if placebo["note"]:
        text += f"; {placebo['note']}"
    return text + "."


def _read_dimensions(
    dimensions: Sequence[Content], leading: Sequence[MeasureView]
) -> tuple[Dimension, ...]:
    named = {measure.title: measure for measure in leading}
    return tuple(
        Dimension(
            name=found["name"],
            verdict=Verdict(found["verdict"]),
            decisive=tuple(named[name] for name in found["rests_on"]),
            n_measures=len(found["measures"]),
            changed=tuple(name for name in found["changed"] if name not in found["rests_on"]),
        )
        for found in dimensions
    )


def _read_arm(arm: Content) -> ArmView:
    source, replies = arm["source"], arm["replies"]
    return ArmView(
        name=arm["name"],
        role=arm["role"],
        model=source.get("model") or source["outputs"],
        n_replies=replies["n_replies"],
        n_truncated=replies["n_truncated"],
        n_empty=replies["n_empty"],
        n_degenerate=replies["n_degenerate"],
        mean_tokens=replies["mean_tokens"],
    )


def _read_judge(found: Content) -> JudgeNote:
    agreement = found["agreement"]
    told = "gives the verdict" if found["gives_verdict"] else ""
    if agreement is not None and agreement["kappa"] is not None:
        told = f"kappa {agreement['kappa']:.2f} with the judge that gives the verdict"
    return JudgeNote(
        judge=found["judge"],
        measure=found["measure"],
        validity=found["validity"]["text"],
        agreement=told,
        n_unjudged=sum(found["n_unjudged"].values()),
        n_half_judged=sum(found["n_half_judged"].values()),
    )


def _list_notes(content: Content) -> list[str]:
    """What a reader must know: what was left out, flaws of arms, what is kept, absent judges."""
    notes = list(content["warnings"])
    for arm in content["arms"]:
        flaws = {title: arm["replies"][key] for key, title in FLAWS.items()}
        n = arm["replies"]["n_replies"]
        if max(flaws.values()) >= MANY * n:
            told = ", ".join(f"{count:,} {title}" for title, count in flaws.items())
            notes.append(f"Of the {n:,} replies of {arm['name']} are {told}; all of them count.")
    notes += _list_kept(content)
    absent: dict[tuple[str, str], int] = {}
    for one in content["judges_left_out"]:
        place = one["judge"], one["reason"]
        absent[place] = absent.get(place, 0) + 1
    return notes + [
        f"The judge {judge} takes no part in {n} measure{'s' if n > 1 else ''}: {reason}."
        for (judge, reason), n in absent.items()
    ]


def _list_kept(content: Content) -> list[str]:
    """What servers had said before, which may be of other weights than they serve now."""
    notes = [
        f"Of the {arm['replies']['n_replies']:,} replies of {arm['name']} {arm['n_kept']:,} are "
        "kept from an earlier run, by the server's address and the model's name alone."
        for arm in content["arms"]
        if "server" in arm["source"] and arm["n_kept"]
    ]
    calls = content["judges"].get("llm", {}).get("calls", {}).values()
    n, n_kept = (sum(one[key] for one in calls) for key in ("n", "n_kept"))
    if n_kept:
        notes.append(
            f"Of the {n:,} answers of the judge {n_kept:,} are kept from an earlier run, by the "
            "server's address and the model's name alone."
        )
    return notes


def _list_hashes(content: Content) -> list[tuple[str, str]]:
    """Prompts, files, and the weights or outputs of the arms."""
    found = [(f"prompts {one['name']}", one["sha256"]) for one in content["prompt_sets"]]
    found += list(content["files"].items())
    for arm in content["arms"]:
        source = arm["source"]
        names = DIGESTS | ({"sha256": "outputs"} if "outputs" in source else {})
        found += [
            (f"{title} of {arm['name']}", source[key])
            for key, title in names.items()
            if key in source
        ]
    return found


def _list_settings(content: Content) -> list[tuple[str, str]]:
    settings = [(title, str(content["settings"][key]) or "none") for key, title in SETTINGS.items()]
    for one in content["prompt_sets"]:
        told = f"{one['n_prompts']:,} in {one['n_families']:,} families, {one['licence']}"
        settings.append((f"prompts {one['name']}", f"{told}, {one['source']}"))
    versions = {name: found for name, found in content["versions"].items() if found}
    return settings + [(f"version of {name}", found) for name, found in versions.items()]
