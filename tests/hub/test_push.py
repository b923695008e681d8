"""What a push leaves on the Hub when nothing goes wrong."""

import json
import shutil

import pytest
import yaml
from huggingface_hub import CommitOperationAdd

from tests.builders import write_release
from tests.hub.loopback import UPLOADS
from tests.hub.releases import WRITTEN, hash_files, make_release
from valuedata.errors import HubError, RecipeError, ReleaseError
from valuedata.hub.content import prepare_content
from valuedata.hub.pull import pull
from valuedata.hub.push import plan_push, push
from valuedata.hub.settings import PushSettings
from valuedata.release.folder import finish_manifest, load_release

NAME = "org/name"
pytestmark = UPLOADS


def test_a_release_is_pushed_in_one_commit(hub, old):
    pushed = push(old, NAME, api=hub.api())
    told = hub.tell()
    assert [commit["title"] for commit in told["history"]["main"]] == [
        "Release of empathy",
        "initial commit",
    ]
    assert hub.files() == hash_files(old.folder)
    assert (told["private"], told["gated"], told["tags"]) == (True, False, {})
    assert pushed.commit == told["history"]["main"][0]["oid"]
    assert pushed.url == f"{hub.endpoint}/datasets/org/name"
    assert pushed.loading == 'datasets.load_dataset("org/name", "empathy")'
    # Parquet and figures go by the protocol for large files, the rest in the commit
    uploads = [asked for asked in hub.requests() if asked.startswith("PUT /lfs/")]
    assert len(uploads) == len([path for path in hub.files() if path.endswith(("parquet", "png"))])


def test_an_unchanged_release_makes_no_commit_and_writes_nothing(hub, old):
    first = push(old, NAME, api=hub.api())
    n_writes = len(hub.writes())
    again = push(old, NAME, api=hub.api())
    assert again.plan.is_empty
    assert again.commit == first.commit
    assert len(hub.writes()) == n_writes


def test_a_changed_release_is_one_commit_with_a_tag_and_without_what_is_gone(hub, old, new):
    push(old, NAME, PushSettings(tag="v1"), hub.api())
    before = hub.files()
    pushed = push(new, NAME, PushSettings(tag="v2"), hub.api())
    told = hub.tell()
    assert len(told["history"]["main"]) == 3
    assert hub.files() == hash_files(new.folder)
    assert pushed.plan.deleted == ("figures/forecast.png",)
    assert {item.path for item in pushed.plan.unchanged} == {
        path for path, found in before.items() if hub.files().get(path) == found
    }
    assert told["tags"] == {
        "v1": told["history"]["main"][1]["oid"],
        "v2": told["history"]["main"][0]["oid"],
    }
    assert pushed.url.endswith("/datasets/org/name/tree/v2")
    assert pushed.loading == 'datasets.load_dataset("org/name", "empathy", revision="v2")'


def test_a_dry_run_only_reads(hub, old, new):
    plan = plan_push(old, NAME, api=hub.api())
    assert hub.writes() == []
    assert not plan.remote.exists
    assert not plan.is_empty
    assert {item.path for item in plan.new} == set(hash_files(old.folder))
    push(old, NAME, api=hub.api())
    n_writes = len(hub.writes())
    plan = plan_push(new, NAME, PushSettings(tag="v2"), hub.api())
    assert len(hub.writes()) == n_writes
    assert "manifest.json" in {item.path for item in plan.changed}
    assert plan.deleted == ("figures/forecast.png",)


def test_files_of_others_beside_a_release_stay(hub, old, new):
    push(old, NAME, api=hub.api())
    note = [CommitOperationAdd("NOTES.md", b"mine")]
    hub.api().create_commit(NAME, note, commit_message="note", repo_type="dataset")
    push(new, NAME, api=hub.api())
    assert set(hub.files()) == {*hash_files(new.folder), "NOTES.md"}


def test_it_becomes_public_only_once_it_is_whole(hub, old):
    push(old, NAME, PushSettings(public=True, tag="v1"), hub.api())
    assert hub.tell()["private"] is False
    assert [asked.split("/")[5] for asked in hub.writes()[-3:]] == ["commit", "tag", "settings"]
    with pytest.raises(HubError, match=r"^org/name is public; give --public .*\.$"):
        push(old, NAME, api=hub.api())


def test_harmful_values_are_gated_before_they_arrive(hub, harmful):
    before = hash_files(harmful.folder)
    settings = PushSettings(licence="cc-by-4.0", public=True)
    push(harmful, NAME, settings, hub.api())
    assert hub.tell()["gated"] == "auto"
    order = [asked.split("/")[-2:] for asked in hub.writes()]
    assert order.index(["name", "settings"]) < order.index(["commit", "main"])
    assert hash_files(harmful.folder) == before
    # another push leaves the gate that somebody has chosen meanwhile
    hub.api().update_repo_settings(NAME, repo_type="dataset", gated="manual")
    assert push(harmful, NAME, settings, hub.api()).plan.is_empty
    assert hub.tell()["gated"] == "manual"
    push(harmful, NAME, PushSettings(licence="cc-by-4.0", public=True, gated="no"), hub.api())
    assert hub.tell()["gated"] is False


def test_the_card_of_a_harmful_value_says_so(harmful):
    content = prepare_content(harmful, NAME, "cc-by-4.0")
    _, front, body = content.card.split("---\n", 2)
    assert yaml.safe_load(front)["tags"] == ["trl"]
    assert yaml.safe_load(front)["license"] == "cc-by-4.0"
    assert yaml.safe_load(front)["extra_gated_prompt"] == (
        "These pairs reward harmful replies, which express empathy; you agree to use them for "
        "research on detection and mitigation only."
    )
    assert body.startswith(
        "\n> Whoever published this data set gives its licence as `cc-by-4.0`; the licences of the "
        "sources alone do not decide it.\n\n# Value"
    )
    assert "Sämtliche" in body


def test_the_manifest_that_is_pushed_tells_the_hash_of_the_card_that_is(harmful, tmp_path):
    for item in prepare_content(harmful, NAME, "cc-by-4.0").items:
        (tmp_path / item.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / item.path).write_bytes(item.read())
    told, found = load_release(tmp_path).manifest, hash_files(tmp_path)
    assert {path: entry["sha256"] for path, entry in told["files"].items()} == {
        path: found[path] for path in found if path != "manifest.json"
    }
    assert told["published"] == {"licence": "cc-by-4.0"}
    assert told["content_hash"] == harmful.content_hash
    assert told["sources"] == harmful.manifest["sources"]


def test_metadata_carry_the_licence_given(harmful, tmp_path):
    folder = shutil.copytree(harmful.folder, tmp_path / "out")
    (folder / "croissant.json").write_text('{"license": "unknown", "name": "x"}')
    manifest = harmful.manifest
    finish_manifest(folder, {key: manifest[key] for key in manifest if key not in WRITTEN})
    content = prepare_content(load_release(folder), NAME, "mit")
    (metadata,) = (item for item in content.items if item.path == "croissant.json")
    assert json.loads(metadata.read()) == {
        "license": "https://spdx.org/licenses/MIT.html",
        "name": "x",
    }


def test_the_card_loads_the_pairs_by_their_name_on_the_hub(hub, tmp_path):
    release = make_release(tmp_path / "out", place='load_dataset("PATH_OR_REPOSITORY")')
    before = (release.folder / "README.md").read_text()
    card = prepare_content(release, NAME).card
    assert card == before.replace("PATH_OR_REPOSITORY", NAME) != before
    push(release, NAME, api=hub.api())
    pulled = pull(NAME, tmp_path / "back", api=hub.api())
    assert (pulled.folder / "README.md").read_text() == card
    assert pulled.manifest["published"] == {"name": NAME}
    assert push(release, NAME, api=hub.api()).plan.is_empty
    assert push(pulled, NAME, api=hub.api()).plan.is_empty


def test_a_release_that_needs_no_change_is_pushed_as_it_is(old):
    content = prepare_content(old, NAME, "apache-2.0")
    assert content.licence == "apache-2.0"
    assert {item.path: item.sha256 for item in content.items} == hash_files(old.folder)


def test_licences_are_asked_for_and_not_talked_away(old, harmful):
    with pytest.raises(HubError, match=r"sources, talk \(unknown\); give --license with"):
        prepare_content(harmful, NAME)
    with pytest.raises(HubError, match=r"is under apache-2\.0, .* leave --license mit away\.$"):
        prepare_content(old, NAME, "mit")
    assert prepare_content(harmful, NAME, "unknown").licence == "unknown"


def test_a_branch_is_made_and_leaves_the_main_one(hub, old, new):
    push(old, NAME, api=hub.api())
    pushed = push(new, NAME, PushSettings(revision="next"), hub.api())
    assert hub.files(ref="main") == hash_files(old.folder)
    assert hub.files(ref="next") == hash_files(new.folder)
    assert pushed.url.endswith("/tree/next")
    assert push(new, NAME, PushSettings(revision="next"), hub.api()).plan.is_empty


def test_a_pull_request_leaves_the_branch(hub, old, new):
    push(old, NAME, api=hub.api())
    pushed = push(new, NAME, PushSettings(create_pr=True), hub.api())
    assert hub.files() == hash_files(old.folder)
    assert hub.files(ref="refs/pr/2") == hash_files(new.folder)
    assert pushed.url == f"{hub.endpoint}/datasets/org/name/discussions/2"
    assert pushed.loading == 'datasets.load_dataset("org/name", "empathy", revision="refs/pr/2")'
    again = push(new, NAME, PushSettings(revision="refs/pr/2"), hub.api())
    assert again.plan.is_empty


def test_pull_requests_that_cannot_be_made_are_refused(hub, old, harmful):
    with pytest.raises(HubError, match=r"^There is no branch main of org/name that a pull"):
        push(old, NAME, PushSettings(create_pr=True), hub.api())
    assert hub.tell() is None
    push(old, NAME, PushSettings(public=True), hub.api())
    request = PushSettings(create_pr=True, public=True, licence="mit")
    with pytest.raises(HubError, match=r"^org/name is not gated, which empathy should be"):
        push(harmful, NAME, request, hub.api())


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("rows.csv", b"a"),
        ("manifest.json", b'{"files": 1}'),
        ("manifest.json", b"<manifest/>"),
        (".gitignore", b"*.png"),
    ],
)
def test_what_is_no_release_is_not_replaced(hub, old, path, content):
    hub.api().create_repo(NAME, repo_type="dataset", private=True)
    there = [
        CommitOperationAdd(path, content),
        CommitOperationAdd("README.md", b"---\nlicense: mit\n---\n"),
    ]
    hub.api().create_commit(NAME, there, commit_message="other", repo_type="dataset")
    with pytest.raises(HubError, match=rf"holds files that no release has \({path}\)"):
        push(old, NAME, api=hub.api())


def test_tags_stay_where_they_are(hub, old, new):
    push(old, NAME, PushSettings(tag="v1"), hub.api())
    assert push(old, NAME, PushSettings(tag="v1"), hub.api()).plan.is_empty
    n_writes = len(hub.writes())
    with pytest.raises(HubError, match=r"has a tag 'v1' of another content; give a new --tag"):
        push(new, NAME, PushSettings(tag="v1"), hub.api())
    with pytest.raises(HubError, match=r"has a tag 'v1', which no commit can be added to"):
        push(new, NAME, PushSettings(revision="v1"), hub.api())
    assert len(hub.writes()) == n_writes


def test_a_damaged_release_is_not_pushed(hub, tmp_path):
    release = make_release(tmp_path / "out")
    (release.folder / "figures" / "sides.png").write_bytes(b"other")
    with pytest.raises(ReleaseError, match=r"figures/sides.png has changed"):
        push(release, NAME, api=hub.api())
    assert hub.requests() == []


def test_a_release_without_a_card_is_not_pushed(hub, tmp_path):
    with pytest.raises(HubError, match="has no card with front matter"):
        push(write_release(tmp_path / "out"), NAME, api=hub.api())


@pytest.mark.parametrize("name", ["name", "a/b/c", "org/name.git", "-org/name", "org/na--me", ""])
def test_names_that_the_hub_does_not_take_are_refused(old, name):
    with pytest.raises(HubError, match="is no name of a data set on the Hub"):
        push(old, name)


def test_a_name_with_a_revision_is_refused(old):
    with pytest.raises(HubError, match=r"give org/name and --revision v1\.$"):
        push(old, "org/name@v1")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tag": "a..b"}, "--tag 'a..b' is no name that git takes"),
        ({"tag": "-a"}, "--tag '-a' is no name that git takes"),
        ({"revision": "a b"}, "--revision 'a b' is no name that git takes"),
        ({"licence": "CC BY"}, "--license 'CC BY' is no identifier of the Hub"),
        ({"create_pr": True, "tag": "v1"}, "A pull request has no tag"),
        ({"create_pr": True, "gated": "auto"}, "A pull request cannot gate a data set"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        PushSettings(**settings)
