"""controls: options, what it prints, and its errors."""

import json
from pathlib import Path

import pytest

from tests.cli.parsing import parse_words
from valuedata.cli.controls import SEEDS_OPTION, controls
from valuedata.release.folder import Release, load_release, verify_release

pytestmark = pytest.mark.usefixtures("vector_cache", "undrawn")


@pytest.mark.parametrize(
    ("words", "seeds"),
    [
        ("release --out out", (0, 1, 2)),
        ("release --out out --seeds 5", (5,)),
        ("--seeds 3 1 2 release --out out", (3, 1, 2)),
        ("release --seeds 3 --out out --seeds 4 5", (3, 4, 5)),
    ],
)
def test_several_seeds_follow_the_option(words: str, seeds: tuple[int, ...]) -> None:
    params = parse_words(controls, words)
    assert (params["release"], params["out"]) == (Path("release"), Path("out"))
    assert params["seeds"] == seeds
    assert SEEDS_OPTION in words or seeds == (0, 1, 2)


def test_controls_are_drawn_and_told_of(run, starter: Release, tmp_path) -> None:
    result = run("controls", starter.folder, "--out", "c", "--value", "empathy", "--seeds", 0, 4)
    assert (result.stderr, result.exit_code) == ("", 0)
    made = load_release(tmp_path / "c")
    assert verify_release(made) > 0
    table, _, end = result.stdout.partition("\n\n")
    subset = starter.manifest["values"]["empathy"]
    sizes = [str(n) for n in (subset["n_pairs"], *subset["splits"].values())]
    lines = [line.split() for line in table.splitlines()[2:]]
    assert [line[0] for line in lines] == list(made.values)
    for line in lines:
        assert line[1:5] == sizes
    assert end.endswith(
        'Controls written to c; load one with\n    datasets.load_dataset("c", "random-0")\n'
    )
    told = json.loads(
        run(
            "controls",
            starter.folder,
            "--out",
            "c",
            "--value",
            "empathy",
            "--seeds",
            0,
            4,
            "--json",
        ).stdout
    )
    assert told["content_hash"] == made.content_hash
    assert told["of"]["content_hash"] == starter.content_hash
    assert list(told["controls"]) == list(made.values)
    assert told["controls"]["random-4"]["control"]["seed"] == 4
    assert (
        run(
            "controls", starter.folder, "--out", "c", "--value", "empathy", "--seeds", 1, "--quiet"
        ).output
        == ""
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--out c --value empaty", "has no subset 'empaty'; did you mean 'empathy'?"),
        ("--out c --seeds 1 1", "Seeds 1 1 repeat one; give different ones."),
        ("--out c --source talk=x.jsonl", "the path is not there; NAME=PATH takes"),
        ("--out c --source starter=x.jsonl", "the path is not there; NAME=PATH takes"),
        ("", "Missing option '--out'"),
    ],
)
def test_errors_are_one_sentence(run, starter: Release, words: str, message: str) -> None:
    result = run("controls", starter.folder, *words.split())
    assert (result.stdout, result.exit_code) == ("", 2)
    assert message in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
