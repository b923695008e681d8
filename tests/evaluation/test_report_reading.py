"""From what an evaluation left behind to what a report shows."""

import copy
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from evaluation.report.changes import list_changes
from evaluation.report.markdown import render_report
from evaluation.report.page import render_page
from evaluation.report.reading import read_view
from evaluation.report.view import ControlEffect
from evaluation.scoring import read_scores
from evaluation.statistics.equivalence import Verdict
from tests.evaluation.runs import PROMPTS, write_run
from valuedata.errors import EvaluationError

N = len(PROMPTS.prompts)
GAPS = [round(0.3 + 0.02 * k, 2) for k in range(N)]
"""Scores of empathy of the tuned arm: 0.30, 0.32 up to 0.76; all else is at 0.3."""


def flat(level: float) -> list[float]:
    return [level] * N


ARMS = {
    "base": {"empathy": flat(0.3), "humor": flat(0.3)},
    "tuned": {"empathy": GAPS, "humor": [0.3] * (N - 1) + [0.9]},
    "control-0": {"empathy": flat(0.28), "humor": flat(0.3)},
    "control-1": {"empathy": flat(0.30), "humor": flat(0.3)},
    "control-2": {"empathy": flat(0.35), "humor": flat(0.3)},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("written") / "out"
    return write_run(folder, "empathy", ARMS), folder


def test_controls_alone_are_a_placebo_too(tmp_path: Path) -> None:
    """The mean of the tuned arm is 0.53; those of the controls are 0.28, 0.30 and 0.35."""
    arms = {arm: levels for arm, levels in ARMS.items() if arm != "base"}
    content = write_run(tmp_path / "out", "empathy", arms)
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "each control against the controls' mean. Rank 1 is" in report
    assert "| measure | tuned minus controls' mean | controls minus controls' mean | " in report
    assert "| value-empathy | +22.0 | +0.0 | 1 of 4 | " in report
    empathy = read_view(content, tmp_path / "out").measures[0]
    assert empathy.placebo.startswith("Rank 1 of 4 among the controls, by distance from the others")
    assert empathy.from_base is None


def test_a_measure_is_shown_against_what_its_verdict_is(written) -> None:
    view = read_view(*written)
    assert view.title == "What training on empathy changed"
    assert view.against == "the mean of the controls"
    empathy, humor = view.measures
    assert (empathy.key, empathy.title, empathy.judge) == (
        "value-empathy patterns",
        "value-empathy",
        "patterns",
    )
    assert empathy.is_primary
    assert not humor.is_primary
    # the tuned arm's mean is 0.53, that of the controls 0.31
    assert empathy.tuned == pytest.approx(0.53)
    assert empathy.other == pytest.approx(0.31)
    assert empathy.difference.estimate == pytest.approx(0.22)
    assert empathy.from_base is not None
    assert empathy.from_base.estimate == pytest.approx(0.23)
    assert empathy.verdict is Verdict.CHANGED
    assert [(one.arm, one.effect) for one in empathy.controls] == [
        ("control-0", pytest.approx(-0.03)),
        ("control-1", pytest.approx(-0.01)),
        ("control-2", pytest.approx(0.04)),
    ]
    assert empathy.placebo.startswith("Rank 1 of 4 among the controls, by distance from the others")
    assert "; z " in empathy.placebo
    assert humor.placebo.endswith("; all control arms have the same effect.")
    assert (empathy.n_prompts, empathy.n_families, empathy.n_left_out) == (24, 12, 0)


def test_a_dimension_rests_on_its_primary_measure(written) -> None:
    view = read_view(*written)
    (values,) = view.dimensions
    assert values.verdict is Verdict.CHANGED
    assert values.decisive == view.measures[:1]
    assert values.n_measures == 2
    assert values.changed == ()


def test_the_largest_changes_come_first_and_each_reply_once(written) -> None:
    changes = read_view(*written).changes
    tuned = [change for change in changes if change.arm == "tuned"]
    # by empathy the last five prompts, of which the last is the only one by humor
    assert [change.prompt_id for change in tuned] == [
        PROMPTS.prompts[place].prompt_id for place in (23, 22, 21, 20, 19)
    ]
    last = tuned[0]
    assert [score.title for score in last.scores] == ["value-empathy", "value-humor"]
    assert [(score.other, score.score) for score in last.scores] == [
        (0.3, pytest.approx(0.76)),
        (0.3, 0.9),
    ]
    assert last.other_arm == "base"
    assert last.other_reply == "empathy=0.3 humor=0.3"
    assert last.reply == "empathy=0.76 humor=0.9"
    assert last.messages == (("user", "What of p11 sad?"),)
    # one of each control that differs from the base, the first of equal ones
    rest = [change for change in changes if change.arm != "tuned"]
    assert [(change.arm, change.prompt_id) for change in rest] == [
        ("control-0", "made/p0/neutral"),
        ("control-2", "made/p0/neutral"),
    ]


def test_origin_and_judges_are_told(written) -> None:
    view = read_view(*written)
    assert view.command == "valuedata evaluate --out <there>"
    assert ("replies to each prompt", "1") in view.settings
    assert ("system prompt", "none") in view.settings
    assert ("prompts made", "24 in 12 families, Apache-2.0, made by hand") in view.settings
    names = [name for name, _ in view.hashes]
    assert names == [
        *("prompts made", "replies.parquet", "scores.parquet"),
        *(f"outputs of {arm}" for arm in ARMS),
    ]
    assert [note.validity for note in view.judges] == ["exact by definition"] * 2
    assert view.judges[0].agreement == "gives the verdict"
    assert [(arm.name, arm.role, arm.n_replies) for arm in view.arms][:2] == [
        ("base", "base", 24),
        ("tuned", "tuned", 24),
    ]


def test_models_are_named_by_their_digests(written) -> None:
    content, folder = copy.deepcopy(written[0]), written[1]
    content["arms"][0]["source"] = {"model": "org/name", "name": "org/name", "commit": "abc"}
    content["arms"][1]["source"] = {"model": "run", "sha256": "12", "adapter_sha256": "34"}
    content["arms"][2]["source"] = {"model": "name", "server": "http://127.0.0.1"}
    view = read_view(content, folder)
    assert view.hashes[3:7] == (
        ("commit of base", "abc"),
        ("weights of tuned", "12"),
        ("adapter of tuned", "34"),
        ("outputs of control-1", content["arms"][3]["source"]["sha256"]),
    )
    assert [arm.model for arm in view.arms][:3] == ["org/name", "run", "name"]


def test_an_arm_with_many_broken_replies_is_named_first(written) -> None:
    content, folder = copy.deepcopy(written[0]), written[1]
    content["arms"][0]["replies"]["n_empty"] = 2  # of 24
    content["arms"][1]["replies"] |= {"n_empty": 3, "n_truncated": 1}
    assert read_view(content, folder).notes == (
        "Of the 24 replies of tuned are 1 cut off, 3 empty, 0 degenerate; all of them count.",
    )


def test_second_and_absent_judges_are_told(written) -> None:
    content, folder = copy.deepcopy(written[0]), written[1]
    second = copy.deepcopy(content["measures"][0])
    second |= {
        "judge": "llm",
        "gives_verdict": False,
        "verdict": None,
        "agreement": {"kappa": 0.456, "correlation": 0.5, "n": 120},
        "n_unjudged": {"base": 1, "tuned": 2},
    }
    del second["contrasts"]["controls"]["p_adjusted"]
    content["measures"].insert(1, second)
    absent = {"judge": "llm", "reason": "no --llm-model is given"}
    content["judges_left_out"] = [absent | {"measure": name} for name in ("one", "two")]
    view = read_view(content, folder)
    assert view.measures[1].verdict is None
    assert view.measures[1].p_adjusted is None
    assert view.judges[1].agreement == "kappa 0.46 with the judge that gives the verdict"
    assert view.judges[1].n_unjudged == 3
    assert view.notes == ("The judge llm takes no part in 2 measures: no --llm-model is given.",)


def test_without_controls_it_is_the_base(tmp_path: Path) -> None:
    arms = {name: ARMS[name] for name in ("base", "tuned")}
    view = read_view(write_run(tmp_path / "out", None, arms), tmp_path / "out")
    assert view.title == "What training changed"
    assert view.against == "the base"
    assert view.measures[0].from_base is None
    assert view.measures[0].controls == ()
    assert view.measures[0].placebo == ""


def test_without_a_base_replies_stand_beside_a_control(tmp_path: Path) -> None:
    arms = {name: ARMS[name] for name in ("tuned", "control-0", "control-1")}
    view = read_view(write_run(tmp_path / "out", "empathy", arms), tmp_path / "out")
    assert {(change.arm, change.other_arm) for change in view.changes} == {
        ("tuned", "control-0"),
        ("control-1", "control-0"),
    }


def test_what_was_not_judged_is_undefined_and_no_change(tmp_path: Path) -> None:
    nothing = {"empathy": flat(float("nan")), "humor": flat(0.3)}
    arms = {"base": nothing, "tuned": ARMS["tuned"], "control-0": ARMS["control-0"]}
    view = read_view(write_run(tmp_path / "out", "empathy", arms), tmp_path / "out")
    empathy = view.measures[0]
    assert empathy.from_base is not None
    assert empathy.from_base.estimate is None
    assert view.judges[0].n_unjudged == 24
    reason = "only 0 of 24 prompts have a score from every arm compared"
    assert empathy.verdict is Verdict.CHANGED  # control-0 was judged, and gives the verdict
    titles = {score.title for change in view.changes for score in change.scores}
    assert titles == {"value-humor"}
    silent = {"tuned": nothing, "control-0": nothing}
    undefined = read_view(write_run(tmp_path / "two", "empathy", silent), tmp_path / "two")
    assert undefined.measures[0].controls == (ControlEffect("control-0", None),)
    page = render_page(undefined)
    assert "undefined → undefined" in page
    assert undefined.measures[0].reason.startswith(reason)
    assert f"Inconclusive because {reason}" in page
    assert undefined.notes[0].startswith(f"value-empathy (patterns) is inconclusive: {reason}")
    report = (tmp_path / "two" / "report.md").read_text(encoding="utf-8")
    assert f"**Mind:** value-empathy (patterns) is inconclusive: {reason}" in report
    assert f"| inconclusive: {reason}" in report


def test_text_of_others_is_no_markdown(written) -> None:
    """Names, paths, licences, sources and the command come from files and folders of others."""
    content = copy.deepcopy(written[0])
    nasty, shown = "<img src=x>|[a](http://b)", r"\<img src=x\>\|\[a\](http:"
    content["prompt_sets"][0] |= {"licence": nasty, "source": nasty}
    content["arms"][0]["source"] = {"model": nasty}
    content["command"] = "valuedata evaluate --out 'a\n```\n# b'"
    content["warnings"] = [nasty]
    content["value"] = nasty
    # as a task of lm-evaluation-harness may be called: in three tables, and in one what it says
    content["measures"][0] |= {"measure": nasty, "meaning": nasty}
    report = render_report(content)
    assert "<img" not in report.replace("\\<img", "")
    assert report.count(shown) == 5 + 3 + 1
    assert "````sh\nvaluedata evaluate --out 'a\n```\n# b'\n````" in report
    width = 0
    for line in report.splitlines():
        bars = line.replace("\\|", "").count("|")
        width = bars if set(line) == set("| -") else width
        assert bars in {0, width} or nasty[:4] not in line  # no cell more than its table has


def test_families_judged_in_part_are_told(written) -> None:
    content, folder = copy.deepcopy(written[0]), written[1]
    content["measures"][0]["n_half_judged"] = {"base": 0, "tuned": 2}
    content["measures"][1]["n_half_judged"] = {"base": 0, "tuned": 1}
    view = read_view(content, folder)
    assert [note.n_half_judged for note in view.judges] == [2, 1]
    page, report = render_page(view), render_report(content)
    for told in ("0; 2 families in part", "0; 1 family in part"):
        assert told in page
        assert told in report


def test_what_asks_the_arm_has_no_reply_to_show(written) -> None:
    content, folder = copy.deepcopy(written[0]), written[1]
    for found in content["measures"]:
        found["judge"] = "log-probability"
    assert read_view(content, folder).changes == ()


def test_tables_that_do_not_fit_are_one_sentence(written, tmp_path: Path) -> None:
    content, folder = written
    leading = read_view(content, folder).measures
    for name in ("replies.parquet", "scores.parquet"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    replies = pq.read_table(folder / "replies.parquet")
    pq.write_table(replies.slice(0, 24), tmp_path / "replies.parquet")
    with pytest.raises(EvaluationError, match="holds scores of a reply that it has not"):
        list_changes(content, leading, tmp_path)
    scores = pq.read_table(folder / "scores.parquet")
    pq.write_table(scores.slice(1), tmp_path / "scores.parquet")
    with pytest.raises(EvaluationError, match="has other prompts for 'tuned' than for 'base'"):
        list_changes(content, leading, tmp_path)
    pq.write_table(replies, tmp_path / "scores.parquet")
    with pytest.raises(EvaluationError, match="has other columns than a table of scores"):
        read_scores(tmp_path)
    (tmp_path / "scores.parquet").unlink()
    with pytest.raises(EvaluationError, match="cannot be read; give a folder"):
        read_scores(tmp_path)


def test_an_evaluation_writes_the_page(written) -> None:
    content, folder = written
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page == render_page(read_view(content, folder))
    assert page == render_page(
        read_view(json.loads((folder / "results.json").read_text(encoding="utf-8")), folder)
    )
