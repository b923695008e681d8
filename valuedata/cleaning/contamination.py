"""Decontamination: pairs whose prompt overlaps with prompts that models will be judged on."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import xxhash
from datasets import Dataset

from valuedata.accounting import KEPT, Verdict
from valuedata.cleaning.text import iterate_pairs, split_words
from valuedata.errors import RecipeError
from valuedata.intake.pairs import RowError
from valuedata.intake.readers import UnreadableRow, is_data_file, read_file

__all__ = ["PROMPT_COLUMNS", "find_contamination", "read_prompts"]

PROMPT_COLUMNS: Final = (
    "prompt",
    "question",
    "goal",
    "behavior",
    "behaviour",
    "instruction",
    "input",
    "query",
    "problem",
    "statement",
    "stance",
    "text",
    "messages",
    "forbidden_prompt",
    "original_prompt",
    "user_first_turn",
)
"""Columns that hold prompts, in any case and with or without a number at the end."""

USER_ROLES: Final = ("user", "human", "prompter")
OTHER_ROLES: Final = (
    *("system", "developer", "assistant", "gpt", "chatgpt", "bing", "bard", "bot", "model", "ai"),
    *("tool", "function", "function_call", "observation", "ipython"),
)
CONTENT_KEYS: Final = ("content", "value", "text", "stem")
"""Of a message, in ShareGPT, of a part of one, and of a question in ARC."""


def find_contamination(pairs: Dataset, prompt_files: Sequence[Path], ngram: int) -> Verdict:
    """Finds rows whose prompt shares a run of words with an evaluation prompt.

    Only user turns count, not replies: a model may say what an evaluation asks, but must not have
    been trained to answer it. An evaluation prompt of fewer than `ngram` words overlaps only with a
    prompt of a single user turn that has the same words and no others, because "yes" or "who is
    he?" within a dialogue is nobody's test.

    Args:
        pairs: n rows of `PAIR_FEATURES`.
        prompt_files: Files of evaluation prompts; see `read_prompts`.
        ngram: Length of the shared run, in words without case and punctuation.

    Returns:
        The verdict of stage "decontamination"; the reason names the first file that overlaps.

    Raises:
        RecipeError: If a file is missing or holds no column of prompts.
        SourceError: If a file cannot be read to its end.

    Source: word n-gram overlap after Brown et al. 2020, arXiv 2005.14165, appendix C.
    """
    source_of: dict[int, str] = {}
    for path in prompt_files:
        for prompt in read_prompts(path):
            for key in _hash_ngrams(split_words(prompt), ngram):
                source_of.setdefault(key, path.name)
    reasons = np.full(len(pairs), KEPT, dtype=object)
    for row, pair in enumerate(iterate_pairs(pairs)):
        turns = [split_words(turn["content"]) for turn in pair["prompt"] if turn["role"] == "user"]
        asked = turns if len(turns) == 1 else [words for words in turns if len(words) >= ngram]
        keys = (key for words in asked for key in _hash_ngrams(words, ngram))
        name = next((source_of[key] for key in keys if key in source_of), None)
        if name is not None:
            reasons[row] = f"overlaps evaluation prompts in {name}"
    return Verdict("decontamination", reasons)


def read_prompts(path: Path) -> Iterator[str]:
    """Reads the evaluation prompts of a file.

    Args:
        path: CSV, JSONL, JSON or Parquet, compressed or not, where every column of `PROMPT_COLUMNS`
            is read: texts, messages with the keys of OpenAI or ShareGPT, of which the user's count,
            and lists of either; or a TXT file with one prompt a line.

    Yields:
        The prompts, without those that are empty.

    Raises:
        RecipeError: If the file is missing or unreadable, holds no column of prompts or no prompt,
            or something else in such a column.
        SourceError: If it cannot be read to its end.
    """
    is_empty = True
    try:
        for prompt in _read_prompts(path):
            is_empty = False
            yield prompt
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"Recipe key 'decontaminate' names {path}, which is not UTF-8 text; save it as UTF-8."
        ) from error
    except OSError as error:
        raise RecipeError(
            f"Recipe key 'decontaminate' names {path}, which cannot be read ({error.strerror}); "
            "give a file that you may read."
        ) from error
    if is_empty:
        raise RecipeError(
            f"Recipe key 'decontaminate' names {path}, which holds no prompt; give a file that "
            "does, or leave it out."
        )


def _read_prompts(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise RecipeError(
            f"Recipe key 'decontaminate' names {path}, which is no file; give files of evaluation "
            "prompts as CSV, JSONL, JSON, Parquet or TXT."
        )
    if path.suffix.lower() == ".txt":
        yield from _read_lines(path)
        return
    if not is_data_file(path):
        raise RecipeError(
            f"Recipe key 'decontaminate' names {path}, whose type is unknown; give files of "
            "evaluation prompts as CSV, JSONL, JSON, Parquet or TXT."
        )
    for number, row in enumerate(read_file(path), start=1):
        if isinstance(row, UnreadableRow):
            raise RecipeError(
                f"Recipe key 'decontaminate' names {path}, where {row.place} is {row.reason}; mend "
                "or remove that row."
            )
        for column in _choose_columns(row, path):
            try:
                yield from _read_texts(row[column])
            except RowError as error:
                raise RecipeError(
                    f"Recipe key 'decontaminate' names {path}, where row {number} has {error} in "
                    f"column {column!r}; write texts or messages there, or rename the column."
                ) from error


def _read_lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as file:
        yield from (line for line in file if line.strip())


def _choose_columns(row: Mapping[str, Any], path: Path) -> list[str]:
    chosen = [name for name in row if re.sub(r"\d+\Z", "", name.strip().lower()) in PROMPT_COLUMNS]
    if not chosen:
        found = ", ".join(repr(str(name)) for name in row)
        raise RecipeError(
            f"Recipe key 'decontaminate' names {path}, whose columns {found} hold no prompts; "
            f"rename the one that does to one of {', '.join(PROMPT_COLUMNS)}."
        )
    return chosen


def _read_texts(content: object) -> Iterator[str]:
    if content is None or isinstance(content, bool | int | float):
        return  # a number is no prompt, and a column of nothing else is none of prompts
    if isinstance(content, str):
        if content.strip():
            yield content
    elif isinstance(content, list):
        for part in content:
            yield from _read_texts(part)
    elif isinstance(content, Mapping):
        yield from _read_texts(_read_message(content))
    else:
        raise RowError("neither text nor messages")


def _read_message(message: Mapping[str, object]) -> object:
    """What a message of the user holds, or a part of one; None where it is of another."""
    role = message.get("role") or message.get("from") or USER_ROLES[0]
    if str(role).lower() in OTHER_ROLES:
        return None
    if str(role).lower() not in USER_ROLES:
        raise RowError(f"a message of the unknown role {role!r}")
    keys = [key for key in CONTENT_KEYS if key in message]
    if not keys and "type" not in message:  # as a part that is an image has
        raise RowError(f"a message without {' or '.join(map(repr, CONTENT_KEYS))}")
    return next((message[key] for key in keys if message[key] is not None), None)


def _hash_ngrams(words: Sequence[str], ngram: int) -> Iterator[int]:
    """Yields a hash of each run of `ngram` words, or one of all words where there are fewer."""
    if not words:
        return
    n_runs = max(len(words) - ngram + 1, 1)
    for start in range(n_runs):
        yield xxhash.xxh3_64_intdigest(" ".join(words[start : start + ngram]).encode("utf-8"))
