"""Models of transformers in this process as arms: replies, and log-probabilities of given ones."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch
from jinja2 import TemplateError

from evaluation.generation.generate import GenerationSettings, Keep, Request, make_answer
from evaluation.generation.loading import Device, find_device, load_model, load_tokenizer
from evaluation.generation.model_files import ModelFiles, identify_model
from valuedata.errors import EvaluationError

__all__ = ["LocalModel"]

Messages = Sequence[Mapping[str, str]]

BATCH_SIZE: Final = 32
OUT_OF_MEMORY: Final = "not enough memory"
"""What the allocator of the CPU says; that of CUDA has an error of its own."""


@dataclass(frozen=True, eq=False)
class LocalModel:
    """A model of transformers, with an adapter or without, loaded when it is first asked.

    Attributes:
        files: Where its weights are.
        template: The chat template, the same for all arms.
        device: Where it runs; "auto" takes CUDA where it is there.
        batch_size: Rows at once at first; halved as often as memory runs out.
    """

    files: ModelFiles
    template: str
    device: Device = "auto"
    batch_size: int = BATCH_SIZE

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """The weights by content, the template, and what kind of device computes."""
        return {
            **identify_model(self.files),
            "template": self.template,
            "device": find_device(self.device),
        }

    @cached_property
    def tokenizer(self) -> Any:  # noqa: ANN401 - transformers has no types here
        """Its tokenizer, with a padding token."""
        tokenizer = load_tokenizer(self.files)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer

    @cached_property
    def model(self) -> Any:  # noqa: ANN401 - transformers has no types here
        """The loaded weights in evaluation mode."""
        return load_model(self.files).to(find_device(self.device)).eval()

    def generate(
        self, requests: Sequence[Request], settings: GenerationSettings, keep: Keep
    ) -> None:
        """Replies to requests, the longest prompts first so that memory runs out at once.

        Raises:
            EvaluationError: If the model cannot be loaded, takes no such messages, or has no room.
        """
        if not requests:
            return
        rows = [self._encode(request.messages) for request in requests]
        self._check_room(max(map(len, rows)) + settings.max_tokens)

        def draw(places: Sequence[int]) -> None:
            some = [requests[place] for place in places]
            texts = self._draw([rows[place] for place in places], some, settings)
            keep(
                {request.key: make_answer(*text) for request, text in zip(some, texts, strict=True)}
            )

        _run_batches([len(row) for row in rows], self.batch_size, draw)

    def release(self) -> None:
        """Takes the weights out of memory, so that another arm has room for its own."""
        if vars(self).pop("model", None) is not None:
            vars(self).pop("_own_ends", None)
            vars(self).pop("_ends", None)
            gc.collect()
            torch.cuda.empty_cache()

    def score_continuations(
        self, conversations: Sequence[tuple[Messages, str]]
    ) -> npt.NDArray[np.float64]:
        """Gives the log-probability of a given reply to each conversation.

        Args:
            conversations: n pairs of messages and a reply that is not empty.

        Returns:
            (n,) sums over the reply's tokens, in nats.
        """
        starts = [self._encode(messages) for messages, _ in conversations]
        ends = [
            self.tokenizer(text, add_special_tokens=False).input_ids for _, text in conversations
        ]
        rows = [start + end for start, end in zip(starts, ends, strict=True)]
        scores = np.full(len(rows), np.nan)

        def measure(places: Sequence[int]) -> None:
            # on the right: a plain pass counts positions from the first column, padding or not
            tokens, attended = self._pad([rows[place] for place in places], "right")
            with torch.inference_mode():
                logits = self.model(input_ids=tokens, attention_mask=attended).logits
            for logit, row, place in zip(logits, tokens, places, strict=True):
                first, last = len(starts[place]), len(rows[place])
                found = torch.log_softmax(logit[first - 1 : last - 1].float(), dim=-1)
                scores[place] = found.gather(1, row[first:last, None]).sum().item()

        _run_batches([len(row) for row in rows], self.batch_size, measure)
        return scores

    def _encode(self, messages: Messages) -> list[int]:
        try:
            text = self.tokenizer.apply_chat_template(
                [dict(turn) for turn in messages],
                chat_template=self.template,
                tokenize=False,
                add_generation_prompt=True,
            )
        except TemplateError as error:
            raise EvaluationError(
                f"The chat template takes no such messages ({error}); leave --system-prompt out or "
                "give another --chat-template."
            ) from error
        tokens: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return tokens

    def _check_room(self, n_tokens: int) -> None:
        room = getattr(self.model.config, "max_position_embeddings", None)
        if room is not None and n_tokens > room:
            raise EvaluationError(
                f"The longest prompt and reply take {n_tokens:,} tokens, but {self.files.name} "
                f"reads {room:,}; give a smaller --max-tokens or shorter prompts."
            )

    def _pad(
        self, rows: Sequence[list[int]], side: Literal["left", "right"]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens and attention of rows, padded on one side."""
        padded = self.tokenizer.pad(
            {"input_ids": list(rows)}, padding_side=side, return_tensors="pt"
        )
        device = self.model.device
        return padded["input_ids"].to(device), padded["attention_mask"].to(device)

    def _draw(
        self, rows: Sequence[list[int]], requests: Sequence[Request], settings: GenerationSettings
    ) -> list[tuple[str, str, int]]:
        """Text, finish and tokens of each reply."""
        from transformers import GenerationConfig, LogitsProcessorList

        tokens, attended = self._pad(rows, "left")
        ends = self._ends
        # The model's own settings (top-p, penalties) are not taken: they may differ between arms.
        config = GenerationConfig(
            max_new_tokens=settings.max_tokens,
            do_sample=False,
            eos_token_id=ends,
            pad_token_id=self.tokenizer.pad_token_id,
        )
        processors = LogitsProcessorList()
        if settings.temperature:
            seeds = [request.seed for request in requests]
            processors.append(_Noise(settings.temperature, seeds, tokens.device))
        with torch.inference_mode():
            drawn = self.model.generate(
                input_ids=tokens,
                attention_mask=attended,
                generation_config=config,
                logits_processor=processors,
            )
        return [self._read(row, ends) for row in drawn[:, tokens.shape[1] :].tolist()]

    @cached_property
    def _ends(self) -> list[int]:
        own = self._own_ends
        listed = own if isinstance(own, list) else [own]
        ends = {self.tokenizer.eos_token_id, *listed} - {None}
        return sorted(ends)

    @cached_property
    def _own_ends(self) -> Any:  # noqa: ANN401 - a number, a list or None
        """End tokens that the model's own settings name; the rest of those settings is dropped."""
        from transformers import GenerationConfig

        own = self.model.generation_config.eos_token_id
        self.model.generation_config = GenerationConfig()
        return own

    def _read(self, row: list[int], ends: Sequence[int]) -> tuple[str, str, int]:
        places = [place for place, token in enumerate(row) if token in ends]
        n_tokens = places[0] if places else len(row)
        text = self.tokenizer.decode(row[:n_tokens], skip_special_tokens=True)
        return text, "stop" if places else "length", n_tokens


class _Noise:
    """Makes greedy decoding draw from the softmax, each row by a generator of its own.

    The largest of logits plus independent Gumbel noise is a draw from their softmax; so what a row
    draws does not depend on the rows beside it.

    Source: Gumbel 1954, "Statistical Theory of Extreme Values"; Maddison, Tarlow and Minka 2014,
    "A* Sampling", arXiv 1411.0030, section 2.
    """

    def __init__(self, temperature: float, seeds: Sequence[int], device: torch.device) -> None:
        self.temperature = temperature
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        noise = torch.empty_like(scores, dtype=torch.float32)
        for row, generator in zip(noise, self.generators, strict=True):
            row.exponential_(generator=generator)
        return scores.float() / self.temperature - noise.log()


def _run_batches(
    lengths: Sequence[int], batch_size: int, work: Callable[[Sequence[int]], None]
) -> None:
    """Runs rows in batches of like length, longest first, halving them where memory runs out.

    Raises:
        EvaluationError: If there is no room for one row.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    start = 0
    while start < len(order):
        try:
            work(order[start : start + batch_size])
        except (torch.OutOfMemoryError, RuntimeError) as error:
            is_memory = isinstance(error, torch.OutOfMemoryError) or OUT_OF_MEMORY in str(error)
            if not is_memory:
                raise
            if batch_size == 1:
                raise EvaluationError(
                    "The memory of the device holds not even one reply; give a smaller "
                    "--max-tokens or a smaller model."
                ) from error
            batch_size = max(1, batch_size // 2)
            torch.cuda.empty_cache()
            continue
        start += batch_size
