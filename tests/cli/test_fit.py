"""fit: a real training on a small file, what it prints and writes, and that builds take it."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from cards.markdown import escape_cell
from tests.cli.rows import choose_rows, read_starter, write_rows
from tests.cli.test_disk_errors import drop_override
from valuedata.cli import main
from valuedata.cli.fit import MEASURES, show_quality
from valuedata.labelling.fitting import adaptation, training
from valuedata.labelling.heads import load_heads
from valuedata.labelling.metadata import METADATA_FILE, check_weights_folder
from valuedata.labelling.values import LABEL_NAMES, VALUE_NAMES
from valuedata.release.folder import load_release

pytestmark = pytest.mark.usefixtures("vector_cache")

WORDS = ("fit", "gold.jsonl", "--exclude-source", "other", "--add", "more.jsonl")
SETTINGS = ("--seed", "3", "--licence", "talk=CC0-1.0", "--licence", "more=MIT")
QUALITY = {
    "empathy": {
        "n_positives": 1197,
        "threshold": 0.43,
        "precision": {"value": 0.602},
        "recall": {"value": 0.315},
        "average_precision": {"value": 0.47},
        "subset_precision": {"value": None},
        "subset_recall": {"value": 0.305},
    }
}

SHOWN = """\
value     replies with it   threshold   precision   recall   average precision   \
subset precision   subset recall
──────────────────────────────────────────────────────────────────────────────────\
───────────────────────────────
empathy             1,197       0.430       0.602    0.315               0.470   \
undefined                  0.305
"""


def test_the_quality_is_printed(capsys) -> None:
    show_quality(QUALITY)
    assert capsys.readouterr() == (SHOWN, "")


def shorten(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The first words of each message, which are read in a quarter of the time."""
    return [{**told, "content": " ".join(told["content"].split()[:8])} for told in messages]


def choose_gold() -> list[dict[str, Any]]:
    """The first pairs of the bundled corpus that bring a name which few replies express so far."""
    texts, labels = ("prompt", "chosen", "rejected"), ("chosen_labels", "rejected_labels")
    n_replies: Counter[str] = Counter()
    gold = []
    for row in read_starter():
        names = row["chosen_labels"] + row["rejected_labels"]
        if any(n_replies[name] < 12 for name in names):
            n_replies.update(names)
            short = {name: shorten(row[name]) for name in texts}
            gold.append({"source": "talk", **short, **{name: row[name] for name in labels}})
    return gold


@pytest.fixture(scope="module")
def gold() -> list[dict[str, Any]]:
    return choose_gold()


@dataclass(frozen=True)
class Training:
    """What one run of `fit` printed, and the folder that it was run in."""

    result: Result
    folder: Path


@pytest.fixture(scope="module")
def trained(
    gold: list[dict[str, Any]],
    vector_cache: Path,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Training:
    """A training on a file of two sources, one of which is left out."""
    folder = tmp_path_factory.mktemp("fit")
    write_rows(folder / "gold.jsonl", [*gold, *({**row, "source": "other"} for row in gold[:9])])
    write_rows(folder / "more.jsonl", [{**row, "source": "more"} for row in gold[:9]])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(adaptation, "N_EPOCHS", 1)
        patch.setattr(training, "N_EPOCHS", 1)
        return Training(CliRunner().invoke(main, [*WORDS, *SETTINGS, "--out", "weights"]), folder)


@pytest.mark.slow
def test_fit(trained: Training, gold, capsys) -> None:
    assert (trained.result.stderr, trained.result.exit_code) == ("", 0)
    heads = load_heads(trained.folder / "weights")
    assert heads.names == LABEL_NAMES
    assert heads.metadata["sources"] == {"talk": len(gold)}
    assert heads.metadata["added"] == {"more": 9}
    assert heads.metadata["seed"] == 3

    table, means, end = trained.result.stdout.split("\n\n")
    assert means.startswith("Means over the values\n")
    assert end == (
        f"Weights of {len(gold) + 9:,} labelled pairs in weights; use them with\n"
        "    valuedata build --value all --weights weights\n"
    )
    heading, _, *lines = table.splitlines()
    assert heading.split("   ")[0] == "value"
    assert all(measure in heading for measure in MEASURES.values())
    n_replies = Counter(
        name for row in gold for name in row["chosen_labels"] + row["rejected_labels"]
    )
    for name, line in zip(LABEL_NAMES, lines, strict=True):
        assert line.split()[:2] == [name, str(n_replies[name])]
        assert len(line.split()) == 1 + len(MEASURES)
    show_quality(heads.metadata["quality"])
    assert capsys.readouterr().out == f"{table}\n"


def test_the_weights_have_a_card(trained: Training, gold) -> None:
    metadata = load_heads(trained.folder / "weights").metadata
    card = (trained.folder / "weights" / "README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(card.split("---")[1])["license"] == "mit"
    assert f"| talk | {len(gold)} | CC0-1.0 | training, and measurement" in card
    assert "| more | 9 | MIT | training only |" in card
    empathy = metadata["quality"]["empathy"]
    found = empathy["average_precision"]
    assert (
        f"| `empathy` | {empathy['n_positives']} | {found['value']:.2f} ({found['low']:.2f} to "
        f"{found['high']:.2f}) |" in card
    )
    mean = metadata["means"]["average_precision"]["value"]
    assert f"| average precision | {mean:.2f} |" in card
    wrong = [probe for probe in metadata["probes"] if not probe["is_right"]]
    assert 0 < len(wrong) < len(metadata["probes"])
    assert f"({len(metadata['probes']) - len(wrong)} of {len(metadata['probes'])})" in card
    for probe in metadata["probes"]:
        assert (escape_cell(probe["reply"]) in card) != probe["is_right"]
    assert (trained.folder / "weights" / "scores.png").stat().st_size > 10_000


def test_what_fit_wrote_labels_and_builds(run, trained: Training, tmp_path) -> None:
    heads = load_heads(trained.folder / "weights")
    write_rows(tmp_path / "rows.jsonl", choose_rows("empathy", 12))
    given = ("--weights", trained.folder / "weights")
    survey = json.loads(run("survey", "--source", "rows.jsonl", *given, "--json").stdout)
    value = max(VALUE_NAMES, key=lambda name: survey["values"][name]["one_sided"])
    words = ("--value", value, "--min-margin", "0", "--source", "rows.jsonl", "--out", "out")
    result = run("build", *words, *given)
    assert result.exit_code == 0, result.output
    manifest = load_release(tmp_path / "out").manifest
    assert manifest["recipe"]["labels"]["weights"] == "weights"
    assert heads.fingerprint in manifest["labels"]["extractor"]
    np.testing.assert_array_equal(
        np.array(manifest["labels"]["thresholds"], dtype=np.float32), heads.thresholds
    )

    run("label", "rows.jsonl", "--out", "own.jsonl", *given)
    run("label", "rows.jsonl", "--out", "packaged.jsonl")
    own, packaged = (
        [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("own.jsonl", "packaged.jsonl")
    )
    for one, other in zip(own, packaged, strict=True):
        assert one["pair_id"] == other["pair_id"]
        assert one["chosen"]["probabilities"] != other["chosen"]["probabilities"]
        assert set(one["chosen"]["expressed"]) == {
            name
            for name, threshold in zip(heads.names, heads.thresholds.tolist(), strict=True)
            if one["chosen"]["probabilities"][name] >= round(threshold, 6)
        }


@pytest.mark.slow
def test_fit_for_scripts(run, monkeypatch, tmp_path, gold) -> None:
    monkeypatch.setattr(adaptation, "N_EPOCHS", 1)
    monkeypatch.setattr(training, "N_EPOCHS", 1)
    monkeypatch.setattr(training, "N_FOLDS", 2)
    write_rows(tmp_path / "gold.jsonl", gold)
    result = run("fit", "gold.jsonl", "--out", "weights", "--json")
    assert (result.stderr, result.exit_code) == ("", 0)
    metadata = load_heads(tmp_path / "weights").metadata
    assert json.loads(result.stdout) == metadata
    assert (metadata["seed"], metadata["added"]) == (0, {})
    for name in LABEL_NAMES:
        assert set(MEASURES) <= set(metadata["quality"][name])


def test_fit_on_too_few_labels(run, tmp_path, gold) -> None:
    write_rows(tmp_path / "gold.jsonl", gold[:3])
    n_replies = sum(
        "empathy" in row[side] for row in gold[:3] for side in ("chosen_labels", "rejected_labels")
    )
    result = run("fit", "gold.jsonl", "--out", "weights")
    assert result.stderr == (
        f"Error: Value 'empathy' is expressed by {n_replies} of 6 replies; label at least 10 that "
        "express it and 10 that do not.\n"
    )
    assert (result.stdout, result.exit_code) == ("", 2)
    assert not (tmp_path / "weights").exists()


def test_fit_on_a_file_that_is_not_there(run) -> None:
    result = run("fit", "gold.jsonl", "--out", "weights")
    assert result.stderr.startswith("Error: Labelled pairs gold.jsonl cannot be read")
    assert result.exit_code == 2


def test_a_licence_without_a_source_is_refused(run, tmp_path, gold) -> None:
    write_rows(tmp_path / "gold.jsonl", gold[:3])
    result = run("fit", "gold.jsonl", "--out", "weights", "--licence", "MIT")
    assert result.stderr == (
        "Error: --licence 'MIT' names no source or no licence; write SOURCE=LICENCE, such as "
        "hh-helpful=MIT.\n"
    )


@pytest.mark.parametrize("words", ["--licence tlak=CC0-1.0", "--exclude-source tlak"])
def test_a_source_that_no_pair_is_of_is_refused(run, tmp_path, gold, words) -> None:
    write_rows(tmp_path / "gold.jsonl", gold[:3])
    result = run("fit", "gold.jsonl", "--out", "weights", *words.split())
    assert result.stderr == (
        "Error: No labelled pair is of the source 'tlak'; did you mean 'talk'?\n"
    )
    assert result.exit_code == 2


def prepare_foreign(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "README.md").write_text("mine")


def prepare_file(folder: Path) -> None:
    (folder / "out").write_text("mine")


def prepare_closed(folder: Path) -> None:
    (folder / "out").mkdir(mode=0o555)


@pytest.mark.parametrize(
    ("prepare", "out", "sentence"),
    [
        (prepare_foreign, "out", "Folder out exists and holds no weights; give another --out."),
        (prepare_file, "out", "Weights cannot be written to out (Not a directory); name a folder"),
        (prepare_file, "out/w", "Weights cannot be written to out/w (Not a directory); name"),
        (prepare_closed, "out", "Weights cannot be written to out (Permission denied); name"),
        (prepare_closed, "out/a/b", "Weights cannot be written to out/a/b (Permission denied);"),
    ],
)
def test_a_folder_that_weights_may_not_go_to_is_refused_before_anything_is_read(
    run, tmp_path, prepare, out, sentence
) -> None:
    prepare(tmp_path)
    before = {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")}
    with drop_override():
        result = run("fit", "missing.jsonl", "--out", out)
    assert result.stderr.startswith(f"Error: {sentence}")
    assert (result.stdout, result.exit_code) == ("", 2)
    assert {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")} == before


def test_folders_that_weights_may_go_to(tmp_path) -> None:
    check_weights_folder(tmp_path)
    check_weights_folder(tmp_path / "new" / "folder")
    (tmp_path / "README.md").write_text("a card")
    (tmp_path / METADATA_FILE).write_text("{}")
    check_weights_folder(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
