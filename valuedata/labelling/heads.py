"""The trained part of the classifier: a logistic head a name, on a vector and on words."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer

from valuedata.errors import LabelError
from valuedata.labelling.encoding.adapter import Adapter
from valuedata.labelling.encoding.encoder import name_kind
from valuedata.labelling.encoding.minilm import WIDTH
from valuedata.labelling.metadata import METADATA_FILE, PACKAGED, name_remedy
from valuedata.labelling.readings import Reading

__all__ = [
    "Heads",
    "count_words",
    "load_heads",
    "predict",
    "save_heads",
    "weigh_words",
]

WEIGHTS_FILE = "classifier.safetensors"
N_BUCKETS = 2**16
TENSORS = ("vector", "words", "rarity", "bias", "thresholds")
ADAPTER = "adapter."  # before the names of its tensors in the file

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Heads:
    """Weights of v logistic heads with their calibration.

    Attributes:
        names: v names.
        vector: (v, d) float16 weights on the first d numbers of a reading's vector.
        words: (v, N_BUCKETS) float16 weights on the hashed word 1- and 2-grams of its reply.
        rarity: (N_BUCKETS,) float16 inverse document frequencies.
        bias: (v,) float32; p = sigmoid(vector · x + words · w + bias).
        thresholds: (v,) float32; a name is expressed where p reaches it.
        adapter: What fine-tuning changed in the encoder; None where the vectors are MiniLM's own.
        metadata: Training data and quality, as JSON types.
    """

    names: tuple[str, ...]
    vector: npt.NDArray[np.float16]
    words: npt.NDArray[np.float16]
    rarity: npt.NDArray[np.float16]
    bias: npt.NDArray[np.float32]
    thresholds: npt.NDArray[np.float32]
    adapter: Adapter | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Names the weights by their content."""
        return sha256(_serialize(self)).hexdigest()[:16]


def count_words(readings: Sequence[Reading]) -> csr_matrix:
    """(n, N_BUCKETS) float64: which hashed word 1- and 2-grams each reply has, as ones."""
    vectorizer = HashingVectorizer(
        ngram_range=(1, 2),
        n_features=N_BUCKETS,
        alternate_sign=False,
        norm=None,
        binary=True,
        token_pattern=r"(?u)\b\w+(?:'\w+)?\b|[?!]",  # noqa: S106 - a word, not a password
    )
    return vectorizer.transform([reading.reply.replace("\u2019", "'") for reading in readings])


def weigh_words(counts: csr_matrix, rarity: npt.NDArray[np.float16]) -> csr_matrix:
    """Weighs each n-gram by its rarity and brings each row to length 1; an empty row stays 0."""
    weighed = counts.multiply(rarity.astype(np.float64)).tocsr()
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    weighed.data /= np.repeat(lengths, np.diff(weighed.indptr))
    return weighed


def predict(
    heads: Heads, readings: Sequence[Reading], vectors: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Gives each reading the calibrated probability of each name.

    Args:
        heads: The trained heads.
        readings: n readings.
        vectors: (n, d) float32, from an encoder with the heads' adapter.

    Returns:
        (n, v) float32; a row depends on its own reading alone, to the last bit.
    """
    # einsum without BLAS: the order of a sum must not follow the number of rows.
    scores = np.einsum("nd,vd->nv", vectors.astype(np.float64), heads.vector.astype(np.float64))
    scores += weigh_words(count_words(readings), heads.rarity) @ heads.words.T.astype(np.float64)
    scores += heads.bias
    probabilities: npt.NDArray[np.float32] = sigmoid(scores).astype(np.float32)
    return probabilities


def sigmoid(scores: Floats) -> Floats:
    """1 / (1 + e^-x), without overflow."""
    result: Floats = np.exp(-np.logaddexp(0.0, -scores))
    return result


def save_heads(heads: Heads, folder: Path) -> None:
    """Writes weights and metadata into a folder; what is there stays until both are whole.

    Raises:
        LabelError: If the folder cannot be written.
    """
    content = {
        "names": list(heads.names),
        "encoder": name_kind(heads.adapter),
        "sha256": sha256(_serialize(heads)).hexdigest(),
    }
    text = json.dumps({**content, **heads.metadata}, indent=1, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        contents = {WEIGHTS_FILE: _serialize(heads), METADATA_FILE: text.encode()}
        for name, content_of_file in contents.items():
            (folder / f".{name}.partial").write_bytes(content_of_file)
        for name in contents:  # the metadata last: they hold the hash of the weights
            (folder / f".{name}.partial").replace(folder / name)
    except OSError as error:
        for name in (WEIGHTS_FILE, METADATA_FILE):
            with suppress(OSError):
                (folder / f".{name}.partial").unlink()
        raise LabelError(
            f"Weights cannot be written to {folder} ({error.strerror}); name a folder that can."
        ) from error


def load_heads(folder: Path = PACKAGED) -> Heads:
    """Reads what `save_heads` wrote.

    Args:
        folder: Folder of the weights; by default the packaged ones.

    Raises:
        LabelError: If a file is missing, damaged, or made for another encoder.
    """
    remedy = name_remedy(folder)
    try:
        content = (folder / WEIGHTS_FILE).read_bytes()
        metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
        names = tuple(metadata.pop("names"))
        if sha256(content).hexdigest() != metadata.pop("sha256"):
            raise LabelError(f"Weights in {folder} are damaged (another SHA-256); {remedy}.")
        kind = metadata.pop("encoder")
        heads = _assemble(names, metadata, load_tensors(content))
    except OSError as error:
        raise LabelError(
            f"Weights in {folder} cannot be read ({error.strerror}); {remedy}."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise LabelError(f"Weights in {folder} are damaged ({error}); {remedy}.") from error
    size = WIDTH + (heads.adapter.n_heads if heads.adapter else 0)
    shapes = (heads.vector.shape, heads.words.shape)
    if kind != name_kind(heads.adapter) or shapes != ((len(names), size), (len(names), N_BUCKETS)):
        raise LabelError(f"Weights in {folder} fit another version of the encoder; {remedy}.")
    return heads


def _assemble(
    names: tuple[str, ...], metadata: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]
) -> Heads:
    own = {name: value for name, value in tensors.items() if not name.startswith(ADAPTER)}
    changed = {
        name.removeprefix(ADAPTER): value
        for name, value in tensors.items()
        if name.startswith(ADAPTER)
    }
    adapter = Adapter(changed) if changed else None
    return Heads(names=names, metadata=metadata, adapter=adapter, **own)


def _serialize(heads: Heads) -> bytes:
    tensors = {name: getattr(heads, name) for name in TENSORS}
    if heads.adapter:
        tensors |= {f"{ADAPTER}{name}": value for name, value in heads.adapter.tensors.items()}
    return save_tensors({name: np.ascontiguousarray(value) for name, value in tensors.items()})
