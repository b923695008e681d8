"""What `prompts` lists."""

import json

from evaluation.prompts.public_table import PUBLIC_SETS
from evaluation.prompts.sets import list_bundled


def test_bundled_sets_come_first_and_then_public_ones(run):
    lines = run("prompts").stdout.splitlines()
    assert lines[0].split() == ["name", "prompts", "families", "kinds", "licence", "where"]
    end = 2 + len(list_bundled())
    assert [line.split()[0] for line in lines[2:end]] == list(list_bundled())
    assert lines[3].split() == [
        *("refusal", "104", "52", "unsafe,", "safe-look-alike", "Apache-2.0", "bundled")
    ]
    assert lines[end + 1].split() == ["name", "kinds", "licence", "where"]
    public = [line.split() for line in lines[end + 3 :]]
    assert [words[0] for words in public] == list(PUBLIC_SETS)
    assert public[0][-2:] == ["CC-BY-4.0", "Paul/XSTest"]
    assert public[6][-2:] == ["local", "files"]


def test_prompts_for_scripts(run):
    content = json.loads(run("prompts", "--json").stdout)
    assert list(content["bundled"]) == list(list_bundled())
    refusal = content["bundled"]["refusal"]
    assert refusal["kinds"] == {"unsafe": 52, "safe-look-alike": 52}
    assert len(refusal["content_hash"]) == 64
    xstest = content["public"]["xstest"]
    assert xstest["files"] == ["xstest_prompts*.csv"]
    assert "arXiv" in xstest["citation"]
    assert content["public"]["anthrobench"]["repository"] is None
