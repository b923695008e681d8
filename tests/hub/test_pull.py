"""What comes back from the Hub is what was pushed, or a sentence says why not."""

import json

import pytest
from huggingface_hub import CommitOperationAdd, constants

from tests.hub.loopback import UPLOADS
from tests.hub.releases import hash_files
from valuedata.errors import HubError, HubUnreachableError, ReleaseError
from valuedata.hub.pull import open_release, pull
from valuedata.hub.push import push
from valuedata.hub.settings import PushSettings
from valuedata.release.folder import Release, verify_release

NAME = "org/name"
pytestmark = UPLOADS


def overwrite(hub, path: str, content: bytes) -> None:
    change = [CommitOperationAdd(path, content)]
    hub.api().create_commit(NAME, change, commit_message="by hand", repo_type="dataset")


def list_more(hub, release: Release, path: str) -> None:
    files = {**release.manifest["files"], path: {"sha256": "0", "bytes": 1}}
    overwrite(hub, "manifest.json", json.dumps({**release.manifest, "files": files}).encode())


def test_what_is_pulled_is_what_was_pushed(hub, old, new, tmp_path):
    push(old, NAME, PushSettings(tag="v1"), hub.api())
    push(new, NAME, api=hub.api())
    overwrite(hub, "NOTES.md", b"not of the release")
    pulled = pull(NAME, tmp_path / "out", api=hub.api())
    assert hash_files(pulled.folder) == hash_files(new.folder)
    pull(f"{NAME}@v1", tmp_path / "out", api=hub.api())
    assert hash_files(tmp_path / "out") == hash_files(old.folder)
    pull(NAME, tmp_path / "out", hub.tell()["history"]["main"][1]["oid"], hub.api())
    assert hash_files(tmp_path / "out") == hash_files(new.folder)


def test_a_release_is_opened_by_its_folder_or_by_its_name(hub, old, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    push(old, NAME, api=hub.api())
    opened = open_release(NAME, hub.api())
    assert opened.content_hash == old.content_hash
    assert opened.load("empathy", "train")["pair_id"] == old.load("empathy", "train")["pair_id"]
    assert open_release(old.folder).folder == old.folder
    (tmp_path / "org" / "name").mkdir(parents=True)  # what is there by that name comes first
    with pytest.raises(ReleaseError, match=r"^org/name is not a release"):
        open_release(NAME, hub.api())
    with pytest.raises(ReleaseError, match=r"^missing is not a release"):
        open_release("missing")


def test_a_licence_given_comes_back_with_a_manifest_that_holds(hub, harmful, tmp_path):
    push(harmful, NAME, PushSettings(licence="mit"), hub.api())
    pulled = pull(NAME, tmp_path / "out", api=hub.api())
    assert pulled.manifest["published"] == {"licence": "mit"}
    assert pulled.content_hash == harmful.content_hash
    again = push(pulled, NAME, api=hub.api())  # which now needs none
    assert again.plan.is_empty


def test_a_download_that_breaks_goes_on(hub, old, tmp_path):
    push(old, NAME, api=hub.api())
    hub.fail("GET .*/resolve/.*/decisions.parquet", "drop", times=1)
    hub.fail("GET /api/datasets/org/name", 503, times=1)
    assert hash_files(pull(NAME, tmp_path / "out", api=hub.api()).folder) == hash_files(old.folder)


def test_what_lasts_leaves_the_older_folder(hub, old, new, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "here" / "out"
    push(old, NAME, api=hub.api())
    pull(NAME, out, api=hub.api())
    push(new, NAME, api=hub.api())
    for request in ("(GET|HEAD) .*/resolve/.*", "GET /api/datasets/org/name"):
        hub.fail(request, 507)  # which the client itself does not try again
        with pytest.raises(HubUnreachableError):
            pull(NAME, out, api=hub.api(), retry_seconds=0)
    assert hash_files(out) == hash_files(old.folder)
    assert list(out.parent.iterdir()) == [out]


def test_a_release_that_was_changed_by_hand_is_refused(hub, old, tmp_path):
    push(old, NAME, api=hub.api())
    overwrite(hub, "README.md", b"---\nlicense: mit\n---\nAnother card.\n")
    with pytest.raises(HubError, match=r"no whole release \(.*README.md has changed\); ask its"):
        pull(NAME, tmp_path / "out", api=hub.api())
    with pytest.raises(HubError, match=r"README.md has changed"):
        open_release(NAME, hub.api())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["../out.txt", "/elsewhere/out.txt", "data/../../out.txt"])
def test_files_outside_of_a_release_are_refused(hub, old, tmp_path, path):
    push(old, NAME, api=hub.api())
    list_more(hub, old, path)
    with pytest.raises(HubError, match="holds a release with a file outside of it"):
        pull(NAME, tmp_path / "out", api=hub.api())


@pytest.mark.parametrize("path", ["", ".", "data/", "data//rows.parquet", "./README.md"])
def test_paths_that_no_file_has_are_refused(hub, old, tmp_path, path):
    push(old, NAME, api=hub.api())
    list_more(hub, old, path)
    with pytest.raises(HubError, match=r"holds a release with a file that cannot be one \('"):
        pull(NAME, tmp_path / "out", api=hub.api())


@pytest.mark.parametrize("path", ["data", "gone.parquet", "README.md/x", "[a]*.png", "x" * 999])
def test_a_listed_file_that_is_not_there_is_named(hub, old, tmp_path, path):
    push(old, NAME, api=hub.api())
    list_more(hub, old, path)
    for bring in (
        lambda: pull(NAME, tmp_path / "out", api=hub.api()),
        lambda: open_release(NAME, hub.api()),
    ):
        with pytest.raises(HubError, match=r"it lacks '|name too long"):
            bring()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_deleted_by_hand_is_named(hub, old, tmp_path):
    push(old, NAME, api=hub.api())
    api = hub.api()
    api.delete_file("figures/sides.png", NAME, repo_type="dataset")
    with pytest.raises(HubError) as caught:
        pull(NAME, tmp_path / "out", api=api)
    assert str(caught.value) == (
        "What org/name holds is no whole release (it lacks 'figures/sides.png'); ask its owner to "
        "push it again."
    )


def test_files_of_others_in_the_cache_do_no_harm(hub, old, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    push(old, NAME, api=hub.api())
    overwrite(hub, "LICENSE", b"mine")
    hub.api().snapshot_download(NAME, repo_type="dataset")
    opened = open_release(NAME, hub.api())
    assert (opened.folder / "LICENSE").read_bytes() == b"mine"
    assert verify_release(opened) == len(old.manifest["files"])
    push(opened, "org/copy", api=hub.api())
    assert hub.files("org/copy") == hash_files(old.folder)
    (opened.folder / "figures" / "sides.png").unlink()
    with pytest.raises(ReleaseError, match=r"figures/sides.png is missing"):
        verify_release(opened)


def test_what_is_not_there_is_said(hub, old, harmful, tmp_path):
    def refuse(name: str, revision: str | None = None, token: str = "hf_owner") -> str:  # noqa: S107
        with pytest.raises(HubError) as caught:
            pull(name, tmp_path / "out", revision, hub.api(token))
        return str(caught.value)

    assert refuse("org/none").startswith("org/none is not on the Hub, or your token may not see")
    assert refuse("none") == (
        "'none' is no name of a data set on the Hub; give ORG/NAME, such as my-name/empathy-pairs."
    )
    push(old, NAME, api=hub.api())
    assert refuse(NAME, "v9") == (
        "org/name has no such revision; give a branch, tag or commit that it has."
    )
    assert refuse(f"{NAME}@v1", "v2").startswith("Two revisions of org/name are named, v1 and v2")
    assert refuse(NAME, token="hf_other").startswith("org/name is not on the Hub, or your token")
    hub.api().create_repo("org/empty", repo_type="dataset")
    assert refuse("org/empty").startswith("org/empty holds no release at its main branch: it has")
    push(harmful, "org/gated", PushSettings(licence="mit", public=True), hub.api())
    assert refuse("org/gated", token="hf_other") == (
        "org/gated is gated; accept its terms on its page, and log in with 'hf auth login'."
    )
