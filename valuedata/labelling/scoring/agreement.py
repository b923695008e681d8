"""How far two extractors say the same of the same replies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from valuedata.errors import LabelError
from valuedata.labelling.scoring.intervals import Estimate, estimate, number_groups
from valuedata.labelling.scoring.measures import divide
from valuedata.labelling.scoring.recorded import LabelRecords
from valuedata.labelling.scoring.scores import Mean, choose_values, make_mean, take_mean

__all__ = ["Agreement", "NameAgreement", "measure_agreement"]

Floats = npt.NDArray[np.float64]

MEASURES: Final = ("agreement", "kappa", "pabak", "first_share", "second_share")


@dataclass(frozen=True)
class NameAgreement:
    """The agreement on one name, over the replies that both have labelled.

    Attributes:
        n_replies: Such replies.
        n_both: Expressed in both files.
        n_first_only: Expressed in the first file only.
        n_second_only: Expressed in the second file only.
        measures: agreement, kappa, pabak, first_share and second_share (the share that each file
            calls expressed) to their estimates.
    """

    n_replies: int
    n_both: int
    n_first_only: int
    n_second_only: int
    measures: Mapping[str, Estimate]

    def to_json(self) -> dict[str, Any]:
        """Counts and measures as JSON types."""
        counts = {name: n for name, n in vars(self).items() if name != "measures"}
        return counts | {name: found.to_json() for name, found in self.measures.items()}


@dataclass(frozen=True)
class Agreement:
    """The agreement of two label files.

    Attributes:
        n_pairs: Pairs that both files have.
        n_first_only: Pairs of the first file that the second lacks.
        n_second_only: Pairs of the second file that the first lacks.
        n_unlabelled: Replies of the shared pairs that one of the files could not label.
        clusters: What the resamples draw: "prompts" or "pairs".
        n_clusters: How many of these there are.
        names_of_one: Names that one file has and the other lacks.
        names: Name to its agreement.
        means: Measure to its mean over the values.
    """

    n_pairs: int
    n_first_only: int
    n_second_only: int
    n_unlabelled: int
    clusters: str
    n_clusters: int
    names_of_one: tuple[str, ...]
    names: Mapping[str, NameAgreement]
    means: Mapping[str, Mean]

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        plain = {name: fact for name, fact in vars(self).items() if not isinstance(fact, Mapping)}
        return plain | {
            "names_of_one": list(self.names_of_one),
            "names": {name: found.to_json() for name, found in self.names.items()},
            "means": {name: found.to_json() for name, found in self.means.items()},
        }


def measure_agreement(
    first: LabelRecords,
    second: LabelRecords,
    names: Sequence[str],
    prompts: Mapping[str, str] | None,
    resampling: tuple[int, np.random.Generator],
) -> Agreement:
    """Measures on which replies two extractors agree, name by name.

    Args:
        first: Labels of one extractor.
        second: Labels of the other, of some of the same pairs.
        names: Names to measure, which both files have.
        prompts: Id of every shared pair to its prompt, whose pairs are resampled together; None to
            resample pair by pair.
        resampling: How many bootstrap resamples, and what draws them.

    Raises:
        LabelError: If the files share no pair, or a shared pair has no prompt.
    """
    row_of = {pair_id: row for row, pair_id in enumerate(second.pair_ids)}
    shared = [(row, pair_id) for row, pair_id in enumerate(first.pair_ids) if pair_id in row_of]
    if not shared:
        raise LabelError(
            f"The label files share none of their {len(first.pair_ids):,} and "
            f"{len(second.pair_ids):,} pairs; label the same pairs with both extractors."
        )
    rows = [row for row, _ in shared], [row_of[pair_id] for _, pair_id in shared]
    groups = number_groups(_find_prompts([pair_id for _, pair_id in shared], prompts))
    labelled = first.labelled[:, rows[0]] & second.labelled[:, rows[1]]
    n_groups = int(groups.max()) + 1
    tables = np.concatenate(
        [
            _tabulate(
                first.expressed[:, rows[0], first.names.index(name)],
                second.expressed[:, rows[1], second.names.index(name)],
                labelled,
                groups,
            )
            for name in names
        ],
        axis=1,
    )
    values = choose_values(names)

    def measure(counts: Floats) -> dict[str, Floats]:
        found = _derive((counts @ tables).reshape(len(counts), len(names), 4))
        return found | {f"mean_{key}": take_mean(found[key], values) for key in MEASURES}

    found = estimate(measure, n_groups, *resampling)
    totals = tables.sum(axis=0).reshape(len(names), 4).astype(np.int64).tolist()
    return Agreement(
        n_pairs=len(shared),
        n_first_only=len(first.pair_ids) - len(shared),
        n_second_only=len(second.pair_ids) - len(shared),
        n_unlabelled=int((~labelled).sum()),
        clusters="pairs" if prompts is None else "prompts",
        n_clusters=n_groups,
        names_of_one=tuple(sorted(set(first.names) ^ set(second.names))),
        names={
            name: _describe(totals[k], {key: found[key][k] for key in MEASURES})
            for k, name in enumerate(names)
        },
        means={key: make_mean(found, key, names, values) for key in MEASURES},
    )


def _describe(counts: Sequence[int], measures: Mapping[str, Estimate]) -> NameAgreement:
    n_replies, n_both, n_first_only, n_second_only = counts
    return NameAgreement(n_replies, n_both, n_first_only, n_second_only, measures)


def _find_prompts(pair_ids: Sequence[str], prompts: Mapping[str, str] | None) -> list[str]:
    if prompts is None:
        return list(pair_ids)
    n_missing = sum(pair_id not in prompts for pair_id in pair_ids)
    if n_missing:
        raise LabelError(
            f"{n_missing:,} of the {len(pair_ids):,} pairs that both files label are not among "
            "those whose prompts are given; give every source that was labelled."
        )
    return [prompts[pair_id] for pair_id in pair_ids]


def _tabulate(
    first: npt.NDArray[np.bool_],
    second: npt.NDArray[np.bool_],
    labelled: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64],
) -> Floats:
    """(n_groups, 4): replies, expressed in both, in the first only, in the second only."""
    cells = (labelled, first & second, first & ~second, second & ~first)
    return np.stack(
        [np.bincount(groups, (cell & labelled).sum(axis=0)) for cell in cells],
        axis=1,
    )


def _derive(tables: Floats) -> dict[str, Floats]:
    """Measures of (b, v, 4) weighted tables, (b, v) each; NaN where undefined.

    With shares p of the first and q of the second, chance agrees on pq + (1 - p)(1 - q); kappa is
    1 - (observed disagreement) / (disagreement by chance), undefined where chance cannot disagree.
    PABAK is 2 (agreement) - 1, the kappa of shares of one half.

    Source: Cohen 1960, "A coefficient of agreement for nominal scales"; Byrt, Bishop and Carlin
    1993, "Bias, prevalence and kappa".
    """
    n, both, first_only, second_only = np.moveaxis(tables, 2, 0)
    p, q = divide(both + first_only, n), divide(both + second_only, n)
    disagreement = divide(first_only + second_only, n)
    by_chance = p * (1 - q) + q * (1 - p)
    return {
        "agreement": 1 - disagreement,
        "kappa": 1 - divide(disagreement, by_chance),
        "pabak": 1 - 2 * disagreement,
        "first_share": p,
        "second_share": q,
    }
