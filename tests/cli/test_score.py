"""score: what it prints of gold, labels and classifiers, and what it refuses."""

import json

import pytest

from tests.cli.rows import read_starter, write_rows
from tests.labelling.record_rows import make_record, make_side, write_lines
from valuedata.labelling.gold import load_gold
from valuedata.labelling.heads import load_heads, save_heads

pytestmark = pytest.mark.usefixtures("vector_cache")

COLUMNS = ("prompt", "chosen", "rejected", "chosen_labels", "rejected_labels")
ON, OFF = make_side(legal_awareness=0.9), make_side(legal_awareness=0.2)
FAILED = {"error": "cut\x1b[31m off"}

SHOWN = """\
3 of 4 labelled pairs measured, of 3 prompts
1 labelled pairs are not in the label file and are left out
1 pairs of the label file are not in GOLD and are left out
1 records repeat a pair, 1 with other labels; the first of a pair counts
1 replies without labels are left out: 1 cut\ufffd[31m off
Names of GOLD without labels: humor

Replies
name              with it   precision   recall      F1   average precision   Brier     ECE
──────────────────────────────────────────────────────────────────────────────────────────
legal-awareness         2       0.667    1.000   0.800               0.667   0.182   0.220

Subsets, after XOR and flip, with 95 % intervals
name              one-sided   subset   in the rewarded     in it alone         recall
────────────────────────────────────────────────────────────────────────────────────────────────
legal-awareness           1        2   0.50 [0.00, 1.00]   0.50 [0.00, 1.00]   1.00 [1.00, 1.00]

Means over the values
measure                                mean        95 % interval    values
──────────────────────────────────────────────────────────────────────────
"""


def make_gold(number, chosen, rejected):
    texts = {"prompt": f"May I {number}?", "chosen": "Yes.", "rejected": "No."}
    return {**texts, "chosen_labels": chosen, "rejected_labels": rejected}


@pytest.fixture
def gold(tmp_path):
    rows = [
        make_gold(0, ["legal-awareness"], []),
        make_gold(1, [], ["legal-awareness", "humor"]),
        make_gold(2, [], []),
        make_gold(3, [], []),
    ]
    return write_lines(tmp_path / "gold.jsonl", rows)


@pytest.fixture
def labels(gold):
    ids = [pair.pair_id for pair in load_gold([gold])]
    sides = [(ON, OFF), (FAILED, ON), (ON, OFF)]
    rows = [make_record(i, *both) for i, both in zip(ids, sides, strict=False)]
    rows += [make_record("x", ON, ON), make_record("x", OFF, ON)]
    return write_lines(gold.with_name("labels.jsonl"), rows)


def test_scores_of_a_label_file(run, gold, labels) -> None:
    result = run("score", gold, "--labels", labels, "--plot", "scores.svg")
    assert (result.stderr, result.exit_code) == ("", 0)
    assert result.stdout.startswith(SHOWN)
    means = result.stdout.removeprefix(SHOWN).splitlines()
    assert means[0].split()[:3] == ["average", "precision", "0.667"]
    assert means[6].split()[-2:] == ["undefined", "0"]
    assert means[9:] == [
        "Subsets: over the values with at least 40 one-sided pairs",
        "",
        "Plot in scores.svg",
    ]


def test_scores_for_scripts(run, gold, labels) -> None:
    words = ("score", gold, "--labels", labels, "--json", "--resamples", "200", "--seed", "5")
    result = run(*words)
    assert (result.stderr, result.exit_code) == ("", 0)
    content = json.loads(result.stdout)
    assert (content["n_resamples"], content["seed"]) == (200, 5)
    assert content["errors"] == {"cut\x1b[31m off": 1}
    found = content["names"]["legal-awareness"]
    # Replies with labels: 0.9 with it, 0.2 without; 0.9 with it; 0.9 and 0.2 without.
    assert (found["n_replies"], found["n_positives"], found["n_right"]) == (5, 2, 2)
    assert found["brier"]["value"] == pytest.approx((2 * 0.1**2 + 2 * 0.2**2 + 0.9**2) / 5)
    assert found["ece"]["value"] == pytest.approx((0.7 + 0.4) / 5)
    assert found["subset_precision"]["value"] == 0.5
    assert run(*words).stdout == result.stdout
    assert run(*words[:-1], "6").stdout != result.stdout


def test_a_mean_says_what_undoes_it(run, gold) -> None:
    side = make_side(humor=0.9, privacy=0.1)
    (pair, *_) = load_gold([gold])
    labels = write_lines(gold.with_name("l.jsonl"), [make_record(pair.pair_id, side, side)])
    words = ("score", gold, "--labels", labels)
    expected = "recall has no mean, for it is undefined for humor, privacy; see --value"
    assert expected in run(*words).stdout.splitlines()
    assert "recall has no mean" in run(*words, "--value", "humor").stdout
    assert "privacy" not in run(*words, "--value", "humor").stdout


def test_label_files_are_compared(run, gold, labels) -> None:
    words = ("score", "--labels", labels, "--labels", labels, "--plot", "kappa.png")
    by_pair = run(*words)
    assert (by_pair.stderr, by_pair.exit_code) == ("", 0)
    lines = by_pair.stdout.splitlines()
    assert lines[:4] == [
        "4 pairs in both files; 0 only in the first, 0 only in the second",
        "Intervals resample 4 pairs",
        "  Pairs of one prompt are alike; with --prompts the intervals heed that.",
        "1 replies lack labels in a file and are left out",
    ]
    row = next(line for line in lines if line.startswith("legal-awareness"))
    assert row.split()[1:5] == ["0.714", "0.714", "1.000", "1.00"]
    assert by_pair.stdout.endswith("\nPlot in kappa.png\n")

    own = write_lines(gold.with_name("own.jsonl"), labels.read_text().splitlines()[:3])
    result = run("score", "--labels", own, "--labels", labels, "--prompts", gold, "--json")
    content = json.loads(result.stdout)
    assert (content["clusters"], content["n_clusters"]) == ("prompts", 3)
    assert content["names"]["legal-awareness"]["kappa"]["value"] == 1.0


def test_names_of_one_file_are_told(run, gold, labels) -> None:
    rows = [json.loads(line) for line in labels.read_text().splitlines()]
    both = make_side(legal_awareness=0.9, humor=0.1)
    other = [{**row, "chosen": both, "rejected": both} for row in rows]
    result = run("score", "--labels", labels, "--labels", write_lines(gold.with_name("o"), other))
    assert "Names in one file only: humor" in result.stdout.splitlines()


def test_a_classifier_is_scored_with_a_warning(run, tmp_path) -> None:
    rows = [{name: row[name] for name in COLUMNS} for row in read_starter()[:6]]
    write_rows(tmp_path / "gold.jsonl", [{**row, "source": "talk"} for row in rows])
    heads = load_heads()
    heads.metadata["sources"] = {"talk": 1_234}  # type: ignore[index]
    save_heads(heads, tmp_path / "weights")
    words = (
        "score",
        "gold.jsonl",
        "--weights",
        "weights",
        "--value",
        "empathy",
        "--resamples",
        100,
    )
    result = run(*words)
    assert result.stderr == (
        "Warning: this classifier was trained on pairs of talk (1,234 pairs), which GOLD has, too; "
        "where they are the same, its figures are too good. Leave these sources out with "
        "--exclude-source, or score weights that were trained without them.\n"
    )
    assert result.stdout.startswith("6 of 6 labelled pairs measured, of 6 prompts\n\nReplies\n")
    quiet = run(*words, "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", result.stderr)


def test_what_label_writes_is_scored(run, tmp_path) -> None:
    rows = [{name: row[name] for name in COLUMNS} for row in read_starter()[:6]]
    write_rows(tmp_path / "gold.jsonl", rows)
    for name in ("labels.jsonl", "labels.parquet"):
        assert run("label", "gold.jsonl", "--out", name).exit_code == 0
    classifier, *files = (
        json.loads(run("score", "gold.jsonl", *words, "--json", "--resamples", "100").stdout)
        for words in ((), ("--labels", "labels.jsonl"), ("--labels", "labels.parquet"))
    )
    assert files[0] == files[1]
    assert classifier["n_pairs"] == files[0]["n_pairs"] == 6
    for name, found in classifier["names"].items():
        for measure in ("n_expressed", "precision", "subset_precision"):
            assert found[measure] == files[0]["names"][name][measure]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Give GOLD to score against it, or --labels twice to compare;"),
        (("--labels", "labels.jsonl"), "Give GOLD to score against it, or --labels twice"),
        (
            ("gold.jsonl", "--labels", "labels.jsonl", "--labels", "labels.jsonl"),
            "Give one --labels with GOLD; two are compared with each other, without GOLD;",
        ),
        (
            ("gold.jsonl", "--labels", "labels.jsonl", "--weights", "weights"),
            "Give --labels or --weights; with --labels no classifier runs;",
        ),
        (("gold.jsonl", "--prompts", "gold.jsonl"), "--prompts is for two --labels without GOLD"),
        (
            ("--labels", "labels.jsonl", "--labels", "labels.jsonl", "--exclude-source", "x"),
            "--exclude-source leaves out pairs of GOLD; give one;",
        ),
        (("gold.jsonl", "--resamples", "99"), "Invalid value for '--resamples': 99"),
        (
            ("gold.jsonl", "--plot", "plot.pdf"),
            "Plot plot.pdf has the suffix '.pdf'; give one that",
        ),
        (("gold.jsonl", "--plot", "no/plot.png"), "Folder no is missing; make it or give another"),
        (("labels.jsonl",), "labels.jsonl line 1 is a label record, not a labelled pair;"),
        (("none.jsonl",), "Labelled pairs none.jsonl cannot be read"),
        (("gold.jsonl", "--value", "humour"), "Value 'humour' is unknown; did you mean 'humor'?"),
        (("gold.jsonl", "--weights", "none"), "Weights in none cannot be read"),
        (("gold.jsonl", "--labels", "gold.jsonl"), "gold.jsonl line 1 is no label record"),
        (("gold.jsonl", "--labels", "none.jsonl"), "Label file none.jsonl cannot be read"),
    ],
)
@pytest.mark.usefixtures("labels")
def test_what_is_refused(run, words, sentence) -> None:
    result = run("score", *words)
    assert result.stderr.startswith(f"Error: {sentence}")
    assert (result.stdout, result.stderr.count("\n"), result.exit_code) == ("", 1, 2)


def test_a_plot_that_cannot_be_written(run, gold, labels, tmp_path) -> None:
    (tmp_path / "plot.png").mkdir()
    result = run("score", gold, "--labels", labels, "--plot", "plot.png")
    assert result.stderr.startswith("Error: Plot plot.png cannot be written (Is a directory)")
    assert result.exit_code == 2
