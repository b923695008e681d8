import re
import shutil
from pathlib import Path

import jinja2
import pytest
import yaml
from matplotlib.image import imread

from cards.markdown import escape_cell, fence
from cards.render import render_card
from valuedata.recipe import make_recipe
from valuedata.release.folder import Release


@pytest.fixture(scope="module")
def card(starter: Release) -> str:
    return (starter.folder / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def front_matter(card: str) -> dict:
    return yaml.safe_load(card.split("---")[1])


def test_front_matter_names_a_config_a_value_with_its_splits(
    starter: Release, front_matter: dict
) -> None:
    assert [config["config_name"] for config in front_matter["configs"]] == list(starter.values)
    for config in front_matter["configs"]:
        for file in config["data_files"]:
            assert list(starter.folder.glob(file["path"]))
    assert front_matter["license"] == "apache-2.0"
    assert front_matter["language"] == ["en"]
    assert front_matter["size_categories"] == ["n<1K"]
    assert {"trl", "dpo", "preference", "empathy", "deception"} <= set(front_matter["tags"])


def test_sizes_in_the_card_are_those_of_the_parquet(starter: Release, card: str) -> None:
    for value in starter.values:
        rows = {split: starter.load(value, split) for split in ("train", "validation", "test")}
        flipped = sum(sum(split["flipped"]) for split in rows.values())
        sizes = [len(split) for split in rows.values()]
        numbers = " | ".join(str(n) for n in (sum(sizes), flipped, *sizes))
        assert f"| `{value}` | {numbers} |" in card


def test_drops_in_the_card_are_those_of_the_decisions(starter: Release, card: str) -> None:
    reasons = starter.decisions.column("reason").to_pylist()
    for reason in ("cut-off text", "empty turn", "contradictory duplicate", "near duplicate"):
        assert f"{reason}: {reasons.count(reason)}" in card
        assert reasons.count(reason)


def test_harmful_examples_are_not_shown(starter: Release, card: str) -> None:
    section = card.split("### deception")[1].split("## Where")[0]
    assert "no example is shown" in section
    assert "```" not in section
    for row in starter.load("deception", "train"):
        assert row["chosen"][0]["content"] not in card


def test_the_example_is_a_pair_of_the_training_split(starter: Release, card: str) -> None:
    section = card.split("### empathy")[1].split("### deception")[0]
    blocks = re.findall(r"```text\n(.*?)\n```", section, flags=re.DOTALL)
    assert len(blocks) == 3
    shown = [block.removesuffix(" …") for block in blocks]
    assert any(
        row["prompt"][-1]["content"].startswith(shown[0])
        and row["chosen"][-1]["content"].startswith(shown[1])
        and row["rejected"][-1]["content"].startswith(shown[2])
        for row in starter.load("empathy", "train")
    )


def test_the_recipe_in_the_card_builds_the_same(starter: Release, card: str) -> None:
    block = re.search(r"```yaml\n(.*?)\n```", card, flags=re.DOTALL)
    assert block
    recipe = make_recipe(yaml.safe_load(block[1]))
    assert recipe == make_recipe({"values": ["empathy", "deception"]})
    assert starter.content_hash in card


def test_no_section_is_empty(card: str) -> None:
    assert not re.search(r"^(#+) .*\n+\1 ", card, flags=re.MULTILINE)


def test_the_figure_is_readable_at_full_width(starter: Release) -> None:
    height, width, _ = imread(starter.folder / "figures" / "sides.png").shape
    assert width == 1200
    assert 0.3 < height / width < 1


def test_a_missing_fact_is_an_error(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    manifest = folder / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"n_flipped"', '"n_other"'), encoding="utf-8")
    with pytest.raises(jinja2.UndefinedError, match="n_flipped"):
        render_card(folder)


def test_names_from_data_are_plain_text() -> None:
    assert escape_cell("a|b\x1b[2J\n![x](y) <b> `c` *d_e*\\") == (
        "a\\|b\ufffd\\[2J \\!\\[x\\](y) \\<b\\> \\`c\\` \\*d\\_e\\*\\\\"
    )


def test_a_block_is_longer_than_the_fences_in_it() -> None:
    assert fence("```\nx", "yaml") == "````yaml\n```\nx\n````"
