"""Synthetic preference pairs of realistic shape, as many as are asked for, the same every time.

    python -m benchmarks.synthetic_pairs --pairs 100000 --out FOLDER

Texts are walks over the word pairs of the bundled starter corpus, so that words, sentence ends and
lengths are those of English replies while no two texts are alike by themselves. Four files in four
formats stand for four sources. A stated share of the rows repeats an earlier one exactly, nearly or
with its sides exchanged, shares a prompt, or is damaged in one of the ways that cleaning knows.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

import valuedata.intake

STARTER = Path(valuedata.intake.__file__).with_name("starter") / "pairs.jsonl"
CHUNK = 5_000  # rows made and written at a time
N_SUCCESSORS = 64  # drawn for each word
SHARES = {"made-hh": 0.45, "made-pku": 0.2, "made-ultrafeedback": 0.25, "made-trl": 0.1}

# Shares of the rows of a chunk; the rest is made anew.
EXACT, NEAR, SWAPPED, SAME_PROMPT = 0.02, 0.03, 0.002, 0.2
CHANGED_WORDS = 0.02  # of a near duplicate
FLAWED = 0.04  # of all rows, evenly over the flaws
PERSONAL = 0.01  # of all rows hold an address

# Words: median and spread of the logarithm, close to the sources of the paper.
PROMPT_WORDS, REPLY_WORDS, SPREAD = 28, 75, 0.8
MOST_WORDS = 500

FOREIGN = "Le chat dort sur le tapis pendant que la pluie tombe sur les toits de la vieille ville. "


@dataclass(frozen=True)
class Row:
    """A prompt and two replies, all plain text."""

    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True)
class Language:
    """Words and, for each, what may follow it.

    Attributes:
        words: v words with their punctuation.
        followers: (v, N_SUCCESSORS) int32 numbers of words.
        starts: Numbers of the words that begin a sentence.
    """

    words: npt.NDArray[np.object_]
    followers: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]


def learn_language(rng: np.random.Generator) -> Language:
    """Counts which word follows which in the starter corpus."""
    rows = [json.loads(line) for line in STARTER.read_text(encoding="utf-8").splitlines()]
    turns = [
        turn["content"] for row in rows for side in ("chosen", "rejected") for turn in row[side]
    ]
    texts = [text.split() for text in turns if text.strip() and text.isascii() and "`" not in text]
    words = sorted({word for text in texts for word in text})
    number = {word: place for place, word in enumerate(words)}
    after: list[list[int]] = [[] for _ in words]
    starts = []
    for text in texts:
        path = [number[word] for word in text]
        starts.append(path[0])
        for one, other in zip(path, path[1:] + path[:1], strict=True):
            after[one].append(other)
    followers = np.array([rng.choice(found, N_SUCCESSORS) for found in after], dtype=np.int32)
    return Language(np.array(words, dtype=object), followers, np.array(starts))


def make_texts(
    language: Language, n_texts: int, median: float, rng: np.random.Generator
) -> list[str]:
    """Walks from word to word, all texts at once, each to an end of a sentence."""
    lengths = np.exp(rng.normal(np.log(median), SPREAD, n_texts)).astype(np.int64)
    lengths = np.clip(lengths, 4, MOST_WORDS)
    order = np.argsort(-lengths)
    paths = np.empty((n_texts, int(lengths.max())), dtype=np.int32)
    paths[:, 0] = rng.choice(language.starts, n_texts)
    ranked = lengths[order]
    for step in range(1, paths.shape[1]):
        going = order[: np.searchsorted(-ranked, -step, side="left")]
        draws = rng.integers(N_SUCCESSORS, size=len(going))
        paths[going, step] = language.followers[paths[going, step - 1], draws]
    return [
        _end(" ".join(language.words[path[:length]]))
        for path, length in zip(paths, lengths.tolist(), strict=True)
    ]


def _end(text: str) -> str:
    text = text.rstrip(",;:-( ")
    return text if text.endswith((".", "!", "?")) else f"{text}."


def make_rows(n_rows: int, seed: int) -> Iterator[Row]:
    """Yields rows, a chunk of them in memory at a time."""
    rng = np.random.default_rng(seed)
    language = learn_language(rng)
    earlier: list[Row] = []
    for start in range(0, n_rows, CHUNK):
        rows = _make_chunk(language, min(CHUNK, n_rows - start), earlier, rng)
        yield from rows
        earlier = rows


def _make_chunk(
    language: Language, n_rows: int, earlier: list[Row], rng: np.random.Generator
) -> list[Row]:
    texts = zip(
        make_texts(language, n_rows, PROMPT_WORDS, rng),
        make_texts(language, n_rows, REPLY_WORDS, rng),
        make_texts(language, n_rows, REPLY_WORDS, rng),
        strict=True,
    )
    fresh = [Row(f"{prompt[:-1]}?", chosen, rejected) for prompt, chosen, rejected in texts]
    known = earlier or fresh
    kinds = rng.choice(
        5, n_rows, p=[1 - EXACT - NEAR - SWAPPED - SAME_PROMPT, EXACT, NEAR, SWAPPED, SAME_PROMPT]
    )
    flaws = rng.choice(len(FLAWS) + 1, n_rows, p=[1 - FLAWED] + [FLAWED / len(FLAWS)] * len(FLAWS))
    picks = rng.integers(len(known), size=n_rows)
    has_address = rng.random(n_rows) < PERSONAL
    rows = []
    for row, kind, flaw, pick in zip(
        fresh, kinds.tolist(), flaws.tolist(), picks.tolist(), strict=True
    ):
        made = _repeat(row, known[pick], kind, language, rng)
        if has_address[len(rows)]:
            made = Row(
                made.prompt, f"{made.chosen} Write to m.weber{pick}@posteo.de.", made.rejected
            )
        rows.append(FLAWS[flaw - 1](made) if flaw else made)
    return rows


def _repeat(row: Row, known: Row, kind: int, language: Language, rng: np.random.Generator) -> Row:
    if kind == 1:
        return known
    if kind == 2:
        texts = (known.prompt, known.chosen, known.rejected)
        return Row(*(_change_words(text, language, rng) for text in texts))
    if kind == 3:
        return Row(known.prompt, known.rejected, known.chosen)
    return Row(known.prompt, row.chosen, row.rejected) if kind == 4 else row


def _change_words(text: str, language: Language, rng: np.random.Generator) -> str:
    words = text.split()
    for place in np.flatnonzero(rng.random(len(words)) < CHANGED_WORDS).tolist():
        words[place] = language.words[rng.integers(len(language.words))]
    return " ".join(words)


FLAWS: tuple[Callable[[Row], Row], ...] = (
    lambda row: Row(row.prompt, "", row.rejected),
    lambda row: Row(row.prompt, row.chosen, row.chosen),
    lambda row: Row(row.prompt, row.chosen, f"{row.rejected}\n\nHuman: and what else?"),
    lambda row: Row(row.prompt, f"{row.chosen} <|im_end|>", row.rejected),
    lambda row: Row(row.prompt, row.chosen, " ".join([row.rejected[:80]] * 12)),
    lambda row: Row(row.prompt, f"{row.chosen} The rest of it is in the", row.rejected),
    lambda row: Row(row.prompt, FOREIGN * 4, row.rejected),
    lambda row: Row(row.prompt, row.chosen.replace("e", "\u00c3\u00a9"), row.rejected),
    lambda row: Row(row.prompt, row.chosen, "Ok."),
)
"""What can be wrong with a row: one function a flaw."""


def write_sources(folder: Path, n_pairs: int, seed: int = 0) -> list[str]:
    """Writes four sources with `n_pairs` rows in all.

    Args:
        folder: An existing folder.
        n_pairs: Rows over all files.
        seed: Decides every row.

    Returns:
        What `--source` takes for each file.
    """
    ends = np.round(np.cumsum(list(SHARES.values())) * n_pairs).astype(int).tolist()
    rows = make_rows(n_pairs, seed)
    sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    writers = (_write_hh, _write_pku, _write_ultrafeedback, _write_trl)
    sources = []
    for name, size, write in zip(SHARES, sizes, writers, strict=True):
        suffix = "parquet" if write is _write_ultrafeedback else "jsonl"
        path = folder / f"{name}.{suffix}"
        write(path, islice(rows, size))
        sources.append(f"{name}={path}")
    return sources


def _write_hh(path: Path, rows: Iterator[Row]) -> None:
    _write_lines(
        path,
        (
            {
                side: f"\n\nHuman: {row.prompt}\n\nAssistant: {getattr(row, side)}"
                for side in ("chosen", "rejected")
            }
            for row in rows
        ),
    )


def _write_pku(path: Path, rows: Iterator[Row]) -> None:
    _write_lines(
        path,
        (
            {
                "prompt": row.prompt,
                "response_0": row.chosen if number % 2 else row.rejected,
                "response_1": row.rejected if number % 2 else row.chosen,
                "better_response_id": 1 - number % 2,
            }
            for number, row in enumerate(rows)
        ),
    )


def _write_ultrafeedback(path: Path, rows: Iterator[Row]) -> None:
    writer: pq.ParquetWriter | None = None
    while part := list(islice(rows, CHUNK)):
        table = pa.Table.from_pylist(
            [
                {"prompt": row.prompt}
                | {
                    side: [
                        {"role": "user", "content": row.prompt},
                        {"role": "assistant", "content": getattr(row, side)},
                    ]
                    for side in ("chosen", "rejected")
                }
                for row in part
            ]
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _write_trl(path: Path, rows: Iterator[Row]) -> None:
    _write_lines(path, map(vars, rows))


def _write_lines(path: Path, rows: Iterator[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows):
            _write_line(file, row, is_torn=number % 2_000 == 1_999)


def _write_line(file: IO[str], row: dict[str, object], *, is_torn: bool) -> None:
    line = json.dumps(row, ensure_ascii=False)
    file.write((line[: len(line) // 2] if is_torn else line) + "\n")


def main() -> None:
    """Writes the files and prints what `--source` takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, required=True, help="rows over all files")
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--seed", type=int, default=0, help="decides every row")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for source in write_sources(given.out, given.pairs, given.seed):
        print(source)  # noqa: T201


if __name__ == "__main__":
    main()
