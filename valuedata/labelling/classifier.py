"""Who says which values the replies express: the seam, and the default that runs on a CPU."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from datasets import Dataset

from valuedata.engine import LOCAL, Engine
from valuedata.labelling.encoding.encoder import Encoder, encode, load_encoder
from valuedata.labelling.encoding.filling import fill_cache
from valuedata.labelling.evidence import Evidence, read_definitions, read_evidence
from valuedata.labelling.heads import Heads, load_heads, predict
from valuedata.labelling.labels import Labels
from valuedata.labelling.llm.extractor import load_llm_extractor
from valuedata.labelling.metadata import PACKAGED
from valuedata.labelling.readings import read_sides
from valuedata.labelling.values import ValueDefinition
from valuedata.recipe import LabelSettings

__all__ = ["Classifier", "Extractor", "load_extractor"]

PAIRS_A_ROUND = 8_192  # bounds memory: texts and vectors of so many pairs are held at once


class Extractor(Protocol):
    """Whatever can label the replies of pairs."""

    @property
    def names(self) -> tuple[str, ...]:
        """Values and behaviours that it labels, in the order of the columns."""
        ...

    @property
    def fingerprint(self) -> str:
        """Names the model and all settings that decide a label."""
        ...

    @property
    def definitions(self) -> Mapping[str, ValueDefinition]:
        """What each name means."""
        ...

    @property
    def evidence(self) -> Mapping[str, Evidence]:
        """What the labels of a name rest on, for names of which that was measured."""
        ...

    def label(self, pairs: Dataset, progress: Callable[[int], None] | None = None) -> Labels:
        """Labels both replies of every pair.

        Args:
            pairs: n pairs with `prompt`, `chosen` and `rejected`.
            progress: Called with the number of replies done since the last call; 2 n in all.

        Raises:
            LabelError: If the labels cannot be had.
        """
        ...


@dataclass(frozen=True, eq=False)
class Classifier:
    """The default extractor: adapted MiniLM, words, and logistic heads."""

    encoder: Encoder
    heads: Heads

    @property
    def names(self) -> tuple[str, ...]:
        """Values and behaviours that it labels, in the order of the columns."""
        return self.heads.names

    @property
    def fingerprint(self) -> str:
        """Names the model and all settings that decide a label."""
        return f"classifier-{self.heads.fingerprint}-{self.encoder.fingerprint}"

    @property
    def definitions(self) -> Mapping[str, ValueDefinition]:
        """What each name means."""
        return read_definitions(self.names, self.heads.metadata)

    @property
    def evidence(self) -> Mapping[str, Evidence]:
        """What the labels of a name rest on, for names of which that was measured."""
        return read_evidence(self.names, self.heads.metadata)

    def label(self, pairs: Dataset, progress: Callable[[int], None] | None = None) -> Labels:
        """Labels both replies of every pair.

        Args:
            pairs: n pairs with `prompt`, `chosen` and `rejected`.
            progress: Called with the number of replies done since the last call; 2 n in all.

        Raises:
            LabelError: If the cache is damaged or cannot be written.
            EngineError: If the encoder's engine cannot be used.
        """
        if fill_cache(self.encoder, pairs, progress):
            progress = None  # every reply has been counted
        sides = np.empty((2, len(pairs), len(self.names)), dtype=np.float32)
        for start in range(0, len(pairs), PAIRS_A_ROUND):
            rows = slice(start, min(start + PAIRS_A_ROUND, len(pairs)))
            for side, readings in enumerate(read_sides(pairs.select(range(rows.start, rows.stop)))):
                vectors = encode(self.encoder, readings, progress)
                sides[side, rows] = predict(self.heads, readings, vectors)
        return Labels(self.names, sides[0], sides[1], self.heads.thresholds)


def load_extractor(
    settings: LabelSettings, cache_folder: Path | None = None, engine: Engine = LOCAL
) -> Extractor:
    """Loads the extractor that the settings name.

    Args:
        settings: Which extractor, with which weights and precision, or which language model.
        cache_folder: Where vectors and answers are kept; None takes the user's cache folder.
        engine: Where the classifier's vectors are computed; a language model has its own server.

    Raises:
        LabelError: If weights or encoder are missing or damaged, or the cache cannot be used.
    """
    if settings.extractor == "llm":
        return load_llm_extractor(settings.llm, cache_folder)
    heads = load_heads(Path(settings.weights) if settings.weights else PACKAGED)
    encoder = load_encoder(settings.precision, cache_folder, heads.adapter, engine)
    return Classifier(encoder, heads)
