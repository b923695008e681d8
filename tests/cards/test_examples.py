"""Which pairs a card quotes, by releases of which one fact is changed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cards.examples import choose_examples, find_harmless, quote_line
from cards.render import render_card
from valuedata.release.folder import Release, load_release
from valuedata.release.splits import write_split


def list_places(release: Release, value: str) -> list[tuple[str, int]]:
    return [
        (row["source"], row["source_row"])
        for split in release.manifest["values"][value]["splits"]
        for row in release.load(value, split)
    ]


def test_pairs_near_harm_are_not_quoted(starter: Release) -> None:
    names = starter.manifest["labels"]["names"]
    signs = [names.index(name) for name in ("deception", "violence", "harmlessness", "refusal")]
    harmless = find_harmless(starter)
    assert harmless
    seen = set()
    for row in starter.decisions.to_pylist():
        if row["outcome"] == "kept":
            both = (*row["chosen_probabilities"], *row["rejected_probabilities"])
            most = max(both[sign + side] for sign in signs for side in (0, len(names)))
            quotable = most <= 0.1 and not row["flags"]
            assert ((row["source"], row["source_row"]) in harmless) == quotable
            seen.add(quotable)
    assert seen == {True, False}


def test_pairs_with_personal_data_are_not_quoted(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    table = starter.decisions
    flags = pa.array([["personal data: email"]] * len(table), table.schema.field("flags").type)
    column = table.column_names.index("flags")
    pq.write_table(table.set_column(column, "flags", flags), folder / "decisions.parquet")
    assert not find_harmless(load_release(folder))


def test_of_two_sources_only_the_one_without_red_teaming_is_quoted(
    starter: Release, tmp_path: Path
) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    table = starter.decisions
    names = ["attacks" if row % 2 else "starter" for row in table["source_row"].to_pylist()]
    column = table.column_names.index("source")
    renamed = table.set_column(column, "source", pa.array(names, table.schema.field("source").type))
    pq.write_table(renamed, folder / "decisions.parquet")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (source,) = manifest["sources"]
    manifest["sources"].append({**source, "name": "attacks", "red_teaming": True})
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    expected = {place for place in find_harmless(starter) if place[1] % 2 == 0}
    assert expected
    assert find_harmless(load_release(folder)) == expected


def test_one_pair_of_each_kind_with_the_largest_margins(starter: Release) -> None:
    rows = starter.load("empathy", "train")
    everything = np.ones(len(list_places(starter, "empathy")), dtype=bool)
    found = choose_examples(starter, "empathy", everything)
    assert [example.is_flipped for example in found] == [False, True]
    for example in found:
        same_kind = [row["margin"] for row in rows if row["flipped"] == example.is_flipped]
        assert example.margin == max(same_kind)
        assert example.texts is not None


def test_what_may_be_shown_goes_before_larger_margins(starter: Release) -> None:
    rows = starter.load("empathy", "train")
    least = min(range(len(rows)), key=lambda row: rows["margin"][row])
    showable = np.zeros(len(list_places(starter, "empathy")), dtype=bool)
    showable[least] = True
    found = choose_examples(starter, "empathy", showable)
    shown = [example for example in found if example.texts is not None]
    assert [example.pair_id for example in shown] == [rows[least]["pair_id"]]
    assert len(found) == 2
    (described,) = [example for example in found if example.texts is None]
    (row,) = [row for row in rows if row["pair_id"] == described.pair_id]
    assert described.n_words["rewarded"] == len(row["chosen"][-1]["content"].split())


def test_of_one_kind_alone_two_are_taken(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    flipped = starter.load("empathy", "train").filter(lambda row: row["flipped"])
    write_split(folder / "data" / "empathy", "train", flipped)
    found = choose_examples(load_release(folder), "empathy", np.ones(len(flipped), dtype=bool))
    margins = sorted(flipped["margin"], reverse=True)[:2]
    assert [example.margin for example in found] == margins


def test_a_card_with_nothing_to_quote_has_no_empty_place(starter: Release, tmp_path: Path) -> None:
    folder = shutil.copytree(starter.folder, tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["labels"]["valences"] = ["negative"] * len(manifest["labels"]["names"])
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    render_card(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.count("Not shown, because it may do harm") == 4
    assert "| not shown |" in card
    assert "```text" not in card


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  two\n words ", "two words"),
        ("word " * 30, " ".join(["word"] * 17) + " …"),  # 17 * 5 - 1 + 2 characters
    ],
)
def test_a_line_is_cut_between_words(text: str, line: str) -> None:
    assert quote_line(text) == line
