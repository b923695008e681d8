"""Which licence a release may carry, given those of its sources."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "SPDX_IDS",
    "ModelLicence",
    "combine_licences",
    "derive_licence",
    "is_non_commercial",
    "link_licence",
    "list_restrictions",
]

# From the most permissive to the strictest: attribution, then share-alike, then non-commercial.
SPDX_IDS: Final[Mapping[str, str]] = {
    "cc0-1.0": "CC0-1.0",
    "mit": "MIT",
    "apache-2.0": "Apache-2.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
}
"""Licence as the Hub writes it to its SPDX identifier, whose case its address needs.

Source: the list of licences of SPDX, and that of hub-docs, datasetcard.md.
"""
UNKNOWN: Final = "unknown"
SPDX = "https://spdx.org/licenses/"
STRICTNESS = tuple(SPDX_IDS)
SHARE_ALIKE = "cc-by-sa-4.0"  # what is made of it may carry no further restriction
NON_COMMERCIAL = frozenset({"cc-by-nc-4.0", "cc-by-nc-sa-4.0"})
RESTRICTIONS = {
    "cc-by-sa-4.0": "share-alike, what you make of it must carry the same licence",
    "cc-by-nc-4.0": "non-commercial, no commercial use of the data",
    "cc-by-nc-sa-4.0": "non-commercial and share-alike, no commercial use of the data, and what "
    "you make of it must carry the same licence",
}


def combine_licences(licences: Iterable[str | None]) -> str:
    """The strictest of the licences, as the Hub writes it; "unknown" where one is not known.

    Args:
        licences: Identifiers of SPDX or the Hub; None where a source, such as a local file, has
            none.
    """
    found = {(licence or UNKNOWN).lower() for licence in licences}
    if not found <= set(STRICTNESS) or (SHARE_ALIKE in found and NON_COMMERCIAL & found):
        return UNKNOWN
    return max(found, key=STRICTNESS.index)


@dataclass(frozen=True)
class ModelLicence:
    """The licence of a tuned model.

    Attributes:
        licence: As the Hub writes it; "other" where those that it follows from do not combine.
        name: Name of that other one; None for all else.
        base: Licence of the model that was tuned; None where there is none, or it is not known.
        has_base: Whether a model was tuned, and not made from the data alone.
    """

    licence: str
    name: str | None
    base: str | None
    has_base: bool


def derive_licence(
    base: str | None, sources: Iterable[str | None], *, has_base: bool
) -> ModelLicence:
    """The licence of a model that was tuned on data: that of both, as the Hub writes it.

    Args:
        base: Licence of the model that was tuned; None where it is not known.
        sources: Licences of the data; None where one is not known.
        has_base: Whether a model was tuned, and not made from the data alone.

    Returns:
        The strictest; "unknown" where any is; "other" by the names of all where they are known but
        not in one order.
    """
    both = [*((base,) if has_base else ()), *sources]
    found = list(dict.fromkeys((licence or UNKNOWN).lower() for licence in both))
    licence = combine_licences(found)
    name = None
    if licence == UNKNOWN and UNKNOWN not in found:
        # The Hub takes a name of small letters, digits, dots and hyphens.
        licence, name = "other", re.sub(r"[^a-z0-9.]+", "-", "-and-".join(found)).strip("-")
    return ModelLicence(licence, name, base, has_base)


def link_licence(licence: str) -> str:
    """The page of a licence as the Hub writes it, or its name where it is none of `SPDX_IDS`."""
    return f"{SPDX}{SPDX_IDS[licence]}.html" if licence in SPDX_IDS else licence


def is_non_commercial(licences: Iterable[str | None]) -> bool:
    """Whether any of the licences forbids commercial use."""
    return any((licence or "").lower() in NON_COMMERCIAL for licence in licences)


def list_restrictions(sources: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Name, licence and restriction of each source that restricts what may be done.

    Args:
        sources: Sources as the manifest names them.
    """
    found = []
    for source in sources:
        licence = source["licence"] or UNKNOWN
        known = licence.lower() in STRICTNESS
        restriction = RESTRICTIONS.get(
            licence.lower(),
            "" if known else "read its terms before any use of the data",
        )
        if restriction:
            found.append((source["name"], licence, restriction))
    return found
