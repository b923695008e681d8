"""croissant.json: what the files of a release are, for tools that read Croissant 1.0."""

import json
from typing import Any, Final

import pyarrow.parquet as pq
from datasets import Features, List, Value

from cards.citations import PAPER
from cards.licences import combine_licences, link_licence
from valuedata.release.folder import Release

__all__ = ["CROISSANT_FILE", "list_columns", "write_croissant"]

CROISSANT_FILE: Final = "croissant.json"

# Source: the @context of the Croissant format specification 1.0, appendix 1.
CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        name: f"cr:{name}"
        for name in (
            "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty",
            "fileObject", "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key",
            "md5", "parentField", "path", "recordSet", "references", "regex", "repeated",
            "replace", "samplingRate", "separator", "source", "subField", "transform",
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}  # fmt: skip
CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
TYPES: Final = {
    "string": "sc:Text",
    "int64": "sc:Integer",
    "float32": "sc:Float",
    "float64": "sc:Float",
    "bool": "sc:Boolean",
}


def write_croissant(release: Release) -> None:
    """Writes croissant.json: every Parquet file with its hash, and a record set a config.

    Raises:
        KeyError: If the manifest lacks a fact that it states.
    """
    manifest = release.manifest
    licences = [source["licence"] for source in manifest["sources"]]
    language = manifest["recipe"]["quality"]["language"]
    title, description = _describe_release(release)
    values = release.targets
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": "-".join((title, *values)),
        "description": f"{description}: {', '.join(values)}",
        "version": f"1.0.0+{release.content_hash[:12]}",
        "citeAs": PAPER,
        "license": link_licence(combine_licences(licences)),
        "isBasedOn": [source["homepage"] for source in manifest["sources"] if source["homepage"]],
        "inLanguage": [] if language is None else [language],
        "keywords": ["preference data", "values", *values],
        "distribution": [
            *(
                _describe_file(path, told)
                for path, told in sorted(manifest["files"].items())
                if path.endswith(".parquet")
            ),
            *(_describe_files(name) for name in release.values),
        ],
        "recordSet": [_describe_records(release, name) for name in release.values],
    }
    text = json.dumps(
        {key: told for key, told in content.items() if told != []}, indent=1, ensure_ascii=False
    )
    (release.folder / CROISSANT_FILE).write_text(text + "\n", encoding="utf-8")


def list_columns(release: Release, name: str) -> Features:
    """The columns of a subset.

    Raises:
        ReleaseError: If the release has no such subset, or its files are missing.
    """
    split = next(iter(release.manifest["values"][name]["splits"]))
    return Features.from_arrow_schema(pq.read_schema(release.files(name, split)[0]))


def _describe_release(release: Release) -> tuple[str, str]:
    """What a release is called, and what its pairs are."""
    if "controls" in release.manifest:
        return (
            "value-subset-controls",
            "Preference pairs to compare subsets of values with, as many in every split, drawn at "
            "random or by length, or the subset with its replies exchanged. Controls of",
        )
    return (
        "value-subsets",
        "Preference pairs in which one reply expresses a value and the other does not",
    )


def _describe_file(path: str, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{told['bytes']} B",
        "encodingFormat": "application/x-parquet",
        "sha256": told["sha256"],
    }


def _describe_files(name: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"files-of-{name}",
        "name": f"files-of-{name}",
        "description": f"The Parquet files of {name}, a part of them for each split.",
        "encodingFormat": "application/x-parquet",
        "includes": f"data/{name}/*.parquet",
    }


def _describe_records(release: Release, name: str) -> dict[str, Any]:
    told = release.manifest["values"][name]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"The {told['n_pairs']} pairs of {name}, of all splits.",
        "field": [
            _describe_split(name),
            *(
                _describe_field(name, column, feature)
                for column, feature in list_columns(release, name).items()
            ),
        ],
    }


def _describe_split(name: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{name}/split",
        "name": "split",
        "dataType": "sc:Text",
        "source": {
            "fileSet": {"@id": f"files-of-{name}"},
            "extract": {"fileProperty": "filename"},
            "transform": {"regex": "([a-z]+)-.*"},
        },
    }


def _describe_field(name: str, column: str, feature: Value | List) -> dict[str, Any]:
    field = {"@type": "cr:Field", "@id": f"{name}/{column}", "name": column}
    source = {"fileSet": {"@id": f"files-of-{name}"}, "extract": {"column": column}}
    if isinstance(feature, Value):
        return {**field, "dataType": TYPES[feature.dtype], "source": source}
    inner = feature.feature
    if isinstance(inner, Value):
        return {**field, "dataType": TYPES[inner.dtype], "repeated": True, "source": source}
    parts = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{column}/{key}",
            "name": key,
            "dataType": TYPES[value.dtype],
            "source": {**source, "transform": {"jsonPath": key}},
        }
        for key, value in inner.items()
    ]
    return {**field, "repeated": True, "subField": parts}
