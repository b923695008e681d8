"""Pairs made from plain texts, and what they share, counted in words."""

import re
import unicodedata
from collections.abc import Sequence

from datasets import Dataset

from valuedata.cleaning.filters import FILTERS
from valuedata.recipe import QualitySettings
from valuedata.schema import PAIR_FEATURES, Message, Pair, make_pair

PROMPT = "How do I repot a fern?"
CHOSEN = "Loosen the roots, move it to a slightly larger pot and water it well."
REJECTED = "Ferns do not like to be moved, so it is best to leave yours where it is."
DEFAULTS = QualitySettings()


def make(
    prompt: str | list[Message] = PROMPT, chosen: str = CHOSEN, rejected: str = REJECTED
) -> Pair:
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
    return make_pair(
        source="made",
        source_row=0,
        source_id=None,
        prompt=prompt,
        chosen=[{"role": "assistant", "content": chosen}],
        rejected=[{"role": "assistant", "content": rejected}],
    )


def gather(pairs: Sequence[Pair]) -> Dataset:
    columns = {name: [pair[name] for pair in pairs] for name in PAIR_FEATURES}  # type: ignore[literal-required]
    return Dataset.from_dict(columns, features=PAIR_FEATURES)


def shingle(text: str) -> set[str]:
    """Runs of three words; fewer words are one run."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(r"\w+", folded)
    return {" ".join(words[start : start + 3]) for start in range(max(len(words) - 2, 1)) if words}


def measure_overlap(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0


def find_objections(pair: Pair, settings: QualitySettings = DEFAULTS) -> list[str]:
    """Reasons of every filter, not of the first one only."""
    reasons = (check(pair, settings) for check in FILTERS.values())
    return [reason for reason in reasons if reason is not None]
