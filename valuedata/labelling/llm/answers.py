"""What a language model answered: read, judged, and kept on disk between runs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from valuedata.errors import LabelError
from valuedata.labelling.encoding.cache import LOOKUP_SIZE, connect, describe_damage, prepare_file
from valuedata.labelling.llm.rubric import MAX_WORD, Rubric

__all__ = [
    "ANSWERS_FILE",
    "INVALID",
    "JUDGEMENTS_FILE",
    "OUTSIDE",
    "REPLIES_FILE",
    "Answer",
    "AnswerCache",
    "InvalidAnswerError",
    "open_answers",
    "read_answer",
]

INVALID: Final = "no valid answer"
OUTSIDE: Final = "answer outside the closed set"

ANSWERS_FILE: Final = "answers.sqlite"
"""What the extractor of labels was answered."""
REPLIES_FILE: Final = "replies.sqlite"
"""What the models that are evaluated replied."""
JUDGEMENTS_FILE: Final = "judgements.sqlite"
"""What a judge of replies was answered."""
TABLE = (
    "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, content TEXT, failure TEXT, "
    "tokens_in INTEGER, tokens_out INTEGER)"
)
HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE name = 'answers'"
# An answer is never replaced, so that all who share the file go on with the same one.
INSERT = (
    "INSERT INTO answers VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
    "content = excluded.content, failure = excluded.failure, tokens_in = excluded.tokens_in, "
    "tokens_out = excluded.tokens_out WHERE answers.content IS NULL"
)
FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n\s*```\s*", flags=re.DOTALL | re.IGNORECASE)


class InvalidAnswerError(ValueError):
    """An answer that does not say which values are expressed; its message is a short reason."""


@dataclass(frozen=True)
class Answer:
    """What came of asking about one reply.

    Attributes:
        content: The answer as JSON, read back with `read_answer`; None where there is no valid one.
        failure: Why there is none, in a few words; None where there is one.
        tokens_in: Tokens sent over all attempts, as the server counts; None where it did not say.
        tokens_out: Tokens of all answers, in the same way.
    """

    content: str | None
    failure: str | None
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True)
class AnswerCache:
    """A file of answers by the digest of all that was sent.

    Several processes may share it, and a process killed at any moment loses only what it had not
    committed.

    Attributes:
        path: The SQLite file.
    """

    path: Path

    def prepare(self) -> None:
        """Makes the file where it is missing; before that, nothing can be stored.

        Raises:
            LabelError: If its folder cannot be made, or the file is damaged or cannot be written.
        """
        prepare_file(self.path, TABLE)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """Reads the answers that are there.

        Args:
            keys: Digests.

        Returns:
            Digest to answer, for those that are stored.

        Raises:
            LabelError: If the file is damaged or cannot be read.
        """
        if not self.path.exists():
            return {}
        return dict(self._iterate(keys))

    def store(self, answers: Mapping[bytes, Answer]) -> None:
        """Writes answers in one transaction; a failure gives way to an answer, never the reverse.

        Args:
            answers: Digest to answer.

        Raises:
            LabelError: If the file is damaged or cannot be written.
        """
        rows = [
            (key, found.content, found.failure, found.tokens_in, found.tokens_out)
            for key, found in answers.items()
        ]
        with connect(self.path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, rows)
            connection.execute("COMMIT")

    def _iterate(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Answer]]:
        with connect(self.path) as connection:
            if not connection.execute(HAS_TABLE).fetchone():  # a run was killed while making it
                return
            for start in range(0, len(keys), LOOKUP_SIZE):
                some = keys[start : start + LOOKUP_SIZE]
                marks = ",".join("?" * len(some))
                query = f"SELECT * FROM answers WHERE key IN ({marks})"  # noqa: S608 - marks only
                for key, *columns in connection.execute(query, some):
                    yield key, self._decode(columns)

    def _decode(self, columns: Sequence[object]) -> Answer:
        try:
            answer = _Row.model_validate(dict(zip(_Row.model_fields, columns, strict=True)))
        except ValidationError as error:
            raise LabelError(describe_damage(self.path, "a row holds no answer")) from error
        return Answer(**answer.model_dump())


def open_answers(folder: Path) -> AnswerCache:
    """The cache of answers in a folder; neither is made before `AnswerCache.prepare`."""
    return AnswerCache(folder / ANSWERS_FILE)


class _Row(BaseModel):
    model_config = ConfigDict(strict=True)

    content: str | None
    failure: str | None
    tokens_in: int | None
    tokens_out: int | None

    @model_validator(mode="after")
    def _hold_one(self) -> Self:
        if (self.content is None) == (self.failure is None):
            raise ValueError("either an answer or why there is none")
        return self


class _Values(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    values: list[str]


def read_answer(content: str, rubric: Rubric) -> tuple[str, ...]:
    """Reads which values an answer names.

    An answer is one JSON object with the list `values`. It may stand in a Markdown code block that
    is the whole answer; with any other text around it, it is not valid.

    Args:
        content: The text of the answer.
        rubric: What was asked.

    Returns:
        The distinct names of the closed set, or the distinct free words, in the order given.

    Raises:
        InvalidAnswerError: If it is anything else, or names something outside the closed set.
    """
    fenced = FENCED.fullmatch(content)
    try:
        found = _Values.model_validate_json(fenced.group(1) if fenced else content).values
    except ValidationError as error:
        raise InvalidAnswerError(INVALID) from error
    if rubric.mode == "closed":
        if not set(found) <= set(rubric.names):
            raise InvalidAnswerError(OUTSIDE)
    elif not all(0 < len(word.strip()) <= MAX_WORD for word in found):
        raise InvalidAnswerError(INVALID)
    return tuple(dict.fromkeys(found))
