"""Which tokens of a batch the loss covers, checked against the conversation and shown as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from training.settings import Stage
from valuedata.errors import TrainingError
from valuedata.schema import Message

__all__ = ["IGNORED", "Covered", "check_covered", "read_batch", "show_batch"]

IGNORED: Final = -100
"""Label of tokens without a loss, as torch has it."""


@dataclass(frozen=True)
class Covered:
    """One sequence of a batch.

    Attributes:
        read: Text of the tokens that the model only reads.
        trained: Text of the tokens that the loss covers, which come last.
        ends: Whether the last of these is the end token or another special one, so that the model
            learns to stop.
        is_whole: Whether the covered tokens are one run up to the padding.
    """

    read: str
    trained: str
    ends: bool
    is_whole: bool


def read_batch(batch: dict[str, Any], tokenizer: Any, stage: Stage) -> list[Covered]:  # noqa: ANN401
    """Reads the sequences of a batch back as text; of pairs, all chosen ones come first.

    Args:
        batch: As trl's collator made it.
        tokenizer: The tokenizer.
        stage: Which training it is for.
    """
    mask = batch["labels"] != IGNORED if stage == "sft" else batch["completion_mask"] == 1
    found = []
    for ids, covered, present in zip(
        batch["input_ids"].tolist(), mask.tolist(), batch["attention_mask"].tolist(), strict=True
    ):
        n_tokens = sum(present)
        kept, bits = ids[:n_tokens], covered[:n_tokens]
        start = bits.index(True) if True in bits else n_tokens
        special = set(tokenizer.all_special_ids)
        found.append(
            Covered(
                read=tokenizer.decode(kept[:start]),
                trained=tokenizer.decode(kept[start:]),
                ends=bool(special.intersection(kept[start:][-3:])),
                is_whole=all(bits[start:]) and not any(covered[n_tokens:]),
            )
        )
    return found


def check_covered(
    covered: Covered,
    prompt: Sequence[Message],
    reply: Sequence[Message],
    tokenizer: Any,  # noqa: ANN401
) -> None:
    """Refuses a sequence whose loss is not on the reply and what ends it alone.

    Args:
        covered: The sequence.
        prompt: The turns that the model reads.
        reply: The turn that it is trained on.
        tokenizer: The tokenizer with its chat template.

    Raises:
        TrainingError: If the template makes the loss cover more or less, or repeats the prompt.
    """
    whole = tokenizer.apply_chat_template([*prompt, *reply], tokenize=False)
    opened = tokenizer.apply_chat_template(list(prompt), tokenize=False, add_generation_prompt=True)
    answer = reply[-1]["content"].strip()
    tail = _squeeze(whole).removeprefix(_squeeze(opened))
    is_right = (
        covered.is_whole
        and _squeeze(covered.read + covered.trained) == _squeeze(whole)
        and _squeeze(whole).startswith(_squeeze(opened))
        and _squeeze(covered.trained) == tail
        and tail.startswith(_squeeze(answer))
    )
    if not is_right:
        raise TrainingError(
            "The chat template does not keep a prompt and its reply apart: the loss would cover "
            f"{covered.trained[:80]!r}, and the reply is {answer[:80]!r}; give another template "
            "with 'chat_template'."
        )


def show_batch(sequences: Sequence[Covered]) -> str:
    """The sequences as text, with what the loss covers between ⟦ and ⟧."""
    return "\n\n".join(
        f"[{number}] {one.read}⟦{one.trained}⟧" for number, one in enumerate(sequences, start=1)
    )


def _squeeze(text: str) -> str:
    """The text without white space, which some tokenizers do not give back as it was."""
    return "".join(text.split())
