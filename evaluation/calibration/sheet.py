"""A sheet of replies for a person to label, who does not see which arm wrote them."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from evaluation.calibration.judged import Judged, find_replies
from evaluation.tables import write_text
from valuedata.errors import EvaluationError

__all__ = [
    "ANSWERS",
    "KEYS",
    "Key",
    "Row",
    "draw_sheet",
    "make_rows",
    "read_key",
    "read_sheet",
    "write_key",
    "write_sheet",
]

KEYS: Final = "calibration"
"""Folder of the keys, in that of the evaluation."""

COLUMNS: Final = ("item", "prompt", "reply", "label")
ANSWERS: Final[Mapping[str, float]] = {
    "yes": 1.0,
    "y": 1.0,
    "1": 1.0,
    "no": 0.0,
    "n": 0.0,
    "0": 0.0,
}
"""What a label may be, in any case."""

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "'")
LETTERS = "bcdfghjklmnpqrstvwxz"  # no vowels, so no words, and no digits, so no numbers or dates
SHEET_LETTERS = 4
N_ARMS = 2


@dataclass(frozen=True)
class Key:
    """What the items of a sheet are; it stays in the folder.

    Attributes:
        sheet: Name of the sheet, which its items begin with.
        measure: What is labelled.
        judge: Whose scores are calibrated.
        base: First arm.
        tuned: Second arm.
        seed: Drew and shuffled the items.
        items: Item to arm, prompt and sample.
    """

    sheet: str
    measure: str
    judge: str
    base: str
    tuned: str
    seed: int
    items: Mapping[str, tuple[str, str, int]]


@dataclass(frozen=True)
class Row:
    """A row of a sheet."""

    item: str
    prompt: str
    reply: str
    label: str = ""


def draw_sheet(judged: Judged, n_labels: int, seed: int) -> Key:
    """Draws prompts at random, and both arms' replies to each, in shuffled order.

    Args:
        judged: The scores of the contrast.
        n_labels: Replies to label, half of them of each arm.
        seed: Draws and shuffles.

    Raises:
        EvaluationError: If the number is odd, or there are fewer replies.
    """
    n_prompts = len(judged.places)
    if n_labels % N_ARMS or n_labels > N_ARMS * n_prompts:
        raise EvaluationError(
            f"--n-labels {n_labels} cannot be drawn: both arms' replies to a prompt are labelled, "
            f"and {n_prompts:,} prompts have a score for both; give an even number up to "
            f"{N_ARMS * n_prompts:,}."
        )
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(n_prompts, n_labels // N_ARMS, replace=False))
    wanted = [(arm, *judged.places[row]) for row in drawn for arm in judged.arms]
    told = json.dumps([judged.measure, judged.judge, wanted, seed])
    digest = hashlib.sha256(told.encode()).digest()
    sheet = "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:SHEET_LETTERS])
    shuffled = [wanted[row] for row in rng.permutation(len(wanted))]
    items = {f"{sheet}-{number:03d}": place for number, place in enumerate(shuffled, start=1)}
    return Key(sheet, judged.measure, judged.judge, *judged.arms, seed, items)


def make_rows(folder: Path, key: Key) -> list[Row]:
    """The rows of a new sheet: what the person reads, and nothing of the arms.

    Raises:
        EvaluationError: If replies.parquet lacks one of the replies.
    """
    found = find_replies(folder, list(key.items.values()))
    return [
        Row(item, _join(messages), reply)
        for item, (messages, reply) in zip(key.items, found, strict=True)
    ]


def write_key(folder: Path, key: Key) -> None:
    """Writes the key into the folder of the evaluation.

    Raises:
        EvaluationError: If it cannot be written.
    """
    path = _find_key(folder, key.sheet)
    text = json.dumps(asdict(key), indent=1, ensure_ascii=False) + "\n"
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise EvaluationError(
            f"{path} cannot be written ({error.strerror}); make its folder writable."
        ) from error
    write_text(text, path)


def read_key(folder: Path, rows: Sequence[Row]) -> Key:
    """Reads the key of a sheet.

    Raises:
        EvaluationError: If the sheet is empty, has an item twice or one that its key does not know,
            or the folder has no key of it.
    """
    sheet = rows[0].item.partition("-")[0] if rows else ""
    path = _find_key(folder, sheet)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        items = {item: (arm, p, s) for item, (arm, p, s) in content.pop("items").items()}
        key = Key(**content, items=items)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise EvaluationError(
            f"{folder} has no readable key of the sheet {sheet!r}; give the folder that the sheet "
            "was drawn from."
        ) from error
    seen: set[str] = set()
    for row in rows:
        if row.item in seen or row.item not in items:
            problem = "is there twice" if row.item in seen else "was not drawn for this sheet"
            raise EvaluationError(f"Item {row.item!r} {problem}; leave the items as they were.")
        seen.add(row.item)
    return key


def write_sheet(path: Path, rows: Sequence[Row]) -> None:
    """Writes the sheet as CSV for a spreadsheet; what is in it cannot run as a formula.

    An apostrophe is put before a cell that starts with =, +, -, @, a tab, a carriage return or an
    apostrophe, and taken away on reading.

    Raises:
        EvaluationError: If it cannot be written.

    Source: OWASP, "CSV Injection".
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        # The mark at the start tells spreadsheets that the text is UTF-8.
        with partial.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows([_guard(cell) for cell in asdict(row).values()] for row in rows)
        partial.replace(path)
    except OSError as error:
        raise EvaluationError(
            f"{path} cannot be written ({error.strerror}); name another file."
        ) from error


def read_sheet(path: Path) -> list[Row]:
    """Reads a sheet back, every cell as it was.

    Raises:
        EvaluationError: If it cannot be read or has other columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = list(csv.reader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise EvaluationError(
            f"{path} cannot be read; give the CSV file that --sheet wrote, saved as UTF-8."
        ) from error
    if not found or tuple(found[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in found):
        raise EvaluationError(
            f"{path} has other columns than {', '.join(COLUMNS)}; save the sheet with these alone, "
            "separated by commas."
        )
    return [Row(*(_unguard(cell) for cell in row)) for row in found[1:]]


def _find_key(folder: Path, sheet: str) -> Path:
    named = sheet if sheet and set(sheet) <= set(LETTERS) else "unknown"
    return folder / KEYS / f"{named}.json"


def _join(messages: Sequence[Mapping[str, str]]) -> str:
    """One message as it is; several with their roles."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"[{message['role']}] {message['content']}" for message in messages)


def _guard(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def _unguard(cell: str) -> str:
    return cell.removeprefix("'")
