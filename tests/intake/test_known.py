"""The table of known sources."""

import re

import pytest

from valuedata.intake.formats import FORMATS
from valuedata.intake.known import KNOWN_SOURCES


@pytest.mark.parametrize("source", KNOWN_SOURCES.values(), ids=str)
def test_entries_are_complete(source):
    assert source.format in FORMATS
    assert (source.repository is None) != (source.file is None)
    assert source.homepage is None or source.homepage.endswith(source.repository)
    assert source.citation.count("{") == source.citation.count("}")
    assert re.match(r"@\w+\{\w+,\n", source.citation)


@pytest.mark.parametrize(
    ("name", "licence", "papers"),
    [
        ("starter", "Apache-2.0", []),
        ("hh-rlhf", "MIT", ["2204.05862"]),
        ("pku-saferlhf", "CC-BY-NC-4.0", ["2406.15513"]),
        ("ultrafeedback", "MIT", ["2310.01377", "2310.16944"]),
        ("helpsteer2", "CC-BY-4.0", ["2406.08673"]),
    ],
)
def test_licences_and_papers(name, licence, papers):
    assert KNOWN_SOURCES[name].licence == licence
    assert re.findall(r"\d{4}\.\d{5}", KNOWN_SOURCES[name].citation) == papers
