"""train --push-to: a name that another model has, and the licence that a model is pushed under."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import CommitOperationAdd

from tests.hub.loopback import UPLOADS, LoopbackHub
from tests.hub.test_push_model import NAME, SENT, recipe, talk, words, write_run
from valuedata.errors import HubError
from valuedata.hub.model import ModelPlan, plan_model, push_model
from valuedata.hub.model_content import ModelContent, prepare_model
from valuedata.hub.model_place import check_place, find_licence

__all__ = ["recipe", "talk", "words"]

pytestmark = [UPLOADS, pytest.mark.filterwarnings("ignore::FutureWarning")]

RECIPE = {"method": "dpo", "full": False, "system_prompt": False}


def make_content(folder: Path, **record: Any) -> ModelContent:
    return prepare_model(folder, write_run(folder, **record))


def push(hub: LoopbackHub, content: ModelContent, **how: Any) -> ModelPlan:
    api = hub.api()
    return push_model(plan_model(content, NAME, api=api, **how), api).plan


def commit(hub: LoopbackHub, path: str, content: bytes) -> None:
    operation = CommitOperationAdd(path, content)
    hub.api().create_commit(NAME, [operation], commit_message="theirs")


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({"release": {"content_hash": "beef", "value": "empathy"}}, "release"),
        ({"release": {"content_hash": "beef", "value": "humor"}}, "release and value"),
        ({"recipe": RECIPE | {"method": "sft-dpo"}}, "method"),
        ({"base": "org/other"}, "base"),
    ],
)
def test_another_model_is_not_replaced_without_being_asked_for(
    hub, tmp_path, change: dict[str, Any], differing: str
) -> None:
    push(hub, make_content(tmp_path / "one"))
    other = make_content(tmp_path / "two", **change)
    with pytest.raises(HubError) as caught:
        push(hub, other)
    assert str(caught.value) == (
        f"org/name holds another model (its {differing} differ); give --replace to put this one "
        "in its place, or another name."
    )
    with pytest.raises(HubError, match="holds another model"):
        check_place(NAME, other.identity, stages=["dpo"], api=hub.api())
    check_place(NAME, other.identity, stages=["dpo"], replace=True, api=hub.api())
    assert len(hub.tell()["history"]["main"]) == 2
    plan = push(hub, other, replace=True)
    assert ("run.json" in {item.path for item in plan.changed}, plan.deleted) == (True, ())
    assert push(hub, other).is_empty


def test_the_same_model_trained_anew_is_a_version_of_it(hub, tmp_path) -> None:
    push(hub, make_content(tmp_path / "one"))
    again = make_content(tmp_path / "two", recipe=RECIPE | {"seed": 7})
    check_place(NAME, again.identity, stages=["dpo"], api=hub.api())
    assert [item.path for item in push(hub, again).changed] == ["README.md", "run.json"]
    assert len(hub.tell()["history"]["main"]) == 3


@pytest.mark.parametrize("told", [None, b"{", b"[]", b'{"model": {"name": "org/base"}}'])
def test_what_is_no_model_of_a_run_is_not_replaced_without_being_asked_for(
    hub, tmp_path, told: bytes | None
) -> None:
    hub.api().create_repo(NAME, private=True)
    commit(hub, "README.md", b"---\ntags: [mine]\n---\nYears of work.\n")
    if told is not None:
        commit(hub, "run.json", told)
    content = make_content(tmp_path / "run")
    with pytest.raises(HubError, match=r"holds files \(README.md.*\) and no run.json that says wh"):
        push(hub, content)
    plan = push(hub, content, replace=True)
    assert plan.deleted == ()
    assert sorted(hub.files()) == SENT


def test_an_empty_place_is_taken(hub, tmp_path) -> None:
    hub.api().create_repo(NAME, private=True)
    assert len(push(hub, make_content(tmp_path / "run")).new) == len(SENT)


def test_files_that_the_run_has_not_are_deleted_only_where_that_is_asked_for(hub, tmp_path) -> None:
    content = make_content(tmp_path / "run")
    push(hub, content)
    commit(hub, "theirs.txt", b"mine")
    with pytest.raises(HubError, match=r"holds files that this run has not \(theirs.txt\); delete"):
        push(hub, content)
    assert "theirs.txt" in hub.files()
    plan = push(hub, content, replace=True)
    assert (plan.deleted, plan.new, plan.changed) == (("theirs.txt",), (), ())
    assert sorted(hub.files()) == SENT


@pytest.mark.parametrize("path", ["notes.md", "sft/metrics.jsonl", "dpo/notes.txt"])
def test_files_that_no_such_run_has_are_refused_before_training(hub, tmp_path, path: str) -> None:
    """One of a training that is not run, and others beside those of the one that is."""
    content = make_content(tmp_path / "run")
    push(hub, content)
    commit(hub, path, b"mine")
    with pytest.raises(HubError, match=f"holds files that this run has not .{path}.; delete them"):
        check_place(NAME, content.identity, stages=["dpo"], api=hub.api())
    check_place(NAME, content.identity, stages=["dpo"], replace=True, api=hub.api())


def test_a_public_place_is_refused_before_training(hub, tmp_path) -> None:
    content = make_content(tmp_path / "run")
    push(hub, content, public=True)
    for replace in (False, True):
        with pytest.raises(HubError, match="org/name is public; give --public to publish the mod"):
            check_place(NAME, content.identity, stages=["dpo"], replace=replace, api=hub.api())
    check_place(NAME, content.identity, stages=["dpo"], public=True, api=hub.api())


def test_what_came_meanwhile_is_not_replaced(hub, tmp_path) -> None:
    push(hub, make_content(tmp_path / "one"))
    api = hub.api()
    content = make_content(tmp_path / "two", base="org/other")
    plan = plan_model(content, NAME, replace=True, api=api)
    commit(hub, "theirs.txt", b"mine")
    with pytest.raises(HubError, match="org/name was changed by someone else meanwhile; look at"):
        push_model(plan, api)
    assert "theirs.txt" in hub.files()


def test_a_taken_name_is_refused_before_training(run, hub, words, tmp_path) -> None:
    push(hub, make_content(tmp_path / "other"))
    flags = ("--model", "tiny", "--merge", "--out", "run", "--push-to", NAME)
    result = run(*words, *flags)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: org/name holds another model (its release and base di")
    assert not Path("run").exists()
    result = run(*words, *flags, "--replace", "--dry-run")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["adapter_config.json", "deleted"] in lines
    assert any(line[:1] == ["Files:"] and "deleted;" in line for line in lines)
    card = yaml.safe_load(result.stdout.split("---\n")[1])
    assert card["license"] == "cc0-1.0"  # of the data alone, which the tiny model is made from
    result = run(*words, *flags, "--replace", "--json")
    assert result.exit_code == 0, result.output
    pushed = json.loads(result.stdout)["pushed"]
    assert pushed["deleted"] == ["adapter_config.json", "adapter_model.safetensors"]
    assert "adapter_config.json" not in hub.files()


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (b"---\nlicense: apache-2.0\n---\n", "apache-2.0"),
        (b"---\nlicense: other\nlicense_name: qwen-research\n---\n", "qwen-research"),
        (b"---\nlicense: other\n---\n", "other"),
        (b"---\nlicense: [mit, apache-2.0]\n---\n", None),
        (b"---\ntags: [mine]\n---\n", None),
        (None, None),
    ],
)
def test_the_licence_of_a_base_is_that_of_its_card(hub, card: bytes | None, licence) -> None:
    hub.api().create_repo(NAME, private=True)
    if card is not None:
        commit(hub, "README.md", card)
    assert find_licence(NAME, api=hub.api()) == licence
    assert find_licence("org/absent", api=hub.api()) is None


@pytest.mark.parametrize(
    ("base", "front"),
    [
        ("apache-2.0", {"license": "cc-by-4.0"}),
        ("llama3.2", {"license": "other", "license_name": "llama3.2-and-mit-and-cc-by-4.0"}),
        (None, {"license": "unknown"}),
    ],
)
def test_a_pushed_card_has_the_licence_of_base_and_data(tmp_path, base: str | None, front) -> None:
    sources = [{"name": "talk", "licence": "MIT"}, {"name": "chat", "licence": "cc-by-4.0"}]
    adapter = write_run(tmp_path / "run", sources=sources)
    card = prepare_model(tmp_path / "run", adapter, base).card
    told = yaml.safe_load(card.split("---\n")[1])
    assert {key: told[key] for key in told if key.startswith("license")} == front
