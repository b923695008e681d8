"""What the Hub refuses is said, with what is true of the data set by then."""

import pytest

from tests.hub.loopback import UPLOADS
from tests.hub.releases import hash_files
from tests.hub.test_failures import AT_ONCE, COMMIT, NAME, is_sentence
from valuedata.errors import HubError
from valuedata.hub.push import plan_push, push
from valuedata.hub.settings import PushSettings

pytestmark = UPLOADS


@pytest.mark.parametrize("go", [push, plan_push])
@pytest.mark.parametrize("name", [NAME, "org/more"])
def test_a_card_that_the_hub_rejects_leaves_everything(hub, old, harmful, go, name):
    push(old, NAME, api=hub.api())
    before = hub.tell()
    settings = PushSettings(licence="made-up", revision="next", retry_seconds=0)
    with pytest.raises(HubError) as caught:
        go(harmful, name, settings, hub.api())
    assert str(caught.value) == (
        f"The Hub refuses to take the card for {name} (400: Invalid metadata; "
        '"license" must be one of [apache-2.0, cc-by-4.0, mit, other, unknown]); '
        f"{name} is as it was."
    )
    assert hub.tell() == before
    assert hub.tell("org/more") is None


def test_a_refused_commit_leaves_everything(hub, old, new):
    push(old, NAME, api=hub.api())
    before = hub.tell()
    for request in (COMMIT, "POST .*/preupload/main"):
        hub.fail(request, 400)
        with pytest.raises(
            HubError, match=r"write to org/name \(400: told .*\); org/name is as it"
        ):
            push(new, NAME, AT_ONCE, hub.api())
        assert hub.tell() == before


@pytest.mark.parametrize(
    ("request_line", "what", "told"),
    [
        (
            "POST /api/repos/create",
            400,
            "create org/name (400: told to fail); org/name is as it was",
        ),
        ("PUT .*/settings", 400, "gate org/name (400: told to fail); org/name was made, private"),
        (
            "POST .*/branch/next",
            400,
            "make the branch next of org/name (400: told to fail); org/name was made, private and "
            "is gated now (auto)",
        ),
        (
            "POST .*/commit/next",
            413,
            "write to org/name (413: told to fail); org/name was made, private and is gated now "
            "(auto) and has the branch next",
        ),
        ("POST .*/objects/batch", "full", "write to org/name (Encountered error for file "),
        ("POST .*/tag/.*", 422, "and has the branch next and holds the release at commit "),
        ("POST .*/commit/next", 403, "use one that may write to org, or a name of your own; "),
        ("POST .*/commit/next", 412, "no file of yours was written; look at it and push again; "),
        ("POST .*/commit/next", 500, "run the same command again; "),
    ],
)
def test_what_a_refusal_leaves_is_said(hub, harmful, request_line, what, told):
    settings = PushSettings(licence="mit", revision="next", tag="v1", public=True, retry_seconds=0)
    hub.fail(request_line, what)
    with pytest.raises(HubError) as caught:
        push(harmful, NAME, settings, hub.api())
    text = str(caught.value)
    assert told in text
    assert is_sentence(text)
    left = hub.tell()
    if left is None:
        assert "org/name is as it was" in text
        return
    assert left["private"]
    assert "org/name was made, private" in text
    assert ("is gated now (auto)" in text) == (left["gated"] == "auto")
    assert ("has the branch next" in text) == ("next" in left["history"])
    n_commits = len(left["history"].get("next", ["initial"]))
    assert ("holds the release at commit" in text) == (n_commits == 2)


def test_what_a_refusal_leaves_of_a_release_is_said(hub, old, new):
    push(old, NAME, PushSettings(gated="manual"), hub.api())
    hub.fail("PUT .*/settings", "pass", times=1)
    hub.fail("PUT .*/settings", 400)
    with pytest.raises(HubError, match="make org/name public") as caught:
        push(new, NAME, PushSettings(tag="v2", public=True, gated="no", retry_seconds=0), hub.api())
    commit = hub.tell()["history"]["main"][0]["oid"][:12]
    assert str(caught.value) == (
        "The Hub refuses to make org/name public (400: told to fail); org/name is no longer gated "
        f"and holds the release at commit {commit} and has the tag v2."
    )
    assert hub.files() == hash_files(new.folder)


def test_what_was_done_though_its_answer_was_lost_is_said(hub, harmful):
    for request in ("POST /api/repos/create", "PUT .*/settings"):
        hub.fail(request, "lose", times=1)
    hub.fail(COMMIT, 400)
    with pytest.raises(HubError, match=r"was made, private and is gated now \(auto\)\.$"):
        push(harmful, NAME, PushSettings(licence="mit"), hub.api())
