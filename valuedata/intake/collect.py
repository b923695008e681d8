"""All sources into one table of pairs on disk, every raw row accounted for."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from datasets import Dataset, Features, Value
from datasets.arrow_writer import ArrowWriter

from valuedata.accounting import StageReport
from valuedata.errors import BadRowsError, FormatError, ReleaseError, SourceError
from valuedata.intake.formats import Format, RawRow, convert_rows, detect_format
from valuedata.intake.naming import Source
from valuedata.intake.pairs import Discard, ParsedPair
from valuedata.intake.sources import pin_source, read_rows
from valuedata.schema import PAIR_FEATURES, make_pair

__all__ = ["DISCARD_FEATURES", "Intake", "SourceRecord", "read_pairs"]

BATCH = 1_000  # rows held in memory before they are written
DETECTION_ROWS = 1_000  # rows among which one must be in a known format

DISCARD_FEATURES = Features(
    source=Value("string"),
    source_row=Value("int64"),
    source_id=Value("string"),
    reason=Value("string"),
    is_bad=Value("bool"),
    excerpt=Value("string"),
)


@dataclass(frozen=True)
class SourceRecord:
    """What the manifest says of one source; holds no path of the machine that read it.

    Attributes:
        name: The `source` of its pairs.
        location: Hub data set, or file names.
        revision: Hub commit, or the SHA-256 over the contents of the local files in order.
        licence: SPDX identifier, where it is known.
        citation: BibTeX, where it is known.
        homepage: Page of the data set, where there is one.
        format: Name of the format of its rows.
        red_teaming: Whether prompts in it ask for harm on purpose, as far as names tell.
        n_rows: Raw rows.
        n_pairs: Pairs made of them.
        n_bad: Malformed rows among the rest.
    """

    name: str
    location: str
    revision: str
    licence: str | None
    citation: str | None
    homepage: str | None
    format: str
    red_teaming: bool
    n_rows: int
    n_pairs: int
    n_bad: int


@dataclass(frozen=True)
class Intake:
    """Every pair of every source, and every raw row that became none.

    Attributes:
        pairs: The pairs, with `schema.PAIR_FEATURES`, in source order.
        discards: The other raw rows, with `DISCARD_FEATURES`, in source order.
        reports: One report, over raw rows.
        records: One record a source, in source order.
    """

    pairs: Dataset
    discards: Dataset
    reports: tuple[StageReport, ...]
    records: tuple[SourceRecord, ...]


def read_pairs(
    sources: Sequence[Source],
    folder: Path,
    max_bad_rows: float,
    progress: Callable[[int], None] | None = None,
) -> Intake:
    """Reads sources into one Arrow file, holding no more than a batch of rows in memory.

    Args:
        sources: What to read, in order of preference.
        folder: An existing folder for the two files that the result lies in.
        max_bad_rows: Largest share of malformed rows in a source.
        progress: Called with the number of raw rows read since its last call.

    Raises:
        SourceError: If two sources share a name, or one cannot be read or holds no pair.
        FormatError: If the format of a source is unknown or lacks a column.
        BadRowsError: If a source has a larger share of malformed rows.
        ReleaseError: If the folder cannot be written to, or has a name that is not UTF-8.
    """
    _check_names(sources)
    _check_folder(folder)
    paths = [folder / name for name in ("pairs.arrow", "discards.arrow")]
    try:
        records, reasons = _write_sources(sources, paths, max_bad_rows, progress)
    except OSError as error:  # only of writing: what reading raises is a SourceError
        raise ReleaseError(
            f"Pairs cannot be written to {folder} ({error.strerror or error}); free space "
            "there, or choose another disk with --out (TMPDIR for a survey)."
        ) from error
    report = StageReport(
        stage="intake",
        rows_in=sum(record.n_rows for record in records),
        rows_out=sum(record.n_pairs for record in records),
        dropped=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )
    tables = [Dataset.from_file(str(path)) for path in paths]
    return Intake(tables[0], tables[1], (report,), tuple(records))


def _write_sources(
    sources: Sequence[Source],
    paths: Sequence[Path],
    max_bad_rows: float,
    progress: Callable[[int], None] | None,
) -> tuple[list[SourceRecord], Counter[str]]:
    reasons: Counter[str] = Counter()
    records = []
    with (
        ArrowWriter(features=PAIR_FEATURES, path=str(paths[0]), writer_batch_size=BATCH) as pairs,
        ArrowWriter(
            features=DISCARD_FEATURES, path=str(paths[1]), writer_batch_size=BATCH
        ) as discards,
    ):
        for source in map(pin_source, sources):
            record, dropped = _write_source(source, pairs, discards, max_bad_rows, progress)
            records.append(record)
            reasons.update(dropped)
        pairs.finalize()
        discards.finalize()
    return records, reasons


def _check_names(sources: Sequence[Source]) -> None:
    for name, n_sources in Counter(source.name for source in sources).items():
        if n_sources > 1:
            raise SourceError(
                f"{n_sources} sources are named {name!r}; tell them apart with NAME=PATH."
            )


def _check_folder(folder: Path) -> None:
    try:
        str(folder).encode("utf-8")
    except UnicodeEncodeError as error:  # Arrow maps files by names of UTF-8 alone
        raise ReleaseError(
            f"Pairs cannot be written to {str(folder)!r}, a name that is not UTF-8; choose another "
            "with --out (TMPDIR for a survey)."
        ) from error


def _write_source(
    source: Source,
    pairs: ArrowWriter,
    discards: ArrowWriter,
    max_bad_rows: float,
    progress: Callable[[int], None] | None,
) -> tuple[SourceRecord, Counter[str]]:
    rows = read_rows(source)
    head, row_format = _detect_format(source, rows)
    n_pairs = 0
    reasons: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    first_bad: Discard | None = None
    for outcome in convert_rows(_count(chain(head, rows), progress), row_format):
        if isinstance(outcome, ParsedPair):
            pairs.write(dict(make_pair(source=source.name, **vars(outcome))))
            n_pairs += 1
            continue
        discards.write({"source": source.name, **vars(outcome)})
        reasons[outcome.reason] += 1
        if outcome.is_bad:
            bad[outcome.reason] += 1
            first_bad = first_bad or outcome
    record = SourceRecord(
        name=source.name,
        location=source.location,
        revision=source.revision,
        licence=source.licence,
        citation=source.citation,
        homepage=source.homepage,
        format=row_format.name,
        red_teaming=source.red_teaming,
        n_rows=n_pairs + reasons.total(),
        n_pairs=n_pairs,
        n_bad=bad.total(),
    )
    if first_bad is not None:
        _check_bad_rows(record, first_bad, max_bad_rows)
    if n_pairs == 0:
        reason, n_rows = reasons.most_common(1)[0]
        raise SourceError(
            f"Source {source.name} holds no pair: {n_rows} of {record.n_rows} rows were dropped "
            f"because of {reason!r}; give another --format or source."
        )
    return record, reasons


def _detect_format(
    source: Source, rows: Iterator[RawRow | Discard]
) -> tuple[list[RawRow | Discard], Format]:
    """Takes rows up to the first that fits; those before it are for the format to call bad."""
    head: list[RawRow | Discard] = []
    refusal: FormatError | None = None
    for item in islice(rows, DETECTION_ROWS):
        head.append(item)
        if isinstance(item, Discard):
            continue
        try:
            return head, detect_format(item[1], source.format, source.name)
        except FormatError as error:
            refusal = refusal or error
    if refusal is not None:
        raise refusal
    if not head:
        raise SourceError(f"Source {source.name} has no rows; give one that has.")
    first = head[0]
    assert isinstance(first, Discard)  # noqa: S101 - a row would have been refused
    raise SourceError(
        f"Source {source.name} cannot be read: its first row is {first.reason} "
        f"({first.excerpt[:80]}), and no other of the first {len(head)} is a row; give a file "
        "whose content fits its name."
    )


def _count(
    rows: Iterator[RawRow | Discard], progress: Callable[[int], None] | None
) -> Iterator[RawRow | Discard]:
    n_rows = 0
    for n_rows, row in enumerate(rows, start=1):
        if progress is not None and n_rows % BATCH == 0:
            progress(BATCH)
        yield row
    if progress is not None and n_rows % BATCH:
        progress(n_rows % BATCH)


def _check_bad_rows(record: SourceRecord, first: Discard, max_bad_rows: float) -> None:
    share = record.n_bad / record.n_rows
    if share > max_bad_rows:
        raise BadRowsError(
            f"Source {record.name} has {record.n_bad} bad rows of {record.n_rows} ({share:.1%}, "
            f"allowed {max_bad_rows:.1%}), the first at row {first.source_row}: {first.reason} "
            f"({first.excerpt[:80]}); mend them, choose another --format, or raise --max-bad-rows."
        )
