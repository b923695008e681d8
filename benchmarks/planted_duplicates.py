"""Rows with near-duplicates that are known because they were planted."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from datasets import Dataset, concatenate_datasets, load_from_disk

from valuedata.cleaning.text import iterate_pairs, join_messages, split_words
from valuedata.schema import PAIR_FEATURES, Pair, make_pair

COPY_EVERY = 10
WRITTEN_ROWS = 10_000
SIDES = ("prompt", "chosen", "rejected")


def make_rows(real: Dataset, n_rows: int, folder: Path) -> None:
    """Writes the real pairs and made ones to a folder, the same every time.

    Every `COPY_EVERY`th made row is a copy of the one before it; column `source_row` of a copy is
    the row that it repeats, -1 elsewhere.
    """
    real = real.select(range(min(len(real), n_rows)))
    rng = np.random.default_rng(0)
    texts = [
        [split_words(join_messages(pair[side])) for side in SIDES] for pair in iterate_pairs(real)
    ]  # type: ignore[literal-required]
    counts = Counter(word for text in texts for words in text for word in words)
    vocabulary = np.array(list(counts), dtype=object)
    ends = np.cumsum(np.array(list(counts.values())) / counts.total())
    lengths = np.array([[max(len(words), 1) for words in text] for text in texts])
    parts = [real.remove_columns("source_row").add_column("source_row", [-1] * len(real))]
    parts = [parts[0].select_columns(list(PAIR_FEATURES)).cast(PAIR_FEATURES)]
    made: list[Pair] = []
    before: list[list[str]] = []
    for row in range(len(real), n_rows):
        is_copy = bool(before) and (row - len(real)) % COPY_EVERY == COPY_EVERY - 1
        if is_copy:
            words = _change(before, rng.uniform(0.5, 1.0), vocabulary, rng)
        else:
            own = lengths[rng.integers(len(lengths))]
            drawn = vocabulary[
                np.minimum(np.searchsorted(ends, rng.random(own.sum())), len(vocabulary) - 1)
            ]
            words = [part.tolist() for part in np.split(drawn, np.cumsum(own)[:-1])]
        before = words
        prompt, chosen, rejected = (" ".join(part) for part in words)
        made.append(
            make_pair(
                source="made",
                source_row=row - 1 if is_copy else -1,
                source_id=None,
                prompt=[{"role": "user", "content": prompt}],
                chosen=[{"role": "assistant", "content": chosen}],
                rejected=[{"role": "assistant", "content": rejected}],
            )
        )
        if len(made) == WRITTEN_ROWS or row == n_rows - 1:
            columns = {name: [pair[name] for pair in made] for name in PAIR_FEATURES}  # type: ignore[literal-required]
            part = folder / f"part-{len(parts)}"
            Dataset.from_dict(columns, features=PAIR_FEATURES).save_to_disk(part)
            parts.append(load_from_disk(part))
            made = []
    concatenate_datasets(parts).save_to_disk(folder / "rows")


def _change(
    words: Sequence[Sequence[str]],
    jaccard: float,
    vocabulary: npt.NDArray[np.object_],
    rng: np.random.Generator,
) -> list[list[str]]:
    """Replaces so many words that about `jaccard` is left: each touches three shingles."""
    n_words = sum(map(len, words))
    n_changed = round(n_words * (1 - jaccard) / (3 * (1 + jaccard)))
    flat = list(chain.from_iterable(words))
    for place in rng.choice(n_words, n_changed, replace=False):
        flat[place] = str(vocabulary[rng.integers(len(vocabulary))])
    ends = np.cumsum([0, *map(len, words)])
    return [flat[start:end] for start, end in pairwise(ends)]
