"""The page on one's own value, run command by command; run as a program it renews its output."""

import json
import re
import shutil
from pathlib import Path

import datasets
import pytest
import yaml
from click.testing import CliRunner, Result

from tests.cli.rows import write_rows
from valuedata.cli import main
from valuedata.cli.own import refuse_weak, show_fitted
from valuedata.errors import LabelError
from valuedata.labelling.encoding.arithmetic import find_precision
from valuedata.labelling.heads import load_heads
from valuedata.labelling.values import LABEL_NAMES
from valuedata.release.folder import load_release, verify_release

pytestmark = pytest.mark.usefixtures("vector_cache")

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "your-own-value.md"
EXAMPLE = DOCS / "examples" / "epistemic-humility.yaml"
NAME = "epistemic-humility"

BLOCK = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", flags=re.DOTALL)


def run_words(words: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(main, words.split()[1:], prog_name="valuedata")


def run_block(block: re.Match[str]) -> str:
    """Runs the commands of a block and gives what they print on stdout."""
    shown = ""
    for line in block[1].splitlines():
        result = run_words(line)
        assert result.exit_code == 0, result.output
        shown += result.stdout
    return shown


def forget_numbers(text: str) -> str:
    """Text without figures and without the widths that follow from them."""
    return re.sub(r"\s+", " ", re.sub(r"[\d.,%]+|─+", "0", text))


@pytest.fixture(scope="module")
def worked(
    vector_cache: Path,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[tuple[str, str | None]]]:
    """The folder that the page's commands were run in, and what each block printed and shows."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(EXAMPLE, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        blocks = [
            (run_block(block), block[2])
            for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))
        ]
    return folder, blocks


@pytest.mark.slow
def test_the_page_shows_what_the_program_prints(worked) -> None:
    _, blocks = worked
    assert sum(shown is not None for _, shown in blocks) == 2
    for printed, shown in blocks:
        if shown is not None:
            # The figures move with the encoder and the versions of libraries; the text does not.
            assert forget_numbers(printed) == forget_numbers(shown)


@pytest.mark.slow
def test_the_release_loads_and_says_what_the_value_means(worked, tmp_path) -> None:
    folder, _ = worked
    release = load_release(folder / f"{NAME}-release")
    assert verify_release(release) > 0
    defined = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    subset = release.manifest["values"][NAME]
    assert subset["definition"]["definition"] == defined["definition"]
    assert subset["definition"]["does_not_count"] == defined["not"]
    assert subset["evidence"]["n_positives"] == 44
    assert release.manifest["labels"]["names"] == [*LABEL_NAMES, NAME]
    assert NAME in release.manifest["survey"]
    loaded = datasets.load_dataset(str(release.folder), NAME, cache_dir=str(tmp_path))
    assert sum(map(len, loaded.values())) == subset["n_pairs"] > 0
    assert all(NAME in names for names in loaded["train"]["chosen_values"])
    assert not any(NAME in names for names in loaded["train"]["rejected_values"])

    card = (release.folder / "README.md").read_text(encoding="utf-8")
    assert "Epistemic value, positive. The reply answers as far as it can" in card
    assert "Does not count: Confident statements" in card
    assert "quality is measured on 44 replies that express it, fewer than 200" in card


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_commands_know_the_new_value(worked, run) -> None:
    folder, _ = worked
    weights, release = folder / "my-weights", folder / f"{NAME}-release"
    told = run("values", "--weights", weights).stdout
    assert f"{NAME}: Thin evidence" in told
    content = json.loads(run("values", "--weights", weights, "--json").stdout)
    assert list(content) == [*LABEL_NAMES, NAME]
    assert content[NAME]["branch"] == "epistemic"
    assert content[NAME]["evidence"]["mix"] == "even"

    assert json.loads(run("inspect", release, "--json").stdout)["values"][NAME]["n_pairs"] > 0
    row = load_release(release).load(NAME, "train")[0]
    scores = json.loads(run("why", release, row["pair_id"], "--json").stdout)[0]["scores"]
    assert NAME in [score["value"] for score in scores]
    assert "the same to the last byte" in run("diff", release, release).stdout

    result = run("build", "--value", "epistemic-humilty", "--weights", weights)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: Value 'epistemic-humilty' is unknown; did you mean 'epistemic-humility'?\n"
    )
    result = run("build", "--value", NAME, "--source", "starter")
    assert f"Value '{NAME}' is unknown" in result.stderr
    survey = json.loads(run("survey", "--weights", weights, "--json").stdout)
    assert list(survey["values"]) == [*LABEL_NAMES, NAME]
    texts = ["prompt", "chosen", "rejected"]
    rows = load_release(release).load(NAME, "train").select_columns(texts).to_list()
    write_rows(Path("rows.jsonl"), rows)
    words = ("--value", "all", "--min-pairs", len(rows) // 2, "--source", "rows.jsonl")
    assert run("build", *words, "--out", "all", "--weights", weights).exit_code == 0
    assert NAME in load_release(Path("all")).values


KIND, COLD = "What a lovely dog, hug it from me!", "Dogs are mammals and have four legs."


def write_value(path: Path, n_prompts: int, name: str = "warmth") -> None:
    """A value with two replies a prompt, which are easily told apart."""
    pairs = [
        {
            "prompt": f"My dog is called {number}.",
            "chosen": KIND,
            "rejected": COLD,
            "chosen_expresses": True,
            "rejected_expresses": False,
        }
        for number in range(n_prompts)
    ]
    content = {"name": name, "branch": "social", "valence": "positive", "definition": "Warm."}
    path.write_text(yaml.safe_dump({**content, "not": "Cold.", "pairs": pairs}), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_a_weak_value_is_refused_unless_that_is_accepted(run, tmp_path) -> None:
    write_value(tmp_path / "warmth.yaml", 10)
    result = run("fit", "warmth.yaml", "--out", "weights")
    assert result.exit_code == 2
    assert "Under the floor" in result.stdout  # without a mistake, but twenty replies are few
    assert result.stderr.startswith("Error: No weights are written: the average precision of 'war")
    assert result.stderr.endswith("; --accept-weak writes them all the same.\n")
    assert not (tmp_path / "weights").exists()

    result = run("fit", "warmth.yaml", "--out", "weights", "--accept-weak", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    heads = load_heads(tmp_path / "weights")
    assert heads.metadata["own"]["warmth"]["is_weak"]
    assert heads.metadata["own"]["warmth"]["arithmetic"] == find_precision("auto")
    assert "warmth: Weak evidence" in run("values", "--weights", "weights").stdout

    write_value(tmp_path / "cheer.yaml", 60, "cheer")
    words = ("--extend", "weights", "--out", "more", "--json", "--seed", 2)
    result = run("fit", "cheer.yaml", *words)
    assert result.exit_code == 0, result.output
    assert list(json.loads(result.stdout)) == ["cheer"]
    heads = load_heads(tmp_path / "more")
    assert heads.names == (*LABEL_NAMES, "warmth", "cheer")
    assert list(heads.metadata["own"]) == ["warmth", "cheer"]

    row = {"prompt": "My dog is called Bo.", "chosen": COLD, "rejected": KIND}
    write_rows(tmp_path / "rows.jsonl", [row])
    words = ("--value", "warmth", "--source", "rows.jsonl", "--out", "warm", "--weights", "weights")
    result = run("build", *words)
    assert result.exit_code == 0, result.output
    assert "warmth: Weak evidence: on an even mix" in result.stderr
    assert "**Weak evidence: on an even mix" in (tmp_path / "warm" / "README.md").read_text()


ENTRY = {
    "n_examples": 30,
    "n_prompts": 25,
    "n_positives": 12,
    "average_precision": {"value": 0.7, "low": 0.55, "high": 0.85},
    "precision": {"value": None, "low": None, "high": None},
    "recall": {"value": 0.0, "low": 0.0, "high": 0.1},
    "f1": {"value": 0.0, "low": 0.0, "high": 0.1},
    "learning_curve": {"10": 0.6, "20": 0.65, "30": 0.7},
    "starter_share": 0.021,
    "floor": 0.75,
    "is_weak": True,
    "n_more": 60,
}


@pytest.mark.parametrize(
    ("n_more", "advice"),
    [
        (60, "about 60 more examples are likely to help"),
        (None, "make the definition narrower, or look for wrong labels"),
    ],
)
def test_the_advice_follows_the_forecast(capsys, n_more, advice) -> None:
    fitted = {"warmth": {**ENTRY, "n_more": n_more}}
    with pytest.raises(LabelError, match=advice):
        refuse_weak(fitted)
    show_fitted(fitted)
    shown = capsys.readouterr().out
    assert advice[1:] in shown
    assert "undefined" in shown
    refuse_weak({"warmth": {**ENTRY, "is_weak": False}})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("one.yaml gold.jsonl", "Value files and labelled pairs stand side by side"),
        (
            "one.yaml --exclude-source x",
            "--add, --exclude-source and --licence speak of labelled pairs",
        ),
        ("gold.jsonl --accept-weak", "--extend and --accept-weak speak of value files"),
        ("gold.jsonl --extend x", "--extend and --accept-weak speak of value files"),
        ("one.yaml two.yml", "Two value files have the name 'warmth'"),
        ("one.yaml --extend nowhere", "Weights in nowhere cannot be read"),
        ("none.yaml", "Value file none.yaml cannot be read"),
    ],
)
def test_wrong_words_are_refused(run, tmp_path, words, sentence) -> None:
    for name in ("one.yaml", "two.yml"):
        write_value(tmp_path / name, 20)
    result = run("fit", *words.split(), "--out", "weights")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {sentence}")


if __name__ == "__main__":
    import os
    import tempfile

    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(EXAMPLE, scratch)
        os.chdir(scratch)
        for found in list(BLOCK.finditer(page)):
            printed = run_block(found)
            if found[2] is not None:
                page = page.replace(found[0], f"```sh\n{found[1]}```\n\n```text\n{printed}```\n")
    PAGE.write_text(page, encoding="utf-8")
