"""What a card says of facts that its manifest declares: licence, red-teaming, decontamination."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cards.examples import find_harmless
from cards.render import render_card
from tests.cards.reading import (
    lint,
    read_blocks,
    read_body,
    read_card,
    read_front_matter,
    read_section,
)
from valuedata.release.folder import Release, load_release

UNCHECKED = "Overlap with evaluation prompts was not checked."


def edit_release(release: Release, folder: Path, edit: Callable[[dict[str, Any]], None]) -> Release:
    """A copy of a release whose manifest is changed, rendered anew."""
    shutil.copytree(release.folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    edit(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    render_card(folder)
    return load_release(folder)


def declare(manifest: dict[str, Any]) -> None:
    manifest["sources"][0] |= {
        "licence": "CC-BY-NC-4.0",
        "red_teaming": True,
        "citation": "@misc{x,\n  note = {```}\n}",
    }
    manifest["recipe"]["decontaminate"] = ["evaluation.jsonl"]


def forget_refusal(manifest: dict[str, Any]) -> None:
    names = manifest["labels"]["names"]
    names[names.index("refusal")] = "answers-late"


@pytest.fixture(scope="module")
def declared(starter: Release, tmp_path_factory: pytest.TempPathFactory) -> Release:
    return edit_release(starter, tmp_path_factory.mktemp("declared") / "out", declare)


def test_a_non_commercial_source_is_named_where_it_matters(declared: Release) -> None:
    assert read_front_matter(declared)["license"] == "cc-by-nc-4.0"
    sentence = "Source starter is under CC-BY-NC-4.0: non-commercial, no commercial use of the data"
    assert f"> **Licence.** {sentence}." in read_body(declared).partition("## At a glance")[0]
    assert "Anything commercial." in read_section(declared, "At a glance")
    assert "starter (CC-BY-NC-4.0): non-commercial" in read_section(
        declared, "Limits and out-of-scope uses"
    )
    assert "Licence of the whole: `cc-by-nc-4.0`" in read_section(declared, "Datasheet")
    assert lint(declared) == []


def test_red_teaming_is_described_and_never_quoted(declared: Release, starter: Release) -> None:
    assert find_harmless(starter)
    assert not find_harmless(declared)
    card = read_card(declared)
    assert "```text" not in card
    assert card.count("Not shown, because it may do harm or holds personal data:") == 4
    for row in starter.load("empathy", "train"):
        assert row["prompt"][-1]["content"][:60] not in card


def test_decontamination_is_claimed_where_prompts_were_given(
    declared: Release, starter: Release
) -> None:
    made = read_section(declared, "How it was made")
    assert "and near duplicates, and overlap with evaluation prompts left " in made
    assert UNCHECKED not in made
    made = read_section(starter, "How it was made")
    assert "Quality filters, and contradictory, exact and near duplicates left " in made
    assert UNCHECKED in made


def test_a_citation_stays_in_its_block(declared: Release) -> None:
    assert "````bibtex\n@misc{x,\n  note = {```}\n}\n````" in read_section(declared, "Citation")
    assert len(read_blocks(read_section(declared, "Citation"), "bibtex")) == 2


def test_without_every_sign_of_harm_nothing_is_shown(starter: Release, tmp_path: Path) -> None:
    release = edit_release(starter, tmp_path / "out", forget_refusal)
    assert not find_harmless(release)
    card = read_card(release)
    assert "```text" not in card
    assert card.count("Not shown: harm was not labelled: the prompt ends") == 4
    assert "| not shown: harm was not labelled |" in card
    assert "| not shown |" not in card
    assert lint(release) == []
