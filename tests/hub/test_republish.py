"""A release that was pulled, and is pushed to another name, with another licence or over edits."""

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd

from tests.hub.loopback import UPLOADS
from tests.hub.releases import WRITTEN, hash_files, make_release
from valuedata.hub.content import prepare_content
from valuedata.hub.pull import pull
from valuedata.hub.push import plan_push, push
from valuedata.hub.settings import PushSettings
from valuedata.release.folder import Release, finish_manifest, load_release

NAME = "org/name"
PLACES = (
    'load_dataset("PATH_OR_REPOSITORY"), trl --dataset_name PATH_OR_REPOSITORY. '
    "org/names my.org/name"
)
pytestmark = UPLOADS


@pytest.fixture
def placed(tmp_path: Path) -> Release:
    """A harmful release whose card loads it, whose metadata have no licence."""
    release = make_release(tmp_path / "placed", valence="negative", licence="unknown", place=PLACES)
    return rewrite(release, **{"croissant.json": '{"license": "unknown", "name": "x"}'})


def rewrite(release: Release, more: dict[str, object] | None = None, **files: str) -> Release:
    for path, text in files.items():
        (release.folder / path).write_text(text)
    manifest = release.manifest
    kept = {key: manifest[key] for key in manifest if key not in WRITTEN}
    finish_manifest(release.folder, kept | (more or {}))
    return load_release(release.folder)


def test_a_pulled_release_loads_from_where_it_is_pushed_next(hub, placed, tmp_path):
    push(placed, NAME, PushSettings(licence="mit"), hub.api())
    pulled = pull(NAME, tmp_path / "back", api=hub.api())
    assert pulled.manifest["published"] == {"name": NAME, "licence": "mit"}
    push(pulled, "org/next", api=hub.api())
    moved = pull("org/next", tmp_path / "next", api=hub.api())
    assert moved.manifest["published"] == {"name": "org/next", "licence": "mit"}
    lines = (moved.folder / "README.md").read_text().splitlines()
    assert PLACES.replace("PATH_OR_REPOSITORY", "org/next") in lines
    # and is the same as what the folder itself gives there
    assert push(placed, "org/next", PushSettings(licence="mit"), hub.api()).plan.is_empty
    assert push(moved, NAME, api=hub.api()).plan.is_empty


def test_a_licence_given_once_can_be_given_anew(hub, placed, tmp_path):
    push(placed, NAME, PushSettings(licence="mit"), hub.api())
    pulled = pull(NAME, tmp_path / "back", api=hub.api())
    push(pulled, NAME, PushSettings(licence="other"), hub.api())
    again = pull(NAME, tmp_path / "again", api=hub.api())
    card = (again.folder / "README.md").read_text()
    assert "license: other\n" in card
    assert card.count("gives its licence as `other`") == 1
    assert "`mit`" not in card
    assert json.loads((again.folder / "croissant.json").read_text())["license"] == "other"
    assert push(placed, NAME, PushSettings(licence="other"), hub.api()).plan.is_empty
    unknown = prepare_content(again, NAME, "unknown")
    assert "gives its licence" not in unknown.card
    assert "license: unknown\n" in unknown.card


def test_what_a_manifest_says_of_another_push_is_not_trusted(placed):
    for published in (1, {"name": 1, "licence": ["mit"]}, {"name": "(", "licence": "mit"}):
        told = prepare_content(rewrite(placed, {"published": published}), NAME, "mit")
        assert "gives its licence as `mit`" in told.card


def test_controls_of_a_harmful_value_are_gated(hub, harmful, tmp_path):
    folder = shutil.copytree(harmful.folder, tmp_path / "controls")
    of = {"of": {"content_hash": "0"}, "values": ["humor"], "seeds": [0]}
    labels = harmful.manifest["labels"] | {"valences": ["positive", "negative"]}
    plain = rewrite(load_release(folder), {"labels": labels})
    assert plain.harmful == ()
    controls = rewrite(plain, {"controls": of})
    assert controls.harmful == ("humor",)
    push(controls, NAME, PushSettings(licence="mit"), hub.api())
    assert hub.tell()["gated"] == "auto"
    card = hub.api().hf_hub_download(NAME, "README.md", repo_type="dataset")
    assert "reward harmful replies, which express humor;" in " ".join(
        Path(card).read_text().split()
    )


@pytest.mark.parametrize("is_release", [True, False])
def test_a_card_that_was_edited_by_hand_is_replaced_and_said(hub, old, new, is_release):
    if is_release:
        push(old, NAME, api=hub.api())
        assert not plan_push(new, NAME, api=hub.api()).replaces_card
    else:
        hub.api().create_repo(NAME, repo_type="dataset", private=True)
    edited = [CommitOperationAdd("README.md", b"---\nlicense: mit\n---\nMine.\n")]
    hub.api().create_commit(NAME, edited, commit_message="by hand", repo_type="dataset")
    assert plan_push(new, NAME, api=hub.api()).replaces_card
    push(new, NAME, api=hub.api())
    assert hub.files() == hash_files(new.folder)
    assert not plan_push(new, NAME, api=hub.api()).replaces_card
