"""Prompt sets by name: those bundled here, files of the user's own, and public ones."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from evaluation.prompts.families import FAMILIES, Family, FileKind, Name, Text
from evaluation.prompts.public import load_public_set
from evaluation.prompts.public_table import PUBLIC_SETS
from evaluation.prompts.records import KINDS, Kind, Prompt, PromptSet, find_half_pair
from valuedata.errors import PromptError, name_nearest
from valuedata.settings import SENTENCE, Settings

__all__ = [
    "KINDS",
    "Kind",
    "Prompt",
    "PromptSet",
    "list_bundled",
    "load_prompt_sets",
    "read_prompt_file",
]

BUNDLED: Final = Path(__file__).parent
ORDER: Final = (
    "open",
    "refusal",
    "side-taking",
    "false-premise",
    "pushback",
    "human-claims",
    "qa",
)
SUFFIXES: Final = (".yaml", ".yml", ".json")


class PromptFile(Settings):
    """A file of prompts.

    Attributes:
        name: Name of the set.
        kind: Which families it holds.
        measures: What the set is for, in one sentence.
        licence: SPDX identifier.
        citation: BibTeX, or how else to name the writer.
        families: The families, not yet validated.
    """

    name: Name
    kind: FileKind
    measures: Text
    licence: Text
    citation: Text
    families: list[dict[str, Any]]


def list_bundled() -> tuple[str, ...]:
    """Names of the bundled sets, in the order in which an evaluation takes them."""
    return ORDER


def load_prompt_sets(names: Sequence[str] = ORDER) -> list[PromptSet]:
    """Loads prompt sets.

    Args:
        names: Of each, a bundled set; a YAML or JSON file of one's own; a public set as
            "NAME=PATH" with a local file or folder, or as its name or Hub id, with "@revision"
            where another than the newest is wanted. Without any, all bundled sets.

    Raises:
        PromptError: If a set is unknown, cannot be read, is no set of prompts, or is named twice.
        SourceError: If a file or the Hub cannot be read.
    """
    if not names:
        raise PromptError("No prompt set is named; give one, or leave the option out for all.")
    sets = [_load_set(name) for name in names]
    name, count = Counter(found.name for found in sets).most_common(1)[0]
    if count > 1:
        raise PromptError(f"Prompt set {name!r} is given {count} times; give each once.")
    return sets


def _load_set(name: str) -> PromptSet:
    if name in ORDER:
        return read_prompt_file(BUNDLED / f"{name}.yaml", "bundled with valuedata")
    path = Path(name)
    if path.suffix.lower() in SUFFIXES and name.partition("=")[0] not in PUBLIC_SETS:
        return read_prompt_file(path, path.name)
    found = load_public_set(name)
    if found is None:
        raise PromptError(
            f"Prompt set {name!r} is unknown ({name_nearest(name, (*ORDER, *PUBLIC_SETS))}); "
            "`valuedata prompts` lists all, and a YAML file of your own works too."
        )
    return found


def read_prompt_file(path: Path, source: str) -> PromptSet:
    """Reads a set of prompts in the format of the bundled ones.

    Args:
        path: YAML or JSON.
        source: What the set says of where it is from.

    Raises:
        PromptError: If it cannot be read, or is no valid set of prompts.
    """
    content = _read_content(path)
    try:
        file = PromptFile.model_validate(content)
    except ValidationError as error:
        raise PromptError(f"Prompt file {path}{_explain(error, PromptFile)}") from error
    if not file.families:
        raise PromptError(f"Prompt file {path} holds no family; give at least one.")
    prompts = [
        prompt for family in _read_families(path, file) for prompt in family.make_prompts(file.name)
    ]
    _refuse_doubled_texts(path, prompts)
    return PromptSet(
        name=file.name,
        prompts=tuple(prompts),
        licence=file.licence,
        citation=file.citation,
        source=source,
        measures=file.measures,
    )


class UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error, for the first would be lost unseen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # no key that a mapping can have, which yaml says itself
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key.value!r} stands twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _read_content(path: Path) -> Mapping[str, Any]:
    is_json = path.suffix.lower() == ".json"
    form = "JSON" if is_json else "YAML"
    try:
        text = path.read_text(encoding="utf-8")
        # not all JSON is YAML: its escapes of characters beyond U+FFFF come in pairs
        content = _parse_json(text) if is_json else yaml.load(text, Loader=UniqueKeyLoader)  # noqa: S506 - a safe one
        broken = find_half_pair(content)
    except OSError as error:
        raise PromptError(
            f"Prompt file {path} cannot be read ({error.strerror}); give the path of a {form} file."
        ) from error
    except RecursionError as error:
        raise PromptError(
            f"Prompt file {path} is nested too deeply, or holds itself; write name, kind and so on."
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise PromptError(f"Prompt file {path} is not valid {form} ({reason}); mend it.") from error
    if not isinstance(content, dict):
        raise PromptError(f"Prompt file {path} is no set of prompts; write name, kind and so on.")
    if broken is not None:
        raise PromptError(
            f"Prompt file {path} holds half of a surrogate pair in {broken!a:.60}; write the "
            "character itself."
        )
    return content


def _parse_json(text: str) -> Any:  # noqa: ANN401
    def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        key, count = Counter(key for key, _ in pairs).most_common(1)[0] if pairs else ("", 0)
        if count > 1:
            raise ValueError(f"key {key!r} stands twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=make_object)


def _read_families(path: Path, file: PromptFile) -> list[Family]:
    model = FAMILIES[file.kind]
    families: dict[str, Family] = {}
    for number, content in enumerate(file.families, start=1):
        name = content.get("family", f"number {number} of the file")
        try:
            family = model.model_validate(content)
        except ValidationError as error:
            raise PromptError(
                f"Prompt file {path}: family {name}{_explain(error, model)}"
            ) from error
        if family.family in families:
            raise PromptError(
                f"Prompt file {path} has family {name} twice; give each a name of its own."
            )
        families[family.family] = family
    return list(families.values())


def _refuse_doubled_texts(path: Path, prompts: Sequence[Prompt]) -> None:
    seen: dict[str, str] = {}
    for prompt in prompts:
        text = json.dumps(prompt.messages)
        if text in seen:
            raise PromptError(
                f"Prompt file {path}: {prompt.prompt_id} says the same as {seen[text]}; "
                "leave one out."
            )
        seen[text] = prompt.prompt_id


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == SENTENCE:
        return f" {first['msg']}."
    if first["type"] == "extra_forbidden":
        return f" has an unknown key {key!r}; {name_nearest(key, model.model_fields)}"
    if first["type"] == "missing":
        return f" lacks the key {key!r}; write it."
    return f" has a wrong {key!r}: {first['msg']}; mend it."
