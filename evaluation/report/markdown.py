"""The report that a person reads, from the content of results.json alone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cards.markdown import escape_cell, fence

__all__ = ["REPORT", "render_report"]

REPORT: Final = "report.md"
Content = Mapping[str, Any]
AGAINST: Final = {"base": "the base", "controls": "the mean of the controls"}
MEANS: Final = {
    "changed": "there is a difference, and it is not shown to be too small to matter",
    "equivalent": "whatever the difference is, it is shown to be too small to matter",
    "inconclusive": "the data show neither",
}


def render_report(content: Content) -> str:
    """Writes the report in Markdown.

    Args:
        content: Content of results.json.
    """
    parts = [
        _open(content),
        _show_dimensions(content),
        _show_measures("Primary measures", content, primary=True),
        _show_measures("Other measures", content, primary=False),
        _show_second_judges(content),
        _show_placebo(content),
        _show_arms(content),
        _show_validity(content),
        _show_provenance(content),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _open(content: Content) -> str:
    tuned = next(arm["name"] for arm in content["arms"] if arm["role"] == "tuned")
    trained = f", trained on {escape_cell(content['value'])}," if content["value"] else ""
    settings = content["settings"]
    lines = [
        "# What training changed",
        f"The tuned arm {escape_cell(tuned)}{trained} is compared with "
        f"{AGAINST[content['verdict_against']]} on "
        f"{sum(found['n_prompts'] for found in content['prompt_sets']):,} prompts, "
        f"{settings['samples']} {'reply' if settings['samples'] == 1 else 'replies'} to each at "
        f"temperature {settings['temperature']:g}. Differences are paired by prompt; intervals are "
        "95 %, clustered by prompt family.",
        "\n".join(f"- **{verdict}**: {meaning}." for verdict, meaning in MEANS.items()),
        f"The smallest difference that matters is {_points(settings['smallest_effect_share'])} for "
        f"shares and {settings['smallest_effect_spreads']:g} standard deviations for the rest.",
    ]
    return "\n\n".join(lines)


def _show_dimensions(content: Content) -> str:
    rows = [
        (
            found["name"],
            f"**{found['verdict']}**",
            ", ".join(found["rests_on"]) if len(found["rests_on"]) < 6 else "all its measures",
            ", ".join(found["changed"]) or "none",
        )
        for found in content["dimensions"]
    ]
    columns = ("dimension", "verdict", "rests on", "measures that changed")
    warnings = "".join(f"\n\n**Mind:** {escape_cell(one)}" for one in content["warnings"])
    return f"## Verdicts\n\n{_make_table(columns, rows)}{warnings}"


def _show_measures(title: str, content: Content, *, primary: bool) -> str:
    arms = [arm["name"] for arm in content["arms"]]
    against = content["verdict_against"]
    rows = []
    for found in content["measures"]:
        if found["gives_verdict"] and found["is_primary"] == primary:
            contrast = found["contrasts"][against]
            rows.append(
                (
                    f"{escape_cell(found['measure'])} ({found['judge']})",
                    *(_number(found, found["means"][arm]["estimate"]) for arm in arms),
                    _interval(found, contrast["difference"]),
                    _interval(found, contrast["at_equal_length"]),
                    _p(contrast["p_adjusted"]),
                    found["verdict"] + (f": {contrast['reason']}" if contrast["reason"] else ""),
                )
            )
    if not rows:
        return ""
    named = (escape_cell(arm) for arm in arms)
    columns = ("measure (judge)", *named, "difference", "at equal length", "p", "verdict")
    note = (
        "p is adjusted by Holm over these measures."
        if primary
        else "p is adjusted by Benjamini and Hochberg over these measures."
    )
    what = f"The difference is tuned minus {AGAINST[against]}; shares are in per cent. {note}"
    return f"## {title}\n\n{what}\n\n{_make_table(columns, rows)}"


def _show_second_judges(content: Content) -> str:
    against = content["verdict_against"]
    rows = []
    for found in content["measures"]:
        if not found["gives_verdict"]:
            agreement = found["agreement"]
            rows.append(
                (
                    escape_cell(found["measure"]),
                    found["judge"],
                    _interval(found, found["contrasts"][against]["difference"]),
                    "" if agreement is None else _plain(agreement["kappa"]),
                    "" if agreement is None else _plain(agreement["correlation"]),
                )
            )
    if not rows:
        return ""
    columns = ("measure", "judge", "difference", "kappa", "correlation")
    return (
        "## Second judges\n\nThe same measures by another judge; kappa and correlation are with "
        "the judge that gives the verdict, over the same replies.\n\n"
        f"{_make_table(columns, rows)}"
    )


def _show_placebo(content: Content) -> str:
    rows = []
    note = ""
    for found in content["measures"]:
        placebo = found["placebo"]
        if placebo is not None and found["gives_verdict"] and found["is_primary"]:
            rows.append(
                (
                    escape_cell(found["measure"]),
                    _signed(found, placebo["effect"]),
                    _signed(found, placebo["control_mean"]),
                    f"{placebo['rank']} of {placebo['n_controls'] + 1}",
                    _plain(placebo["z"]),
                )
            )
            note = note or placebo["note"]
    if not rows:
        return ""
    has_base = any(arm["role"] == "base" for arm in content["arms"])
    beside = "base" if has_base else "controls' mean"
    columns = ("measure", f"tuned minus {beside}", f"controls minus {beside}", "rank", "z")
    told = (
        f"What training on anything does: each control against the {beside}. Rank 1 is the arm "
        "farthest from the others."
    )
    more = f" Where z is missing: {note}." if note else ""
    return f"## Beside the controls\n\n{told}{more}\n\n{_make_table(columns, rows)}"


def _show_arms(content: Content) -> str:
    rows = []
    for arm in content["arms"]:
        said = arm["replies"]
        tokens = said["mean_tokens"]
        rows.append(
            (
                escape_cell(arm["name"]),
                arm["role"],
                escape_cell(arm["source"].get("model") or arm["source"].get("outputs")),
                f"{said['n_replies']:,}",
                f"{said['n_truncated']:,}",
                f"{said['n_empty']:,}",
                f"{said['n_degenerate']:,}",
                "" if tokens is None else f"{tokens:.0f}",
                "" if arm["n_kept"] is None else f"{arm['n_kept']:,}",
            )
        )
    flaws = ("cut off", "empty", "in circles")
    columns = ("arm", "role", "from", "replies", *flaws, "mean tokens", "kept")
    text = (
        "## Arms\n\nReplies that are cut off, empty or go round in circles count like all others. "
        "Those that are kept are from an earlier run."
    )
    return f"{text}\n\n{_make_table(columns, rows)}"


def _show_validity(content: Content) -> str:
    rows = []
    for found in content["measures"]:
        unjudged = f"{sum(found['n_unjudged'].values()):,}"
        half = sum(found["n_half_judged"].values())
        if half:
            unjudged += f"; {half:,} {'families' if half > 1 else 'family'} in part"
        rows.append(
            (
                escape_cell(found["measure"]),
                found["judge"],
                escape_cell(found["meaning"].rstrip(".")),
                found["validity"]["text"].rstrip("."),
                unjudged,
            )
        )
    columns = ("measure", "judge", "what a mean says", "agreement with people", "not judged")
    text = f"## How far to trust the judges\n\n{_make_table(columns, rows)}"
    absent = _list_absent(content["judges_left_out"])
    if absent:
        text += "\n\nJudges that took no part: " + "; ".join(absent) + "."
    calls = content["judges"].get("llm", {}).get("calls", {})
    if calls:
        n_kept, n = (sum(one[key] for one in calls.values()) for key in ("n_kept", "n"))
        text += f"\n\nOf the {n:,} answers of the language model {n_kept:,} are kept from an "
        text += "earlier run."
    failures = content["judges"].get("llm", {}).get("unreadable_answers", {})
    told = [
        f"{name}: {', '.join(f'{n:,} {why}' for why, n in reasons.items())}"
        for name, reasons in failures.items()
        if reasons
    ]
    if told:
        text += "\n\nAnswers of the language model that could not be read, counted as not judged: "
        text += "; ".join(told) + "."
    return text


def _list_absent(absent: Sequence[Mapping[str, str]]) -> list[str]:
    """Which kind of judge is missing and why, with the measures that it would have scored."""
    measures: dict[tuple[str, str], list[str]] = {}
    for one in absent:
        measures.setdefault((one["judge"], one["reason"]), []).append(one["measure"])
    return [
        f"{judge} ({escape_cell(reason)}) for {len(names)} measures"
        for (judge, reason), names in measures.items()
    ]


def _show_provenance(content: Content) -> str:
    rows = [
        (
            escape_cell(found["name"]),
            f"{found['n_prompts']:,}",
            f"{found['n_families']:,}",
            escape_cell(found["licence"]),
            escape_cell(found["source"]),
            f"`{found['sha256'][:16]}`",
        )
        for found in content["prompt_sets"]
    ]
    columns = ("prompts", "number", "families", "licence", "source", "SHA-256")
    files = "\n".join(f"- `{name}`: `{digest}`" for name, digest in content["files"].items())
    versions = ", ".join(f"{name} {found}" for name, found in content["versions"].items() if found)
    parts = [
        "## Where it comes from",
        _make_table(columns, rows),
        f"SHA-256 of the files beside this one:\n\n{files}",
        f"Versions: {versions}.",
    ]
    if content["command"]:
        parts.append(f"To run it again:\n\n{fence(content['command'], 'sh')}")
    return "\n\n".join(parts)


def _make_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of this file's own words and of text that `escape_cell` has read."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(found: Content, value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{100 * value:.1f}" if found["unit"] == "share" else f"{value:.2f}"


def _signed(found: Content, value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{100 * value:+z.1f}" if found["unit"] == "share" else f"{value:+z.2f}"


def _interval(found: Content, one: Content | None) -> str:
    if one is None:
        return ""
    text = _signed(found, one["estimate"])
    if one["low"] is None or one["estimate"] is None or not one["se"]:
        return text  # without a spread there is no interval
    return f"{text} ({_signed(found, one['low'])} to {_signed(found, one['high'])})"


def _points(share: float) -> str:
    return f"{100 * share:g} points"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _p(value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.3f}" if value >= 0.001 else "<0.001"
