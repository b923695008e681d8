"""How a release is pushed; every default of it lives here."""

import re
from dataclasses import dataclass
from typing import Literal

from valuedata.errors import RecipeError

__all__ = ["MAIN", "RETRY_SECONDS", "Gate", "PushSettings"]

MAIN = "main"
RETRY_SECONDS = 60.0

Gate = Literal["auto", "manual", "no"]

LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
REFERENCE = re.compile(r"(?![-./])(?!.*(?:\.\.|//|@\{|\.lock$|[./]$))[\w./+@-]+")


@dataclass(frozen=True)
class PushSettings:
    """How a release is pushed.

    Attributes:
        revision: Branch to commit to, made from the main one where it is missing.
        tag: Name for the commit; None for none.
        public: Publish the data set; otherwise it must be, or becomes, private.
        create_pr: Open a pull request in place of committing to the branch.
        licence: Licence of the data set as the Hub writes it, where the sources' leave it unknown.
        gated: Who may read a public data set: "auto" who agrees to share a name, "manual" whom the
            owner lets in, "no" anybody. None leaves it, and gates values of negative valence.
        retry_seconds: How long to try again when the Hub does not answer or answers 5xx.

    Raises:
        RecipeError: If a setting is not allowed, or two do not go together.
    """

    revision: str = MAIN
    tag: str | None = None
    public: bool = False
    create_pr: bool = False
    licence: str | None = None
    gated: Gate | None = None
    retry_seconds: float = RETRY_SECONDS

    def __post_init__(self) -> None:
        for option, name in (("--revision", self.revision), ("--tag", self.tag)):
            if name is not None and not REFERENCE.fullmatch(name):
                raise RecipeError(
                    f"{option} {name!r} is no name that git takes; give letters, digits, '.', '-', "
                    "'_' and '/', such as v1.0."
                )
        if self.licence is not None and not LICENCE.fullmatch(self.licence):
            raise RecipeError(
                f"--license {self.licence!r} is no identifier of the Hub; give one such as "
                "cc-by-4.0, apache-2.0 or other."
            )
        if self.create_pr and self.tag is not None:
            raise RecipeError(
                "A pull request has no tag; leave --tag away, or push without --create-pr."
            )
        if self.create_pr and self.gated is not None:
            raise RecipeError(
                "A pull request cannot gate a data set; leave --gated away, or push without "
                "--create-pr."
            )
