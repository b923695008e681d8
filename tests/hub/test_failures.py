"""Whatever goes wrong, the Hub holds the old release or the new one, whole, and it is said why."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError

from tests.hub.loopback import UPLOADS, start_hub
from tests.hub.releases import hash_files, make_release
from valuedata.errors import HubError, HubUnreachableError
from valuedata.hub.connection import check_login, connect, keep_trying, name_failures
from valuedata.hub.push import push
from valuedata.hub.settings import PushSettings

NAME = "org/name"
COMMIT = "POST /api/datasets/org/name/commit/main"
UPLOAD = "PUT /lfs/.*"
AT_ONCE = PushSettings(retry_seconds=0)
pytestmark = UPLOADS


def is_sentence(text: str) -> bool:
    return text.endswith(".") and ". " not in text and "\n" not in text and "hf_" not in text


@pytest.fixture(scope="module", autouse=True)
def broken_line(old, new) -> Iterator[Future[object]]:
    """A push over a line that breaks in every upload, begun early: the client tries for 23 s."""

    def run() -> object:
        with start_hub() as hub:
            push(old, NAME, api=hub.api())
            hub.fail(UPLOAD, "drop")
            try:
                push(new, NAME, AT_ONCE, hub.api())
            except HubError as error:
                return error, hub.files()
        return None

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(run)


@pytest.mark.parametrize(
    ("request_line", "what"),
    [
        (COMMIT, 503),
        (COMMIT, "drop"),
        (COMMIT, "lose"),
        (UPLOAD, 500),
        (UPLOAD, "drop"),
        ("GET /api/whoami-v2", "drop"),
        ("POST /api/datasets/org/name/tag/.*", "lose"),
        ("PUT /api/datasets/org/name/settings", "lose"),
    ],
)
def test_what_passes_is_waited_for(hub, old, new, request_line, what):
    push(old, NAME, api=hub.api())
    hub.fail(request_line, what, times=1)
    pushed = push(new, NAME, PushSettings(tag="v2", public=True), hub.api())
    told = hub.tell()
    assert hub.files() == hash_files(new.folder)
    assert len(told["history"]["main"]) == 3  # one commit, even where its answer was lost
    assert told["tags"] == {"v2": pushed.commit} == {"v2": told["history"]["main"][0]["oid"]}
    assert told["private"] is False
    assert "figures/forecast.png" in pushed.plan.deleted


@pytest.mark.parametrize("request_line", ["POST /api/repos/create", "POST .*/branch/next"])
def test_what_was_made_though_its_answer_was_lost_is_not_made_again(hub, old, request_line):
    hub.fail(request_line, "lose", times=1)
    push(old, NAME, PushSettings(revision="next"), hub.api())
    assert hub.files(ref="next") == hash_files(old.folder)


@pytest.mark.parametrize(
    ("request_line", "what", "message"),
    [
        (COMMIT, 500, "The Hub answered 500 (told to fail) when asked to write to org/name; "),
        (COMMIT, "drop", "The connection to the Hub broke ("),
        ("POST /api/validate-yaml", "drop", "The connection to the Hub broke ("),
        ("GET /api/datasets/org/name/refs", 503, "The Hub answered 503 (told to fail) when asked"),
        ("GET /api/whoami-v2", 429, "The Hub answered 429 ("),
    ],
)
def test_what_lasts_leaves_the_old_release(hub, old, new, request_line, what, message):
    push(old, NAME, api=hub.api())
    before = hub.tell()
    hub.fail(request_line, what)
    with pytest.raises(HubUnreachableError) as caught:
        push(new, NAME, AT_ONCE, hub.api())
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("run the same command again.")
    assert is_sentence(str(caught.value))
    assert hub.tell() == before


def test_the_same_call_goes_on_where_a_push_was_stopped(hub, old):
    hub.fail(COMMIT, 500, times=1)
    with pytest.raises(HubUnreachableError):
        push(old, NAME, AT_ONCE, hub.api())
    assert hub.files() == {}
    n_uploads = sum(asked.startswith("PUT /lfs/") for asked in hub.requests())
    push(old, NAME, api=hub.api())
    assert hub.files() == hash_files(old.folder)
    assert sum(asked.startswith("PUT /lfs/") for asked in hub.requests()) == n_uploads


def test_a_tag_that_failed_is_made_by_the_next_push(hub, old):
    hub.fail("POST /api/datasets/org/name/tag/.*", 500, times=1)
    with pytest.raises(HubUnreachableError, match="asked to tag"):
        push(old, NAME, PushSettings(tag="v1", retry_seconds=0), hub.api())
    assert hub.files() == hash_files(old.folder)
    assert push(old, NAME, PushSettings(tag="v1"), hub.api()).commit == hub.tell()["tags"]["v1"]


@pytest.mark.parametrize(
    ("token", "name", "message"),
    [
        ("hf_wrong", NAME, "The Hub does not know this token; log in again with 'hf auth login', "),
        ("", NAME, "You are not logged in to the Hub; run 'hf auth login', or set HF_TOKEN"),
        ("hf_reader", NAME, "The token may not write to org/name (Forbidden: "),
        ("hf_reader", "org/more", "The token may not create org/more (You don't have the rights"),
        ("hf_other", NAME, "org/name is taken, and your token may not see by whom (You already"),
    ],
)
def test_tokens_that_do_not_suffice(hub, old, new, token, name, message):
    push(old, NAME, api=hub.api())
    before = hub.tell()
    with pytest.raises(HubError) as caught:
        push(new, name, AT_ONCE, hub.api(token))
    assert str(caught.value).startswith(message)
    assert is_sentence(str(caught.value).replace("hf auth", ""))
    assert not isinstance(caught.value, HubUnreachableError)
    assert hub.tell() == before
    assert hub.tell("org/more") is None


def test_a_push_that_was_overtaken_writes_nothing(hub, old, new):
    push(old, NAME, api=hub.api())
    hub.fail(COMMIT, "overtake", times=1)
    with pytest.raises(HubError, match="was changed by someone else meanwhile, and no file of you"):
        push(new, NAME, api=hub.api())
    assert hub.files() == {**hash_files(old.folder), "notes.txt": hub.files()["notes.txt"]}
    assert hub.tell()["history"]["main"][0]["title"] == "by someone else"


def test_a_push_that_was_overtaken_while_it_waited_writes_nothing(hub, old, new):
    push(old, NAME, api=hub.api())
    hub.fail(COMMIT, 500, times=1)
    hub.fail("GET /api/datasets/org/name/refs", "pass", times=1)
    hub.fail("GET /api/datasets/org/name/refs", "overtake", times=1)
    with pytest.raises(HubError, match="was changed by someone else meanwhile; look at it"):
        push(new, NAME, api=hub.api())
    assert hub.tell()["history"]["main"][0]["title"] == "by someone else"


def test_a_pull_request_is_not_opened_twice(hub, old, new):
    push(old, NAME, api=hub.api())
    hub.fail(COMMIT, "lose")
    with pytest.raises(
        HubError, match="look whether org/name has the pull request already"
    ) as caught:
        push(new, NAME, PushSettings(create_pr=True), hub.api())
    assert is_sentence(str(caught.value))
    assert [ref for ref in hub.tell()["history"] if ref != "main"] == ["refs/pr/2"]
    assert hub.files() == hash_files(old.folder)


def test_a_name_that_somebody_takes_meanwhile(hub, old):
    hub.fail("POST /api/repos/create", 409)
    with pytest.raises(HubError, match=r"^org/name is taken, and your token may not see by whom"):
        push(old, NAME, AT_ONCE, hub.api())


def test_a_file_that_vanishes_is_no_fault_of_the_hub(hub, tmp_path):
    release = make_release(tmp_path / "out")
    api = hub.api()
    with (
        pytest.raises(HubError, match=r"write to x failed \(.*No such file") as caught,
        name_failures(api, "x", "write to x"),
    ):
        (release.folder / "gone").read_bytes()
    assert is_sentence(str(caught.value).replace(str(release.folder), ""))


def test_no_sentence_holds_the_token(hub):
    api = hub.api("hf_secret")
    with (
        pytest.raises(HubError, match=r"Bearer \(token\)"),
        name_failures(api, "x", "write"),
    ):
        raise HFValidationError("Illegal header value 'Bearer hf_secret'")


@pytest.mark.parametrize("kind", [RuntimeError, ValueError])
@pytest.mark.parametrize("cause", [None, KeyError("a fault of the program")])
def test_what_is_no_failure_of_the_hub_is_left_alone(hub, kind, cause):
    with pytest.raises(kind, match=r"^upload$"), name_failures(hub.api(), "x", "write"):
        raise kind("upload") from cause


@pytest.mark.parametrize("kind", [RuntimeError, ValueError])
def test_a_failure_of_the_hub_inside_of_another_is_told(hub, kind):
    with (
        pytest.raises(HubUnreachableError, match=r"broke \(reset\) when it was asked to write"),
        name_failures(hub.api(), "x", "write"),
    ):
        raise kind("upload") from ConnectionResetError("reset")


def test_being_offline_is_said(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match=r"^HF_HUB_OFFLINE is set, which forbids to tell who"):
        check_login(hub.api())


def test_nobody_answers():
    with pytest.raises(HubUnreachableError, match=r"^The connection to the Hub broke"):
        check_login(HfApi("http://127.0.0.1:9", token="hf_owner"))


def test_tokens_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    assert connect().token == "hf_mine"  # noqa: S105
    monkeypatch.setenv("HF_TOKEN", "hf mine")
    with pytest.raises(HubError, match="holds characters that no token has") as caught:
        connect()
    assert "mine" not in str(caught.value)


def test_waiting_ends_after_the_time_that_was_said():
    calls = []

    def fail():
        calls.append(1)
        raise HubUnreachableError("busy.")

    with pytest.raises(HubUnreachableError):
        keep_trying(fail, 1.5)  # after 1 s once more; 2 s more would be too late
    assert len(calls) == 2


def test_an_upload_that_breaks_for_good_leaves_the_old_release(broken_line, old):
    error, files = broken_line.result()
    assert isinstance(error, HubUnreachableError)
    assert str(error).startswith("The connection to the Hub broke (")
    assert is_sentence(str(error))
    assert files == hash_files(old.folder)
