"""Labels read back from a file of records, whoever made them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from valuedata.errors import FormatError, SourceError
from valuedata.labelling.labels import Labels
from valuedata.labelling.lines import parse_json
from valuedata.labelling.values import LABEL_NAMES

__all__ = ["LabelRecords", "make_records", "read_records"]

SIDES: Final = ("chosen", "rejected")
Labelled = tuple[dict[str, float], frozenset[str]]
Found = tuple[tuple[float, ...], tuple[bool, ...]]

BATCH = 1_000  # records of a Parquet file held as Python objects


@dataclass(frozen=True, eq=False)
class LabelRecords:
    """Labels of n distinct pairs over v names, chosen replies first along the first axis.

    Attributes:
        names: v names, those of the package first and in its order.
        pair_ids: n distinct ids.
        probabilities: (2, n, v) float64; NaN all along a reply that could not be labelled.
        expressed: (2, n, v) bool; False all along such a reply.
        errors: (2, n) object: why a reply could not be labelled; empty text where it could.
        n_repeated: Further records of a pair that had one; the first stands.
        n_conflicting: Those of them with other labels than the first.
    """

    names: tuple[str, ...]
    pair_ids: tuple[str, ...]
    probabilities: npt.NDArray[np.float64]
    expressed: npt.NDArray[np.bool_]
    errors: npt.NDArray[np.object_]
    n_repeated: int = 0
    n_conflicting: int = 0

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """(2, n) bool: which replies have labels."""
        has_labels: npt.NDArray[np.bool_] = ~np.isnan(self.probabilities[:, :, 0])
        return has_labels


def make_records(pair_ids: Sequence[str], labels: Labels) -> LabelRecords:
    """Makes records of labels in memory; of pairs with one id the first stands."""
    rows = list({pair_id: row for row, pair_id in reversed(list(enumerate(pair_ids)))}.values())
    rows.sort()
    taken = labels.take(rows)
    return LabelRecords(
        names=labels.names,
        pair_ids=tuple(pair_ids[row] for row in rows),
        probabilities=np.stack([taken.chosen, taken.rejected]).astype(np.float64),
        expressed=np.stack([taken.expressed("chosen"), taken.expressed("rejected")]),
        errors=np.full((2, len(rows)), "", dtype=object),
        n_repeated=len(pair_ids) - len(rows),
    )


def read_records(path: Path) -> LabelRecords:
    """Reads what `valuedata label` wrote, or records of the same form by another extractor.

    A record has `pair_id`, and `chosen` and `rejected`, each with `probabilities` (name to a number
    from 0 to 1) and `expressed` (list of names), or with `error` (text) where the reply could not
    be labelled.

    Args:
        path: JSONL or Parquet file, by its suffix.

    Raises:
        SourceError: If the file cannot be read or labels no reply.
        FormatError: If a record has another form, or other names than the first.
    """
    rows: dict[str, tuple[Found | str, ...]] = {}
    names: tuple[str, ...] = ()
    n_repeated = n_conflicting = 0
    for where, record in _iterate(path):
        pair_id, sides = _parse_record(record, where)
        names = names or _order_names(sides)
        found = tuple(
            side if isinstance(side, str) else _arrange(side, names, where) for side in sides
        )
        if pair_id not in rows:
            rows[pair_id] = found
            continue
        n_repeated += 1
        n_conflicting += rows[pair_id] != found
    if not names:
        raise SourceError(
            f"Label file {path} labels no reply; give one that `valuedata label` wrote."
        )
    nothing: Found = ((np.nan,) * len(names), (False,) * len(names))
    filled = [
        [nothing if isinstance(side, str) else side for side in found] for found in rows.values()
    ]
    both = np.array(filled, dtype=np.float64)  # pair, side, probabilities or expressed, name
    return LabelRecords(
        names=names,
        pair_ids=tuple(rows),
        probabilities=both[:, :, 0].transpose(1, 0, 2),
        expressed=both[:, :, 1].transpose(1, 0, 2).astype(np.bool_),
        errors=np.array(
            [[side if isinstance(side, str) else "" for side in found] for found in rows.values()],
            dtype=object,
        ).T,
        n_repeated=n_repeated,
        n_conflicting=n_conflicting,
    )


def _iterate(path: Path) -> Iterator[tuple[str, object]]:
    """Records with their places."""
    try:
        if path.suffix == ".parquet":
            rows = (
                row
                for batch in pq.ParquetFile(path).iter_batches(batch_size=BATCH)
                for row in batch.to_pylist()
            )
            for number, row in enumerate(rows, start=1):
                yield f"{path} row {number}", row
            return
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path} line {number}", parse_json(line, f"{path} line {number}")
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise SourceError(
            f"Label file {path} cannot be read ({error}); give a .jsonl or .parquet file that "
            "`valuedata label` wrote."
        ) from error


def _parse_record(record: object, where: str) -> tuple[str, tuple[Labelled | str, ...]]:
    """The id, and of each side its labels or why it has none."""
    if not isinstance(record, Mapping) or not isinstance(record.get("pair_id"), str):
        raise FormatError(
            f"{where} is no label record, for it has no 'pair_id'; make one with `valuedata label`."
        )
    return record["pair_id"], tuple(_parse_side(record.get(side), side, where) for side in SIDES)


def _parse_side(side: object, name: str, where: str) -> Labelled | str:
    if isinstance(side, Mapping) and isinstance(side.get("error"), str) and side["error"]:
        return str(side["error"])
    if not isinstance(side, Mapping) or not isinstance(side.get("probabilities"), Mapping):
        raise FormatError(
            f"{where} has neither 'probabilities' nor 'error' in {name!r}; make label records with "
            "`valuedata label`."
        )
    probabilities = dict(side["probabilities"])
    if not probabilities:
        raise FormatError(f"{where} has no name in the 'probabilities' of {name!r}; label one.")
    for label, number in probabilities.items():
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number <= 1:
            raise FormatError(
                f"{where} has the probability {number!r} of {label!r} in {name!r}; give a number "
                "from 0 to 1."
            )
    expressed = side.get("expressed")
    if not isinstance(expressed, list) or not all(
        isinstance(label, str) and label in probabilities for label in expressed
    ):
        raise FormatError(
            f"{where} has no list of labelled names in 'expressed' of {name!r}; mend that record."
        )
    return probabilities, frozenset(expressed)


def _order_names(sides: tuple[Labelled | str, ...]) -> tuple[str, ...]:
    """Names that the first labelled side has, those of the package first; empty without one."""
    names = next((tuple(side[0]) for side in sides if not isinstance(side, str)), ())
    known = tuple(name for name in LABEL_NAMES if name in names)
    return known + tuple(name for name in names if name not in known)


def _arrange(side: Labelled, names: tuple[str, ...], where: str) -> Found:
    """Probabilities, and what is expressed, in the order of the names."""
    probabilities, expressed = side
    if set(probabilities) != set(names):
        odd = ", ".join(sorted(set(probabilities) ^ set(names)))
        raise FormatError(
            f"{where} labels other names than the records before it ({odd}); label all pairs alike."
        )
    return tuple(probabilities[name] for name in names), tuple(name in expressed for name in names)
