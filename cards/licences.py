"""Which licence a release may carry, given those of its sources."""

from collections.abc import Iterable

__all__ = ["combine_licences"]

# From the most permissive to the strictest: attribution, then share-alike, then non-commercial.
STRICTNESS = (
    "cc0-1.0",
    "mit",
    "apache-2.0",
    "cc-by-4.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
)
SHARE_ALIKE = "cc-by-sa-4.0"  # what is made of it may carry no further restriction
NON_COMMERCIAL = frozenset({"cc-by-nc-4.0", "cc-by-nc-sa-4.0"})


def combine_licences(licences: Iterable[str | None]) -> str:
    """The strictest of the licences, as the Hub writes it; "unknown" where one is not known.

    Args:
        licences: SPDX identifiers; None where a source, such as a local file, has none.
    """
    found = {(licence or "unknown").lower() for licence in licences}
    if not found <= set(STRICTNESS) or (SHARE_ALIKE in found and NON_COMMERCIAL & found):
        return "unknown"
    return max(found, key=STRICTNESS.index)
