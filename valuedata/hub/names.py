"""Names of data sets on the Hub: ORG/NAME, and ORG/NAME@REVISION."""

import re

from valuedata.errors import HubError

__all__ = ["is_hub_name", "parse_name"]

PART = r"(?![-.])(?!.*(?:--|\.\.))[A-Za-z0-9_.-]+(?<![-.])(?<!\.git)"
SHAPE = re.compile(rf"(?P<name>{PART}/{PART})(?:@(?P<revision>\S+))?")
MAX_LENGTH = 96
"""Source: huggingface_hub 2.4, `utils/_validators.py`, what it takes for the id of a repository."""


def is_hub_name(text: str) -> bool:
    """Whether a text has the shape of a name on the Hub, which paths may have, too."""
    return _match(text) is not None


def parse_name(text: str) -> tuple[str, str | None]:
    """Takes ORG/NAME@REVISION apart.

    Returns:
        ORG/NAME, and the revision; None where none is given.

    Raises:
        HubError: If it is no such name.
    """
    found = _match(text)
    if found is None:
        raise HubError(
            f"{text!r} is no name of a data set on the Hub; give ORG/NAME, such as "
            "my-name/empathy-pairs."
        )
    return found["name"], found["revision"]


def _match(text: str) -> re.Match[str] | None:
    found = SHAPE.fullmatch(text)
    return found if found and len(found["name"]) <= MAX_LENGTH else None
