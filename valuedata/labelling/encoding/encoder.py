"""Readings to vectors, bit for bit the same in any batch."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import cycle
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from valuedata.engine import LOCAL, Engine
from valuedata.errors import LabelError
from valuedata.labelling.encoding.adapter import Adapter, apply_adapter
from valuedata.labelling.encoding.arithmetic import (
    Arithmetic,
    Precision,
    find_precision,
    limit_threads,
    list_devices,
)
from valuedata.labelling.encoding.blocks import Block, fill_blocks
from valuedata.labelling.encoding.cache import VectorCache, open_cache
from valuedata.labelling.encoding.cache_folder import find_cache_folder
from valuedata.labelling.encoding.forward import ForwardPass, lay_out
from valuedata.labelling.encoding.minilm import MINILM_KIND, WIDTH, load_minilm, tokenize
from valuedata.labelling.encoding.pooling import pool
from valuedata.labelling.readings import Reading

__all__ = ["Encoder", "encode", "find_keys", "load_encoder", "load_model", "name_kind"]

Halves = npt.NDArray[np.float16]

LAYOUT = "blocks2"  # names the order of the sums and the reading of control tokens as text
SECONDS_A_COMMIT = 2.0
READINGS_A_ROUND = 8_192  # bounds memory; the last block of a round wastes little at this size


@dataclass(frozen=True, eq=False)
class Encoder:
    """A model ready to read.

    Attributes:
        passes: MiniLM on each device, adapted where there is an adapter.
        tokenizer: Its tokenizer, without truncation or padding.
        precision: Arithmetic of the model.
        kind: Names what a vector holds, whatever the arithmetic: heads for one kind fit no other.
        adapter: What fine-tuning changed; None where the model is MiniLM itself.
        cache: Where vectors are kept; None keeps none.
        engine: Where `filling.fill_cache` computes what the cache lacks.
    """

    passes: tuple[ForwardPass, ...]
    tokenizer: Tokenizer
    precision: Arithmetic
    kind: str
    adapter: Adapter | None = None
    cache: VectorCache | None = None
    engine: Engine = LOCAL

    @property
    def size(self) -> int:
        """Length of a vector: WIDTH, and one number for each head."""
        return WIDTH + len(self.passes[0].bias)

    @property
    def on_gpu(self) -> bool:
        """Whether the model runs on GPUs."""
        return bool(self.passes[0].device.type != "cpu")

    @property
    def fingerprint(self) -> str:
        """Names what decides a vector besides what is read.

        Its last bits follow the kind of processor and PyTorch's version too, which are left out: a
        cache outlives an upgrade, and the nodes of a cluster fill one.
        """
        return f"{self.kind}-{self.precision}-{LAYOUT}-{self.passes[0].device.type}"


def name_kind(adapter: Adapter | None) -> str:
    """Names what the vectors of MiniLM with an adapter, or of MiniLM itself, hold."""
    return f"{MINILM_KIND}-{adapter.fingerprint}" if adapter else MINILM_KIND


def load_encoder(
    precision: Precision = "float32",
    cache_folder: Path | None = None,
    adapter: Adapter | None = None,
    engine: Engine = LOCAL,
) -> Encoder:
    """Loads the packaged model, adapted or as it is, with the cache of its vectors.

    Args:
        precision: Arithmetic of the model; `find_precision` says what "auto" is here.
        cache_folder: Folder of the cache; None takes `find_cache_folder()`.
        adapter: What fine-tuning changed; None leaves MiniLM as it is.
        engine: Where vectors of many pairs are computed.

    Raises:
        LabelError: If the model is missing or damaged, or the cache cannot be used.
    """
    encoder = load_model(precision, adapter)
    cache = open_cache(cache_folder or find_cache_folder(), encoder.size)
    return replace(encoder, cache=cache, engine=engine)


def load_model(precision: Precision = "float32", adapter: Adapter | None = None) -> Encoder:
    """Loads the packaged model, adapted or as it is, without a cache.

    Args:
        precision: Arithmetic of the model; `find_precision` says what "auto" is here.
        adapter: What fine-tuning changed; None leaves MiniLM as it is.

    Raises:
        LabelError: If the model is missing or damaged.
    """
    arithmetic = find_precision(precision)
    passes, tokenizer = _load(arithmetic, adapter, list_devices())
    return Encoder(passes, tokenizer, arithmetic, name_kind(adapter), adapter)


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
        (n, encoder.size) float32, rounded to float16: the mean of the last states over all tokens,
        scaled to length 1 (for MiniLM itself its own sentence vector), then the heads' scores.

    Raises:
        LabelError: If the cache is damaged or cannot be written.
    """
    advance = progress or (lambda _: None)
    vectors = np.zeros((len(readings), encoder.size), dtype=np.float32)
    for start in range(0, len(readings), READINGS_A_ROUND):
        some = readings[start : start + READINGS_A_ROUND]
        rows: dict[bytes, list[int]] = {}
        for row, key in enumerate(find_keys(encoder, some)):
            rows.setdefault(key, []).append(start + row)
        for key, vector in _find_or_compute(encoder, rows, readings):
            vectors[rows[key]] = vector
            advance(len(rows[key]))
    return vectors


def find_keys(encoder: Encoder, readings: Sequence[Reading]) -> list[bytes]:
    """The digest under which the cache keeps the vector of each reading."""
    return [_digest(encoder, reading) for reading in readings]


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
    blocks = fill_blocks(tokenize(encoder.tokenizer, readings))
    with ThreadPoolExecutor(len(encoder.passes)) as threads:
        run = threads.map if len(encoder.passes) > 1 else map  # one device: in this thread
        for rows, vectors in run(_read, blocks, cycle(encoder.passes)):
            yield from zip(rows, vectors, strict=True)


def _read(block: Block, forward: ForwardPass) -> tuple[list[int], Halves]:
    with limit_threads():
        return block.rows.tolist(), pool(forward.run(block), block)


def _digest(encoder: Encoder, reading: Reading) -> bytes:
    digest = hashlib.blake2b(encoder.fingerprint.encode(), digest_size=16)
    for text in reading:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.digest()


@lru_cache(maxsize=4)
def _load(
    arithmetic: Arithmetic, adapter: Adapter | None, devices: tuple[str, ...]
) -> tuple[tuple[ForwardPass, ...], Tokenizer]:
    parameters, tokenizer = load_minilm()
    heads = None
    if adapter is not None:
        parameters = {name: tensor.clone() for name, tensor in parameters.items()}
        try:
            heads = apply_adapter(adapter, parameters)
        except (KeyError, RuntimeError) as error:
            raise LabelError(
                f"The classifier's adapter does not fit the encoder ({error}); train it again "
                "with `valuedata fit`."
            ) from error
    return tuple(lay_out(parameters, heads, arithmetic, device) for device in devices), tokenizer
