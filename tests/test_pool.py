"""Where the sources of a release are now."""

from pathlib import Path

import pytest

from valuedata.errors import SourceError
from valuedata.pool import find_sources
from valuedata.recipe import make_recipe
from valuedata.release.folder import Release

NAMES = ("my data", "org/name", "org/name:small", "a", "a=b")


def test_the_advice_of_a_missing_source_can_be_followed_whatever_its_name(tmp_path: Path) -> None:
    sources = [{"name": name, "location": "gone.jsonl"} for name in NAMES]
    release = Release(tmp_path, {"sources": sources})
    recipe = make_recipe({"values": ["empathy"], "sources": [f"gone/{n}.jsonl" for n in "12345"]})
    with pytest.raises(SourceError, match=r"give --source my data=PATH\.$"):
        find_sources(release, recipe, [])
    files = [tmp_path / f"{number}.jsonl" for number in range(len(NAMES))]
    for file in files:
        file.touch()
    given = [f"{name}={file}" for name, file in zip(NAMES, files, strict=True)]
    found = find_sources(release, recipe, given[::-1])
    assert [(source.name, source.files) for source in found] == [
        (name, (file,)) for name, file in zip(NAMES, files, strict=True)
    ]
