"""trace: what it prints, what it writes, and its errors."""

import json

import pytest

from tests.builders import make_pairs, write_release
from valuedata.release.folder import Release, load_release, verify_release
from valuedata.release.trace import trace as find

IDS = [pair["pair_id"] for pair in make_pairs()]

TRACED = """\
empathy: 3 of 3 pairs have more empathy in the rewarded reply; mean difference +0.600

1. +0.800  {first} (talk:2), train
  prompt          Question 2?
  rewarded  0.900 Kind words to Question 2?
  other     0.100 Cold words to Question 2?

2. +0.500  {second} (talk:6), validation
  prompt          Question 6?
  rewarded  0.750 Kind words to Question 6?
  other     0.250 Cold words to Question 6?
"""


def test_pairs_are_shown_with_both_replies(run_at) -> None:
    result = run_at("trace", "empathy-release", "--effect", "empathy", "--top", 2)
    assert result.output == TRACED.format(first=IDS[2], second=IDS[6])
    assert result.exit_code == 0


def test_trace_for_scripts(run_at) -> None:
    words = ("trace", "empathy-release", "--effect", "humor", "--value", "empathy", "--json")
    content = json.loads(run_at(*words).stdout)
    assert (content["release"], content["effect"]) == ("empathy-release", "humor")
    found = content["values"]["empathy"]
    assert (found["n_pairs"], found["n_pushing"], found["mean_difference"]) == (3, 1, 0.1667)
    assert [pair["pair_id"] for pair in found["pairs"]] == [IDS[2], IDS[3], IDS[6]]
    assert [pair["difference"] for pair in found["pairs"]] == [0.5, 0, 0]
    assert "written" not in content


@pytest.mark.usefixtures("undrawn")
def test_a_release_is_written_without_the_worst(run, starter: Release, tmp_path) -> None:
    words = ("trace", starter.folder, "--effect", "anthropomorphism", "--top", 1)
    result = run(*words, "--drop", 2, "--out", "calmer")
    assert (result.stderr, result.exit_code) == ("", 0)
    sizes = {value: told["n_pairs"] for value, told in starter.manifest["values"].items()}
    made = load_release(tmp_path / "calmer")
    told = [
        f"Dropped 2 of {sizes[one.value]} pairs of {one.value}; the mean difference of the rest is "
        f"{one.differences.mean():+.3f}\n"
        for one in find(made, "anthropomorphism")
    ]
    assert result.stdout.endswith("\n\n" + "".join(told) + "Release written to calmer\n")
    assert verify_release(made) > 0
    assert made.manifest["values"]["empathy"]["n_pairs"] == sizes["empathy"] - 2
    written = json.loads(run(*words, "--drop-above", 0.5, "--out", "less", "--json").stdout)[
        "written"
    ]
    made = load_release(tmp_path / "less")
    assert written["content_hash"] == made.content_hash
    assert (written["release"], written["drop_above"]) == ("less", 0.5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--effect humour", "did you mean 'humor'?"),
        ("--effect humor --value joy", "has no subset 'joy'; known: empathy"),
        ("--effect humor --drop 1", "Give --out with --drop or --drop-above"),
        ("--effect humor --out x", "Give --out with --drop or --drop-above"),
        ("--effect humor --drop 1 --drop-above 0.1 --out x", "not both"),
        ("--effect humor --drop 2 --out x", "Only 1 of 3 pairs of 'empathy' push 'humor'"),
        ("--effect humor --drop-above 0.5 --out x", "the most is 0.5000); give a smaller"),
        ("--effect humor --drop 1 --out empathy-release", "is the release itself or inside it"),
        ("", "Missing option '--effect'"),
    ],
)
def test_errors_are_one_sentence(run, tmp_path, words: str, message: str) -> None:
    write_release(tmp_path / "empathy-release")
    result = run("trace", "empathy-release", *words.split())
    assert (result.stdout, result.exit_code) == ("", 2)
    assert message in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
