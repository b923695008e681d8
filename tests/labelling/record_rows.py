"""Label records as plain rows."""

import json
from pathlib import Path
from typing import Any


def make_side(**probabilities: float) -> dict[str, Any]:
    """A side on which what reaches a half is expressed; names take _ for -."""
    named = {name.replace("_", "-"): number for name, number in probabilities.items()}
    return {
        "probabilities": named,
        "expressed": [name for name, number in named.items() if number >= 0.5],
    }


def make_record(pair_id: str, chosen: Any, rejected: Any) -> dict[str, Any]:
    identity = {"pair_id": pair_id, "source": "own", "source_row": 0, "source_id": None}
    return {**identity, "chosen": chosen, "rejected": rejected}


def write_lines(path: Path, rows: list[Any]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path
