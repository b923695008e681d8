"""survey: what it prints, what it tells scripts, and its figure."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.rows import choose_rows, write_rows
from tests.cli.test_build import HINT
from valuedata.accounting import StageReport
from valuedata.cli.survey import show_survey, summarise_survey
from valuedata.labelling.values import LABEL_NAMES
from valuedata.pipeline import Survey
from valuedata.selection.survey import ValueCounts
from valuedata.selection.xor import SideCounts

pytestmark = pytest.mark.usefixtures("vector_cache")

N_ROWS = 12


@pytest.fixture
def rows(tmp_path: Path) -> None:
    """What `rows.jsonl` holds: pairs with empathy in one reply."""
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", N_ROWS))


SURVEYED = """\
value     chosen only   rejected only   total   both   prompts   ≥ 500   in the paper
─────────────────────────────────────────────────────────────────────────────────────────────
empathy         1,200               3   1,203      4     50.0%   yes     31,157+35,352=66,509
refusal             0               1       1      0      0.1%   no      -
"""
COUNTS = ValueCounts(
    {
        "empathy": SideCounts(chosen_only=1200, rejected_only=3, both=4, neither=5),
        "refusal": SideCounts(chosen_only=0, rejected_only=1, both=0, neither=1211),
    },
    {"empathy": 500, "refusal": 1},
    1000,
)
FOUND = Survey(COUNTS, {"talk": COUNTS}, (StageReport("intake", 1212, 1212),))


def test_a_survey_is_printed(capsys) -> None:
    show_survey(FOUND, by_source=False)
    assert capsys.readouterr() == (SURVEYED, "")
    show_survey(FOUND, by_source=True)
    assert capsys.readouterr() == (f"\nall sources\n{SURVEYED}\ntalk\n{SURVEYED}", "")


def test_a_survey_is_summarised_for_scripts() -> None:
    content = summarise_survey(FOUND, by_source=True)
    assert content["values"]["empathy"] == {
        "chosen_only": 1200,
        "rejected_only": 3,
        "both": 4,
        "neither": 5,
        "one_sided": 1203,
        "positive_prompts": 500,
        "positive_prompt_share": 0.5,
        "reaches_500": True,
        "published": {"chosen_only": 31_157, "rejected_only": 35_352, "one_sided": 66_509},
    }
    assert content["values"]["refusal"]["published"] is None
    assert content["n_prompts"] == 1000
    assert content["by_source"]["talk"] == content["values"]
    assert content["stages"][0]["rows_in"] == 1212
    assert "by_source" not in summarise_survey(FOUND, by_source=False)


@pytest.mark.usefixtures("rows")
def test_a_survey_needs_no_values(run, tmp_path) -> None:
    (tmp_path / "recipe.yaml").write_text("sources: [rows.jsonl]\n")
    result = run("survey", "--config", "recipe.yaml")
    assert (result.stderr, result.exit_code) == ("", 0)


@pytest.mark.usefixtures("rows")
def test_survey(run) -> None:
    result = run("survey", "--source", "rows.jsonl")
    assert (result.stderr, result.exit_code) == ("", 0)
    lines = [line.split() for line in result.stdout.splitlines()[2:]]
    assert [line[0] for line in lines] == list(LABEL_NAMES)
    for _, chosen_only, rejected_only, total, both, *_ in lines:
        assert int(chosen_only) + int(rejected_only) == int(total)
        assert int(total) + int(both) <= N_ROWS
    total, prompts = lines[0][3], lines[0][5]
    assert int(total) >= 0.75 * N_ROWS  # the classifier has learned from these rows
    assert prompts == f"{int(total) / N_ROWS:.1%}"  # all prompts differ


@pytest.mark.usefixtures("rows")
def test_survey_by_source(run, tmp_path) -> None:
    words = ("survey", "--source", "rows.jsonl")
    table = run(*words).stdout
    result = run(*words, "--by-source", "--plot", "survey.svg")
    assert result.stdout == f"\nall sources\n{table}\nrows\n{table}\nPlot in survey.svg\n"
    drawn = (tmp_path / "survey.svg").read_text()
    assert all(text in drawn for text in ("<!-- all sources -->", "<!-- rows -->"))
    content = json.loads(run(*words, "--by-source", "--json").stdout)
    assert content["by_source"] == {"rows": content["values"]}
    assert tuple(content["values"]) == LABEL_NAMES
    assert content["stages"][0]["rows_in"] == N_ROWS
    assert "by_source" not in json.loads(run(*words, "--json").stdout)


@pytest.mark.usefixtures("rows")
def test_a_figure_is_drawn_beside_json(run, tmp_path) -> None:
    result = run("survey", "--source", "rows.jsonl", "--json", "--plot", "survey.png")
    assert json.loads(result.stdout)["n_prompts"] == N_ROWS
    with Image.open(tmp_path / "survey.png") as drawn:
        assert drawn.width == 1200


def test_a_figure_that_cannot_be_written_is_refused_first(run) -> None:
    result = run("survey", "--source", "missing.jsonl", "--plot", "survey.gif")
    assert (result.stderr, result.exit_code) == (
        "Error: Plot survey.gif has the suffix '.gif'; give one that ends in .png or .svg.\n",
        2,
    )


def test_survey_without_a_source_says_what_it_uses(run) -> None:
    result = run("survey", "--by-source")
    assert (result.stderr, result.exit_code) == (HINT, 0)
    everything, starter = result.stdout.removeprefix("\nall sources\n").split("\nstarter\n")
    assert everything == starter
