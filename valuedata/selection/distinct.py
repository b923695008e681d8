"""The candidate pairs of one value: one-sided, semantically distinct, clustered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from valuedata.accounting import Step
from valuedata.cleaning.dedup import find_semantic_duplicates
from valuedata.labelling.labels import Labels
from valuedata.recipe import Recipe
from valuedata.schema import BATCH_ROWS, list_sources
from valuedata.selection.clusters import cluster_texts
from valuedata.selection.maps import project_clusters
from valuedata.selection.xor import require_margin, select_one_sided

__all__ = [
    "Distinct",
    "EmbedPairs",
    "Found",
    "find_candidates",
    "join_user_turns",
    "read_user_turns",
]

EmbedPairs = Callable[[Dataset], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]
"""Gives new (n, d) float32 unit vectors of the chosen and of the rejected replies."""


@dataclass(frozen=True, eq=False)
class Distinct:
    """The m candidates of a value: one-sided, beyond the least margin, semantically distinct.

    Attributes:
        value: Name of the value.
        rows: (m,) int64 rows of the labelled pairs.
        flipped: (m,) bool.
        margin: (m,) float32: p(rewarded) - p(other).
        sources: (m,) names of sources.
        clusters: (m,) int64 clusters.
        vectors: Two (m, d) float32: of the rewarded and of the other replies.
    """

    value: str
    rows: npt.NDArray[np.int64]
    flipped: npt.NDArray[np.bool_]
    margin: npt.NDArray[np.float32]
    sources: npt.NDArray[np.object_]
    clusters: npt.NDArray[np.int64]
    vectors: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Found:
    """The candidate pairs of one value, and how they were found.

    Attributes:
        value: Name of the value.
        steps: The stages, over the labelled pairs.
        flipped: (n,) bool over the labelled pairs.
        margin: (n,) float32 over the labelled pairs.
        cluster: (n,) object over the labelled pairs: name of the cluster, None for others.
        place: (n, 2) float32 over the labelled pairs: their places on the map, NaN for others.
        candidates: What the steps left; None where that is too little.
    """

    value: str
    steps: tuple[Step, ...]
    flipped: npt.NDArray[np.bool_]
    margin: npt.NDArray[np.float32]
    cluster: npt.NDArray[np.object_]
    place: npt.NDArray[np.float32]
    candidates: Distinct | None


def find_candidates(
    pairs: Dataset,
    labels: Labels,
    value: str,
    recipe: Recipe,
    embed_pairs: EmbedPairs,
    least: int,
) -> Found:
    """Finds the pairs of one value: one-sided, of enough margin, semantically distinct, clustered.

    Args:
        pairs: n labelled pairs.
        labels: Their labels.
        value: Name of the value.
        recipe: Settings of selection and deduplication, and the seed.
        embed_pairs: Gives the vectors of the one-sided pairs.
        least: Candidates that are enough, at least 1; of fewer nothing more is computed.
    """
    one_sided = select_one_sided(labels, value)
    steps = [Step(np.arange(len(labels)), one_sided.verdict)]
    rows = steps[-1].kept
    steps.append(Step(rows, require_margin(one_sided.margin[rows], recipe.selection.min_margin)))
    rows = steps[-1].kept
    cluster = np.full(len(labels), None, dtype=object)
    place = np.full((len(labels), 2), np.nan, dtype=np.float32)
    candidates = None
    if len(rows) >= least:
        rewarded, other = embed_pairs(pairs.select(rows))
        _swap(rewarded, other, np.flatnonzero(one_sided.flipped[rows]))
        ranks = np.argsort(np.argsort(-one_sided.margin[rows], kind="stable"))
        distinct = find_semantic_duplicates(rewarded, other, ranks, recipe.dedup.semantic_cosine)
        steps.append(Step(rows, distinct))
        kept = distinct.kept
        rows, rewarded = rows[kept], rewarded[kept]
        other = other[kept]  # after the first, so that only one copy stands beside its original
        texts = read_user_turns(pairs.select(rows))
        vectors = _unite(rewarded, other)
        clusters = cluster_texts(vectors, texts, recipe.seed)
        cluster[rows] = np.array(clusters.names, dtype=object)[clusters.assignment]
        place[rows] = project_clusters(vectors, clusters.assignment)
        if len(rows) >= least:
            candidates = Distinct(
                value=value,
                rows=rows,
                flipped=one_sided.flipped[rows],
                margin=one_sided.margin[rows],
                sources=list_sources(pairs.select(rows)),
                clusters=clusters.assignment,
                vectors=(rewarded, other),
            )
    facts = (one_sided.flipped, one_sided.margin, cluster, place)
    return Found(value, tuple(steps), *facts, candidates)


def read_user_turns(pairs: Dataset) -> list[str]:
    """The user's words in the prompt of each pair, a batch of prompts in memory at a time."""
    batches = pairs.select_columns("prompt").iter(batch_size=BATCH_ROWS)
    return [join_user_turns(prompt) for batch in batches for prompt in batch["prompt"]]


def join_user_turns(prompt: Sequence[dict[str, str]]) -> str:
    """The user's words in a prompt."""
    return "\n".join(turn["content"] for turn in prompt if turn["role"] == "user")


def _swap(
    one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]
) -> None:
    """Exchanges some rows of two arrays in place: the vectors of a large subset fill memory."""
    for start in range(0, len(rows), BATCH_ROWS):
        some = rows[start : start + BATCH_ROWS]
        one[some], other[some] = other[some], one[some]


def _unite(
    chosen: npt.NDArray[np.float32], rejected: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """(n, d) float32 unit vectors of pairs: the direction between those of the two replies."""
    united: npt.NDArray[np.float32] = chosen + rejected
    united /= np.linalg.norm(united, axis=1, keepdims=True)
    return united
