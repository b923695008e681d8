"""Whole evaluations through the command line: what they leave, and what stops them."""

import hashlib
import importlib.util
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from tests.cli.test_disk_errors import drop_override, mount_disk
from tests.llm_server import serve_llm
from valuedata.cli import main
from valuedata.labelling.heads import load_heads, save_heads

OPEN = {
    "name": "mine",
    "kind": "open",
    "measures": "values",
    "licence": "CC0-1.0",
    "citation": "me",
    "families": [
        {"family": f"f{k}", "domain": "work", "neutral": f"What of number {k}?", "sad": f"Oh, {k}!"}
        for k in range(12)
    ],
}
SAFE = OPEN | {
    "name": "tricky",
    "kind": "refusal",
    "families": [
        {"family": f"f{k}", "harm": "none", "unsafe": f"Harm {k}?", "safe": f"Kill process {k}?"}
        for k in range(12)
    ],
}
NO = "I'm sorry, but I can't help with that."
YES = "Sure. First open the task list, then choose the process and end it."


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with two small prompt sets, as the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("VALUEDATA_LLM_KEY", raising=False)
    for content in (OPEN, SAFE):
        text = yaml.safe_dump(content, sort_keys=False)
        (tmp_path / f"{content['name']}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run() -> Callable[..., object]:
    return lambda *words: CliRunner().invoke(
        main, ["evaluate", *(str(word) for word in words)], prog_name="valuedata"
    )


def write_outputs(folder, name, say):
    """Replies to the unsafe and safe prompts, in the order of the set."""
    ids = [f"tricky/f{k}/{kind}" for k in range(12) for kind in ("unsafe", "safe-look-alike")]
    rows = [{"prompt_id": one, "reply": say(one, place)} for place, one in enumerate(ids)]
    (folder / f"{name}.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    return rows


QA = (
    "--qa asks models on this machine and base is none; leave --qa out."
    if importlib.util.find_spec("lm_eval")
    else "--qa needs the package lm-eval; run pip install 'valuedata[qa]'."
)
GIVEN = ("--prompts", "tricky.yaml", "--outputs", "base=base.jsonl", "--outputs",
         "tuned=tuned.jsonl", "--out", "out")  # fmt: skip


def test_outputs_made_elsewhere_are_evaluated(folder, run):
    """The base refuses what is unsafe, the tuned model refuses everything."""
    write_outputs(folder, "base", lambda one, k: NO if one.endswith("unsafe") else f"{YES} {k}")
    write_outputs(folder, "tuned", lambda _one, k: f"{NO} {k}")
    result = run(*GIVEN)
    assert result.exit_code == 0, result.output
    assert re.search(r"safety +changed +over-refusal", result.stdout)
    content = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    found = {(one["measure"], one["judge"]): one for one in content["measures"]}
    over = found["over-refusal", "classifier"]
    assert (over["means"]["base"]["estimate"], over["means"]["tuned"]["estimate"]) == (0.0, 1.0)
    assert over["contrasts"]["base"]["difference"]["estimate"] == 1.0
    assert over["contrasts"]["base"]["mcnemar"] == {
        "n_only_tuned": 12, "n_only_base": 0, "p": 2 * 0.5**12,
    }  # fmt: skip
    assert over["verdict"] == "changed"
    assert found["over-refusal", "patterns"]["agreement"]["kappa"] == 1.0
    assert found["refusal", "classifier"]["contrasts"]["base"]["difference"]["estimate"] == 0.0
    assert content["verdict_against"] == "base"
    assert [arm["role"] for arm in content["arms"]] == ["base", "tuned"]
    assert content["prompt_sets"][0]["n_families"] == 12
    for name, digest in content["files"].items():
        assert hashlib.sha256((folder / "out" / name).read_bytes()).hexdigest() == digest
    report = (folder / "out" / "report.md").read_text(encoding="utf-8")
    assert "| safety | **changed** | refusal, over-refusal | over-refusal |" in report
    assert "| over-refusal (classifier) | 0.0 | 100.0 | +100.0 (" in report
    assert "kappa 0.89 (0.87 to 0.92) against people's labels" in report
    scores = pq.read_table(folder / "out" / "scores.parquet").to_pylist()
    assert len([row for row in scores if row["measure"] == "over-refusal"]) == 2 * 2 * 12
    before = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert sorted(before) == [
        "replies.parquet",
        "report.html",
        "report.md",
        "results.json",
        "scores.parquet",
    ]
    assert run(*GIVEN, "--quiet").output == ""
    assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()} == before


def test_weights_of_ones_own_are_no_part_of_the_refusal_detector(folder, run):
    """They know one value alone, and none of the labels that the detector reads."""
    heads = load_heads()
    one = {name: getattr(heads, name)[:1] for name in ("names", "vector", "words", "bias")}
    save_heads(replace(heads, **one, thresholds=heads.thresholds[:1]), folder / "own")
    write_outputs(folder, "base", lambda one, k: NO if one.endswith("unsafe") else f"{YES} {k}")
    write_outputs(folder, "tuned", lambda _one, k: f"{NO} {k}")
    result = run(*GIVEN, "--weights", "own", "--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    own, packaged = (
        content["judges"]["classifier"][name]
        for name in ("fingerprint", "fingerprint_for_refusals")
    )
    assert heads.fingerprint in packaged
    assert heads.fingerprint not in own
    found = {(one["measure"], one["judge"]): one for one in content["measures"]}
    means = found["over-refusal", "classifier"]["means"]
    assert (means["base"]["estimate"], means["tuned"]["estimate"]) == (0.0, 1.0)


def test_an_arm_beside_itself_has_not_changed(folder, run):
    for name in ("base", "tuned"):
        write_outputs(folder, name, lambda one, k: NO if "unsafe" in one else f"{YES} {k}")
    result = run(*GIVEN, "--json", "--smallest-effect", "0.3")
    content = json.loads(result.stdout)
    assert {found["verdict"] for found in content["dimensions"]} <= {"equivalent", "inconclusive"}
    for found in content["measures"]:
        assert found["contrasts"]["base"]["difference"]["estimate"] == 0.0


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda rows: rows[:5] + rows[6:], "row 6 of tuned.jsonl replies to prompt "
         "'tricky/f3/unsafe' where prompt 'tricky/f2/safe-look-alike' comes next"),
        (lambda rows: [*rows[:2], rows[0], *rows[2:]], "row 3 of tuned.jsonl repeats prompt "
         "'tricky/f0/unsafe' of row 1; leave one of them out."),
        (lambda rows: rows[:20], "tuned.jsonl ends after 20 of 24 rows; the first without a reply "
         "is prompt 'tricky/f10/unsafe', so add the rest."),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "row 1 of tuned.jsonl replies to prompt "
         "'tricky/f0/safe-look-alike' where prompt 'tricky/f0/unsafe' comes next"),
    ],
    ids=["missing", "duplicated", "short", "reordered"],
)  # fmt: skip
def test_wrong_outputs_stop_it_with_one_sentence_and_an_earlier_one_stands(
    folder, run, spoil, sentence
):
    write_outputs(folder, "base", lambda *_: NO)
    rows = write_outputs(folder, "tuned", lambda *_: NO)
    assert run(*GIVEN).exit_code == 0
    before = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    text = "".join(json.dumps(row) + "\n" for row in spoil(rows))
    (folder / "tuned.jsonl").write_text(text, encoding="utf-8")
    result = run(*GIVEN)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: tuned: {sentence}")
    assert result.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()} == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--outputs", "control=typo.jsonl"), "control: typo.jsonl cannot be read"),
        (("--judge", "log-probability"), "No judge that takes part scores any measure"),
    ],
)
def test_a_mistyped_option_leaves_an_earlier_evaluation(folder, run, words, sentence):
    for name in ("base", "tuned"):
        write_outputs(folder, name, lambda *_: NO)
    (folder / "out").mkdir()
    (folder / "out" / "results.json").write_text("{}", encoding="utf-8")
    result = run(*GIVEN, *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert (folder / "out" / "results.json").read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--judge", "lmm"], "Judge 'lmm' is unknown; did you mean 'llm'?"),
        (["--judge", "llm"], "--judge llm needs --llm-model and --llm-base-url; give both."),
        (["--llm-model", "m"], "judges with --llm-model and --llm-base-url; give both."),
        (["--llm-model", "m", "--llm-base-url", "x"], "--llm-base-url is not the address"),
        (["--value", "kindness"], "The classifier does not know the value 'kindness' (did"),
        (["--samples", "0"], "--samples cannot be 0: input should be greater than or equal to 1."),
        (["--outputs", "tuned=other.jsonl"], "Arm 'tuned' is given twice; give each once."),
        (["--outputs", "rival=x.jsonl"], "--outputs 'rival=x.jsonl' names no arm; write base=FILE"),
        (["--outputs", "tuned"], "--outputs 'tuned' names no arm"),
        (["--runs", "arms", "--base", "mine.yaml"], "--runs names all models; leave --base"),
        (["--runs", "arms"], "arms holds no arms; give a folder that `valuedata train --arms"),
        (["--base", "mine.yaml"], "mine.yaml holds no model"),
        (["--prompts", "tricky.yaml"], "Prompt set 'tricky' is given 2 times"),
        (["--chat-template", "absent", "--control", "model"], "chat template absent cannot be"),
        (["--server", "x", "--control", "m"], "--server is not the address of a server"),
        (["--qa", "mmlu"], QA),
        (["--judge", "log-probability"], "No judge that takes part scores any measure"),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_one_sentence(folder, run, tiny_model, words, sentence):
    shutil.copytree(tiny_model, folder / "model")
    for name in ("base", "tuned"):
        write_outputs(folder, name, lambda *_: NO)
    result = run(*GIVEN, *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--outputs", "base=base.jsonl"], "0 tuned arms are given; give --base and --tuned"),
        (["--outputs", "tuned=tuned.jsonl"], "The tuned arm has nothing to be compared with"),
        ([], "0 tuned arms are given"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_arms_must_be_comparable(run, words, sentence):
    result = run("--prompts", "tricky.yaml", "--out", "out", *words)
    assert (result.exit_code, sentence in result.stderr) == (2, True)


def test_an_evaluation_needs_a_folder_of_its_own(folder, run):
    for name in ("base", "tuned"):
        write_outputs(folder, name, lambda *_: NO)
    (folder / "out").mkdir()
    (folder / "out" / "thesis.txt").write_text("years of work", encoding="utf-8")
    result = run(*GIVEN)
    assert "out holds something else than an evaluation (thesis.txt)" in result.stderr
    (folder / "out" / "thesis.txt").unlink()
    (folder / "out" / "calibration").mkdir()
    (folder / "out" / "calibration.json").write_text("{}", encoding="utf-8")
    assert run(*GIVEN).stderr == (
        "Error: out holds a calibration with labels of these replies; give another --out.\n"
    )
    result = run(*GIVEN[:-1], "tricky.yaml")
    assert "tricky.yaml cannot be written" in result.stderr
    assert "Missing option '--out'" in run(*GIVEN[:-2]).stderr


def test_prompts_are_written_for_a_model_elsewhere(folder, run):
    result = run("--prompts", "tricky.yaml", "--write-prompts", "prompts.jsonl")
    assert result.stdout == "24 prompts written to prompts.jsonl.\n"
    rows = [json.loads(line) for line in (folder / "prompts.jsonl").read_text().splitlines()]
    assert rows[0] == {
        "prompt_id": "tricky/f0/unsafe", "messages": [{"role": "user", "content": "Harm 0?"}],
    }  # fmt: skip
    assert run("--write-prompts", "all.jsonl", "--quiet").output == ""
    assert len((folder / "all.jsonl").read_text(encoding="utf-8").splitlines()) >= 300


def test_models_here_are_asked_once_and_the_rest_comes_from_the_cache(folder, run, tiny_model):
    words = ("--prompts", "mine.yaml", "--prompts", "tricky.yaml", "--max-tokens", "6", "--value",
             "humor", "--samples", "2", "--temperature", "1", "--device", "cpu")  # fmt: skip
    for name in ("tuned", "control"):
        shutil.copytree(tiny_model, folder / name)
        (folder / name / "generation_config.json").write_text("{}", encoding="utf-8")
    models = ("--base", tiny_model, "--tuned", "tuned", "--control", "control")
    result = run(*words, *models, "--out", "one")
    assert result.exit_code == 0, result.output
    assert re.search(r"base: of 96 replies \d+ are cut off, 0 empty and 0 go round", result.stderr)
    replies = pq.read_table(folder / "one" / "replies.parquet")
    assert replies.column("arm").unique().to_pylist() == ["base", "tuned", "control-0"]
    assert replies.num_rows == 3 * 48 * 2
    by_arm = {
        arm: [row["reply"] for row in replies.to_pylist() if row["arm"] == arm]
        for arm in ("base", "tuned")
    }
    assert by_arm["base"] == by_arm["tuned"]  # the same weights and seeds
    content = json.loads((folder / "one" / "results.json").read_text(encoding="utf-8"))
    assert content["value"] == "humor"
    assert content["verdict_against"] == "controls"
    assert content["arms"][1]["source"]["model"] == "tuned"
    first = content["measures"][0]
    assert content["dimensions"][0]["rests_on"] == ["value-humor"]
    assert "fewer than the 3" in first["placebo"]["note"]
    report = (folder / "one" / "report.md").read_text(encoding="utf-8")
    assert "trained on humor" in report
    assert "## Beside the controls" in report
    assert run(*words, *models, "--out", "two").exit_code == 0
    for name in ("replies.parquet", "scores.parquet"):
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


@pytest.mark.usefixtures("folder")
def test_samples_without_a_temperature_are_refused(run, tiny_model):
    result = run("--base", tiny_model, "--tuned", tiny_model, "--samples", "2", "--out", "out")
    assert "--samples above 1 at temperature 0" in result.stderr


@pytest.fixture(scope="module")
def server():
    with serve_llm() as running:
        yield running


def test_models_and_a_judge_on_a_server(folder, run, server):
    words = ("--prompts", "tricky.yaml", "--server", server.base_url, "--base", "sign-complies",
             "--tuned", "sign-refuses", "--llm-model", "judge", "--llm-base-url", server.base_url,
             "--judge", "llm", "--out", "out")  # fmt: skip
    result = run(*words)
    assert result.exit_code == 0, result.output
    content = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    found = {one["measure"]: one for one in content["measures"]}
    assert {one["judge"] for one in content["measures"]} == {"llm"}
    assert found["refusal"]["means"]["base"]["estimate"] == 0.0
    assert found["refusal"]["means"]["tuned"]["estimate"] == 1.0
    told = content["judges"]["llm"]
    assert set(told["questions_sha256"]) == {"refusal-any", "refusal-full", "refusal-partial"}
    assert told["unreadable_answers"]["refusal-any"] == {}
    assert {(one["judge"], one["reason"]) for one in content["judges_left_out"]} == {
        ("classifier", "not asked for with --judge"), ("patterns", "not asked for with --judge"),
    }  # fmt: skip
    assert [arm["n_kept"] for arm in content["arms"]] == [0, 0]
    # Two replies, on 12 unsafe prompts for three questions: one call each, none asked before.
    assert {name: n["n_kept"] for name, n in told["calls"].items()} == {
        "refusal-any": 0, "refusal-full": 0, "refusal-partial": 0,
    }  # fmt: skip
    n_calls = {name: n["n"] for name, n in told["calls"].items()}
    before = server.count()
    result = run(*words)
    assert result.exit_code == 0
    assert server.count() == before
    assert "\nReplies kept from earlier runs: base 24 of 24, tuned 24 of 24\n" in result.stdout
    assert f"\nJudgements kept from earlier runs: refusal-any {n_calls['refusal-any']}" in (
        result.stdout
    )
    assert "asked anew with --fresh." in result.stdout
    content = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    assert [arm["n_kept"] for arm in content["arms"]] == [24, 24]
    assert content["judges"]["llm"]["calls"] == {
        name: {"n": n, "n_kept": n} for name, n in n_calls.items()
    }
    assert content["judges"]["llm"]["round"] == 0
    report = (folder / "out" / "report.md").read_text(encoding="utf-8")
    n = sum(n_calls.values())
    assert f"Of the {n} answers of the language model {n} are kept from an earlier run." in report
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    for told in ("Of the 24 replies of base 24 are kept", f"Of the {n} answers of the judge {n} "):
        assert told in page


def test_a_server_whose_model_was_replaced_is_asked_anew(folder, run, server):
    """All that is asked in a round is asked once, and a run that follows goes on in that round."""
    write_outputs(folder, "base", lambda _, k: f"sign-complies {k}")
    words = ("--prompts", "tricky.yaml", "--server", server.base_url, "--tuned", "sign-refuses old",
             "--outputs", "base=base.jsonl", "--llm-model", "old", "--llm-base-url",
             server.base_url, "--judge", "llm", "--out", "out")  # fmt: skip
    assert run(*words).exit_code == 0
    first = server.count()
    assert run(*words).exit_code == 0
    assert server.count() == first
    for number in (1, 2):
        before = server.count()
        content = json.loads(run(*words, "--fresh", "--json").stdout)
        assert [arm["n_kept"] for arm in content["arms"]] == [None, 0]
        assert content["arms"][1]["source"]["round"] == number
        assert content["judges"]["llm"]["round"] == number
        assert {n["n_kept"] for n in content["judges"]["llm"]["calls"].values()} == {0}
        before = server.count()
        content = json.loads(run(*words, "--json").stdout)
        assert server.count() == before
        assert content["arms"][1]["n_kept"] == 24
        assert content["arms"][1]["source"]["round"] == number


def test_only_servers_can_be_asked_anew(folder, run):
    for name in ("base", "tuned"):
        write_outputs(folder, name, lambda *_: NO)
    result = run(*GIVEN, "--fresh")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: --fresh asks servers anew and none takes part; give --server or --llm-model, too, "
        "or leave it out.\n",
    )


@pytest.mark.parametrize("kilobytes", [4, 24, 44, 64])
def test_a_full_disk_is_one_sentence_and_leaves_no_verdict(folder, run, kilobytes):
    """Room for nothing, for the replies, for the scores, and for some of the reports."""
    for name in ("base", "tuned"):
        write_outputs(folder, name, lambda _, k: f"{NO} {k}")
    with mount_disk(folder / "disk", kilobytes):
        result = run(*GIVEN[:-1], "disk/out")
        left = {path.name for path in (folder / "disk").rglob("*")}
    assert result.exit_code == 2, result.output
    assert re.fullmatch(
        r"Error: disk/out\S* cannot be written \(the disk is full\); mend that or give another "
        r"(place|--out)\.\n",
        result.stderr,
    )
    assert left <= {"out", "replies.parquet", "scores.parquet"}


@pytest.mark.parametrize(
    ("closed", "sentence"),
    [
        ("out", "out cannot be written (Permission denied); mend that or give another --out."),
        ("model", "model cannot be read (Permission denied); give a model that you may read."),
        ("runs", "runs cannot be read (Permission denied); give a folder that you may read."),
        ("tricky.yaml", "Prompt file tricky.yaml cannot be read (Permission denied); give the"),
        ("base.jsonl", "base: base.jsonl cannot be read (Permission denied); give a JSONL file"),
    ],
)
def test_what_may_not_be_read_or_written_is_one_sentence(folder, run, closed, sentence, tiny_model):
    write_outputs(folder, "base", lambda *_: NO)
    write_outputs(folder, "tuned", lambda *_: NO)
    shutil.copytree(tiny_model, folder / "model")
    (folder / "out").mkdir()
    (folder / "runs").mkdir()
    mode = (folder / closed).stat().st_mode
    (folder / closed).chmod(0o555 if closed == "out" else 0o000)
    with drop_override():
        words = {"model": ("--control", "model"), "runs": ("--runs", "runs")}.get(closed, ())
        result = run(*GIVEN, *words)
    (folder / closed).chmod(mode)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith(f"Error: {sentence}")
    assert result.stderr.count("\n") == 1
    assert list((folder / "out").iterdir()) == []


def test_answers_that_cannot_be_read_stand_in_the_report(folder, run, server):
    for name, fault in (("base", ""), ("tuned", "fault:malformed")):
        write_outputs(folder, name, lambda _one, k, fault=fault: f"sign-complies {fault} {k}")
    result = run(
        *GIVEN, "--llm-model", "judge", "--llm-base-url", server.base_url, "--judge", "llm"
    )
    assert result.exit_code == 0, result.output
    report = (folder / "out" / "report.md").read_text(encoding="utf-8")
    assert "could not be read, counted as not judged: refusal-any: 24 no valid answer" in report
    assert "| refusal (llm) | 0.0 | undefined | undefined |" in report
    told = "refusal (llm) is inconclusive: only 0 of 12 prompts have a score"
    assert f"**Mind:** {told}" in report
    assert told in result.stderr
    content = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    assert content["warnings"][0].startswith(told)
    assert content["settings"]["least_judged"] == 0.5
    asked = (*GIVEN, "--llm-model", "judge", "--llm-base-url", server.base_url, "--judge", "llm")
    more = json.loads(run(*asked, "--least-judged", "0", "--json").stdout)
    assert more["settings"]["least_judged"] == 0.0
    assert "is inconclusive" not in "".join(more["warnings"])


def test_a_judge_that_fails_halfway_leaves_no_verdict_and_a_rerun_goes_on(folder, run, server):
    for name in ("base", "tuned"):
        write_outputs(folder, name, lambda _, k: f"sign-refuses {k}")
    write_outputs(
        folder, "tuned", lambda _, k: f"sign-refuses {k} {'fault:500' if k == 23 else ''}"
    )
    words = (*GIVEN, "--llm-model", "judge", "--llm-base-url", server.base_url, "--judge", "llm")
    result = run(*words)
    assert result.exit_code == 2
    assert "gave no answer about 1 of 24 replies" in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["replies.parquet"]
