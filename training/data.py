"""A subset of a release as the rows that trl takes: explicit prompts, counted lengths, weights."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from training.settings import Stage, TrainingRecipe
from valuedata.accounting import KEPT, StageReport, Verdict
from valuedata.errors import TrainingError
from valuedata.release.folder import Release
from valuedata.schema import Message

__all__ = [
    "WEIGHT",
    "Rows",
    "check_any_left",
    "has_system_turn",
    "lead_with",
    "limit_length",
    "make_rows",
    "measure_rows",
    "read_rows",
    "tokenize",
    "warn_of_long",
]

logger = logging.getLogger(__name__)

WEIGHT: Final = "weight"
"""Column of a release whose pairs count differently."""
SIDES: Final[dict[Stage, dict[str, str]]] = {
    "sft": {"chosen": "completion"},
    "dpo": {"chosen": "chosen", "rejected": "rejected"},
}
"""Column of a release to the column of trl, for each training."""
REPLIES: Final = frozenset({"completion", "chosen", "rejected"})


@dataclass(frozen=True)
class Rows:
    """The rows of one training, none longer than the limit.

    Attributes:
        train: `prompt` with `completion`, or with `chosen` and `rejected`, each a list of messages;
            `weight` with mean 1 where the release has weights and they are used.
        validation: The same of the validation split; None where that has no rows.
        reports: What was left out of each split, and why.
        longest: Tokens of the longest row that stays in the training split.
        n_own_system: Rows that stay in the training split and have a system turn of their own.
    """

    train: Dataset
    validation: Dataset | None
    reports: tuple[StageReport, ...]
    longest: int
    n_own_system: int


def read_rows(
    release: Release, value: str, split: str, stage: Stage, system_prompt: str | None = None
) -> Dataset:
    """Reads one split of a subset with the columns of one training.

    Args:
        release: The release.
        value: Name of the subset.
        split: Name of the split.
        stage: The training.
        system_prompt: Text of a system turn before each prompt that has none.

    Returns:
        Rows with explicit prompts, and `weight` where the release has it.

    Raises:
        ReleaseError: If the release has no such subset or split, or is damaged.
    """
    subset = release.load(value, split)
    sides = SIDES[stage]
    columns = {
        "prompt": [lead_with(system_prompt, prompt) for prompt in subset["prompt"]],
        **{theirs: list(subset[ours]) for ours, theirs in sides.items()},
    }
    if WEIGHT in subset.column_names:
        columns[WEIGHT] = list(subset[WEIGHT])
    return Dataset.from_dict(columns)


def lead_with(system_prompt: str | None, prompt: list[Message]) -> list[Message]:
    """The prompt with a system turn before it, where one is given and it has none."""
    if system_prompt is None or has_system_turn(prompt):
        return prompt
    return [{"role": "system", "content": system_prompt}, *prompt]


def has_system_turn(prompt: Sequence[Message]) -> bool:
    """Whether a conversation begins with a system turn."""
    return bool(prompt) and prompt[0]["role"] == "system"


def make_rows(
    release: Release,
    value: str,
    stage: Stage,
    tokenizer: Any,  # noqa: ANN401
    recipe: TrainingRecipe,
    max_length: int | None,
) -> Rows:
    """Makes the rows of one training and leaves out those that are too long.

    A row is too long where its prompt and either reply have more than `max_length` tokens together:
    cutting it would train on a reply without an end.

    Args:
        release: The release.
        value: Name of the subset.
        stage: The training.
        tokenizer: Tokenizer of the model, with its chat template.
        recipe: Says what leads the prompts, and whether weights count.
        max_length: Most tokens of a row; None for no limit.

    Raises:
        ReleaseError: If the release has no such subset, or is damaged.
        TrainingError: If the training split has no rows, or none that is short enough, or the chat
            template does not take them.
    """
    kept, reports, longest = [], [], 0
    lead = recipe.system_prompt if isinstance(recipe.system_prompt, str) else None
    for split in ("train", "validation"):
        rows = read_rows(release, value, split, stage, lead)
        lengths = measure_rows(rows, tokenizer)
        verdict = limit_length(lengths, split, max_length)
        reports.append(verdict.report)
        if split == "train":
            if not len(rows):
                raise TrainingError(
                    f"Subset {value!r} of {release.folder} has no rows in its training split; "
                    "build a larger one."
                )
            check_any_left(lengths, verdict, value, max_length)
            longest = int(lengths[verdict.kept].max())
        kept.append(_weigh(rows.select(verdict.kept), keep=recipe.weights))
    train, validation = kept
    leads = [prompt[0] for prompt in train["prompt"] if has_system_turn(prompt)]
    return Rows(
        train,
        validation if len(validation) else None,
        tuple(reports),
        longest,
        n_own_system=sum(turn["content"] != lead for turn in leads),
    )


def measure_rows(rows: Dataset, tokenizer: Any) -> npt.NDArray[np.int64]:  # noqa: ANN401
    """Counts the tokens of each row: its prompt with the longer of its replies.

    Args:
        rows: `prompt` with `completion`, or with `chosen` and `rejected`.
        tokenizer: The tokenizer.

    Returns:
        (n,) int64.

    Raises:
        TrainingError: If the chat template does not take a row.
    """
    from jinja2 import TemplateError

    columns = [name for name in rows.column_names if name in REPLIES]
    try:
        return np.array(
            [
                max(len(tokenize(tokenizer, row["prompt"] + row[name])) for name in columns)
                for row in rows
            ],
            dtype=np.int64,
        )
    except TemplateError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise TrainingError(
            f"The chat template does not take these conversations ({reason}); give another one "
            "with 'chat_template'."
        ) from error


def limit_length(lengths: npt.NDArray[np.int64], split: str, max_length: int | None) -> Verdict:
    """Leaves out the rows that are too long.

    Args:
        lengths: (n,) int64 tokens of each row.
        split: Name of the split, for the report.
        max_length: Most tokens of a row; None for no limit.
    """
    reasons = np.full(len(lengths), KEPT, dtype=object)
    if max_length is not None:
        reasons[lengths > max_length] = f"longer than {max_length:,} tokens"
    return Verdict(f"length of {split}", reasons)


def check_any_left(
    lengths: npt.NDArray[np.int64], verdict: Verdict, value: str, max_length: int | None
) -> None:
    """Refuses training rows that are all too long.

    Raises:
        TrainingError: With the length of the shortest.
    """
    if max_length is not None and not len(verdict.kept):
        raise TrainingError(
            f"All {len(lengths):,} training rows of {value!r} are longer than {max_length:,} "
            f"tokens (the shortest has {lengths.min():,}); set a larger max_length."
        )


def warn_of_long(rows: Rows) -> None:
    """Tells of the rows that were left out."""
    for report in rows.reports:
        for reason, n_rows in report.dropped.items():
            logger.warning(
                "%s: %d of %d rows are %s and left out",
                *(report.stage, n_rows, report.rows_in, reason),
            )


def tokenize(
    tokenizer: Any,  # noqa: ANN401
    messages: list[Message],
    *,
    opens_reply: bool = False,
) -> list[int]:
    """Token ids of a conversation in its chat template, as trl makes them.

    Args:
        tokenizer: The tokenizer.
        messages: The turns.
        opens_reply: End with what stands before a reply.
    """
    return list(
        tokenizer.apply_chat_template(
            messages, tokenize=True, return_dict=True, add_generation_prompt=opens_reply
        )["input_ids"]
    )


def _weigh(rows: Dataset, *, keep: bool) -> Dataset:
    """Scales the weights to a mean of 1, or takes them away."""
    if WEIGHT not in rows.column_names:
        return rows
    found = np.asarray(rows[WEIGHT], dtype=np.float64)
    rows = rows.remove_columns(WEIGHT)
    return rows.add_column(WEIGHT, found / found.mean()) if keep and len(rows) else rows
