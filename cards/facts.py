"""What a card says of a release beside its manifest, counted from its Parquet files."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cards.examples import (
    Example,
    Place,
    choose_examples,
    find_harmless,
    is_harm_labelled,
    quote_line,
)
from valuedata.release.decisions import KEEP
from valuedata.release.folder import Release, read_table
from valuedata.release.maps import read_map

__all__ = ["Facts", "SubsetFacts", "Topic", "read_facts"]

COLUMNS: Final = ("pair_id", "source", "source_row", "prompt", "flipped", "margin", "cluster")
TURN: Final = "\x1e"  # between the user's turns of a prompt


@dataclass(frozen=True)
class Topic:
    """A cluster of a subset.

    Attributes:
        name: Its typical words.
        n_pairs: Pairs in it.
        prompt: Beginning of a prompt in it; None where none may be shown.
    """

    name: str
    n_pairs: int
    prompt: str | None


@dataclass(frozen=True, eq=False)
class SubsetFacts:
    """What the Parquet files say of one subset with n pairs.

    Attributes:
        split: (n,) object: name of the split.
        source: (n,) object: name of the source.
        flipped: (n,) bool: whether the reply that annotators rejected is rewarded.
        margin: (n,) float32: p(rewarded) - p(other).
        cluster: (n,) object: name of the topic.
        place: (n, 2) float64 on the map of the topics.
        n_prompts: Split to its distinct prompts.
        topics: Largest first.
        examples: Pairs to be shown or described.
    """

    split: npt.NDArray[np.object_]
    source: npt.NDArray[np.object_]
    flipped: npt.NDArray[np.bool_]
    margin: npt.NDArray[np.float32]
    cluster: npt.NDArray[np.object_]
    place: npt.NDArray[np.float64]
    n_prompts: Mapping[str, int]
    topics: tuple[Topic, ...]
    examples: tuple[Example, ...]

    def count_sources(self, split: str) -> dict[str, int]:
        """Source to its pairs in a split."""
        return dict(Counter(self.source[self.split == split].tolist()))


@dataclass(frozen=True)
class Facts:
    """What the Parquet files say of a release.

    Attributes:
        n_rows: Rows of the sources.
        n_labelled: Pairs that were labelled.
        n_kept: Pairs in any subset.
        kept: Source to its pairs in any subset.
        n_flagged: Pairs in any subset in which personal data were found.
        is_harm_labelled: Whether the labels know every sign of harm; no text is shown without.
        subsets: Value to what is said of its subset.
    """

    n_rows: int
    n_labelled: int
    n_kept: int
    kept: Mapping[str, int]
    n_flagged: int
    is_harm_labelled: bool
    subsets: Mapping[str, SubsetFacts]


def read_facts(release: Release) -> Facts:
    """Counts what the card says of a release.

    Raises:
        ReleaseError: If a file is missing or damaged.
    """
    decisions = release.decisions
    kept = decisions.filter(pc.equal(decisions["outcome"], KEEP))
    counts = Counter(kept["source"].to_pylist())
    harmless = find_harmless(release)
    return Facts(
        n_rows=len(decisions),
        n_labelled=len(decisions) - decisions["chosen_probabilities"].null_count,
        n_kept=len(kept),
        kept={source["name"]: counts[source["name"]] for source in release.manifest["sources"]},
        n_flagged=int(pc.sum(pc.greater(pc.list_value_length(kept["flags"]), 0)).as_py()),
        is_harm_labelled=is_harm_labelled(release),
        subsets={value: _read_subset(release, value, harmless) for value in release.values},
    )


def _read_subset(release: Release, value: str, harmless: Collection[Place]) -> SubsetFacts:
    told = release.manifest["values"][value]
    parts, splits = [], []
    for split in told["splits"]:
        for file in release.files(value, split):
            parts.append(read_table(release, file, COLUMNS))
            splits += [split] * len(parts[-1])
    table = pa.concat_tables(parts)
    prompts = [
        TURN.join(turn["content"] for turn in prompt if turn["role"] == "user")
        for prompt in table["prompt"].to_pylist()
    ]
    columns = {name: table[name].to_numpy() for name in ("source", "flipped", "margin", "cluster")}
    places = list(zip(table["source"].to_pylist(), table["source_row"].to_pylist(), strict=True))
    on_map = read_map(release, value)
    showable = np.array([place in harmless for place in places], dtype=bool)
    showable &= told["definition"]["valence"] != "negative"  # its pairs are meant to do harm
    return SubsetFacts(
        split=np.array(splits, dtype=object),
        **columns,
        place=np.array([on_map[pair_id] for pair_id in table["pair_id"].to_pylist()]),
        n_prompts=_count_prompts(prompts, splits),
        topics=_list_topics(columns["cluster"], columns["margin"], showable, prompts),
        examples=choose_examples(release, value, showable),
    )


def _count_prompts(prompts: Sequence[str], splits: Sequence[str]) -> dict[str, int]:
    found: dict[str, set[str]] = {split: set() for split in splits}
    for split, prompt in zip(splits, prompts, strict=True):
        found[split].add(prompt)
    return {split: len(distinct) for split, distinct in found.items()}


def _list_topics(
    cluster: npt.NDArray[np.object_],
    margin: npt.NDArray[np.float32],
    showable: npt.NDArray[np.bool_],
    prompts: Sequence[str],
) -> tuple[Topic, ...]:
    """Topics, each with the prompt of the pair of largest margin that may be shown."""
    sizes = Counter(cluster.tolist())
    topics = []
    for name, n_pairs in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        rows = np.flatnonzero((cluster == name) & showable)
        best = rows[np.argmax(margin[rows])] if len(rows) else None
        prompt = None if best is None else quote_line(prompts[best].rpartition(TURN)[2])
        topics.append(Topic(name, n_pairs, prompt))
    return tuple(topics)
