"""The extractor that asks a language model which values a reply expresses."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset

from valuedata.labelling.encoding.cache_folder import find_cache_folder
from valuedata.labelling.evidence import Evidence
from valuedata.labelling.labels import Labels
from valuedata.labelling.llm.answers import Answer, AnswerCache, open_answers, read_answer
from valuedata.labelling.llm.client import ask_all, require_client
from valuedata.labelling.llm.completions import Choice, read_content
from valuedata.labelling.llm.form import Form
from valuedata.labelling.llm.keys import find_key
from valuedata.labelling.llm.open_ended import load_synonyms
from valuedata.labelling.llm.rubric import Rubric, make_messages, make_rubric
from valuedata.labelling.llm.sheet import Sheet, log_tally, make_sheet
from valuedata.labelling.llm.tally import Estimate, compute_price
from valuedata.labelling.readings import Reading, read_sides
from valuedata.labelling.values import ValueDefinition, load_values
from valuedata.settings import LlmSettings

__all__ = ["LlmExtractor", "load_llm_extractor", "make_form"]

PAIRS_A_ROUND = 8_192  # bounds memory: texts of so many pairs are held at once
THRESHOLD = 0.5  # a language model says yes or no
CHARACTERS_A_TOKEN = 4
"""Source: the rule of thumb of OpenAI's help pages for English text."""
TOKENS_AN_ANSWER = 16
"""A JSON object with three names of the closed set has about 60 characters."""


@dataclass(frozen=True, eq=False)
class LlmExtractor:
    """A language model behind a server, asked once about every distinct reply.

    Attributes:
        settings: Which model, on which server.
        rubric: What is asked.
        cache: Answers of this run and of those before.
    """

    settings: LlmSettings
    rubric: Rubric
    cache: AnswerCache

    @property
    def names(self) -> tuple[str, ...]:
        """Values and behaviours that it labels, in the order of the columns."""
        return self.rubric.names

    @property
    def definitions(self) -> Mapping[str, ValueDefinition]:
        """What each name means."""
        packaged = load_values()
        return {name: packaged[name] for name in self.names}

    @property
    def evidence(self) -> Mapping[str, Evidence]:
        """Empty: how well a model labels is known only once `valuedata score` has measured it."""
        return {}

    @property
    def fingerprint(self) -> str:
        """Names the model and all settings that decide a label."""
        synonyms = [*load_synonyms(self.names).items()] if self.rubric.mode == "open" else []
        digest = self._digest([self.rubric.system, synonyms]).hex()[:16]
        return f"llm-{self.settings.model}-{self.rubric.mode}-{digest}"

    def label(self, pairs: Dataset, progress: Callable[[int], None] | None = None) -> Labels:
        """Labels both replies of every pair; a reply without an answer carries the reason.

        Args:
            pairs: n pairs with `prompt`, `chosen` and `rejected`.
            progress: Called with the number of replies done since the last call; 2 n in all.

        Raises:
            LabelError: If the server cannot be used, or the cache is damaged or cannot be written.
        """
        self.cache.prepare()
        sheet = make_sheet(len(pairs), self.rubric)
        for start, readings in _iterate_rounds(pairs):
            keys = [self._key(reading) for reading in readings]
            answers = self._ask(dict(zip(keys, readings, strict=True)), keys, sheet, progress)
            n_pairs = len(keys) // 2
            for place, key in enumerate(keys):
                sheet.write(start + place % n_pairs, place // n_pairs, answers[key])
        tally = sheet.count(self.settings)
        log_tally(tally)
        chosen, rejected = sheet.sides
        thresholds = np.full(len(self.names), THRESHOLD, dtype=np.float32)
        return Labels(self.names, chosen, rejected, thresholds, sheet.failures, tally)

    def estimate(self, pairs: Dataset) -> Estimate:
        """Estimates what `label` would take; asks nobody and writes nothing.

        A token is taken for four characters of a message, and an answer for 16 tokens.

        Args:
            pairs: n pairs with `prompt`, `chosen` and `rejected`.

        Raises:
            LabelError: If the cache is damaged or cannot be read.
        """
        seen: set[bytes] = set()
        n_calls = n_characters = 0
        for _, readings in _iterate_rounds(pairs):
            fresh = {self._key(reading): reading for reading in readings}
            fresh = {key: reading for key, reading in fresh.items() if key not in seen}
            seen.update(fresh)
            missing = self._list_missing(list(fresh), self.cache.find(list(fresh)))
            n_calls += len(missing)
            n_characters += sum(
                len(message["content"])
                for key in missing
                for message in make_messages(self.rubric, fresh[key])
            )
        tokens = (-(-n_characters // CHARACTERS_A_TOKEN), n_calls * TOKENS_AN_ANSWER)
        price = compute_price(tokens, (self.settings.price_in, self.settings.price_out))
        return Estimate(2 * len(pairs), len(seen), n_calls, *tokens, price)

    def _ask(
        self,
        readings: Mapping[bytes, Reading],
        keys: Sequence[bytes],
        sheet: Sheet,
        progress: Callable[[int], None] | None,
    ) -> dict[bytes, Answer]:
        """Asks about what is not in the cache, then reads from there, as later runs will.

        What another process clears from it meanwhile is held here.
        """
        advance = progress or (lambda _: None)
        held = self.cache.find(list(readings))
        missing = self._list_missing(list(readings), held, sheet.tokens)
        n_replies = Counter(keys)
        advance(len(keys) - sum(n_replies[key] for key in missing))

        def keep(answers: Mapping[bytes, Answer]) -> None:
            self.cache.store(answers)
            held.update(answers)
            advance(sum(n_replies[key] for key in answers))

        requests = {key: make_messages(self.rubric, readings[key]) for key in missing}
        failed_before = frozenset(missing) & held.keys()
        ask_all(requests, make_form(self.rubric), self.settings, keep, failed_before)
        sheet.n_asked += len(set(missing) - sheet.tokens.keys())
        answers = held | self.cache.find(list(readings))
        sheet.tokens.update((key, (a.tokens_in, a.tokens_out)) for key, a in answers.items())
        return answers

    def _list_missing(
        self, keys: Sequence[bytes], found: Mapping[bytes, Answer], asked: Collection[bytes] = ()
    ) -> list[bytes]:
        """The digests to ask about: without an answer, or failed before this run if that counts."""
        retry = self.settings.retry_failed
        return [
            key
            for key in keys
            if key not in found or (retry and key not in asked and found[key].failure is not None)
        ]

    def _key(self, reading: Reading) -> bytes:
        return self._digest(make_messages(self.rubric, reading))

    def _digest(self, messages: object) -> bytes:
        """SHA-256 over all that is sent: server, model, settings, messages and schema."""
        content = {
            "base_url": self.settings.base_url,
            "model": self.settings.model,
            "temperature": self.settings.temperature,
            "seed": self.settings.seed,
            "max_tokens": self.settings.max_tokens,
            "messages": messages,
            "schema": self.rubric.schema,
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).digest()


def make_form(rubric: Rubric) -> Form:
    """How a rubric is asked: its JSON schema, and answers that keep to it."""

    def read(choice: Choice) -> str:
        content = read_content(choice)
        read_answer(content, rubric)
        return content

    schema = {"name": "values", "strict": True, "schema": rubric.schema}
    return Form({"response_format": {"type": "json_schema", "json_schema": schema}}, read)


def load_llm_extractor(settings: LlmSettings, cache_folder: Path | None = None) -> LlmExtractor:
    """Makes the extractor that asks a language model; calls nobody yet.

    Args:
        settings: Which model, on which server.
        cache_folder: Where answers are kept; None takes the user's cache folder.

    Raises:
        LabelError: If the client is not installed, or the key cannot be one.
    """
    require_client()
    find_key(settings.base_url or "")
    rubric = make_rubric(settings.mode, load_values())
    return LlmExtractor(settings, rubric, open_answers(cache_folder or find_cache_folder()))


def _iterate_rounds(pairs: Dataset) -> Iterator[tuple[int, list[Reading]]]:
    """The first row of each round, and the readings of all chosen, then all rejected replies."""
    for start in range(0, len(pairs), PAIRS_A_ROUND):
        rows = range(start, min(start + PAIRS_A_ROUND, len(pairs)))
        chosen, rejected = read_sides(pairs.select(rows))
        yield start, chosen + rejected
