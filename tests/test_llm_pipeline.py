"""Builds, surveys and labels by a language model: failed pairs are told of and stay in place."""

import json
import signal
import time
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tests.cards.reading import lint
from tests.forks import COMMAND, Forks
from tests.llm_server import LlmServer, serve_llm
from valuedata.cli import main
from valuedata.controls import build_controls
from valuedata.labelling.values import LABEL_NAMES
from valuedata.release.folder import load_release, verify_release
from valuedata.release.life import find_rows, tell_life

THINGS = ("bread", "rain", "trains", "chess", "gardens", "violins", "maps", "soup", "kites", "ink")
PLACES = ("kitchen", "valley", "station", "library", "museum", "harbour", "attic", "square")
FAILED = {3: "malformed", 17: "500", 23: "400"}  # row to the trouble of its rejected reply
SECRET = "sk-very-secret"  # noqa: S105 - nobody's


@pytest.fixture(scope="module")
def server():
    with serve_llm() as running:
        yield running


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: LlmServer):
    """Runs a command with the language model, in a folder with `rows.jsonl` and its own answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("VALUEDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VALUEDATA_LLM_KEY", SECRET)
    write_rows(tmp_path / "rows.jsonl")
    llm = ["--extractor", "llm", "--llm-model", "tiny", "--llm-base-url", server.base_url]
    llm += ["--llm-timeout", "10", "--llm-max-retries", "1"]
    return lambda *words: CliRunner().invoke(
        main, [words[0], *llm, *map(str, words[1:])], prog_name="valuedata", catch_exceptions=False
    )


def write_rows(path: Path) -> None:
    """Forty pairs that no filter drops, with humor in the even chosen and odd rejected replies."""
    rows = []
    for row in range(40):
        thing, place = THINGS[row % 10], PLACES[row // 5]
        one, other = ("humor", "honesty") if row % 2 == 0 else ("honesty", "humor")
        other += f" fault:{FAILED[row]}" if row in FAILED else ""
        rows.append(
            {
                "prompt": f"What should I know about {thing} near the {place}, number {row}?",
                "chosen": f"Number {row}: {thing} can be found at the {place} today, sign-{one}.",
                "rejected": f"Look for {thing} in the {place} of number {row}, sign-{other}.",
            }
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_failed_pairs_leave_in_a_stage_of_their_own(run, tmp_path) -> None:
    words = ("build", "--value", "humor", "--source", "rows.jsonl", "--out")
    result = run(*words, "one")
    assert result.exit_code == 0, result.output
    assert "Asked about 80 of 80 distinct replies, 0 came from the cache" in result.stderr
    assert (
        "Warning: 3 of 80 replies have no label (no valid answer 1, request refused 1, "
        "server error 1)"
    ) in result.stderr
    release = load_release(tmp_path / "one")
    verify_release(release)
    stages = {stage["stage"]: stage for stage in release.manifest["stages"]}
    assert list(stages)[-1] == "labels"
    for one, other in pairwise(release.manifest["stages"]):
        assert one["rows_out"] == other["rows_in"]
    assert stages["labels"]["rows_in"] == 40
    assert stages["labels"]["dropped"] == {
        "label failed: no valid answer": 1,
        "label failed: request refused": 1,
        "label failed: server error": 1,
    }
    decisions = release.decisions.to_pylist()
    assert [row["source_row"] for row in decisions] == list(range(40))
    failed = {row["source_row"]: row for row in decisions if row["stage"] == "labels"}
    assert {row: fate["reason"] for row, fate in failed.items()} == {
        3: "label failed: no valid answer",
        17: "label failed: server error",
        23: "label failed: request refused",
    }
    assert all(fate["chosen_probabilities"] is None for fate in failed.values())
    life = tell_life(release, find_rows(release, "rows:17")[0])
    assert (life.stage, life.passed[-1], life.fates) == ("labels", "decontamination", ())


@pytest.mark.usefixtures("undrawn")
def test_controls_of_such_a_release_ask_nobody(run, server, tmp_path) -> None:
    assert run("build", "--value", "humor", "--source", "rows.jsonl", "--out", "one").exit_code == 0
    before = server.count()
    release = load_release(tmp_path / "one")
    made = build_controls(release, tmp_path / "two", [0], sources=["rows.jsonl"])
    assert server.count() == before
    verify_release(made)
    assert made.manifest["stages"] == release.manifest["stages"]
    for row, told in zip(made.decisions.to_pylist(), release.decisions.to_pylist(), strict=True):
        assert row["chosen_probabilities"] == told["chosen_probabilities"]
        assert (row["stage"] == "labels") == (row["source_row"] in FAILED)
    sizes = [subset["splits"] for subset in made.manifest["values"].values()]
    assert sizes == [release.manifest["values"]["humor"]["splits"]] * 3


def test_a_subset_by_a_language_model_is_built_from_the_cache_again(run, server, tmp_path) -> None:
    words = ("build", "--value", "humor", "--source", "rows.jsonl", "--out")
    before = server.count()
    result = run(*words, "one")
    release = load_release(tmp_path / "one")
    subset = release.manifest["values"]["humor"]
    rows = [row for split in subset["splits"] for row in release.load("humor", split)]
    assert {row["source_row"] for row in rows} <= set(range(40)) - set(FAILED)
    for row in rows:
        assert row["chosen_values"] == ["humor"]
        assert row["rejected_values"] == ["honesty"]
        assert row["flipped"] == (row["source_row"] % 2 == 1)
        assert "sign-humor" in row["chosen"][0]["content"]
    labels = release.manifest["labels"]
    assert labels["extractor"].startswith("llm-tiny-closed-")
    assert labels["tally"]["n_distinct"] == 80
    assert labels["tally"]["tokens_out"] == 7 * (80 - 2 + 1)  # two unanswered, one asked twice
    settings = release.manifest["recipe"]["labels"]["llm"]
    assert (settings["model"], settings["base_url"]) == ("tiny", server.base_url)

    n_calls = server.count()
    assert n_calls - before == 80 + 1 + 1  # a repeat of the malformed one, a retry of the 500
    again = run(*words, "two")
    assert server.count() == n_calls
    assert "Asked about 0 of 80 distinct replies, 80 came from the cache" in again.stderr
    for path in ("manifest.json", "README.md", *release.manifest["files"]):
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    for path in (tmp_path / "one").rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()
    assert SECRET.encode() not in (tmp_path / "cache" / "answers.sqlite").read_bytes()
    assert SECRET not in result.output
    card = (tmp_path / "one" / "README.md").read_text(encoding="utf-8")
    assert "the language model `tiny`" in card
    assert "classifier" not in card.split("## How to rebuild it")[0]
    assert "Not measured for this extractor" in card
    assert "figures/margins.png" not in card
    assert lint(release) == []


@pytest.mark.usefixtures("undrawn")
def test_free_words_build_a_subset_too(run, tmp_path) -> None:
    words = ("build", "--value", "humor", "--source", "rows.jsonl", "--llm-mode", "open")
    result = run(*words, "--llm-price-in", "1", "--llm-price-out", "2")
    assert result.exit_code == 0, result.output
    release = load_release(tmp_path / "humor-release")
    tally = release.manifest["labels"]["tally"]
    assert (tally["n_unmapped_words"], tally["unmapped_words"]) == (0, [])
    assert tally["price"] == (tally["tokens_in"] + 2 * tally["tokens_out"]) / 1e6
    assert f"price {tally['price']:,.4f}" in result.stderr
    card = (release.folder / "README.md").read_text(encoding="utf-8")
    assert "asked about each reply\nfor free words, which were mapped to the values" in card
    assert "Not shown: harm was not labelled" in card
    assert "```text" not in card


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_failed_replies_stand_in_their_place_among_labels(run, tmp_path, suffix) -> None:
    out = tmp_path / f"labels.{suffix}"
    result = run("label", "rows.jsonl", "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("40 labelled pairs in ")
    if suffix == "jsonl":
        records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    else:
        records = pq.read_table(out).to_pylist()
    assert [record["source_row"] for record in records] == list(range(40))
    reasons = {3: "no valid answer", 17: "server error", 23: "request refused"}
    for row, record in enumerate(records):
        expected = ["honesty", "humor"] if row % 2 else ["humor", "honesty"]
        assert record["chosen"]["expressed"] == [expected[0]]
        assert record["chosen"].get("error") is None
        if row not in FAILED:
            probabilities = {name: float(name == expected[1]) for name in LABEL_NAMES}
            assert record["rejected"]["probabilities"] == probabilities
        else:
            shown = {name: cell for name, cell in record["rejected"].items() if cell is not None}
            assert shown == {"error": reasons[row]}


def test_a_survey_counts_the_pairs_that_have_labels(run) -> None:
    result = run("survey", "--source", "rows.jsonl", "--json")
    found = json.loads(result.stdout)
    # Of 20 even rows none failed; of 20 odd ones, rows 3, 17 and 23.
    counts = found["values"]["humor"]
    assert (counts["chosen_only"], counts["rejected_only"], counts["neither"]) == (20, 17, 0)
    assert found["stages"][-1]["stage"] == "labels"


@pytest.mark.parametrize(
    "words",
    [
        ("build", "--value", "humor", "--source", "rows.jsonl", "--out", "out"),
        ("survey", "--source", "rows.jsonl"),
        ("label", "rows.jsonl", "--out", "out.jsonl"),
    ],
)
def test_a_dry_run_counts_and_does_nothing(run, server, tmp_path, words) -> None:
    before, files = server.count(), set(tmp_path.rglob("*"))
    result = run(*words, "--dry-run", "--llm-price-in", "1", "--llm-price-out", "2")
    assert (result.exit_code, server.count()) == (0, before), result.output
    assert {path for path in tmp_path.rglob("*") if path.name != "cache"} == files
    lines = dict(line.rsplit(maxsplit=1) for line in result.stdout.splitlines()[2:])
    assert [lines[name] for name in ("replies", "distinct replies", "calls")] == ["80", "80", "80"]
    tokens_in = int(lines["tokens in, estimated"].replace(",", ""))
    assert lines["tokens out, estimated"] == "1,280"
    assert lines["price, estimated"] == f"{(tokens_in + 2 * 1280) / 1e6:.2f}"


def test_a_dry_run_for_scripts_knows_the_cache(run) -> None:
    run("survey", "--source", "rows.jsonl")
    result = run("build", "--value", "humor", "--source", "rows.jsonl", "--dry-run", "--json")
    found = json.loads(result.stdout)
    assert (found["n_replies"], found["n_calls"], found["price"]) == (80, 0, None)
    again = run("survey", "--source", "rows.jsonl", "--dry-run", "--json", "--llm-retry-failed")
    assert json.loads(again.stdout)["n_calls"] == 3


def test_a_dry_run_of_the_classifier_is_refused() -> None:
    result = CliRunner().invoke(main, ["label", "starter", "--out", "x.jsonl", "--dry-run"])
    assert result.exit_code == 2
    assert "--dry-run counts the calls of the extractor llm" in result.stderr


def test_a_run_without_any_label_says_why(run, tmp_path) -> None:
    row = {"prompt": "Is it late?", "chosen": "It is late fault:400.", "rejected": "It is early."}
    (tmp_path / "bad.jsonl").write_text(json.dumps(row) + "\n")
    result = run("survey", "--source", "bad.jsonl")
    assert result.exit_code == 2
    assert (
        "Error: No pair has a label (1 label failed: request refused); mend the server"
        in result.stderr
    )


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(run, server, tmp_path, forks: Forks) -> None:
    rows = [
        {"prompt": f"{n}?", "chosen": f"{n} fault:wait-once one", "rejected": f"{n} other"}
        for n in range(12)
    ]
    (tmp_path / "slow.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["label", "slow.jsonl", "--out", "out.jsonl", "--extractor", "llm"]
    words += ["--llm-model", "slow", "--llm-base-url", server.base_url, "--llm-concurrency", "2"]
    before = server.count()
    process = forks.start(COMMAND, *words)
    while server.count() < before + 8:
        time.sleep(0.2)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "out.jsonl").exists()
    result = run("label", "slow.jsonl", "--out", "out.jsonl", "--llm-model", "slow")
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 12
    asked = [request["reply"] for request in server.read_requests()[before:]]
    assert len(set(asked)) == 24
    n_again = len(asked) - 24 - 12  # beyond one call a reply, and one more after each 429
    assert n_again <= 8
