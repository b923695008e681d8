"""The packaged classifier as a judge: which values and behaviours a reply expresses."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from evaluation.judges.judge import Floats, Validity
from evaluation.prompts.records import Prompt
from valuedata.labelling.encoding.arithmetic import Precision
from valuedata.labelling.encoding.encoder import Encoder, encode, load_encoder
from valuedata.labelling.evidence import read_evidence
from valuedata.labelling.heads import Heads, load_heads, predict
from valuedata.labelling.metadata import PACKAGED
from valuedata.labelling.readings import Reading, make_reading

__all__ = ["ClassifierJudge", "Labeller"]

READINGS_A_TASK: Final = 1_024
"""Enough to fill batches of like length, and few enough that threads end together."""


@dataclass(eq=False)
class Labeller:
    """The classifier, asked once about each distinct reply, on all cores.

    Attributes:
        precision: Arithmetic of its encoder.
        weights: Folder of its trained part.
        n_threads: Replies are read by so many threads at once.
    """

    precision: Precision = "auto"
    weights: Path = PACKAGED
    n_threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    _found: dict[Reading, npt.NDArray[np.float32]] = field(default_factory=dict)

    @cached_property
    def heads(self) -> Heads:
        """Its trained part."""
        return load_heads(self.weights)

    @cached_property
    def encoder(self) -> Encoder:
        """Its encoder."""
        return load_encoder(self.precision, None, self.heads.adapter)

    @property
    def fingerprint(self) -> str:
        """Names the model and all settings that decide a label."""
        return f"classifier-{self.heads.fingerprint}-{self.encoder.fingerprint}"

    def label(
        self, readings: Sequence[Reading], advance: Callable[[int], None]
    ) -> npt.NDArray[np.float32]:
        """Gives each reading its probabilities; one that recurs is read once.

        Args:
            readings: n readings.
            advance: Called with the number of distinct readings done since the last call.

        Returns:
            (n, v) float32, columns as `heads.names`.

        Raises:
            LabelError: If the cache is damaged or cannot be written.
        """
        fresh = [reading for reading in dict.fromkeys(readings) if reading not in self._found]
        # Of like length in one task, so that its batches are full; the longest first, so that the
        # threads end together.
        fresh.sort(key=lambda reading: -len(reading.reply))
        tasks = [
            fresh[start : start + READINGS_A_TASK]
            for start in range(0, len(fresh), READINGS_A_TASK)
        ]

        def work(some: list[Reading]) -> None:
            found = predict(self.heads, some, encode(self.encoder, some, advance))
            self._found.update(zip(some, found, strict=True))

        _ = self.heads, self.encoder  # loaded before the threads, which would load them again
        before = torch.get_num_threads()
        # One thread a batch: two that share a batch wait for each other most of the time.
        with ThreadPoolExecutor(
            self.n_threads, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            try:
                list(pool.map(work, tasks))
            finally:
                torch.set_num_threads(before)
        width = len(self.heads.names)
        return np.array([self._found[r] for r in readings], np.float32).reshape(-1, width)


@dataclass(frozen=True, eq=False)
class ClassifierJudge:
    """One value or behaviour; a score is its calibrated probability, so a mean is a share.

    Attributes:
        labeller: The classifier.
        name: The value or behaviour.
    """

    labeller: Labeller
    name: str

    @property
    def validity(self) -> Validity:
        """Average precision in cross-validation, from the weights' own card."""
        heads = self.labeller.heads
        evidence = read_evidence([self.name], heads.metadata)[self.name]
        found = evidence.measured["average_precision"]
        sources = ", ".join(heads.metadata["sources"])
        told = f"labelled replies ({sources}), {evidence.n_positives:,} of them with {self.name}"
        return Validity(
            found["value"],
            found["low"],
            found["high"],
            "average precision",
            told,
            "cross-validated there; replies of other models may differ",
        )

    @property
    def threshold(self) -> float:
        """The probability from which on the classifier calls it expressed."""
        heads = self.labeller.heads
        return float(heads.thresholds[heads.names.index(self.name)])

    def score(
        self, prompts: Sequence[Prompt], replies: Sequence[str], advance: Callable[[int], None]
    ) -> Floats:
        """Probabilities that the replies express it."""
        readings = [
            make_reading(prompt.messages, [{"role": "assistant", "content": reply}])
            for prompt, reply in zip(prompts, replies, strict=True)
        ]
        column = self.labeller.heads.names.index(self.name)
        return self.labeller.label(readings, advance)[:, column].astype(np.float64)
