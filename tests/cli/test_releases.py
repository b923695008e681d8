"""Exact output of inspect, why and diff on a release made by hand."""

import json
import shutil

import pytest

from tests.builders import make_pairs, write_release
from valuedata.release.folder import Release

IDS = [pair["pair_id"] for pair in make_pairs()]

INSPECTED = """\
empathy-release: 3 files verified, content {content}

Values
value     pairs   splits                  flipped   median margin
─────────────────────────────────────────────────────────────────
empathy       3   train 2, validation 1       33%            0.50

Largest clusters
empathy: question 3

Sources
source   rows   pairs   bad   kept   licence   revision
───────────────────────────────────────────────────────
talk        9       8     1      3   CC0-1.0   -

Rows
stage                 what became of them          rows
───────────────────────────────────────────────────────
intake                not valid JSON                  1
exact duplicates      same text                       1
quality               not in the wanted language      1
one-sided             value in both replies           1
one-sided             value in neither reply          1
semantic duplicates   same meaning                    1
release               kept                            3
                      all that came in                9

Examples
empathy: {first} from talk, margin 0.80
  prompt    Question 2?
  rewarded  Kind words to Question 2?
  other     Cold words to Question 2?
empathy: {second} from talk, margin 0.50, flipped
  prompt    Question 3?
  rewarded  Cold words to Question 3?
  other     Kind words to Question 3?
"""


def test_inspect(run_at, release: Release) -> None:
    result = run_at("inspect", "empathy-release")
    assert result.output == INSPECTED.format(
        content=release.content_hash[:16], first=IDS[2], second=IDS[3]
    )
    assert result.exit_code == 0


def test_inspect_for_scripts(run_at, release: Release) -> None:
    content = json.loads(run_at("inspect", "empathy-release", "--json").stdout)
    assert content["content_hash"] == release.content_hash
    assert content["n_files_verified"] == 3
    assert (content["rows"]["in"], content["rows"]["kept"]) == (9, 3)
    assert sum(drop["n_rows"] for drop in content["rows"]["dropped"]) == 6
    assert [example["pair_id"] for example in content["examples"]] == [IDS[2], IDS[3]]


def test_inspect_finds_a_changed_byte(run, release: Release, tmp_path) -> None:
    shutil.copytree(release.folder, tmp_path / "copy")
    file = tmp_path / "copy" / "data" / "empathy" / "train-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    result = run("inspect", "copy")
    assert result.stderr == (
        "Error: Release copy is damaged: data/empathy/train-00000-of-00001.parquet has changed; "
        "build or download it again.\n"
    )
    assert (result.stdout, result.exit_code) == ("", 2)


def test_a_folder_that_is_no_release(run, tmp_path) -> None:
    (tmp_path / "notes").mkdir()
    result = run("inspect", "notes")
    assert result.stderr == (
        "Error: notes is not a release: it has no manifest.json; give a folder that "
        "`valuedata build` wrote.\n"
    )
    assert result.exit_code == 2


WHY_KEPT = """\
{id} (talk:2)
  kept
  passed: intake, exact duplicates, quality
  found in it: email
  empathy: kept
    passed: one-sided, semantic duplicates; margin 0.800; not flipped; cluster question; split train

value     p(chosen)   p(rejected)   threshold   expressed in
────────────────────────────────────────────────────────────
empathy       0.900         0.100       0.500   chosen
humor         0.500         0.000       0.500   chosen
"""

WHY_TWICE = """\
{id} (talk:0)
  dropped at quality: not in the wanted language
  the last turn of its prompt begins: Hello?
  passed: intake, exact duplicates

{id} (talk:1)
  dropped at exact duplicates: same text of {id} (talk:0)
  the last turn of its prompt begins: Hello?
  passed: intake
"""

WHY_BROKEN = """\
talk:8
  dropped at intake: not valid JSON
  the row begins: {"prompt": "Broken
  passed: no stage
"""

WHY_MANY = """\
3 pairs match; name one of them:
  {} (talk:2): kept
  {} (talk:3): kept
  {} (talk:6): kept
"""


@pytest.mark.parametrize(
    ("query", "output"),
    [
        ("talk:2", WHY_KEPT.format(id=IDS[2])),
        (IDS[0][:8], WHY_TWICE.format(id=IDS[0])),
        ("talk:8", WHY_BROKEN),
        ("words to", WHY_MANY.format(IDS[2], IDS[3], IDS[6])),
    ],
)
def test_why(run_at, query: str, output: str) -> None:
    result = run_at("why", "empathy-release", query)
    assert (result.output, result.exit_code) == (output, 0)


def test_why_of_a_semantic_duplicate_names_what_it_duplicates(run_at) -> None:
    output = run_at("why", "empathy-release", "talk:7").output
    twin = f"dropped at semantic duplicates: same meaning of {IDS[6]} (talk:6)"
    assert f"  {twin}\n" in output
    assert f"  empathy: {twin}\n    passed: one-sided; margin 0.200; not flipped\n" in output


def test_why_lists_ten_matches_at_most(run_at, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valuedata.cli.lives.N_MATCHES", 2)
    output = run_at("why", "empathy-release", "words to").output
    assert output.splitlines()[0] == "3 pairs match; name one of them:"
    assert output.splitlines()[-1] == "  and 1 more rows"


def test_why_for_scripts(run_at) -> None:
    (life,) = json.loads(run_at("why", "empathy-release", "talk:3", "--json").stdout)
    assert life["row"] == {"source": "talk", "source_row": 3, "pair_id": IDS[3]}
    assert life["fates"][0]["split"] == "train"
    matches = json.loads(run_at("why", "empathy-release", "words to", "--json").stdout)
    assert matches["n_matches"] == 3
    assert matches["matches"][0] == {"source": "talk", "source_row": 2, "pair_id": IDS[2]}


def test_why_of_what_is_not_there(run_at) -> None:
    result = run_at("why", "empathy-release", "Question 40")
    assert result.stderr == (
        "Error: Nothing in empathy-release matches 'Question 40'; give a pair id, SOURCE:ROW, text "
        "of a kept pair, or text from the beginning of a dropped one.\n"
    )
    assert (result.stdout, result.exit_code) == ("", 2)


SAME = """\
Same content hash: the data are the same to the last byte.

Pairs
value     before   after   added   removed   flip changed   split changed   weight changed
──────────────────────────────────────────────────────────────────────────────────────────
empathy        3       3       0         0              0               0                0
"""

DIFFERENT = """\
The content hashes differ.

Settings
setting       before   after
────────────────────────────
recipe.seed        0       1

Pairs
value     before   after   added   removed   flip changed   split changed   weight changed
──────────────────────────────────────────────────────────────────────────────────────────
empathy        3       3       1         1              1               0                0
  empathy added: {added}
  empathy removed: {removed}
  empathy flipped: {flipped}
"""


def test_diff_with_itself(run_at) -> None:
    result = run_at("diff", "empathy-release", "empathy-release")
    assert (result.output, result.exit_code) == (SAME, 0)


def test_diff(run_at, tmp_path) -> None:
    write_release(tmp_path / "other", seed=1, flipped=6, kept=(2, 7, 6))
    result = run_at("diff", "empathy-release", tmp_path / "other")
    expected = DIFFERENT.format(added=IDS[7], removed=IDS[3], flipped=IDS[6])
    assert (result.output, result.exit_code) == (expected, 0)


def test_diff_for_scripts(run_at, tmp_path) -> None:
    write_release(tmp_path / "other", seed=1)
    content = json.loads(run_at("diff", "empathy-release", tmp_path / "other", "--json").stdout)
    assert content["same_content"] is True  # the seed alone changed nothing
    assert content["changes"] == [{"name": "recipe.seed", "before": 0, "after": 1}]
    assert content["subsets"]["empathy"]["added"] == []


def test_diff_verifies_both(run, release: Release, tmp_path) -> None:
    copy = shutil.copytree(release.folder, tmp_path / "copy")
    (copy / "decisions.parquet").write_bytes(b"")
    result = run("diff", release.folder, "copy")
    assert result.stderr.startswith("Error: Release copy is damaged: decisions.parquet has changed")
    assert (result.stdout, result.exit_code) == ("", 2)
