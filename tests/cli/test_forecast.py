"""What forecast prints, draws and refuses."""

import json
import shutil
from pathlib import Path

import pytest

from tests.measured import write_measured_release
from valuedata.cli.forecast import show_several
from valuedata.release.folder import Release


@pytest.fixture
def measured(run, tmp_path: Path) -> str:  # noqa: ARG001 - goes to an empty folder first
    write_measured_release(tmp_path / "small")
    return "small"


def test_every_difference_of_one_subset(run, measured: str) -> None:
    lines = run("forecast", measured).output.splitlines()
    assert lines[0] == "empathy: 3 pairs of 2 prompts, out of 6 of 5"
    assert lines[1].startswith("Rewarded minus other (in the whole source chosen minus rejected)")
    assert lines[3].split() == [
        "feature",
        "kind",
        "this",
        "subset",
        "whole",
        "source",
        "q",
        "found",
    ]
    rows = [line.split() for line in lines[5:]]
    # 0.6 over 0.288, and without intervals, for there are but two prompts
    assert rows[0] == ["empathy", "target", "+2.08", "+0.64"]
    (humor,) = (row for row in rows if row[:1] == ["humor"])
    assert humor[:4] == ["humor", "value", "+1.15", "+0.58"]
    assert "differences are found at a false discovery rate of 5%." in lines[-2]
    assert lines[-1].endswith("; 0.5 is clean.")


def test_several_subsets_are_one_line_each(run, starter: Release) -> None:
    result = run("forecast", starter.folder)
    lines = result.output.splitlines()
    assert lines[0].startswith("Rewarded minus other, in standard deviations of all 5")
    assert lines[2].split("  ")[0] == "subset"
    assert [line.split()[0] for line in lines[4:6]] == ["empathy", "deception"]
    assert lines[-1] == "Give --value NAME for every difference of one, with intervals."
    assert result.exit_code == 0


def test_one_of_several_has_intervals(run, starter: Release) -> None:
    result = run("forecast", starter.folder, "--value", "empathy", "--resamples", "100")
    target = next(line for line in result.output.splitlines() if line.startswith("empathy  "))
    assert target.count("[") == 2
    assert max(map(len, result.output.splitlines()[2:-2])) <= 100
    assert "<0.001" in result.output


def test_json_is_what_the_release_holds(run, starter: Release) -> None:
    result = run("forecast", starter.folder, "--json")
    held = (starter.folder / "forecast.json").read_text(encoding="utf-8")
    assert json.loads(result.stdout) == json.loads(held)


@pytest.mark.parametrize("words", [[], ["--value", "empathy"]])
def test_a_plot(run, starter: Release, tmp_path: Path, words: list[str]) -> None:
    result = run("forecast", starter.folder, *words, "--plot", "plot.png", "--resamples", "100")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert result.output.splitlines()[-1] == "Plot in plot.png"


@pytest.mark.parametrize(
    ("plot", "said"),
    [
        ("plot.pdf", "Plot plot.pdf has the suffix '.pdf'; give one that ends in .png or .svg."),
        ("no/plot.png", "Folder no is missing; make it or give another --plot."),
    ],
)
def test_a_plot_that_cannot_be(run, measured: str, plot: str, said: str) -> None:
    result = run("forecast", measured, "--plot", plot)
    assert (result.stderr, result.exit_code) == (f"Error: {said}\n", 2)


def test_a_plot_in_the_way(run, measured: str, tmp_path: Path) -> None:
    (tmp_path / "plot.svg").mkdir()
    result = run("forecast", measured, "--plot", "plot.svg")
    assert result.stderr.startswith("Error: Plot plot.svg cannot be written (Is a directory); ")
    assert result.exit_code == 2


def test_an_older_release(run_at) -> None:
    result = run_at("forecast", "empathy-release")
    assert result.stderr == (
        "Error: Release empathy-release has no markers.parquet, which its build would write "
        "today; build it again to forecast what it trains.\n"
    )
    assert (result.stdout, result.exit_code) == ("", 2)


def test_a_subset_that_is_not_there(run, measured: str) -> None:
    result = run("forecast", measured, "--value", "humour")
    assert result.stderr == "Error: Release small has no subset 'humour'; known: empathy\n"
    assert result.exit_code == 2


def test_a_target_that_never_varies_is_undefined(run, starter: Release, capsys) -> None:
    """Labels of yes and no may be the same in all chosen and in all rejected replies."""
    content = json.loads(run("forecast", starter.folder, "--json", "--resamples", "100").output)
    content["values"]["empathy"]["target"]["difference"] |= {"value": None, "low": None}
    show_several(content)
    assert capsys.readouterr().out.splitlines()[4].split()[2] == "undefined"


def test_a_subset_without_a_target(run, starter: Release, tmp_path: Path) -> None:
    """Such as a control: nothing is labelled by its name."""
    folder = shutil.copytree(starter.folder, tmp_path / "copy")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    names = manifest["labels"]["names"]
    names[names.index("empathy")] = "warmth"
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    rows = run("forecast", "copy", "--resamples", "100").output.splitlines()
    assert rows[4].split()[2] == "-"
    shown = run("forecast", "copy", "--value", "empathy", "--resamples", "100").output
    assert shown.splitlines()[5].split()[:2] == ["warmth", "value"]
