"""The commands that work on a release's pairs, with a name on the Hub in place of a folder."""

import pytest

from tests.hub.loopback import UPLOADS
from valuedata.hub.push import push
from valuedata.release.folder import load_release

NAME = "org/name"
pytestmark = UPLOADS


@pytest.fixture
def pushed(hub, starter) -> str:
    push(starter, NAME, api=hub.api())
    return NAME


@pytest.mark.parametrize("words", [["trace", "--effect", "humor", "--top", 2], ["forecast"]])
def test_what_is_printed_is_the_same(run, pushed, starter, words):
    command, *options = words
    here, there = (run(command, place, *options) for place in (starter.folder, pushed))
    assert (there.exit_code, there.stderr) == (0, here.stderr)
    assert there.stdout.replace(pushed, "-") == here.stdout.replace(str(starter.folder), "-")
    assert "empathy" in there.stdout


def test_controls_are_drawn_for_what_is_on_the_hub(run, pushed, starter):
    result = run("controls", pushed, "--out", "arms", "--seeds", 0, "--value", "deception")
    assert result.exit_code == 0
    told = load_release("arms").manifest["controls"]
    assert told["of"]["content_hash"] == starter.content_hash
    assert told["values"] == ["deception"]
    refused = run("push", "arms", "org/arms", input="n\n")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Rewarding deception does harm: whoever reads org/arms can")
