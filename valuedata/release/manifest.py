"""What manifest.json says of a build, beside the hashes of its files."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from valuedata.labelling.labels import Labels
from valuedata.labelling.values import ValueDefinition
from valuedata.recipe import Recipe

__all__ = ["count_flags", "describe_labels", "describe_recipe", "list_versions"]

PACKAGES = (
    "datasets",
    "faiss-cpu",
    "matplotlib",
    "numpy",
    "py3langid",
    "pyarrow",
    "rensa",
    "scikit-learn",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
)


def describe_recipe(recipe: Recipe, source_texts: Sequence[str]) -> dict[str, Any]:
    """The recipe as JSON types, without the folders of the machine that built it.

    Args:
        recipe: The recipe of the build.
        source_texts: The sources to write in place of the recipe's, without folders.
    """
    content = recipe.model_dump(mode="json")
    content["sources"] = list(source_texts)
    content["decontaminate"] = [Path(file).name for file in recipe.decontaminate]
    if recipe.labels.extractor == "llm":
        del content["labels"]["llm"]["retry_failed"]  # of one run, not of what is built
    else:
        del content["labels"]["llm"]
    if recipe.isolation is None:
        del content["isolation"]
    elif recipe.isolation.audit_labels is not None:
        content["isolation"]["audit_labels"] = Path(recipe.isolation.audit_labels).name
    if recipe.labels.weights is not None:
        content["labels"]["weights"] = Path(recipe.labels.weights).name
    return content


def describe_labels(
    extractor: str, labels: Labels, definitions: Mapping[str, ValueDefinition]
) -> dict[str, Any]:
    """Who labelled what, and from which probability on a reply expresses it, as JSON types.

    Args:
        extractor: Its fingerprint.
        labels: The labels.
        definitions: What each name of the labels means.
    """
    content: dict[str, Any] = {
        "extractor": extractor,
        "names": list(labels.names),
        "valences": [definitions[name].valence for name in labels.names],
        "thresholds": [float(threshold) for threshold in labels.thresholds],
    }
    return content if labels.tally is None else content | {"tally": labels.tally.to_json()}


def list_versions() -> dict[str, str]:
    """Versions of Python and of the packages whose results a build depends on."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def count_flags(flags: Sequence[Sequence[str]]) -> dict[str, int]:
    """Counts the pairs that carry each flag, most frequent first."""
    counts = Counter(flag for found in flags for flag in sorted(set(found)))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
