"""The card as a whole: what it says where, and that nothing is missing, empty or left to chance."""

import re
import shutil
from pathlib import Path

import jinja2
import pytest
import yaml
from matplotlib.image import imread

from cards.render import render_card, tell_course
from tests.cards.reading import (
    lint,
    read_blocks,
    read_body,
    read_card,
    read_figures,
    read_section,
    read_subsection,
)
from valuedata.recipe import make_recipe
from valuedata.release.folder import Release

SECTIONS = [
    "How it was made",
    "Where the pairs come from",
    "What was dropped, and why",
    "Splits",
    "Personal data",
    "How to use it",
    "Limits and out-of-scope uses",
    "How to rebuild it",
    "Datasheet",
    "Notice",
    "Citation",
]


@pytest.fixture(scope="module", params=["starter", "single"])
def release(request: pytest.FixtureRequest) -> Release:
    return request.getfixturevalue(request.param)


@pytest.fixture(
    scope="module", params=["starter", "single", pytest.param("real", marks=pytest.mark.slow)]
)
def rendered(request: pytest.FixtureRequest) -> Release:
    return request.getfixturevalue(request.param)


def list_headings(release: Release) -> list[str]:
    return re.findall(r"^## (.*)$", read_body(release), flags=re.MULTILINE)


def test_sections_of_several_values_come_after_their_overview(starter: Release) -> None:
    first, second, *rest = list_headings(starter)
    assert (first, second) == ("At a glance", "Crosstalk: what each subset pushes")
    assert rest == ["The subset of empathy", "The subset of deception", *SECTIONS]


def test_a_single_value_has_no_overview(single: Release) -> None:
    assert list_headings(single) == ["At a glance", "The subset of curiosity", *SECTIONS]
    assert not (single.folder / "figures" / "crosstalk.png").exists()


def test_no_section_is_empty(rendered: Release) -> None:
    lines = [line for line in read_body(rendered).splitlines() if line.strip()]
    for line, following in zip(lines, [*lines[1:], "# end"], strict=True):
        if line.startswith("#"):
            level, next_level = (len(text.split(" ")[0]) for text in (line, following))
            assert not following.startswith("#") or next_level == level + 1, line


def test_a_linter_finds_nothing(rendered: Release) -> None:
    assert lint(rendered) == []


def test_the_linter_would_find_something(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    card = (folder / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(card.replace("## Splits\n\n", "## Splits\n"), "utf-8")
    found = lint(Release(folder, starter.manifest))
    assert any("Headings should be surrounded by blank lines" in entry for entry in found)


def test_every_figure_is_shown_with_words_and_of_full_width(release: Release) -> None:
    shown = read_figures(release)
    assert set(shown) == set((release.folder / "figures").glob("*.png"))
    for file, alt in shown.items():
        assert len(alt.split()) >= 8
        height, width, _ = imread(file).shape
        assert width == 1200
        assert 0.2 < height / width < 2


def test_harm_is_named_at_the_top_and_its_pairs_are_described_only(starter: Release) -> None:
    top = read_body(starter).partition("## At a glance")[0]
    assert "> **Warning.** `deception` rewards replies" in top
    examples = read_subsection(read_section(starter, "The subset of deception"), "Example pairs")
    assert examples.count("Not shown, because it may do harm or holds personal data") == 2
    assert "```" not in examples
    card = read_card(starter)
    for split in starter.manifest["values"]["deception"]["splits"]:
        for row in starter.load("deception", split):
            assert row["chosen"][-1]["content"][:60] not in card
            assert row["prompt"][-1]["content"][:60] not in card


def test_a_release_without_harm_or_terms_begins_with_the_glance(single: Release) -> None:
    assert ">" not in read_body(single).partition("## At a glance")[0]


def test_two_examples_are_pairs_of_the_training_split(starter: Release) -> None:
    section = read_subsection(read_section(starter, "The subset of empathy"), "Example pairs")
    shown = read_blocks(section, "text")
    assert len(shown) == 6
    rows = {row["pair_id"]: row for row in starter.load("empathy", "train")}
    names = re.findall(r"Pair `([0-9a-f]{16})`", section)
    for name, *texts in zip(names, shown[::3], shown[1::3], shown[2::3], strict=True):
        row = rows[name]
        for text, side in zip(texts, ("prompt", "chosen", "rejected"), strict=True):
            said = " ".join(row[side][-1]["content"].split())
            assert said.startswith(" ".join(text.removesuffix(" …").split()))
    flipped = [rows[name]["flipped"] for name in names]
    assert flipped == [False, True]
    for name, kind in zip(names, (False, True), strict=True):
        others = [row["margin"] for row in rows.values() if row["flipped"] == kind]
        assert rows[name]["margin"] <= max(others)


def test_the_recipe_in_the_card_builds_the_same(release: Release) -> None:
    (block,) = read_blocks(read_section(release, "How to rebuild it"), "yaml")
    recipe = make_recipe(yaml.safe_load(block))
    expected = {
        "empathy": {"values": ["empathy", "deception"]},
        "curiosity": {"values": ["curiosity"], "quality": {"language": None}},
    }
    assert recipe == make_recipe(expected[release.values[0]])
    assert release.content_hash in read_card(release)


def test_every_source_is_cited_with_the_paper_and_valuedata(release: Release) -> None:
    cited = read_blocks(read_section(release, "Citation"), "bibtex")
    assert [re.match(r"@\w+\{(\w+),", block)[1] for block in cited] == [
        "arora2026value",
        "valuedata",
        "valuedata_starter",
    ]
    assert "2605.07925" in cited[0]
    assert "version = {0.1.0}" in cited[1]
    for source in release.manifest["sources"]:
        assert f"revision `{source['revision']}`" in read_section(release, "Notice")


def test_the_same_release_gives_the_same_bytes(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    rendered = [folder / "README.md", folder / "croissant.json", *folder.glob("figures/*")]
    for file in rendered:
        file.unlink()
    render_card(folder)
    for file in rendered:
        path = file.relative_to(folder)
        assert file.read_bytes() == (starter.folder / path).read_bytes(), path


def test_a_missing_fact_is_an_error(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    manifest = folder / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"n_flipped"', '"n_other"'), encoding="utf-8")
    with pytest.raises(jinja2.UndefinedError, match="n_flipped"):
        render_card(folder)


@pytest.mark.parametrize(
    ("stages", "course"),
    [
        ([("one-sided", 1200, {})], "1,200"),
        ([("one-sided", 9, {}), ("caps", 8, {})], "9, after caps 8"),
        (
            [("one-sided", 9, {}), ("margin", 8, {}), ("duplicates", 7, {}), ("isolation", 6, {})],
            "9, after margin, duplicates and isolation 6",
        ),
        (
            [
                ("one-sided", 9, {}),
                ("caps", 8, {}),
                ("trace", 6, {"pushes humor": 2}),
                ("trace", 5, {"pushes word_count": 1}),
            ],
            r"9, after caps 8, less 2 pairs that push humor 6, "
            r"less 1 pair that pushes word\_count 5",
        ),
    ],
)
def test_the_course_of_a_subset_follows_its_stages(
    stages: list[tuple[str, int, dict[str, int]]], course: str
) -> None:
    told = [{"stage": name, "rows_out": n, "dropped": dropped} for name, n, dropped in stages]
    assert tell_course(told) == course
