"""The YAML at the head of a card, as the Hub reads it."""

from typing import Any

import pyarrow as pa
from datasets import Dataset, DatasetInfo
from datasets.info import DatasetInfosDict
from datasets.splits import SplitDict, SplitInfo
from huggingface_hub import DatasetCardData

from cards.licences import combine_licences
from valuedata.release.folder import Release, read_table

__all__ = ["make_front_matter"]

# Source: huggingface_hub, DatasetCardData, size_categories.
SIZES = {
    "n<1K": 10**3,
    "1K<n<10K": 10**4,
    "10K<n<100K": 10**5,
    "100K<n<1M": 10**6,
    "1M<n<10M": 10**7,
    "10M<n<100M": 10**8,
}
HUB = "https://huggingface.co/datasets/"
ELSEWHERE = "extended|other"  # data that were taken from somewhere else than the Hub


def make_front_matter(release: Release) -> str:
    """Writes the YAML between the marks of the front matter.

    Raises:
        ReleaseError: If a file of the release is missing or damaged.
    """
    manifest = release.manifest
    n_pairs = sum(subset["n_pairs"] for subset in manifest["values"].values())
    language = manifest["recipe"]["quality"]["language"]
    facts: dict[str, Any] = {} if language is None else {"language": [language]}
    data = DatasetCardData(
        **facts,
        license=combine_licences(source["licence"] for source in manifest["sources"]),
        pretty_name=("Controls: " if "controls" in manifest else "Value subsets: ")
        + ", ".join(release.targets),
        annotations_creators=["machine-generated"],
        source_datasets=_list_sources(release),
        task_categories=["text-generation"],
        size_categories=[_name_size(n_pairs)],
        tags=_list_tags(release),
        configs=[_describe_config(release, name) for name in release.values],
    )
    DatasetInfosDict(
        {name: _describe_info(release, name) for name in release.values}
    ).to_dataset_card_data(data)
    return data.to_yaml(line_break="\n") + "\n"


def _list_sources(release: Release) -> list[str]:
    """Hub ids of the sources that have one."""
    homepages = [source["homepage"] or "" for source in release.manifest["sources"]]
    names = [page.removeprefix(HUB) if page.startswith(HUB) else ELSEWHERE for page in homepages]
    return list(dict.fromkeys(names))


def _list_tags(release: Release) -> list[str]:
    control = ["control"] if "controls" in release.manifest else []
    warning = ["not-for-all-audiences"] if release.harmful else []
    return ["trl", "dpo", "preference", "valuedata", *control, *release.targets, *warning]


def _describe_config(release: Release, name: str) -> dict[str, Any]:
    files = [
        {"split": split, "path": f"data/{name}/{split}-*.parquet"}
        for split in release.manifest["values"][name]["splits"]
    ]
    return {"config_name": name, "data_files": files}


def _describe_info(release: Release, name: str) -> DatasetInfo:
    files = {
        split: release.files(name, split) for split in release.manifest["values"][name]["splits"]
    }
    tables = {
        split: pa.concat_tables([read_table(release, file) for file in found])
        for split, found in files.items()
    }
    splits = SplitDict()
    for split, table in tables.items():
        splits.add(SplitInfo(split, num_bytes=table.nbytes, num_examples=len(table)))
    first = next(iter(tables.values()))
    return DatasetInfo(
        features=Dataset(first).features,
        splits=splits,
        download_size=sum(file.stat().st_size for found in files.values() for file in found),
        dataset_size=sum(table.nbytes for table in tables.values()),
    )


def _name_size(n_pairs: int) -> str:
    return next((name for name, limit in SIZES.items() if n_pairs < limit), "100M<n<1B")
