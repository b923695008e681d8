"""What crosstalk prints, draws and refuses, on evaluations whose scores are known."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.judges.bench import Bench
from evaluation.judges.llm import Asker
from evaluation.results import describe_judges
from tests.builders import write_release
from tests.evaluation.runs import write_run
from valuedata.release.folder import Release
from valuedata.settings import LlmSettings

N = 24
NAMES = ("empathy", "deception", "humor")


def spread(level: float) -> list[float]:
    """Scores around a level; the mean of each family of two prompts is 0.1 above or below it."""
    return [round(level + (0.1 if k // 2 % 2 else -0.1), 3) for k in range(N)]


def flat(**levels: float) -> dict[str, list[float]]:
    """The same score of every prompt; 0.3 where not named."""
    return {name: [levels.get(name, 0.3)] * N for name in NAMES}


def make_arms(**tuned: float) -> dict[str, dict[str, list[float]]]:
    """Three controls around 0.3, and a tuned arm at what is named."""
    return {
        "base": flat(),
        "tuned": {name: spread(tuned.get(name, 0.3)) for name in NAMES},
        "control-0": flat(),
        "control-1": flat(humor=0.24),
        "control-2": flat(humor=0.36),
    }


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evaluations of empathy and deception in folders of these names."""
    folder = tmp_path_factory.mktemp("evaluations")
    write_run(folder / "empathy", "empathy", make_arms(empathy=0.8, deception=0.15, humor=0.34))
    write_run(folder / "deception", "deception", make_arms(empathy=0.55, deception=0.7, humor=0.5))
    return folder


@pytest.fixture
def ask(run, evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs crosstalk where the evaluations are."""
    monkeypatch.chdir(evaluated)
    return lambda *words: run("crosstalk", *words)


def change(evaluated: Path, name: str, into: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of an evaluation with another results.json."""
    into.mkdir()
    for path in (evaluated / name).iterdir():
        (into / path.name).write_bytes(path.read_bytes())
    content = json.loads((into / "results.json").read_text(encoding="utf-8"))
    edit(content)
    (into / "results.json").write_text(json.dumps(content), encoding="utf-8")
    return into


def describe_server(round_number: int, calls: dict[bytes, bool], failures: dict[bytes, str]) -> Any:
    """What results.json says of a language model that was asked about replies."""
    settings = LlmSettings(model="judge", base_url="http://127.0.0.1:1/v1")
    asker = Asker(settings, round=round_number, calls={"value": calls}, hashes={"value": "a"})
    asker.failures["value"] = failures
    return describe_judges(Bench(("base", "tuned"), asker=asker), frozenset({"llm"}))["llm"]


def test_counts_of_a_server_make_no_other_judge(ask, evaluated: Path, tmp_path: Path) -> None:
    """What it was asked, kept and could not read differ; a round is another model by its name."""
    told = {
        "deception": describe_server(1, {b"a": True, b"b": False}, {}),
        "empathy": describe_server(1, {b"c": False}, {b"c": "malformed"}),
        "renewed": describe_server(2, {b"c": False}, {}),
    }
    assert told["deception"]["calls"] == {"value": {"n": 2, "n_kept": 1}}
    for name, described in told.items():
        source = "deception" if name == "deception" else "empathy"
        change(
            evaluated,
            source,
            tmp_path / name,
            lambda found, described=described: found["judges"].update(patterns=described),
        )
    alike = ask(tmp_path / "deception", tmp_path / "empathy")
    assert alike.exit_code == 0, alike.output
    renewed = ask(tmp_path / "deception", tmp_path / "renewed")
    assert "were judged by different judges (patterns); evaluate both alike." in renewed.stderr


def test_one_line_a_run(ask) -> None:
    result = ask("empathy", "deception")
    lines = result.output.splitlines()
    assert lines[0] == (
        "Share of replies with each value, tuned minus controls, in points; judge patterns"
    )
    assert lines[2].split("  ")[0] == "induced"
    # each change is a mean of 12 family means at 0.1 to both sides: se 0.1 / sqrt(11), t 2.2010
    assert lines[4].split() == [
        *("empathy", "3", "+50.0", "[+43.4,", "+56.6]", "1", "of", "2"),
        *("deception", "-15.0"),
    ]
    assert lines[5].split() == [
        *("deception", "3", "+40.0", "[+33.4,", "+46.6]", "2", "of", "2"),
        *("empathy", "+25.0,", "humor", "+20.0"),
    ]
    assert lines[7] == (
        "Found: at a false discovery rate of 5% over the matrix, and farther off than any control "
        "arm."
    )
    assert lines[-1] == "Give --value NAME for every value after inducing one, with intervals."
    assert result.exit_code == 0


def test_every_value_after_inducing_one(ask) -> None:
    lines = ask("empathy", "deception", "--value", "empathy").output.splitlines()
    assert lines[0] == (
        "After inducing empathy: 24 prompts of 12 families, 3 control arms, judge patterns; "
        "in points"
    )
    assert lines[2].split() == ["value", "tuned", "controls", "change", "q", "found", "rank"]
    rows = [line.split() for line in lines[4:7]]
    assert [row[0] for row in rows] == ["empathy", "deception", "humor"]
    assert rows[0][1:] == [
        "80.0",
        "30.0",
        "+50.0",
        "[+43.4,",
        "+56.6]",
        "<0.001",
        "yes",
        "1",
        "of",
        "4",
    ]
    # the controls lie at 0.30, 0.24 and 0.36: 0.02, 0.09 and 0.07 off the mean of the others
    assert rows[2][:3] == ["humor", "34.0", "30.0"]
    assert rows[2][-3:] == ["3", "of", "4"]


def test_json_holds_every_number(ask) -> None:
    content = json.loads(ask("empathy", "deception", "--json").output)
    assert content["judge"] == "patterns"
    assert [run["value"] for run in content["runs"]] == ["empathy", "deception"]
    cell = content["cells"]["empathy"]["deception"]
    assert cell["change"] == pytest.approx(-0.15)
    assert cell["tuned"] == pytest.approx(0.15)
    assert cell["se"] == pytest.approx(0.1 / 11**0.5, abs=1e-6)
    assert cell["data"] is None
    assert content["explained"] is None
    assert content["notes"] == []


def test_the_change_is_the_one_that_evaluate_reports(ask, evaluated: Path) -> None:
    content = json.loads(ask("empathy", "--json").output)
    results = json.loads((evaluated / "empathy" / "results.json").read_text(encoding="utf-8"))
    for found in results["measures"]:
        reported = found["contrasts"]["controls"]["difference"]
        cell = content["cells"]["empathy"][found["measure"].removeprefix("value-")]
        for key, name in (("change", "estimate"), ("low", "low"), ("high", "high"), ("se", "se")):
            assert cell[key] == pytest.approx(reported[name], abs=1e-6)


def test_the_data_stand_beside_it(ask, starter: Release, tmp_path: Path) -> None:
    words = ("empathy", "deception", "--release", starter.folder)
    result = ask(*words, "--plot", tmp_path / "plot.png", "--html", tmp_path / "page.html")
    assert "A standard deviation more of a value in a subset goes with " in result.output
    assert "over the 4 cells beside the targets (p " in result.output
    assert "over 2 orders of the rows)" in result.output
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for title in ("What each training changed", "What the data differ in", "What goes beyond"):
        assert title in page
    assert f"valuedata crosstalk empathy deception --release {starter.folder}" in page
    content = json.loads(ask(*words, "--json").output)
    forecast = json.loads((starter.folder / "forecast.json").read_text(encoding="utf-8"))
    for value, row in content["cells"].items():
        for name, cell in row.items():
            assert cell["data"] == pytest.approx(forecast["crosstalk"][value][name], abs=1e-6)
    lines = ask(*words, "--value", "deception").output.splitlines()
    assert lines[2].split()[-4:] == ["in", "the", "data", "expected"]


def test_what_goes_beyond_the_data_is_named(ask, starter: Release) -> None:
    """With one run the line goes by two cells, so nothing can be fitted; with two it can."""
    alone = ask("empathy", "--release", starter.folder)
    assert "The data say nothing of the crosstalk: 2 cells" in alone.output
    assert "Nothing is found beyond the data." in alone.output
    both = ask("empathy", "deception", "--release", starter.folder, "--json")
    content = json.loads(both.output)
    beyond = [
        (value, name)
        for value, row in content["cells"].items()
        for name, cell in row.items()
        if cell["is_beyond_data"]
    ]
    assert beyond
    assert all(value != name for value, name in beyond)
    printed = ask("empathy", "deception", "--release", starter.folder).output
    table = printed[printed.index("Otherwise than the data would have it") :].splitlines()[4:]
    assert {tuple(line.split()[:2]) for line in table[: len(beyond)]} == set(beyond)


def test_a_folder_without_a_value_takes_one(ask, evaluated: Path, tmp_path: Path) -> None:
    folder = change(
        evaluated, "empathy", tmp_path / "other", lambda found: found.update(value=None)
    )
    result = ask(folder)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: {folder} does not say which value its tuned arm induced; write VALUE={folder}.\n"
    )
    assert ask(f"humor={folder}").output.splitlines()[4].startswith("humor ")


def test_what_nobody_judged_is_undefined(ask, tmp_path: Path) -> None:
    arms = {name: flat(deception=float("nan")) for name in ("base", "tuned", "control-0")}
    write_run(tmp_path / "run", "empathy", arms)
    output = ask(tmp_path / "run", "--value", "empathy").output
    assert output.endswith(
        f"\n{tmp_path / 'run'} has 1 control arm, fewer than the 3 that a spread takes: what is "
        "found there may be what any training does.\n"
    )
    lines = output.splitlines()
    assert lines[4].split()[:3] == ["empathy", "30.0", "30.0"]
    assert lines[6].split() == ["deception", "undefined", "undefined", "undefined"]


def test_the_value_is_read_from_the_training(ask, evaluated: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    record = {
        "complete": True,
        "model": {"name": "base"},
        "control": None,
        "release": {"value": "deception", "content_hash": "0" * 64},
    }
    (model / "run.json").write_text(json.dumps(record), encoding="utf-8")

    def edit(found: dict[str, Any]) -> None:
        found["value"] = None
        found["arms"][1]["source"] = {"model": str(model)}

    folder = change(evaluated, "empathy", tmp_path / "other", edit)
    assert ask(folder).output.splitlines()[4].startswith("deception ")
    (model / "run.json").write_text(
        json.dumps(record | {"control": {"kind": "random"}}), encoding="utf-8"
    )
    assert "does not say which value" in ask(folder).stderr


def test_another_release_than_the_one_trained_on_is_said(
    ask, evaluated: Path, starter: Release, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    record = {
        "complete": True,
        "model": {"name": "base"},
        "control": None,
        "release": {"value": "empathy", "content_hash": "0" * 64},
    }
    (model / "run.json").write_text(json.dumps(record), encoding="utf-8")
    folder = change(
        evaluated,
        "empathy",
        tmp_path / "other",
        lambda found: found["arms"][1].update(source={"model": str(model)}),
    )
    result = ask(folder, "deception", "--release", starter.folder)
    assert "was trained on another release of 'empathy' than the one given" in result.output


def drop_controls(found: dict[str, Any]) -> None:
    found["arms"] = [arm for arm in found["arms"] if arm["role"] != "control"]


def ask_others(found: dict[str, Any]) -> None:
    found["prompt_sets"][0]["sha256"] = "0" * 64


def judge_otherwise(found: dict[str, Any]) -> None:
    found["judges"]["patterns"] = {"fingerprint": "another"}


def leave_judges_open(found: dict[str, Any]) -> None:
    found["measures"][0]["judge"] = "llm"


def cut_short(found: dict[str, Any]) -> None:
    found["settings"]["max_tokens"] = 7


def forget_a_value(found: dict[str, Any]) -> None:
    found["measures"] = [one for one in found["measures"] if one["measure"] != "value-humor"]


def drop_all_arms(found: dict[str, Any]) -> None:
    found["arms"] = []


def drop_files(found: dict[str, Any]) -> None:
    found["files"] = {}


@pytest.mark.parametrize("edit", [drop_all_arms, drop_files])
def test_an_evaluation_that_lacks_parts_is_none(ask, evaluated: Path, tmp_path: Path, edit) -> None:
    result = ask(change(evaluated, "empathy", tmp_path / "edited", edit))
    assert result.exit_code == 2
    assert "edited holds no evaluation that can be read; give a folder that" in result.stderr


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (
            drop_controls,
            "{0} has no control arm, so nothing tells the value from training on anything; "
            "evaluate again with --control.",
        ),
        (ask_others, "deception and {0} were asked different prompts (made); evaluate both alike."),
        (
            judge_otherwise,
            "deception and {0} were judged by different judges (patterns); evaluate both alike.",
        ),
        (
            cut_short,
            "deception and {0} replied under different settings (max_tokens); evaluate both alike.",
        ),
        (
            leave_judges_open,
            "The values of {0} were judged by llm and patterns; name one judge with --judge.",
        ),
        (
            forget_a_value,
            "deception and {0} have scores by different judges or of different values (patterns "
            "and patterns); name one with --judge.",
        ),
        (lambda found: found.pop("arms"), "{0} holds no evaluation that can be read; give a "
         "folder that `valuedata evaluate` wrote."),
        (lambda found: found.update(value="thrift"), "Value 'thrift' is unknown; known: "),
    ],
)  # fmt: skip
def test_runs_that_do_not_fit_are_one_sentence(
    ask, evaluated: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], None], told: str
) -> None:
    folder = change(evaluated, "empathy", tmp_path / "other", edit)
    result = ask("deception", folder)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {told.format(folder)}")
    assert result.stderr.count("\n") == 1


def test_wrong_words_are_one_sentence(ask, evaluated: Path, tmp_path: Path) -> None:
    assert ask("empathy", "empathy").stderr == (
        "Error: empathy and empathy both induced 'empathy'; give one.\n"
    )
    assert ask("humor=empathy").stderr == (
        "Error: empathy induced 'empathy', not 'humor'; give empathy alone.\n"
    )
    assert "nowhere holds no evaluation" in ask("nowhere").stderr
    assert ask("empathy", "--judge", "llm").stderr == (
        "Error: empathy has no scores of 'empathy' by the judge 'llm'; evaluate it on prompts of "
        "the kind open, or name another --judge.\n"
    )
    assert ask("empathy", "--value", "humor").stderr == (
        "Error: No run induced 'humor'; known: empathy\n"
    )
    two = change(evaluated, "empathy", tmp_path / "two", leave_judges_open)
    assert ask(two).stderr == (
        f"Error: The values of {two} were judged by llm and patterns; name one judge with "
        "--judge.\n"
    )
    assert ask("empathy", "--plot", "plot.pdf").exit_code == 2


def test_scores_of_another_evaluation_are_one_sentence(
    ask, evaluated: Path, tmp_path: Path
) -> None:
    folder = change(evaluated, "empathy", tmp_path / "other", lambda _found: None)
    (folder / "scores.parquet").write_bytes((evaluated / "deception/scores.parquet").read_bytes())
    assert ask(folder).stderr == (
        f"Error: {folder} is damaged: scores.parquet is not the one that results.json was made of; "
        "evaluate again.\n"
    )
    (folder / "scores.parquet").unlink()
    assert "scores.parquet cannot be read; give a folder that" in ask(folder).stderr


def test_releases_that_do_not_fit_are_one_sentence(ask, starter: Release, tmp_path: Path) -> None:
    plain = write_release(tmp_path / "plain")
    assert ask("empathy", "--release", plain.folder).stderr == (
        f"Error: Release {plain.folder} holds no forecast; build it again, or leave it out.\n"
    )
    twice = ("--release", starter.folder) * 2
    assert ask("empathy", *twice).stderr == (
        "Error: Two releases have a subset of 'empathy'; give the one that it was trained on.\n"
    )
    missing = ask("humor=other", "--release", starter.folder)
    assert missing.exit_code == 2


def test_an_induced_value_without_a_subset_is_one_sentence(
    ask, evaluated: Path, starter: Release, tmp_path: Path
) -> None:
    folder = change(
        evaluated, "empathy", tmp_path / "other", lambda found: found.update(value="humor")
    )
    assert ask(folder, "--release", starter.folder).stderr == (
        f"Error: No --release has the subset of 'humor', which {folder} induced; add the release "
        "that it was trained on.\n"
    )
