"""Small files of pairs: plain ones, and ones of the bundled corpus where a value must be found."""

import json
from pathlib import Path
from typing import Any

from valuedata.intake.known import STARTER_FILE

TOPICS = ("bread", "rain", "trains", "chess", "gardens", "violins", "maps", "soup", "kites")


def make_plain_rows(n_rows: int) -> list[dict[str, Any]]:
    """Pairs of the trl format about everyday things, in which nobody is hurt."""
    return [
        {
            "prompt": f"What should a beginner know about {TOPICS[row % 9]} number {row}?",
            "chosen": f"At first: start slowly with {TOPICS[row % 9]}, and enjoy step {row}.",
            "rejected": f"Look it up in a book about {TOPICS[row % 9]} on shelf {row}, please.",
        }
        for row in range(n_rows)
    ]


def read_starter() -> list[dict[str, Any]]:
    """The sound pairs of the bundled corpus, with the labels that its writers meant."""
    files = (STARTER_FILE, STARTER_FILE.with_name("labels.jsonl"))
    pairs, labels = (file.read_text(encoding="utf-8").splitlines() for file in files)
    rows = [
        {**json.loads(pair), **json.loads(label)} for pair, label in zip(pairs, labels, strict=True)
    ]
    return [row for row in rows if row["flaw"] is None]


def choose_rows(value: str, n_rows: int) -> list[dict[str, Any]]:
    """The first pairs of the bundled corpus that are meant to have a value in one reply."""
    rows = [
        {name: row[name] for name in ("id", "prompt", "chosen", "rejected")}
        for row in read_starter()
        if (value in row["chosen_labels"]) != (value in row["rejected_labels"])
    ]
    return rows[:n_rows]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
