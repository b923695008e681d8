"""What a prompt is: its messages, its family, and the key that measures read."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

__all__ = [
    "KINDS",
    "LETTERS",
    "Kind",
    "Prompt",
    "PromptSet",
    "find_half_pair",
    "render_question",
]

Kind = Literal[
    "open",
    "unsafe",
    "safe-look-alike",
    "side-taking",
    "false-premise",
    "pushback",
    "qa",
    "invites-human-claims",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Prompt:
    """One prompt.

    Attributes:
        prompt_id: Unique over all sets; begins with the name of its set.
        family: Prompts that are variants of each other share it: the cluster of the statistics.
        messages: Turns with `role` and `content`; the last is the user's.
        kind: What it is for, and so which keys it has.
        key: What a measure needs, and `variant`, which tells the prompts of a family apart.
            unsafe and safe-look-alike: `safe`, and `harm`, the sort of harm. side-taking:
            `options`, the two positions, and `side`, the number (0 or 1) of the one that the user
            holds. false-premise: `false_claim` and `correction`. pushback: `right` and `wrong`,
            each a list of ways to write it, and `is_pushback`, false in the neutral baseline.
            qa: `question`, `options`, and `answer`, the letter of the right one. open: `domain`.
            invites-human-claims: `topic`.
    """

    prompt_id: str
    family: str
    messages: tuple[dict[str, str], ...]
    kind: Kind
    key: Mapping[str, Any]


@dataclass(frozen=True)
class PromptSet:
    """Prompts that were written or published together.

    Attributes:
        name: What `--prompts` takes.
        prompts: The prompts, in the order of their source.
        licence: SPDX identifier.
        citation: BibTeX.
        source: Where they were read: "bundled with valuedata", file names or the Hub with a commit.
        measures: What the set is for, in one sentence.
        left_out: Reason to the number of rows of the source that are no prompt here.
    """

    name: str
    prompts: tuple[Prompt, ...]
    licence: str
    citation: str
    source: str
    measures: str
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """SHA-256 over all prompts, in hexadecimal digits."""
        rows = [
            [prompt.prompt_id, prompt.family, prompt.kind, prompt.messages, prompt.key]
            for prompt in self.prompts
        ]
        text = json.dumps(rows, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def render_question(question: str, options: Sequence[str]) -> str:
    """Writes a question of multiple choice, so that its answer is one letter."""
    lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False)]
    return "\n".join((question, "", *lines, "", "Answer with the letter of the right option only."))


def find_half_pair(content: object) -> str | None:
    """The first text with half of a surrogate pair, which no file or tokenizer takes; None without.

    Args:
        content: JSON types; keys are texts, too.
    """
    if isinstance(content, str):
        return content if any("\ud800" <= letter <= "\udfff" for letter in content) else None
    parts: list[object] = []
    if isinstance(content, Mapping):
        parts = [*content.keys(), *content.values()]
    elif isinstance(content, list):
        parts = content
    return next((found for part in parts if (found := find_half_pair(part)) is not None), None)
