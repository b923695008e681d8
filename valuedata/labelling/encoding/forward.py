"""MiniLM's forward pass, laid out for speed: fused, without padding, in any arithmetic."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import gelu, layer_norm, linear

from valuedata.labelling.encoding.adapter import TokenHeads
from valuedata.labelling.encoding.arithmetic import Arithmetic
from valuedata.labelling.encoding.blocks import BLOCK_TOKENS, Block
from valuedata.labelling.encoding.minilm import N_ATTENTION_HEADS, N_LAYERS, NORM_EPS, WIDTH

__all__ = ["ForwardPass", "States", "lay_out"]

TOKENS_A_PRODUCT = 512  # of attention at a time: its logits then stay in the processor's cache

Multiply = Callable[[torch.Tensor], torch.Tensor]
MultiplyAdd = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Normalize = Callable[[torch.Tensor], torch.Tensor]
Judge = Callable[[torch.Tensor], tuple[torch.Tensor, ...]]


Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class States:
    """What a block's t tokens have become; rows after its last reading mean nothing.

    Attributes:
        last: (t, d) float32 last states.
        pull: (t, v) float32: how much each of v token heads looks at a token, before its softmax.
        says: (t, v) float32: what the token says to it.
        bias: (v,) float32 of the heads.
    """

    last: Floats
    pull: Floats
    says: Floats
    bias: Floats


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: attention, then the two wide products, each added to what came in.

    Attributes:
        project: (t, d) to (t, 3 d): query over the root of a head's width, key, value.
        mix: Attention's output and what it is added to, to their sum.
        normalize_mixed: After it.
        widen: (t, d) to (t, 4 d), through GELU.
        narrow: (t, 4 d) and what it is added to, to their sum.
        normalize: After it.
    """

    project: Multiply
    mix: MultiplyAdd
    normalize_mixed: Normalize
    widen: Multiply
    narrow: MultiplyAdd
    normalize: Normalize


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """MiniLM, ready to run on one device.

    Attributes:
        words: (vocabulary, d) what each token begins with.
        positions: (places, d) what its place adds, with the one token type there is.
        normalize: After both.
        layers: One after the other.
        judge: (t, d) float32 to what each of v token heads looks at and what it hears, (t, v) both.
        bias: (v,) float32 of the token heads.
        device: Where it runs.
    """

    words: torch.Tensor
    positions: torch.Tensor
    normalize: Normalize
    layers: tuple[Layer, ...]
    judge: Judge
    bias: Floats
    device: torch.device

    def run(self, block: Block) -> States:
        """Reads a block.

        A reading's rows do not depend, to the last bit, on what else is in the block: the wide
        products have one shape whatever that is, and those of attention are a reading's own.
        """
        with torch.inference_mode():
            states = self._run_layers(block).float()
            judged = self.judge(states)
        last, pull, says = (tensor.cpu().numpy() for tensor in (states, *judged))
        return States(last, pull, says, self.bias)

    def _run_layers(self, block: Block) -> torch.Tensor:
        tokens = torch.from_numpy(block.tokens).to(self.device)
        places = torch.from_numpy(block.positions).to(self.device)
        groups = block.list_groups()
        states = self.normalize(self.words[tokens] + self.positions[places])
        for layer in self.layers:
            attended = self._attend(layer.project(states), groups)
            states = layer.normalize_mixed(layer.mix(attended, states))
            states = layer.normalize(layer.narrow(layer.widen(states), states))
        return states

    def _attend(self, projected: torch.Tensor, groups: list[tuple[int, int, int]]) -> torch.Tensor:
        width = projected.shape[1] // 3
        attended = projected.new_zeros(len(projected), width)
        for first, count, length in groups:
            step = max(1, TOKENS_A_PRODUCT // length)
            for done in range(0, count, step):
                n = min(step, count - done)
                rows = slice(first + done * length, first + (done + n) * length)
                split = projected[rows].view(n, length, 3, N_ATTENTION_HEADS, -1)
                query, key, value = (
                    part.reshape(n * N_ATTENTION_HEADS, length, -1)
                    for part in split.permute(2, 0, 3, 1, 4)
                )
                weights = torch.bmm(query, key.transpose(1, 2)).softmax(dim=-1)
                heads = torch.bmm(weights, value).view(n, N_ATTENTION_HEADS, length, -1)
                attended[rows].view(n, length, N_ATTENTION_HEADS, -1).copy_(heads.transpose(1, 2))
        return attended


def lay_out(
    parameters: Mapping[str, torch.Tensor],
    heads: TokenHeads | None,
    arithmetic: Arithmetic,
    device: str,
) -> ForwardPass:
    """Lays a model out for a device.

    Args:
        parameters: Those of MiniLM by name, float32, adapted or as they are.
        heads: What scores the last states, in float32 whatever the arithmetic; None scores nothing.
        arithmetic: Of the forward pass.
        device: As PyTorch names it.
    """
    convert = partial(_convert, dtype=getattr(torch, arithmetic), device=torch.device(device))
    types = parameters["embeddings.token_type_embeddings.weight"][0]
    places = parameters["embeddings.position_embeddings.weight"]
    return ForwardPass(
        words=convert(parameters["embeddings.word_embeddings.weight"]),
        positions=convert(places + types),
        normalize=_normalize(_take(parameters, "embeddings.LayerNorm"), convert),
        layers=tuple(
            _lay_out_layer(_take(parameters, f"encoder.layer.{number}"), convert)
            for number in range(N_LAYERS)
        ),
        judge=_judge(heads, device),
        bias=heads.bias.numpy() if heads else np.zeros(0, dtype=np.float32),
        device=torch.device(device),
    )


def _take(parameters: Mapping[str, torch.Tensor], part: str) -> dict[str, torch.Tensor]:
    """The parameters of a part, by their names in it."""
    return {
        name.removeprefix(f"{part}."): tensor
        for name, tensor in parameters.items()
        if name.startswith(f"{part}.")
    }


def _judge(heads: TokenHeads | None, device: str) -> Judge:
    if heads is None:
        return lambda states: (states.new_zeros(len(states), 0),) * 2
    weight = torch.cat([heads.query, heads.weight]).to(device)
    multiply = _multiply(weight, weight.new_zeros(len(weight)))
    return lambda states: multiply(states).chunk(2, dim=1)


def _convert(tensor: torch.Tensor, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    return tensor.detach().to(device, dtype).contiguous()


def _lay_out_layer(parameters: Mapping[str, torch.Tensor], convert: Multiply) -> Layer:
    scales = {"query": (WIDTH // N_ATTENTION_HEADS) ** -0.5, "key": 1.0, "value": 1.0}
    weight, bias = (
        torch.cat([parameters[f"attention.self.{part}.{kind}"] * scales[part] for part in scales])
        for kind in ("weight", "bias")
    )

    def take(part: str) -> tuple[torch.Tensor, torch.Tensor]:
        return convert(parameters[f"{part}.weight"]), convert(parameters[f"{part}.bias"])

    return Layer(
        project=_multiply(convert(weight), convert(bias)),
        mix=_multiply_add(*take("attention.output.dense")),
        normalize_mixed=_normalize(_take(parameters, "attention.output.LayerNorm"), convert),
        widen=_multiply_gelu(*take("intermediate.dense")),
        narrow=_multiply_add(*take("output.dense")),
        normalize=_normalize(_take(parameters, "output.LayerNorm"), convert),
    )


def _normalize(parameters: Mapping[str, torch.Tensor], convert: Multiply) -> Normalize:
    weight, bias = convert(parameters["weight"]), convert(parameters["bias"])
    return lambda states: layer_norm(states, weight.shape, weight, bias, NORM_EPS)


def _is_packed(weight: torch.Tensor) -> bool:
    if not (weight.is_cpu and torch.backends.mkldnn.is_available()):
        return False
    # oneDNN packs bfloat16 for AVX-512 and newer alone; PyTorch multiplies without it elsewhere.
    return weight.dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _pack(weight: torch.Tensor) -> torch.Tensor:
    """Lays a weight out for oneDNN, which doubles the speed in float32 on some processors.

    Source: torch/_inductor/mkldnn_lowerings.py, where PyTorch's own compiler does the same.
    """
    return torch.ops.mkldnn._reorder_linear_weight(weight, BLOCK_TOKENS)


def _multiply(weight: torch.Tensor, bias: torch.Tensor) -> Multiply:
    if not _is_packed(weight):
        return lambda states: linear(states, weight, bias)
    packed = _pack(weight)
    return lambda states: torch.ops.mkldnn._linear_pointwise(states, packed, bias, "none", [], "")


def _multiply_gelu(weight: torch.Tensor, bias: torch.Tensor) -> Multiply:
    if not _is_packed(weight):
        return lambda states: gelu(linear(states, weight, bias))
    packed = _pack(weight)
    return lambda states: torch.ops.mkldnn._linear_pointwise(
        states, packed, bias, "gelu", [], "none"
    )


def _multiply_add(weight: torch.Tensor, bias: torch.Tensor) -> MultiplyAdd:
    if not _is_packed(weight):
        return lambda states, other: linear(states, weight, bias) + other
    packed = _pack(weight)
    return lambda states, other: torch.ops.mkldnn._linear_pointwise.binary(
        states, other, packed, bias, "add"
    )
