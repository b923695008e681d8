"""Pairs to vectors: what the cache lacks is computed where the encoder's engine runs."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datasets import Dataset

from valuedata.engine import BatchFunction
from valuedata.errors import EngineError, LabelError
from valuedata.labelling.encoding.adapter import Adapter
from valuedata.labelling.encoding.arithmetic import Precision
from valuedata.labelling.encoding.cache import LIMIT_VARIABLE, VectorCache
from valuedata.labelling.encoding.encoder import Encoder, encode, find_keys, load_model
from valuedata.labelling.readings import Reading, read_sides

__all__ = ["embed_pairs", "fill_cache"]

PAIRS_A_ROUND = 8_192  # bounds memory: texts of so many pairs are held at once
READINGS_A_BATCH = 256  # what a lost worker has to do again: seconds of work
BYTES_AN_ENTRY = 1.4  # times its vector: with digest, check and indices, measured

Embedding = npt.NDArray[np.float32]


def embed_pairs(
    encoder: Encoder, pairs: Dataset, progress: Callable[[int], None] | None = None
) -> tuple[Embedding, Embedding]:
    """Gives MiniLM's sentence vector of both replies of n pairs, each read with its prompt's end.

    Args:
        encoder: MiniLM itself, with its cache.
        pairs: n pairs with `prompt`, `chosen` and `rejected`.
        progress: Called with the number of replies done since the last call; 2 n in all.

    Returns:
        Two (n, WIDTH) float32 arrays of unit vectors: chosen and rejected.

    Raises:
        LabelError: If the cache is damaged or cannot be written.
        EngineError: If the encoder's engine cannot be used.
    """
    is_told = fill_cache(encoder, pairs, progress)
    sides = tuple(np.empty((len(pairs), encoder.size), dtype=np.float32) for _ in range(2))
    for start in range(0, len(pairs), PAIRS_A_ROUND):
        rows = range(start, min(start + PAIRS_A_ROUND, len(pairs)))
        chosen, rejected = read_sides(pairs.select(rows))
        vectors = encode(encoder, chosen + rejected, None if is_told else progress)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        sides[0][start : rows.stop] = vectors[: len(rows)]
        sides[1][start : rows.stop] = vectors[len(rows) :]
    return sides[0], sides[1]


def fill_cache(
    encoder: Encoder, pairs: Dataset, progress: Callable[[int], None] | None = None
) -> bool:
    """Lets a remote engine compute the vectors that the cache lacks, all in one go.

    What then reads the vectors finds them in the cache, as it would after a run in this process.

    Args:
        encoder: The model with its cache and its engine.
        pairs: n pairs with `prompt`, `chosen` and `rejected`.
        progress: Called with the number of replies done since the last call; 2 n in all.

    Returns:
        Whether there was anything to do here: not where the engine is this process.

    Raises:
        LabelError: If the cache is damaged or cannot be written, or is too small for the vectors.
        EngineError: If the engine cannot be used.
    """
    cache = encoder.cache
    if cache is None or not encoder.engine.is_remote:
        return False
    advance = progress or (lambda _: None)
    missing: Counter[bytes] = Counter()  # digest to how many replies wait for it
    batches = _list_missing(encoder, cache, pairs, missing, advance)
    make = partial(_make_encode, encoder.precision, encoder.adapter, encoder.fingerprint)
    for done in encoder.engine.map_batches(make, batches, on_gpu=encoder.on_gpu):
        keys = done["key"].to_pylist()
        contents = done["vector"].to_pylist()
        cache.store({k: np.frombuffer(v, np.float16) for k, v in zip(keys, contents, strict=True)})
        advance(sum(missing[key] for key in keys))
    return True


def _list_missing(
    encoder: Encoder,
    cache: VectorCache,
    pairs: Dataset,
    missing: Counter[bytes],
    advance: Callable[[int], None],
) -> Iterator[pa.Table]:
    """Batches of the readings without a vector, each once; short ones stand together."""
    wanted: set[bytes] = set()  # what is there counts as well: storing the rest may not drop it
    for start in range(0, len(pairs), PAIRS_A_ROUND):
        rows = range(start, min(start + PAIRS_A_ROUND, len(pairs)))
        chosen, rejected = read_sides(pairs.select(rows))
        readings = chosen + rejected
        keys = find_keys(encoder, readings)
        found = cache.find(list(dict.fromkeys(key for key in keys if key not in missing)))
        fresh: dict[bytes, Reading] = {}
        for key, reading in zip(keys, readings, strict=True):
            if key in found:
                advance(1)
                continue
            if key not in missing:
                fresh[key] = reading
            missing[key] += 1
        wanted.update(keys)
        _check_room(cache, len(wanted))
        ordered = sorted(fresh.items(), key=lambda item: len(item[1].prompt) + len(item[1].reply))
        for first in range(0, len(ordered), READINGS_A_BATCH):
            yield _tabulate(dict(ordered[first : first + READINGS_A_BATCH]))


def _tabulate(readings: dict[bytes, Reading]) -> pa.Table:
    return pa.table(
        {
            "key": pa.array(readings, pa.binary()),
            "prompt": pa.array([reading.prompt for reading in readings.values()], pa.string()),
            "reply": pa.array([reading.reply for reading in readings.values()], pa.string()),
        }
    )


def _check_room(cache: VectorCache, n_vectors: int) -> None:
    """Refuses what the cache would drop again before it was read."""
    n_bytes = int(n_vectors * BYTES_AN_ENTRY * 2 * cache.size)
    if n_bytes > cache.limit:
        raise LabelError(
            f"The vectors of these pairs take more than {n_bytes / 1e6:,.0f} MB and the cache may "
            f"take {cache.limit / 1e6:,.0f} MB; set {LIMIT_VARIABLE} to more."
        )


def _make_encode(precision: Precision, adapter: Adapter | None, fingerprint: str) -> BatchFunction:
    encoder = load_model(precision, adapter)
    if encoder.fingerprint != fingerprint:
        raise EngineError(
            f"A node of the cluster computes as {encoder.fingerprint} and this machine as "
            f"{fingerprint}; use nodes of one kind."
        )
    return partial(_encode, encoder)


def _encode(encoder: Encoder, batch: pa.Table) -> pa.Table:
    columns = (batch[name].to_pylist() for name in ("prompt", "reply"))
    readings = [Reading(*texts) for texts in zip(*columns, strict=True)]
    vectors = encode(encoder, readings).astype(np.float16)
    contents = pa.array([vector.tobytes() for vector in vectors], pa.binary())
    return pa.table({"key": batch["key"], "vector": contents})
