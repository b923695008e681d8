"""push and pull as typed, and the other commands with a name on the Hub."""

import json
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd

from tests.hub.loopback import UPLOADS
from tests.hub.releases import hash_files

NAME = "org/name"
pytestmark = UPLOADS


def test_push_says_where_the_release_is_and_how_to_load_it(run, hub, old, new):
    result = run("push", old.folder, NAME, "--tag", "v1.0")
    commit = hub.tell()["history"]["main"][0]["oid"][:12]
    n_files = len(hash_files(old.folder))
    assert result.stdout.splitlines() == [
        f"{n_files} files new, 0 changed, 0 unchanged, 0 deleted: commit {commit}",
        f"{hub.endpoint}/datasets/org/name/tree/v1.0 (private)",
        '    datasets.load_dataset("org/name", "empathy", revision="v1.0")',
    ]
    assert (result.exit_code, result.stderr) == (0, "")
    again = run("push", old.folder, NAME)
    assert again.stdout.splitlines()[0] == (
        f"All {n_files} files are there already, at commit {commit}"
    )
    told = json.loads(run("push", new.folder, NAME, "--public", "--json").stdout)
    assert told["deleted"] == ["figures/forecast.png"]
    assert told["commit"] == hub.tell()["history"]["main"][0]["oid"]
    assert (told["audience"], told["licence"], told["exists"]) == ("public", "apache-2.0", True)
    assert run("push", new.folder, NAME, "--public", "--quiet").output == ""


def test_a_dry_run_shows_files_and_the_card(run, hub, old, harmful):
    result = run("push", old.folder, NAME, "--dry-run", "--tag", "v1")
    lines = result.stdout.splitlines()
    assert lines[:2] == [
        "org/name (private), licence apache-2.0",
        "One commit to branch main, tagged v1",
    ]
    assert any(line.split() == ["figures/sides.png", "17", "new"] for line in lines)
    assert lines[-1] == "Sämtliche Paare: die ersten."
    assert hub.writes() == []
    words = ("--dry-run", "--json", "--public", "--license", "mit")
    told = json.loads(run("push", harmful.folder, NAME, *words).stdout)
    assert (told["audience"], told["licence"]) == ("public, gated: auto", "mit")
    assert hub.writes() == []
    run("push", old.folder, NAME)
    shown = run("push", harmful.folder, NAME, "--dry-run", "--license", "mit", "--create-pr")
    assert "A pull request to branch main\n" in shown.stdout
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["figures/forecast.png", "20", "deleted"] in lines
    assert lines[0] == ["org/name", "(private),", "licence", "mit"]


def test_a_dry_run_says_that_an_edited_card_is_replaced(run, hub, old, new):
    run("push", old.folder, NAME)
    edited = [CommitOperationAdd("README.md", b"---\nlicense: mit\n---\nMine.\n")]
    hub.api().create_commit(NAME, edited, commit_message="by hand", repo_type="dataset")
    told = "\nREADME.md: replaces a card that no release has, such as one edited by hand\n"
    assert told in run("push", new.folder, NAME, "--dry-run").stdout
    assert json.loads(run("push", new.folder, NAME, "--dry-run", "--json").stdout)["replaces_card"]
    run("push", new.folder, NAME)
    assert told not in run("push", old.folder, NAME, "--dry-run").stdout


def test_a_dry_run_tells_of_a_card_that_the_hub_does_not_take(run, hub, harmful):
    result = run("push", harmful.folder, NAME, "--dry-run", "--license", "made-up")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: The Hub refuses to take the card for org/name (400: ")
    assert hub.tell() is None


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("n\n", 2), ("", 2)])
def test_harmful_values_are_asked_about(run, hub, harmful, typed, status):
    result = run("push", harmful.folder, NAME, "--license", "mit", input=typed)
    assert result.exit_code == status
    assert result.stderr.startswith(
        "Rewarding empathy does harm: whoever reads org/name can train a model to show it.\n"
        "Put it on the Hub? [y/N]: "
    )
    if status:
        assert result.stderr.endswith(
            "Error: Nothing was pushed; answer y, or give --yes, to push it.\n"
        )
        assert hub.requests() == []
    else:
        assert hub.tell()["gated"] == "auto"


def test_scripts_are_not_asked(run, hub, harmful):
    result = run("push", harmful.folder, NAME, "--license", "mit", "--yes", "--gated", "manual")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert hub.tell()["gated"] == "manual"
    assert "(private, gated: manual)" in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{new}", "name"], "'name' is no name of a data set on the Hub; give ORG/NAME, such as"),
        (["{new}", NAME, "--tag", "a b"], "--tag 'a b' is no name that git takes; give letters,"),
        (["{new}", NAME, "--license", "mit"], "Release {new} is under apache-2.0, which follows"),
        (["{harmful}", NAME, "--yes"], "No licence follows from those of the sources, talk (un"),
        (["gone", NAME], "gone is not a release: it has no manifest.json; give a folder that "),
        (["{new}", "other/name"], "The token may not create other/name (You don't have the rights"),
    ],
)
def test_what_a_user_can_mend_is_one_sentence(run, hub, new, harmful, words, message):
    folders = {"new": new.folder, "harmful": harmful.folder}
    result = run("push", *(word.format(**folders) for word in words))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {message.format(**folders)}")
    assert result.stderr.count("\n") == 1
    assert hub.tell() is None


def test_waiting_is_said(run, hub, old):
    hub.fail("GET /api/whoami-v2", 503, times=1)
    result = run("push", old.folder, NAME)
    assert result.exit_code == 0
    assert result.stderr == (
        "Warning: The Hub answered 503 (told to fail) when asked to tell who is logged in; trying "
        "again in 1 s.\n"
    )


@pytest.mark.usefixtures("hub")
def test_pull_brings_the_release(run, old):
    run("push", old.folder, NAME)
    result = run("pull", NAME)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{len(old.manifest['files'])} files verified, content {old.content_hash[:12]}",
        "Release written to name; load it with",
        '    datasets.load_dataset("name", "empathy")',
    ]
    assert hash_files(Path("name")) == hash_files(old.folder)
    assert run("pull", NAME, "--out", "other", "--quiet").output == ""
    assert run("pull", "org/none").stderr == (
        "Error: org/none is not on the Hub, or your token may not see it; check the name, or log "
        "in with 'hf auth login'.\n"
    )


def test_other_commands_take_a_name_on_the_hub(run, hub, old, new):
    run("push", old.folder, NAME, "--tag", "v1")
    run("push", new.folder, NAME)
    assert run("inspect", NAME).stdout.startswith(f"org/name: {len(new.manifest['files'])} files v")
    here, there = (run("why", release, "talk:3") for release in (new.folder, NAME))
    assert (there.exit_code, there.stdout) == (0, here.stdout)
    compared = run("diff", f"{NAME}@v1", NAME)
    assert (compared.exit_code, compared.stdout) == (0, run("diff", old.folder, new.folder).stdout)
    assert run("push", f"{NAME}@v1", "org/copy").exit_code == 0
    assert hub.files("org/copy") == hash_files(old.folder)
    missing = run("inspect", "org/none")
    assert missing.exit_code == 2
    assert missing.stderr.startswith(
        "Error: There is no folder org/none here, and org/none is not on the Hub, or your token"
    )
