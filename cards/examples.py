"""Which pairs a card shows, and which it describes only because they may do harm."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import shorten, wrap
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cards.markdown import fence
from valuedata.release.decisions import KEEP
from valuedata.release.folder import Release

__all__ = [
    "Example",
    "Place",
    "choose_examples",
    "find_harmless",
    "is_harm_labelled",
    "quote_line",
]

EXAMPLE_CHARACTERS = 600
LINE_CHARACTERS = 90
BLOCK_WIDTH = 80
N_EXAMPLES = 2

# A reply that refuses or warns mostly answers a prompt that asks for harm.
SIGNS_OF_HARM: Final = frozenset({"deception", "violence", "harmlessness", "refusal"})
MOST_HARM = 0.1  # p of any sign of harm; well below every threshold, for a card is read by all

Place = tuple[str, int]
"""Source and row in it."""


@dataclass(frozen=True)
class Example:
    """A pair of the first split.

    Attributes:
        pair_id: Its id.
        source: Where it comes from.
        is_flipped: Whether the reply that annotators rejected is rewarded.
        margin: p(rewarded) - p(other).
        cluster: Its topic.
        n_words: Words of the end of the prompt, of the rewarded and of the other reply.
        texts: The same texts as Markdown blocks; None where the pair is described only.
    """

    pair_id: str
    source: str
    is_flipped: bool
    margin: float
    cluster: str
    n_words: Mapping[str, int]
    texts: Mapping[str, str] | None


def is_harm_labelled(release: Release) -> bool:
    """Whether the labels of a release know every sign of harm."""
    return set(release.manifest["labels"]["names"]) >= SIGNS_OF_HARM


def find_harmless(release: Release) -> set[Place]:
    """Finds the pairs that a card may quote: no reply shows a sign of harm, none personal data.

    Signs of harm are values that are bad to have more of, and harmlessness and refusal. Where both
    replies comply with a prompt that asks for harm none may show, so red-teaming is never quoted;
    and nothing is where the labels lack a sign.

    Args:
        release: The release.
    """
    if not is_harm_labelled(release):
        return set()
    told = release.manifest["labels"]
    signs = [
        column
        for column, (name, valence) in enumerate(zip(told["names"], told["valences"], strict=True))
        if valence == "negative" or name in SIGNS_OF_HARM
    ]
    decisions = release.decisions
    sources = release.manifest["sources"]
    tame = [source["name"] for source in sources if not source["red_teaming"]]
    kept = decisions.filter(
        pc.and_(
            pc.and_(
                pc.equal(decisions["outcome"], KEEP),
                pc.equal(pc.list_value_length(decisions["flags"]), 0),
            ),
            pc.is_in(decisions["source"], pa.array(tame, pa.string())),
        )
    )
    harmless = np.ones(len(kept), dtype=bool)
    for side in ("chosen_probabilities", "rejected_probabilities"):
        probabilities = pc.list_flatten(kept[side]).to_numpy().reshape(-1, len(told["names"]))
        harmless &= (probabilities[:, signs] <= MOST_HARM).all(axis=1)
    places = zip(kept["source"].to_pylist(), kept["source_row"].to_pylist(), strict=True)
    return {place for place, good in zip(places, harmless.tolist(), strict=True) if good}


def choose_examples(
    release: Release, value: str, showable: npt.NDArray[np.bool_]
) -> tuple[Example, ...]:
    """Chooses two pairs of the first split: those of largest margin, one as annotated, one flipped.

    Where pairs of one kind are missing, both are of the other. Pairs that may be shown go first.

    Args:
        release: The release.
        value: Whose subset.
        showable: (n,) bool over the pairs of all splits: whether their texts may be shown.

    Returns:
        Two pairs, or the only one.
    """
    rows = release.load(value, next(iter(release.manifest["values"][value]["splits"])))
    may_show = showable[: len(rows)]
    order = np.lexsort((-np.array(rows["margin"]), ~may_show))
    flipped = np.array(rows["flipped"], dtype=bool)[order]
    # the best of each kind, then the rest
    first = [int(order[kind][0]) for kind in (~flipped, flipped) if kind.any()]
    picked = [*first, *(int(row) for row in order if row not in first)][:N_EXAMPLES]
    return tuple(_make_example(rows[row], shown=bool(may_show[row])) for row in picked)


def quote_line(text: str) -> str:
    """The beginning of a text on one line, cut between words."""
    return shorten(text, LINE_CHARACTERS, placeholder=" …")


def _make_example(pair: Mapping[str, Any], *, shown: bool) -> Example:
    texts = {
        "prompt": pair["prompt"][-1]["content"],
        "rewarded": pair["chosen"][-1]["content"],
        "other": pair["rejected"][-1]["content"],
    }
    return Example(
        pair_id=pair["pair_id"],
        source=pair["source"],
        is_flipped=pair["flipped"],
        margin=pair["margin"],
        cluster=pair["cluster"],
        n_words={name: len(text.split()) for name, text in texts.items()},
        texts={name: _quote(text) for name, text in texts.items()} if shown else None,
    )


def _quote(text: str) -> str:
    """Text of the data as a Markdown block that it cannot break out of, as wide as a page."""
    short = text if len(text) <= EXAMPLE_CHARACTERS else text[:EXAMPLE_CHARACTERS].rstrip() + " …"
    lines = [
        wrap(line, BLOCK_WIDTH, replace_whitespace=False) or [""] for line in short.split("\n")
    ]
    return fence("\n".join(part for line in lines for part in line), "text")
