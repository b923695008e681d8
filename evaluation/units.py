"""Scores as the statistics take them: a row a prompt, or a family that is set off in itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.judges.judge import Floats
from evaluation.scoring import Answers, Scored
from evaluation.statistics.differences import average_samples

__all__ = ["Units", "make_units"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Units:
    """Scores as the statistics take them: a row a prompt, or a family that is set off in itself.

    Attributes:
        names: (u,) prompts or families.
        clusters: (u,) family of each as a number.
        scores: Arm to (u, k) scores of k samples.
        lengths: Arm to (u, k) words of the replies; None where nothing is to be adjusted.
        n_half_judged: Arm to the families that are left out because only some of their prompts have
            a score, of a measure that takes whole families.
    """

    names: tuple[str, ...]
    clusters: Ints
    scores: Mapping[str, Floats]
    lengths: Mapping[str, Floats] | None
    n_half_judged: Mapping[str, int]


def make_units(scored: Scored, answers: Answers) -> Units:
    """Puts scores into a row a prompt, or a family where the measure sets its prompts off."""
    slots = [answers.slots[row] for row in scored.rows]
    prompts = list(dict.fromkeys(slot.prompt.prompt_id for slot in slots))
    places = {name: place for place, name in enumerate(prompts)}
    n_samples = 1 + max((slot.sample for slot in slots), default=0)
    cells = (
        np.array([places[slot.prompt.prompt_id] for slot in slots], dtype=np.int64),
        np.array([slot.sample for slot in slots], dtype=np.int64),
    )
    scores = {
        arm: _place(found, cells, (len(prompts), n_samples)) for arm, found in scored.scores.items()
    }
    lengths = None
    if scored.reads_replies and not scored.measure.is_length:
        lengths = {
            arm: _place(
                np.array([len(replies[row].text.split()) for row in scored.rows], dtype=np.float64),
                cells,
                (len(prompts), n_samples),
            )
            for arm, replies in answers.replies.items()
        }
    first = {slot.prompt.prompt_id: slot for slot in reversed(slots)}
    families = [first[name].prompt.family for name in prompts]
    _, clusters = np.unique(families, return_inverse=True)
    half = {arm: _find_half_judged(found, clusters) for arm, found in scores.items()}
    n_half = {arm: int(found.sum()) for arm, found in half.items()}
    if scored.measure.whole_families:
        for arm, found in scores.items():
            found[half[arm][clusters]] = np.nan
    if scored.measure.sign is None:
        n_half = n_half if scored.measure.whole_families else {}
        return Units(tuple(prompts), clusters.astype(np.int64), scores, lengths, n_half)
    signs = np.array([scored.measure.sign(first[name].prompt) for name in prompts])
    names = tuple(str(name) for name in np.unique(families))
    set_off = {arm: _set_off(found, clusters, signs) for arm, found in scores.items()}
    return Units(names, np.arange(len(names)), set_off, None, n_half)


def _find_half_judged(scores: Floats, clusters: Ints) -> Bools:
    """(g,): whether a family has prompts with a score and prompts without."""
    judged = ~np.isnan(average_samples(scores))
    sizes, n_judged = np.bincount(clusters), np.bincount(clusters, judged)
    return (n_judged > 0) & (n_judged < sizes)


def _place(values: Floats, cells: tuple[Ints, Ints], shape: tuple[int, int]) -> Floats:
    table = np.full(shape, np.nan)
    table[cells] = values
    return table


def _set_off(scores: Floats, clusters: Ints, signs: Ints) -> Floats:
    """(g, k): mean over a family's prompts with sign 1 minus that over those with -1."""
    n_families = clusters.max() + 1 if len(clusters) else 0
    found = np.full((n_families, scores.shape[1]), np.nan)
    for family in range(n_families):
        rows = clusters == family
        up, down = scores[rows & (signs == 1)], scores[rows & (signs == -1)]
        if len(up) and len(down):
            found[family] = average_samples(up.T) - average_samples(down.T)
    return found
