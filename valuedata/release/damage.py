"""What is wrong with the manifest of a release, in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["find_damage", "join_problems"]

REQUIRED: Mapping[str, type] = {
    "recipe": dict,
    "sources": list,
    "labels": dict,
    "stages": list,
    "values": dict,
    "splits": dict,
    "flags": dict,
    "versions": dict,
    "content_hash": str,
    "files": dict,
}
"""Key of the manifest to its type."""
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""Values, configs of controls and splits: each names files, and stands in what is printed."""


def find_damage(manifest: Mapping[str, Any]) -> str | None:
    """What no build writes into a manifest, to follow its name; None where nothing is found.

    Names are checked because they lead to files, and are printed.
    """
    lacking = [key for key, kind in REQUIRED.items() if not isinstance(manifest.get(key), kind)]
    if lacking:
        return f"lacks {join_problems(lacking)}"
    subsets, controls = manifest["values"], manifest.get("controls", {"values": []})
    if not all(_is_subset(told) for told in subsets.values()):
        return "does not tell the splits of every subset"
    if not (isinstance(controls, dict) and isinstance(controls.get("values"), list)):
        return "does not tell what its controls are of"
    splits = [split for told in subsets.values() for split in told["splits"]]
    names = [*subsets, *splits, *controls["values"]]
    wrong = [repr(name) for name in names if not NAME.fullmatch(str(name))]
    return f"has {join_problems(wrong)} where a name is to stand" if wrong else None


def _is_subset(told: object) -> bool:
    return isinstance(told, dict) and isinstance(told.get("splits"), dict)


def join_problems(problems: Sequence[str], limit: int = 3) -> str:
    """Lists the first problems and says how many more there are."""
    more = f" and {len(problems) - limit} more" if len(problems) > limit else ""
    return ", ".join(problems[:limit]) + more
