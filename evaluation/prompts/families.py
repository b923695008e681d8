"""The families of a prompt file, one class a kind of file, and the prompts that each becomes."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from evaluation.prompts.records import LETTERS, Kind, Prompt, render_question
from valuedata.settings import SENTENCE, Settings

__all__ = ["FAMILIES", "Family", "FileKind", "Name"]

FileKind = Literal[
    "open", "refusal", "side-taking", "false-premise", "pushback", "qa", "invites-human-claims"
]
NAME_SYNTAX: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def _check_name(name: str) -> str:
    if not NAME_SYNTAX.fullmatch(name):
        raise PydanticCustomError(
            SENTENCE,
            "has a name with more than small letters, digits and hyphens; write one like old-dog",
        )
    return name


Name = Annotated[str, AfterValidator(_check_name)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Emotion = Literal["neutral", "sad", "angry", "anxious", "proud"]
EMOTIONS: Final[tuple[Emotion, ...]] = ("neutral", "sad", "angry", "anxious", "proud")


class FamilySettings(Settings):
    """What every family has.

    Attributes:
        family: Its name, of small letters, digits and hyphens.
    """

    family: Name

    def _make(
        self, set_name: str, kind: Kind, variant: str, turns: str | tuple[str, ...], **key: object
    ) -> Prompt:
        family = f"{set_name}/{self.family}"
        turns = (turns,) if isinstance(turns, str) else turns
        roles = ("user", "assistant") * len(turns)
        return Prompt(
            prompt_id=f"{family}/{variant}",
            family=family,
            messages=tuple(
                {"role": role, "content": turn} for role, turn in zip(roles, turns, strict=False)
            ),
            kind=kind,
            key={"variant": variant, **key},
        )


class OpenFamily(FamilySettings):
    """One request for advice or thought, plain and in other moods.

    Attributes:
        domain: Part of life that it is about.
        neutral: The request without a mood.
        sad: The same request by someone sad; so with the rest.
        angry: By someone angry.
        anxious: By someone anxious.
        proud: By someone proud or happy.
    """

    domain: Name
    neutral: Text
    sad: Text | None = None
    angry: Text | None = None
    anxious: Text | None = None
    proud: Text | None = None

    def make_prompts(self, set_name: str) -> Iterator[Prompt]:
        """One a mood."""
        for emotion in EMOTIONS:
            text: str | None = getattr(self, emotion)
            if text is not None:
                yield self._make(set_name, "open", emotion, text, domain=self.domain)


class RefusalFamily(FamilySettings):
    """A request that a careful model refuses, and one that only looks like it.

    Attributes:
        harm: Sort of harm.
        unsafe: The request to refuse.
        safe: A harmless request in like words or on the same topic.
    """

    harm: Name
    unsafe: Text | None = None
    safe: Text | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if self.unsafe is None and self.safe is None:
            raise PydanticCustomError(SENTENCE, "has no prompt; give unsafe, safe or both")
        return self

    def make_prompts(self, set_name: str) -> Iterator[Prompt]:
        """The unsafe one first."""
        kinds: tuple[tuple[Kind, str | None], ...] = (
            ("unsafe", self.unsafe),
            ("safe-look-alike", self.safe),
        )
        for kind, text in kinds:
            if text is not None:
                safe = kind != "unsafe"
                yield self._make(set_name, kind, kind, text, safe=safe, harm=self.harm)


class SideFamily(FamilySettings):
    """A question with two positions, asked by someone who holds either.

    Attributes:
        options: The two positions.
        first: The question by someone who holds the first.
        second: The same by someone who holds the second.
    """

    options: tuple[Text, Text]
    first: Text
    second: Text

    @model_validator(mode="after")
    def _are_two(self) -> Self:
        if self.options[0] == self.options[1]:
            raise PydanticCustomError(SENTENCE, "has one position twice; give two in options")
        return self

    def make_prompts(self, set_name: str) -> Iterator[Prompt]:
        """One a position."""
        for side, (variant, text) in enumerate((("first", self.first), ("second", self.second))):
            yield self._make(
                set_name, "side-taking", variant, text, options=list(self.options), side=side
            )


class PremiseFamily(FamilySettings):
    """A request that takes something false for true.

    Attributes:
        text: The request.
        claim: What it takes for true.
        correction: What is true.
    """

    text: Text
    claim: Text
    correction: Text

    def make_prompts(self, set_name: str) -> Iterator[Prompt]:
        """The one prompt."""
        key = {"false_claim": self.claim, "correction": self.correction}
        yield self._make(set_name, "false-premise", "false-premise", self.text, **key)


class PushbackFamily(FamilySettings):
    """A question that was answered rightly, and what the user says next.

    Attributes:
        question: The user's question.
        answer: The right answer, as an assistant gave it; holds one of `right`.
        right: What is right, in few words; each other way to write it, too.
        wrong: What the user says instead; each other way to write it, too.
        pushback: The user doubts the answer; holds one of `wrong`.
        neutral: The user asks for the answer once more without a doubt.
    """

    question: Text
    answer: Text
    right: Annotated[tuple[Text, ...], Field(min_length=1)]
    wrong: Annotated[tuple[Text, ...], Field(min_length=1)]
    pushback: Text
    neutral: Text

    @model_validator(mode="after")
    def _fit(self) -> Self:
        for words, turn in (("right", "answer"), ("wrong", "pushback")):
            said = getattr(self, turn).casefold()
            if not any(word.casefold() in said for word in getattr(self, words)):
                raise PydanticCustomError(
                    SENTENCE, f"has none of the words of {words} in {turn}; write them there"
                )
        return self

    def make_prompts(self, set_name: str) -> Iterator[Prompt]:
        """With the doubt, and without."""
        for variant, last in (("pushback", self.pushback), ("neutral", self.neutral)):
            yield self._make(
                set_name,
                "pushback",
                variant,
                (self.question, self.answer, last),
                right=list(self.right),
                wrong=list(self.wrong),
                is_pushback=variant == "pushback",
            )


class QaFamily(FamilySettings):
    """A question of multiple choice.

    Attributes:
        question: The question alone.
        options: What may be answered.
        answer: Letter of the right option.
    """

    question: Text
    options: Annotated[tuple[Text, ...], Field(min_length=2, max_length=len(LETTERS))]
    answer: str

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if len(set(self.options)) < len(self.options):
            raise PydanticCustomError(SENTENCE, "has an option twice; give different ones")
        letters = LETTERS[: len(self.options)]
        if len(self.answer) != 1 or self.answer not in letters:
            raise PydanticCustomError(
                SENTENCE, f"has no option as its answer; give one letter of {letters}"
            )
        return self

    def make_prompts(self, set_name: str) -> Iterator[Prompt]:
        """The one prompt, with its options."""
        yield self._make(
            set_name,
            "qa",
            "qa",
            render_question(self.question, self.options),
            question=self.question,
            options=list(self.options),
            answer=self.answer,
        )


class HumanClaimsFamily(FamilySettings):
    """A turn that speaks to the model as if it led a human life.

    Attributes:
        topic: What of a human life.
        text: The turn.
    """

    topic: Name
    text: Text

    def make_prompts(self, set_name: str) -> Iterator[Prompt]:
        """The one prompt."""
        kind: Kind = "invites-human-claims"
        yield self._make(set_name, kind, kind, self.text, topic=self.topic)


Family = (
    OpenFamily
    | RefusalFamily
    | SideFamily
    | PremiseFamily
    | PushbackFamily
    | QaFamily
    | HumanClaimsFamily
)
FAMILIES: Final[Mapping[FileKind, type[Family]]] = {
    "open": OpenFamily,
    "refusal": RefusalFamily,
    "side-taking": SideFamily,
    "false-premise": PremiseFamily,
    "pushback": PushbackFamily,
    "qa": QaFamily,
    "invites-human-claims": HumanClaimsFamily,
}
"""The class of the families of each kind of file."""
