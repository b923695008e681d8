"""build --push-to: a real build that is pushed, and what is asked and refused before one."""

from pathlib import Path

import pytest

from tests.hub.loopback import UPLOADS
from tests.hub.releases import hash_files
from valuedata.release.folder import load_release

NAME = "org/name"
BUILD = ("build", "--value", "empathy", "--value", "deception", "--source", "starter")
pytestmark = UPLOADS


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A source without a licence; nothing is built from it."""
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"prompt": "Hi", "chosen": "Hello", "rejected": "Go"}\n')
    return file


def test_a_build_is_pushed_with_one_option_more(run, hub, starter):
    result = run(*BUILD, "--out", "mine", "--push-to", NAME, input="y\n")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "Rewarding deception does harm: whoever reads org/name can train a model to show it.\n"
    )
    assert result.stderr.count("Put it on the Hub?") == 1
    assert result.stdout.endswith('    datasets.load_dataset("org/name", "empathy")\n')
    assert load_release("mine").content_hash == starter.content_hash
    pushed, built = hub.files(), hash_files(Path("mine"))
    changed = {path for path in built if pushed[path] != built[path]}
    assert changed == {"README.md", "manifest.json"}
    assert hub.tell()["gated"] == "auto"


@pytest.mark.parametrize(("typed", "value"), [("n\n", "deception"), ("", "deception"), ("", "all")])
def test_harm_is_asked_about_before_a_build(run, hub, typed, value):
    result = run("build", "--value", value, "--push-to", NAME, input=typed)
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "Error: Nothing was built or pushed; answer y, or give --yes, to push it.\n"
    )
    assert ("deception and violence does harm" in result.stderr) == (value == "all")
    assert hub.writes() == []
    assert [file.name for file in Path().iterdir()] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--source", "{pairs}", "--push-to", NAME],
            "No licence follows from those of the sources",
        ),
        (
            ["--push-to", NAME, "--license", "mit", "--source", "starter"],
            "What these sources give is under apache-2.0, which follows from its sources; leave",
        ),
        (["--push-to", NAME, "--license", "a b"], "--license 'a b' is no identifier of the Hub"),
        (
            ["--push-to", "a/b/c", "--source", "starter"],
            "'a/b/c' is no name of a data set on the Hub",
        ),
        (["--yes"], "--license and --yes say how a release is pushed; give --push-to, too"),
        (["--license", "mit"], "--license and --yes say how a release is pushed; give --push-to"),
        (
            ["--source", "{pairs}", "--source", "./gone.jsonl", "--push-to", NAME],
            "Source './gone.jsonl' is",
        ),
    ],
)
def test_what_would_be_refused_after_a_build_is_refused_before(run, hub, pairs, words, message):
    result = run("build", "--value", "empathy", *(word.format(pairs=pairs) for word in words))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {message}")
    assert result.stderr.count("\n") == 1
    assert hub.writes() == []
    assert list(Path().iterdir()) == [Path(pairs.name)]


def test_a_wrong_token_comes_to_light_before_a_build(run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    result = run("build", "--value", "humor", "--push-to", NAME)
    assert "does not know this token" in result.stderr
    assert list(Path().iterdir()) == []


def test_a_licence_of_the_hub_is_left_to_the_build(run, hub):
    """The source is on the Hub, where its page may have a licence, and is not there."""
    result = run("build", "--value", "humor", "--source", "org/none", "--push-to", NAME)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: Hub data set org/none ")
    assert hub.writes() == []
