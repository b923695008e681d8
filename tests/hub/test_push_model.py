"""train --push-to: what of a run reaches the Hub, and that others can train on from there."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import CommitOperationAdd, hf_api

from tests.cards.test_model import make_record
from tests.hub.loopback import UPLOADS
from tests.training.conversations import make_recipe, rewrite_manifest, write_conversations
from valuedata.errors import HubError
from valuedata.hub.model import check_model_name, plan_model, push_model
from valuedata.hub.model_content import check_base, prepare_model
from valuedata.release.folder import Release

pytestmark = [UPLOADS, pytest.mark.filterwarnings("ignore::FutureWarning")]

NAME = "org/name"


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return write_conversations(tmp_path_factory.mktemp("release") / "talk")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("recipe") / "mine.yaml"
    content = make_recipe("dpo").model_dump(mode="json")
    content["dpo"]["max_steps"] = 1
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def words(talk: Release, recipe: Path) -> list[object]:
    return ["train", talk.folder, "--recipe", recipe]


def write_run(folder: Path, *, base: str = "org/base", **record: Any) -> Path:
    """A finished run of one training, made by hand; gives its adapter."""
    adapter = folder / "dpo" / "adapter"
    adapter.mkdir(parents=True)
    told = make_record(complete=True, model={"name": base, "revision": None})
    (folder / "run.json").write_text(json.dumps(told | record))
    (folder / "dpo" / "metrics.jsonl").write_text("{}\n")
    (folder / "dpo" / "curves.png").write_bytes(b"picture")
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    (adapter / "README.md").write_text(f"---\ntags: [valuedata]\n---\nOn {base}.\n")
    return adapter


SENT = [
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "dpo/curves.png",
    "dpo/metrics.jsonl",
    "run.json",
]


def test_others_can_train_on_from_what_is_pushed(
    run, hub, words, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hf_api.api, "endpoint", hub.endpoint)  # as HF_ENDPOINT would, for peft
    first = run(*words, "--model", "tiny", "--out", "one", "--merge", "--push-to", "org/base")
    assert first.exit_code == 0, first.output
    told = hub.tell("org/base")
    commit = told["history"]["main"][0]
    assert first.stdout.splitlines()[-2:] == [
        f"Files: {len(commit['files']) - 1} new, 0 changed, 0 unchanged; commit "
        f"{commit['oid'][:12]}",
        f"{hub.endpoint}/org/base (private)",
    ]
    assert told["private"] is True
    assert commit["title"] == "A model trained on a value subset"
    assert len(told["history"]["main"]) == 2  # the Hub's own, and one
    sent = set(hub.files("org/base"))
    assert sent >= {"README.md", "model.safetensors", "tokenizer.json", "chat_template.jinja"}
    assert sent >= {"run.json", "dpo/metrics.jsonl", "dpo/curves.png"}

    second = run(*words, "--model", "org/base", "--out", "two", "--push-to", NAME, "--json")
    assert second.exit_code == 0, second.output
    pushed = json.loads(second.stdout)["pushed"]
    assert (pushed["audience"], pushed["changed"], pushed["unchanged"]) == ("private", [], [])
    assert set(SENT) <= set(pushed["new"])
    assert pushed["commit"] == hub.tell()["history"]["main"][0]["oid"]
    assert json.loads(second.stdout)["stages"]["dpo"]["model_commit"] == commit["oid"]
    for name in ("org/base", NAME):
        for path in hub.files(name):
            text = Path(hub.api().hf_hub_download(name, path)).read_bytes()
            assert str(tmp_path).encode() not in text, path

    again = run(*words, "--model", "org/base", "--out", "two", "--push-to", NAME)
    assert f"Files: 0 new, 0 changed, {len(pushed['new'])} unchanged" in again.stdout
    assert len(hub.tell()["history"]["main"]) == 2


def test_a_dry_run_trains_and_writes_nothing_on_the_hub(run, hub, words) -> None:
    flags = ("--out", "run", "--full", "--push-to", NAME, "--dry-run")
    result = run(*words, "--model", "tiny", *flags)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert f"{NAME} (private)" in lines
    assert any(line.split()[::2] == ["model.safetensors", "new"] for line in lines)
    assert any(line.endswith("nothing was written on the Hub.  The card:") for line in lines)
    assert "library_name: transformers" in lines
    assert hub.writes() == []
    assert Path("run/run.json").is_file()
    told = json.loads(run(*words, "--model", "tiny", *flags, "--json").stdout)["pushed"]
    assert (told["commit"], told["url"], told["name"]) == (None, None, NAME)


def test_what_is_public_is_said(hub, tmp_path) -> None:
    content = prepare_model(tmp_path / "run", write_run(tmp_path / "run"))
    assert [item.path for item in content.items] == SENT
    api = hub.api()
    pushed = push_model(plan_model(content, NAME, public=True, api=api), api)
    assert (hub.tell()["private"], pushed.plan.audience) == (False, "public")
    with pytest.raises(HubError, match="org/name is public; give --public to publish the model"):
        plan_model(content, NAME, api=api)
    assert plan_model(content, NAME, public=True, api=api).unchanged == content.items


@pytest.mark.parametrize(
    ("base", "shown"),
    [("/home/jo_doe/m", "m"), (".", "here"), ("a/", "a"), ("gone/a/b", "b"), ("tiny", "tiny")],
)
def test_folders_of_the_machine_are_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str, shown: str
) -> None:
    here = tmp_path / "here"
    (here / "forms").mkdir(parents=True)
    (here / "forms" / "talk.jinja").write_text("x")
    monkeypatch.chdir(here)
    recipe = {
        "method": "dpo",
        "full": True,
        "system_prompt": "/think of a/b.",
        "chat_template": "forms/talk.jinja",
        "dpo": {"deepspeed": "/home/jo_doe/zero.json", "report_to": ["/home/jo_doe/x", "a/b"]},
    }
    weights = write_run(here / "run", base=base, recipe=recipe)
    (weights / "adapter_config.json").unlink()
    content = {item.path: item for item in prepare_model(here / "run", weights).items}
    record = json.loads(content["run.json"].read())
    assert record == make_record(
        complete=True,
        model={"name": shown, "revision": None},
        recipe=recipe
        | {
            "chat_template": "talk.jinja",
            "dpo": {"deepspeed": "zero.json", "report_to": ["x", "a/b"]},
        },
    )
    card = content["README.md"].read().decode()
    assert f"\nAll weights of `{shown}`, trained by DPO on the subset\n" in card
    assert "  deepspeed: zero.json\n" in card
    assert "jo" not in card
    assert ("\nbase_model: " in card) == (base == "tiny")  # here a name on the Hub


def test_files_of_something_else_are_not_replaced(hub, tmp_path) -> None:
    api = hub.api()
    content = prepare_model(tmp_path / "run", write_run(tmp_path / "run"))
    api.create_repo(NAME)
    extra = [CommitOperationAdd("theirs.txt", b"mine")]
    api.create_commit(NAME, extra, commit_message="theirs")
    with pytest.raises(HubError, match=r"^org/name holds files \(theirs.txt\) and no run.json "):
        plan_model(content, NAME, api=api)


def test_a_lost_answer_makes_no_second_commit(hub, tmp_path) -> None:
    api = hub.api()
    content = prepare_model(tmp_path / "run", write_run(tmp_path / "run"))
    hub.fail(r"POST /api/models/org/name/commit/main", "lose", times=1)
    pushed = push_model(plan_model(content, NAME, api=api), api)
    assert len(hub.tell()["history"]["main"]) == 2
    assert pushed.commit == hub.tell()["history"]["main"][0]["oid"]


def test_an_unfinished_run_is_not_pushed(tmp_path) -> None:
    adapter = write_run(tmp_path / "run", complete=False)
    with pytest.raises(HubError, match="holds no finished run with weights in adapter; let"):
        prepare_model(tmp_path / "run", adapter)
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(HubError, match=r"run\.json cannot be read; give a run of"):
        prepare_model(tmp_path / "run", adapter)


@pytest.mark.parametrize("name", ["tiny", "./here"])
def test_an_adapter_on_what_nobody_has_is_refused(name: str) -> None:
    with pytest.raises(HubError, match="can be loaded by nobody else; give --merge or --full to"):
        check_base(name)


@pytest.mark.parametrize("name", ["name", "org/name@v1"])
def test_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(HubError, match="is no name of a model on the Hub; give ORG/NAME, such"):
        check_model_name(name)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--dry-run"], "--public, --replace, --dry-run and --yes say how a model is pushed; give"),
        (["--replace"], "--public, --replace, --dry-run and --yes say how a model is pushed; give"),
        (["--push-to", NAME, "--arms", "value"], "--push-to takes one model and --arms trains"),
        (["--push-to", "name", "--merge"], "'name' is no name of a model on the Hub; give"),
        (["--push-to", NAME], "An adapter on tiny, which is not on the Hub, can be loaded by"),
    ],
)
def test_what_cannot_be_pushed_is_refused_before_it_is_trained(
    run, hub, words, flags: list[str], sentence: str
) -> None:
    result = run(*words, "--model", "tiny", "--out", "run", *flags)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {sentence}")
    assert not Path("run").exists()
    assert hub.writes() == []


def test_a_mistyped_value_is_one_sentence(run, words) -> None:
    flags = ("--model", "tiny", "--merge", "--out", "run", "--push-to", NAME)
    result = run(*words, *flags, "--value", "empathi")
    assert result.exit_code == 2
    assert result.stderr.endswith("has no subset 'empathi'; did you mean 'empathy'?\n")
    assert not Path("run").exists()


def test_a_refused_push_leaves_a_whole_run(run, words) -> None:
    flags = ("--model", "tiny", "--out", "run", "--merge", "--push-to", "other/name")
    result = run(*words, *flags)
    assert result.exit_code == 2
    error = result.stderr.splitlines()[-1]
    assert error.startswith("Error: The token may not create other/name (")
    assert error.endswith("; the run in run is whole, and the same command goes on from there.")
    assert json.loads(Path("run/run.json").read_text())["complete"] is True


@pytest.mark.parametrize("typed", ["y\n", "n\n"])
def test_harmful_values_are_asked_about_before_training(run, hub, words, tmp_path, typed) -> None:
    harmful = write_conversations(tmp_path / "harmful")
    harmful.manifest["labels"]["valences"] = ["negative", "positive"]
    rewrite_manifest(harmful)
    flags = ["--model", "tiny", "--merge", "--out", "run", "--push-to", NAME]
    result = run("train", harmful.folder, *words[2:], *flags, input=typed)
    assert "Rewarding empathy does harm" in result.stderr
    if typed == "n\n":
        assert result.exit_code == 2
        assert "Nothing was trained or pushed; answer y, or give --yes" in result.stderr
        assert not Path("run").exists()
        return
    assert result.exit_code == 0, result.output
    assert (hub.tell()["gated"], hub.tell()["private"]) == ("auto", True)
    assert f"{hub.endpoint}/{NAME} (private, gated: auto)" in result.stdout
