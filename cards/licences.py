"""Which licence a release may carry, given those of its sources."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

__all__ = ["SPDX_IDS", "combine_licences", "is_non_commercial", "link_licence", "list_restrictions"]

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
    found = {(licence or "unknown").lower() for licence in licences}
    if not found <= set(STRICTNESS) or (SHARE_ALIKE in found and NON_COMMERCIAL & found):
        return "unknown"
    return max(found, key=STRICTNESS.index)


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
        licence = source["licence"] or "unknown"
        known = licence.lower() in STRICTNESS
        restriction = RESTRICTIONS.get(
            licence.lower(),
            "" if known else "read its terms before any use of the data",
        )
        if restriction:
            found.append((source["name"], licence, restriction))
    return found
