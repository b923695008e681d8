"""A language model on a server as a judge: one question about one reply a call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np

from evaluation.judges.judge import UNMEASURED, Floats, Validity
from evaluation.judges.question import digest, load_question
from evaluation.prompts.records import Prompt
from valuedata.errors import EvaluationError
from valuedata.labelling.encoding.cache_folder import find_cache_folder
from valuedata.labelling.llm.answers import (
    JUDGEMENTS_FILE,
    Answer,
    AnswerCache,
    read_answer,
)
from valuedata.labelling.llm.client import ask_all
from valuedata.labelling.llm.completions import Choice, read_content
from valuedata.labelling.llm.extractor import make_form
from valuedata.labelling.llm.failures import SERVER_FAILURES
from valuedata.labelling.llm.form import Form
from valuedata.labelling.llm.rubric import Rubric, make_messages, make_rubric
from valuedata.labelling.readings import make_reading
from valuedata.labelling.values import load_values
from valuedata.settings import LlmSettings

__all__ = ["Asker", "LlmJudge", "make_question_judge", "make_rubric_judge", "open_judgements"]


def open_judgements() -> AnswerCache:
    """The cache of judges' answers in the user's cache folder."""
    return AnswerCache(find_cache_folder() / JUDGEMENTS_FILE)


@dataclass(eq=False)
class Asker:
    """Calls to the judge's server, kept between runs.

    Attributes:
        settings: Which model on which server.
        cache: Its answers.
        hashes: Question to the SHA-256 of what it asks, of the questions asked so far.
        failures: Question to the reasons of distinct replies without a valid answer.
        round: Number of the round in which it is asked.
        calls: Question to the keys that were asked about; true for those an earlier run kept.
    """

    settings: LlmSettings
    cache: AnswerCache = field(default_factory=open_judgements)
    hashes: dict[str, str] = field(default_factory=dict)
    failures: dict[str, dict[bytes, str]] = field(default_factory=dict)
    round: int = 0
    calls: dict[str, dict[bytes, bool]] = field(default_factory=dict)

    def ask(
        self,
        question: str,
        form: Form,
        messages: Sequence[list[dict[str, str]]],
        advance: Callable[[int], None],
    ) -> list[str | None]:
        """Asks one question about replies; an answer that cannot be read is counted as that.

        Args:
            question: Its name.
            form: How it is asked.
            messages: Those of n calls.
            advance: Called with the number of replies done since the last call.

        Returns:
            n answers; None where there is no valid one.

        Raises:
            LabelError: If the server cannot be used.
            EvaluationError: If it failed before it had answered all; the answers are kept.
        """
        self.cache.prepare()
        keys = [self._key(form, some) for some in messages]
        found = self.cache.find(keys)
        requests = {
            key: some
            for key, some in zip(keys, messages, strict=True)
            if key not in found or found[key].failure in SERVER_FAILURES
        }
        calls = self.calls.setdefault(question, {})
        for key in keys:
            calls.setdefault(key, key not in requests)
        advance(len(messages) - len(requests))

        def keep(answers: Mapping[bytes, Answer]) -> None:
            self.cache.store(answers)
            advance(len(answers))

        ask_all(requests, form, self.settings, keep)
        answers = self.cache.find(keys)
        broken = [a.failure for a in answers.values() if a.failure in SERVER_FAILURES]
        if broken:
            raise EvaluationError(
                f"The judge's server at {self.settings.base_url} gave no answer about "
                f"{len(broken):,} of {len(answers):,} replies (last: {broken[-1]}), so there is no "
                "verdict; run again, which asks about these alone."
            )
        failed = {key: a.failure for key, a in answers.items() if a.failure is not None}
        self.failures.setdefault(question, {}).update(failed)
        return [answers[key].content for key in keys]

    def _key(self, form: Form, messages: list[dict[str, str]]) -> bytes:
        chosen = ("base_url", "model", "temperature", "seed", "max_tokens")
        settings = {name: getattr(self.settings, name) for name in chosen}
        if self.round:
            settings["round"] = self.round
        return digest([settings, dict(form.body), messages])


Ask = Callable[[Sequence[Prompt], Sequence[str], Callable[[int], None]], Floats]


@dataclass(frozen=True, eq=False)
class LlmJudge:
    """A language model's word on replies.

    Attributes:
        name: What it is asked: the name of a question's file, or a value or behaviour.
        ask: Asks it; the scores of n replies, NaN where it could not judge.
        validity: Nobody has measured it, because it depends on the model.
        threshold: Between the scores of no and yes.
    """

    name: str
    ask: Ask
    validity: Validity = UNMEASURED
    threshold: float = 0.5

    def score(
        self, prompts: Sequence[Prompt], replies: Sequence[str], advance: Callable[[int], None]
    ) -> Floats:
        """Scores replies.

        Raises:
            ValuedataError: If the server cannot be used or fails.
        """
        return self.ask(prompts, replies, advance)


def make_question_judge(
    asker: Asker, name: str, scores: Mapping[str, float | None] | None = None
) -> LlmJudge:
    """The judge that asks one question.

    Args:
        asker: The server.
        name: Name of the question's file.
        scores: Answer to score in place of the file's own, so that two measures share the answers.
    """
    return LlmJudge(name, partial(_ask_question, asker, name, scores))


def make_rubric_judge(asker: Asker, name: str) -> LlmJudge:
    """The judge of a value or behaviour: 1 where the model names it, 0 where it does not.

    Args:
        asker: The server; all names of a reply come from one call.
        name: The value or behaviour.
    """
    return LlmJudge(name, partial(_ask_rubric, asker, name))


def _ask_question(
    asker: Asker,
    name: str,
    scores: Mapping[str, float | None] | None,
    prompts: Sequence[Prompt],
    replies: Sequence[str],
    advance: Callable[[int], None],
) -> Floats:
    question = load_question(name)
    asker.hashes[name] = question.sha256
    schema = {"name": "verdict", "strict": True, "schema": question.form}

    def read(choice: Choice) -> str:
        content = read_content(choice)
        question.read(content)
        return content

    form = Form(
        {"response_format": {"type": "json_schema", "json_schema": schema}}, read, wanted="verdict"
    )
    messages = [
        question.make_messages(prompt, reply)
        for prompt, reply in zip(prompts, replies, strict=True)
    ]
    meant = question.verdicts if scores is None else scores
    found = [
        None if answer is None else meant[question.read(answer)]
        for answer in asker.ask(name, form, messages, advance)
    ]
    return np.array([np.nan if one is None else one for one in found], dtype=np.float64)


def _ask_rubric(
    asker: Asker,
    name: str,
    prompts: Sequence[Prompt],
    replies: Sequence[str],
    advance: Callable[[int], None],
) -> Floats:
    rubric = _make_rubric()
    asker.hashes["values"] = digest([rubric.system, rubric.schema]).hex()
    messages = [
        make_messages(
            rubric, make_reading(prompt.messages, [{"role": "assistant", "content": reply}])
        )
        for prompt, reply in zip(prompts, replies, strict=True)
    ]
    found = [
        np.nan if answer is None else float(name in read_answer(answer, rubric))
        for answer in asker.ask("values", make_form(rubric), messages, advance)
    ]
    return np.array(found, dtype=np.float64)


@cache
def _make_rubric() -> Rubric:
    return make_rubric("closed", load_values())
