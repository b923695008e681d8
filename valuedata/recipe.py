"""The frozen, validated configuration of a build; every default of a build lives here."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from valuedata.errors import RecipeError, name_nearest
from valuedata.seeds import MAX_SEED
from valuedata.settings import (
    SENTENCE,
    IsolationSettings,
    LlmSettings,
    Settings,
    Share,
    check_extractor,
)

__all__ = [
    "ALL_VALUES",
    "DedupSettings",
    "LabelSettings",
    "QualitySettings",
    "Recipe",
    "SelectionSettings",
    "SplitSettings",
    "load_recipe",
    "make_recipe",
    "read_yaml",
    "replace_settings",
]

ALL_VALUES = "all"


class QualitySettings(Settings):
    """Thresholds of the quality filters; each applies to both replies unless it says otherwise.

    Attributes:
        language: ISO 639-1 code that prompt and replies are wanted in; null keeps every language.
        min_language_bytes: Texts with less prose, in bytes of UTF-8, are not judged by language,
            because a detector guesses there.
        min_reply_characters: Shortest reply, in visible characters without white space around.
        max_reply_characters: Longest reply, in characters.
        max_prompt_characters: Longest prompt over all its messages, in characters.
        max_length_ratio: Longest reply divided by the shortest, both in characters plus 50, so that
            two short replies are not dropped for a few words.
        max_repeated_share: Largest share of a reply's words inside word 5-grams that it said
            before, or of its characters inside a loop without spaces.
        max_garbled_share: Largest share of replacement, control and mis-decoded characters.
        drop_cut_off: Drop pairs in which a reply stops in the middle of a sentence.
        drop_personal_data: Drop pairs with personal data instead of flagging them.
    """

    language: Annotated[str, Field(pattern="^[a-z]{2}$")] | None = "en"
    min_language_bytes: Annotated[int, Field(ge=1)] = 40
    min_reply_characters: Annotated[int, Field(ge=1)] = 2
    max_reply_characters: Annotated[int, Field(ge=1)] = 8_000
    max_prompt_characters: Annotated[int, Field(ge=1)] = 16_000
    max_length_ratio: Annotated[float, Field(ge=1.0)] = 10.0
    max_repeated_share: Share = 0.5
    max_garbled_share: Share = 0.002
    drop_cut_off: bool = True
    drop_personal_data: bool = False


class DedupSettings(Settings):
    """When two pairs count as the same.

    Attributes:
        near_jaccard: Pairs are near-duplicates from this Jaccard similarity of their word
            3-shingles.
        semantic_cosine: Selected pairs are semantic duplicates when both rewarded replies and both
            other replies, each read with its prompt, reach this cosine.
        warn_share: Losing more than this share of the rows raises a warning.
        contamination_ngram: Word n-gram that a pair may not share with an evaluation prompt.
    """

    near_jaccard: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    semantic_cosine: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    warn_share: Share = 0.3
    contamination_ngram: Annotated[int, Field(ge=2)] = 8


class LabelSettings(Settings):
    """Which extractor labels the replies.

    Attributes:
        extractor: The packaged kind of classifier, or a language model behind a server.
        weights: Folder with the classifier's weights; null takes the ones that ship in the package.
        precision: Arithmetic of the encoder; "auto" is bfloat16 where the hardware multiplies in
            it, else float32, and the manifest says which it was.
        llm: The language model, for the extractor "llm" alone.
    """

    extractor: Literal["classifier", "llm"] = "classifier"
    weights: str | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    llm: LlmSettings = LlmSettings()

    @model_validator(mode="after")
    def _check_extractor(self) -> Self:
        check_extractor(self.extractor, self.weights, self.llm)
        return self


class SelectionSettings(Settings):
    """Which one-sided pairs enter the subset of a value.

    Attributes:
        min_pairs: "all" builds every value that reaches this many one-sided pairs (500 in the
            paper).
        min_margin: Smallest p(rewarded) - p(other) of the value.
        max_pairs: Largest subset; the largest margins are kept. Null sets no limit.
        max_source_share: Largest share of `max_pairs` that one source may fill.
        max_cluster_share: Largest share of `max_pairs` that one cluster of prompts may fill.
    """

    min_pairs: Annotated[int, Field(ge=1)] = 100
    min_margin: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    max_pairs: Annotated[int, Field(ge=1)] | None = None
    max_source_share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    max_cluster_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.2


class SplitSettings(Settings):
    """Sizes of the splits; training gets the rest.

    Attributes:
        validation: Share of the pairs held out for validation.
        test: Share of the pairs held out for testing.
        near_prompt_jaccard: Prompts from this Jaccard similarity of their word 3-shingles share a
            split.
    """

    validation: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.1
    test: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.1
    near_prompt_jaccard: Annotated[float, Field(gt=0.0, le=1.0)] = 0.6


class Recipe(Settings):
    """Everything that decides what a build selects.

    Attributes:
        values: Names of the values, each once, or ("all",).
        sources: Known names, Hub data sets "org/name[:config][@revision]", local paths, or
            "NAME=PATH".
        format: Format of every source's rows; null detects it by columns.
        seed: Seed of everything random.
        max_bad_rows: A source with a larger share of bad rows stops the build.
        decontaminate: Files of evaluation prompts that no pair may overlap with.
        isolation: How side effects are held down; null holds none.
    """

    values: Annotated[tuple[str, ...], Field(min_length=1)]
    sources: Annotated[tuple[str, ...], Field(min_length=1)] = ("starter",)
    format: str | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    max_bad_rows: Share = 0.01
    decontaminate: tuple[str, ...] = ()
    quality: QualitySettings = QualitySettings()
    dedup: DedupSettings = DedupSettings()
    labels: LabelSettings = LabelSettings()
    selection: SelectionSettings = SelectionSettings()
    isolation: IsolationSettings | None = None
    splits: SplitSettings = SplitSettings()

    @field_validator("values")
    @classmethod
    def _name_once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        distinct = tuple(dict.fromkeys(values))
        if ALL_VALUES in distinct and len(distinct) > 1:
            raise PydanticCustomError(
                "all_and_others", "'all' stands for every value; name 'all' alone or without it"
            )
        return distinct

    def to_yaml(self) -> str:
        """The recipe as YAML that `load_recipe` reads back."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

    def updated(self, changes: dict[str, Any]) -> Self:
        """The recipe with some settings replaced, validated anew.

        Args:
            changes: Dotted setting name to new value, such as {"selection.min_margin": 0.1}.

        Raises:
            RecipeError: If a name or a value is not allowed.
        """
        return self.__class__(**make_recipe(self.model_dump(), changes).model_dump())


def make_recipe(content: Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> Recipe:
    """Validates the content of a recipe.

    Args:
        content: Settings, those of a group in a mapping of their own.
        changes: Dotted setting name to the value that it gets instead, before anything is checked.

    Raises:
        RecipeError: If a key or a value is not allowed; the message names the nearest key.
    """
    return _validate(replace_settings(content, changes or {}))


def load_recipe(path: Path, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Reads a recipe from a YAML file.

    Args:
        path: The file.
        changes: Dotted setting name to the value that it gets instead, before anything is checked.

    Raises:
        RecipeError: If the file cannot be read, is no YAML mapping, or holds a wrong key or value.
    """
    content = read_yaml(path, "Recipe", "settings, such as 'values: [empathy]'")
    return make_recipe(content, changes)


def read_yaml(path: Path, what: str, holds: str) -> dict[str, Any]:
    """Reads a YAML mapping.

    Args:
        path: The file.
        what: What the file is, as an error calls it.
        holds: What it must map, as an error says it.

    Raises:
        RecipeError: If the file cannot be read or is no YAML mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(
            f"{what} {path} cannot be read ({error.strerror}); give the path of a YAML file."
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise RecipeError(f"{what} {path} is not valid YAML ({reason}); mend it.") from error
    if not isinstance(content, dict):
        raise RecipeError(f"{what} {path} must be a mapping of {holds}; mend it.")
    return content


def replace_settings(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with the changes; a group that is no group stays, for the validation to refuse."""
    result = dict(content)
    for name, value in changes.items():
        key, _, rest = name.partition(".")
        if not rest:
            result[key] = value
            continue
        group = {} if result.get(key) is None else result[key]
        if isinstance(group, Mapping):
            result[key] = replace_settings(group, {rest: value})
    return result


def _validate(content: Mapping[str, Any]) -> Recipe:
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        if first["type"] == "extra_forbidden":
            known = _settings_at(place[:-1])
            raise RecipeError(
                f"Recipe key {'.'.join(place)!r} is unknown; {name_nearest(place[-1], known)}"
            ) from error
        raise RecipeError(_explain(".".join(place), first)) from error


def _explain(key: str, found: ErrorDetails) -> str:
    given = found["input"]
    if found["type"] == SENTENCE:
        return f"Recipe key {key!r} {found['msg']}."
    if key == "isolation.mode" and found["type"] == "missing":
        return f"Recipe key {key!r} is missing; give --isolate, or write 'mode: subset' or weights."
    if found["type"] == "missing":
        return f"Recipe key {key!r} is missing; write for example '{key}: [empathy]'."
    if found["type"] == "tuple_type":
        items = given if isinstance(given, str) else "first, second"
        return f"Recipe key {key!r} cannot be {given!r}; write a list, such as [{items}]."
    return f"Recipe key {key!r} cannot be {given!r}: {found['msg']}."


def _settings_at(groups: list[str]) -> Iterator[str]:
    model: type[BaseModel] = Recipe
    for group in groups:
        annotation = model.model_fields[group].annotation
        if annotation == IsolationSettings | None:
            annotation = IsolationSettings
        assert isinstance(annotation, type)  # noqa: S101 - only groups of settings forbid extra keys
        model = annotation
    return iter(model.model_fields)
