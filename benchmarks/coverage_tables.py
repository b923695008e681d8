"""Tables of how often intervals hold, from the designs of `statistics_coverage`."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

BAND: Final = (0.93, 0.97)


def summarise(designs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a kind of number: its designs in the band, under it, over it, and the extremes."""
    rows = []
    for outcome in dict.fromkeys(one["outcome"] for one in designs):
        own = [one for one in designs if one["outcome"] == outcome]
        covers = np.array([one["coverage"] for one in own])
        rows.append(
            {
                "outcome": outcome,
                "n_designs": len(own),
                "n_in_band": int(np.sum((covers >= BAND[0]) & (covers <= BAND[1]))),
                "n_under": int(np.sum(covers < BAND[0])),
                "n_over": int(np.sum(covers > BAND[1])),
                "lowest_coverage": float(covers.min()),
                "highest_coverage": float(covers.max()),
                "highest_false_positives": max(
                    (one["false_positives"] for one in own if one["false_positives"] is not None),
                    default=None,
                ),
            }
        )
    return rows


def format_tables(result: dict[str, Any], families: Sequence[int]) -> str:
    """The result in Markdown: a row a kind of number first, then every design."""
    lines = [
        "| number | " + " | ".join(f"{n} families" for n in families) + " | false positives |",
        "|---|" + "---:|" * (len(families) + 1),
    ]
    for row in result["summary"]:
        own = [one for one in result["designs"] if one["outcome"] == row["outcome"]]
        cells = []
        for n_families in families:
            covers = [one["coverage"] for one in own if one["n_families"] == n_families]
            cells.append(f"{100 * min(covers):.1f} to {100 * max(covers):.1f}" if covers else "")
        worst = row["highest_false_positives"]
        cells.append("" if worst is None else f"≤ {100 * worst:.1f}")
        lines.append(f"| {row['outcome']} | " + " | ".join(cells) + " |")
    for row in result["summary"]:
        lines += ["", row["outcome"], *_format_designs(result["designs"], row["outcome"])]
    return "\n".join(lines)


def _format_designs(designs: Sequence[dict[str, Any]], outcome: str) -> list[str]:
    """A row a number of families and kind of sizes, coverage at each correlation."""
    rows: dict[tuple[int, str], list[str]] = {}
    for one in designs:
        if one["outcome"] == outcome:
            key = one["n_families"], one["sizes"]
            rows.setdefault(key, []).append(f"{100 * one['coverage']:5.1f}")
    return [f"  {n:>3} families, {sizes:<17} {'  '.join(x)}" for (n, sizes), x in rows.items()]
