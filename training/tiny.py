"""A tiny chat model made in the run, so that the whole way can be tried without any download.

It is a randomly initialised Llama with a tokenizer learned from the release, trained for some steps
on the replies of the release. It babbles; it is no model to draw conclusions from.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from datasets import Dataset, concatenate_datasets

from training.data import read_rows
from training.models import TEMPLATES
from training.settings import TinySettings
from valuedata.release.folder import Release

__all__ = ["BASE", "TINY", "make_tiny_model", "read_all_replies", "read_all_texts"]

TINY: Final = "tiny"
BASE: Final = "base"
"""Folder of the tiny model in a run."""
PAD, END = "<|pad|>", "<|end|>"
ROLES: Final = ("<|system|>", "<|user|>", "<|assistant|>")
POSITIONS: Final = 4_096


def make_tiny_model(folder: Path, texts: Iterable[str], settings: TinySettings) -> int:
    """Writes an untrained tiny model and its tokenizer.

    The weights are drawn from torch's global generator; seed it before.

    Args:
        folder: Where they go.
        texts: What the tokenizer learns from.
        settings: Its size.

    Returns:
        Number of parameters.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [PAD, END, *ROLES]
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        chat_template=(TEMPLATES / "tiny.jinja").read_text(encoding="utf-8"),
    )
    fast.save_pretrained(folder)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=settings.hidden,
            intermediate_size=4 * settings.hidden,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            max_position_embeddings=POSITIONS,
            pad_token_id=fast.pad_token_id,
            eos_token_id=fast.eos_token_id,
            bos_token_id=None,
            tie_word_embeddings=True,
        )
    )
    model.save_pretrained(folder)
    return int(model.num_parameters())


def read_all_replies(release: Release, value: str) -> Dataset:
    """Both replies of every training pair as rows for SFT, so that neither side is preferred.

    Args:
        release: The release.
        value: Name of the subset.
    """
    pairs = read_rows(release, value, "train", "dpo").select_columns(
        ["prompt", "chosen", "rejected"]
    )
    sides = [
        pairs.select_columns(["prompt", side]).rename_column(side, "completion")
        for side in ("chosen", "rejected")
    ]
    replies: Dataset = concatenate_datasets(sides)
    return replies


def read_all_texts(release: Release, value: str) -> Iterator[str]:
    """Every turn of every training pair.

    Args:
        release: The release.
        value: Name of the subset.
    """
    for row in read_rows(release, value, "train", "dpo"):
        for turn in (*row["prompt"], *row["chosen"], *row["rejected"]):
            yield turn["content"]
