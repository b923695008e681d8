"""What a labeller reads of a pair: each reply with the end of its prompt."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from datasets import Dataset

__all__ = ["Reading", "make_reading", "read_rows", "read_sides"]


class Reading(NamedTuple):
    """One reply as it is read: the last user turn before it, and its assistant turns."""

    prompt: str
    reply: str


def make_reading(
    prompt: Sequence[Mapping[str, Any]], reply: Sequence[Mapping[str, Any]]
) -> Reading:
    """Takes from a prompt and a reply what a labeller reads.

    Args:
        prompt: Messages before the reply.
        reply: Messages of the reply; turns of the user inside it are not read.
    """
    asked = [message["content"] for message in prompt if message["role"] == "user"]
    said = [message["content"] for message in reply if message["role"] == "assistant"]
    return Reading(prompt=asked[-1] if asked else "", reply="\n\n".join(said))


def read_sides(pairs: Dataset) -> tuple[list[Reading], list[Reading]]:
    """The readings of n pairs: n of the chosen replies and n of the rejected ones."""
    return read_rows(pairs.select_columns(["prompt", "chosen", "rejected"]).to_list())


def read_rows(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Reading], list[Reading]]:
    """The readings of n rows: n of the chosen replies and n of the rejected ones."""
    return (
        [make_reading(row["prompt"], row["chosen"]) for row in rows],
        [make_reading(row["prompt"], row["rejected"]) for row in rows],
    )
