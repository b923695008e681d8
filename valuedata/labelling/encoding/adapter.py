"""What fine-tuning changed in the encoder, small enough to ship."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save as save_tensors

__all__ = ["Adapter", "TokenHeads", "apply_adapter", "compress_changes"]

# A matrix of 384 x 1,536 has rank 384; its change by a few epochs is kept by far less.
RANK = 64

HEADS = ("query", "weight", "bias")

Halves = npt.NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Adapter:
    """The change of an encoder, and what reads its last states token by token.

    Adapters of one content are equal, so a model is adapted once by what is read from file again.

    Attributes:
        tensors: Name to float16 array. For a changed matrix `NAME.left` (out, r) and `NAME.right`
            (r, in), whose product is added to it; for a changed vector `NAME.shift`; and
            `heads.query` (v, d), `heads.weight` (v, d), `heads.bias` (v,) of `TokenHeads`.
    """

    tensors: Mapping[str, Halves]

    @property
    def n_heads(self) -> int:
        """How many scores a reading gets."""
        return len(self.tensors["heads.bias"])

    @cached_property
    def fingerprint(self) -> str:
        """Names the adapter by its content."""
        content = {name: np.ascontiguousarray(self.tensors[name]) for name in sorted(self.tensors)}
        return sha256(save_tensors(content)).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Adapter) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)


@dataclass(frozen=True, eq=False)
class TokenHeads:
    """What scores a reading by its tokens, each head looking where its own query points.

    Attributes:
        query: (v, d) float32.
        weight: (v, d) float32.
        bias: (v,) float32.
    """

    query: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor

    def score(self, states: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """Scores n readings.

        score_v = sum over tokens t of softmax_t(query_v · state_t) (weight_v · state_t) + bias_v

        Args:
            states: (n, t, d) float32.
            attended: (n, t) bool: which tokens are read; one at least in each row.

        Returns:
            (n, v) float32.

        Source: attention with a query a label, Mullenbach et al. 2018 (arXiv 1802.05695), section
        2.2.
        """
        pull = torch.nn.functional.linear(states, self.query)
        pull = pull.masked_fill(~attended[..., None], -torch.inf).softmax(dim=1)
        says = torch.nn.functional.linear(states, self.weight)
        scores: torch.Tensor = (pull * says).sum(dim=1) + self.bias
        return scores


def compress_changes(
    before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor], heads: TokenHeads
) -> Adapter:
    """Keeps the difference of two states of an encoder by its largest singular values.

    Args:
        before: Name to parameter, float32.
        after: The same names; those that training did not touch may be missing.
        heads: What was trained on top.
    """
    tensors: dict[str, torch.Tensor] = {}
    for name, parameter in after.items():
        change = parameter.detach() - before[name].detach()
        if change.ndim == 1:
            tensors[f"{name}.shift"] = change
        else:
            left, scale, right = torch.linalg.svd(change, full_matrices=False)
            root = scale[:RANK].sqrt()
            tensors[f"{name}.left"] = left[:, :RANK] * root
            tensors[f"{name}.right"] = root[:, None] * right[:RANK]
    tensors |= {f"heads.{name}": getattr(heads, name).detach() for name in HEADS}
    return Adapter({name: value.half().numpy() for name, value in tensors.items()})


def apply_adapter(adapter: Adapter, parameters: MutableMapping[str, torch.Tensor]) -> TokenHeads:
    """Adds the change to a model's parameters, in place.

    Args:
        adapter: The change.
        parameters: Those of the encoder that it was trained from, by name; float32.

    Returns:
        The token heads.

    Raises:
        KeyError: If the model lacks a changed parameter.
        RuntimeError: If a shape differs.
    """
    tensors = {name: torch.from_numpy(value).float() for name, value in adapter.tensors.items()}
    with torch.no_grad():
        for name, value in tensors.items():
            parameter, _, part = name.rpartition(".")
            if part == "shift":
                parameters[parameter] += value
            elif part == "left":
                parameters[parameter] += value @ tensors[f"{parameter}.right"]
    return TokenHeads(*(tensors[f"heads.{name}"] for name in HEADS))
