"""Prompt files of one's own: what each kind of family becomes, and what is refused."""

import json

import pytest
import yaml

from evaluation.prompts.sets import load_prompt_sets, read_prompt_file
from valuedata.errors import PromptError

OPEN = {"family": "dog", "domain": "pets", "neutral": "What now?", "sad": "I cry. What now?"}
REFUSAL = {"family": "car", "harm": "theft", "unsafe": "Steal it?", "safe": "Wash it?"}
SIDE = {"family": "tea", "options": ["tea", "milk"], "first": "I say tea.", "second": "I say milk."}
PREMISE = {
    "family": "sun",
    "text": "Why is it cold?",
    "claim": "It is cold.",
    "correction": "It is hot.",
}
PUSHBACK = {
    "family": "sum",
    "question": "2 + 2?",
    "answer": "It is 4.",
    "right": ["4", "four"],
    "wrong": ["5"],
    "pushback": "No, 5!",
    "neutral": "Again?",
}
QA = {"family": "sum", "question": "2 + 2?", "options": ["3", "4"], "answer": "B"}
CLAIM = {"family": "nap", "topic": "body", "text": "Slept well?"}


def write(folder, kind, *families, name="mine", suffix="yaml", **changes):
    content = {
        "name": name,
        "kind": kind,
        "measures": "something",
        "licence": "CC0-1.0",
        "citation": "Me",
        "families": list(families),
    } | changes
    content = {key: value for key, value in content.items() if value is not None}
    path = folder / f"{name}.{suffix}"
    dump = json.dumps if suffix == "json" else yaml.safe_dump
    path.write_text(dump(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("kind", "family", "rows"),
    [
        (
            "open",
            OPEN,
            [
                ("mine/dog/neutral", ["What now?"], {"variant": "neutral", "domain": "pets"}),
                ("mine/dog/sad", ["I cry. What now?"], {"variant": "sad", "domain": "pets"}),
            ],
        ),
        (
            "refusal",
            REFUSAL,
            [
                (
                    "mine/car/unsafe",
                    ["Steal it?"],
                    {"variant": "unsafe", "safe": False, "harm": "theft"},
                ),
                (
                    "mine/car/safe-look-alike",
                    ["Wash it?"],
                    {"variant": "safe-look-alike", "safe": True, "harm": "theft"},
                ),
            ],
        ),
        (
            "side-taking",
            SIDE,
            [
                (
                    f"mine/tea/{variant}",
                    [text],
                    {"variant": variant, "options": ["tea", "milk"], "side": side},
                )
                for variant, text, side in (
                    ("first", "I say tea.", 0),
                    ("second", "I say milk.", 1),
                )
            ],
        ),
        (
            "false-premise",
            PREMISE,
            [
                (
                    "mine/sun/false-premise",
                    ["Why is it cold?"],
                    {
                        "variant": "false-premise",
                        "false_claim": "It is cold.",
                        "correction": "It is hot.",
                    },
                )
            ],
        ),
        (
            "pushback",
            PUSHBACK,
            [
                (
                    f"mine/sum/{variant}",
                    ["2 + 2?", "It is 4.", last],
                    {
                        "variant": variant,
                        "right": ["4", "four"],
                        "wrong": ["5"],
                        "is_pushback": variant == "pushback",
                    },
                )
                for variant, last in (("pushback", "No, 5!"), ("neutral", "Again?"))
            ],
        ),
        (
            "qa",
            QA,
            [
                (
                    "mine/sum/qa",
                    ["2 + 2?\n\nA. 3\nB. 4\n\nAnswer with the letter of the right option only."],
                    {"variant": "qa", "question": "2 + 2?", "options": ["3", "4"], "answer": "B"},
                )
            ],
        ),
        (
            "invites-human-claims",
            CLAIM,
            [
                (
                    "mine/nap/invites-human-claims",
                    ["Slept well?"],
                    {"variant": "invites-human-claims", "topic": "body"},
                )
            ],
        ),
    ],
)
def test_a_family_becomes_its_prompts(tmp_path, kind, family, rows):
    (found,) = load_prompt_sets([str(write(tmp_path, kind, family))])
    assert (found.name, found.licence, found.source) == ("mine", "CC0-1.0", "mine.yaml")
    assert [
        (prompt.prompt_id, [turn["content"] for turn in prompt.messages], prompt.key)
        for prompt in found.prompts
    ] == rows
    assert {prompt.family for prompt in found.prompts} == {f"mine/{family['family']}"}


def test_json_is_read_as_yaml_is(tmp_path):
    as_yaml = read_prompt_file(write(tmp_path, "open", OPEN), "mine")
    as_json = read_prompt_file(write(tmp_path, "open", OPEN, suffix="json"), "mine")
    assert as_yaml == as_json
    assert as_yaml.content_hash == as_json.content_hash


def test_a_pair_of_escapes_in_json_is_one_character(tmp_path):
    """As json.dumps writes what stands beyond U+FFFF, with a tab, which YAML takes amiss."""
    family = OPEN | {"neutral": "What now? \U0001f600\t\u2028"}
    path = write(tmp_path, "open", family, suffix="json")
    assert "\\ud83d\\ude00" in path.read_text(encoding="utf-8")
    assert read_prompt_file(path, "mine").prompts[0].messages[0]["content"] == (
        "What now? \U0001f600"
    )


@pytest.mark.parametrize("suffix", ["json", "yaml"])
@pytest.mark.parametrize("place", ["text", "key"])
def test_half_of_a_pair_is_one_sentence(tmp_path, suffix, place):
    path = write(tmp_path, "open", OPEN, suffix="json")
    old, new = ("What now?", "\\ud83d now?") if place == "text" else ("domain", "\\ud83d now?")
    text = path.read_text(encoding="utf-8").replace(old, new, 1)
    path = path.with_suffix(f".{suffix}")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PromptError) as caught:
        read_prompt_file(path, "mine")
    assert str(caught.value) == (
        f"Prompt file {path} holds half of a surrogate pair in '\\ud83d now?'; write the "
        "character itself."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": "a", "name": "b"}', "is not valid JSON (key 'name' stands twice); mend it."),
        ("{name: a}", "is not valid JSON (Expecting property name"),
        ("[{}]", "is no set of prompts; write name, kind and so on."),
    ],
)
def test_json_is_no_yaml(tmp_path, text, message):
    (tmp_path / "mine.json").write_text(text, encoding="utf-8")
    with pytest.raises(PromptError) as caught:
        read_prompt_file(tmp_path / "mine.json", "mine")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_hash_sees_every_text_and_key(tmp_path):
    plain = read_prompt_file(write(tmp_path, "open", OPEN), "mine").content_hash
    other = read_prompt_file(write(tmp_path, "open", OPEN | {"domain": "cats"}), "mine")
    assert len(plain) == 64
    assert other.content_hash != plain


def test_sets_of_all_sorts_are_loaded_together(tmp_path):
    folder = tmp_path / "lr=1"
    folder.mkdir()
    mine = write(folder, "open", OPEN)
    public = tmp_path / "advbench.csv"
    public.write_text("goal,target\nDo it,Sure\n", encoding="utf-8")
    found = load_prompt_sets(["qa", f"advbench={public}", str(mine)])
    assert [entry.name for entry in found] == ["qa", "advbench", "mine"]


def test_one_side_of_a_refusal_is_enough(tmp_path):
    family = {"family": "car", "harm": "theft", "safe": "Wash it?"}
    found = read_prompt_file(write(tmp_path, "refusal", family), "mine")
    assert [prompt.kind for prompt in found.prompts] == ["safe-look-alike"]


@pytest.mark.parametrize(
    ("kind", "families", "changes", "message"),
    [
        ("open", [OPEN], {"kid": 1}, " has an unknown key 'kid'; did you mean 'kind'?"),
        ("open", [OPEN], {"licence": None}, " lacks the key 'licence'; write it."),
        ("opne", [OPEN], {}, " has a wrong 'kind': Input should be 'open', 'refusal', "),
        ("open", [OPEN], {"name": "My set"}, "My set.yaml has a name with more than small letters"),
        ("open", [], {}, " holds no family; give at least one."),
        ("open", [OPEN, OPEN], {}, " has family dog twice; give each a name of its own."),
        ("open", [OPEN | {"glad": "x"}], {}, ": family dog has an unknown key 'glad'; "),
        ("open", [{"domain": "pets"}], {}, ": family number 1 of the file lacks the key 'family'"),
        ("open", [OPEN | {"sad": " "}], {}, ": family dog has a wrong 'sad': String should have"),
        (
            "open",
            [OPEN | {"sad": "What now?"}],
            {},
            ": mine/dog/sad says the same as mine/dog/neutral; leave one out.",
        ),
        (
            "refusal",
            [{"family": "car", "harm": "theft"}],
            {},
            ": family car has no prompt; give unsafe, safe or both.",
        ),
        (
            "side-taking",
            [SIDE | {"options": ["tea", "tea"]}],
            {},
            ": family tea has one position twice; give two in options.",
        ),
        (
            "pushback",
            [PUSHBACK | {"right": ["7"]}],
            {},
            ": family sum has none of the words of right in answer; write them there.",
        ),
        (
            "pushback",
            [PUSHBACK | {"wrong": ["7"]}],
            {},
            ": family sum has none of the words of wrong in pushback; write them there.",
        ),
        ("qa", [QA | {"answer": "C"}], {}, ": family sum has no option as its answer; give one"),
        ("qa", [QA | {"answer": "AB"}], {}, ": family sum has no option as its answer; give one"),
        ("qa", [QA | {"options": ["4", "4"]}], {}, ": family sum has an option twice; give"),
        ("qa", [QA | {"options": [3, 4]}], {}, ": family sum has a wrong 'options.0': Input"),
    ],
)
def test_what_is_refused_is_one_sentence(tmp_path, kind, families, changes, message):
    path = write(tmp_path, kind, *families, **changes)
    with pytest.raises(PromptError) as caught:
        load_prompt_sets([str(path)])
    assert str(caught.value).startswith(f"Prompt file {path.parent}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: a\nname: b\n", "is not valid YAML (key 'name' stands twice in "),
        (b"name: [\n", "is not valid YAML (while parsing"),
        (b"\xff", "is not valid YAML ('utf-8' codec"),
        (b"- name\n", "is no set of prompts; write name, kind and so on."),
        (b"? [a, b]\n: c\n", "is not valid YAML (while constructing a mapping"),
        (b"a: &a [*a]\n", "is nested too deeply, or holds itself; write name, kind and so on."),
        (b"a: " + b"[" * 5_000 + b"]" * 5_000, "is nested too deeply, or holds itself"),
    ],
)
def test_files_that_are_no_mapping_are_refused(tmp_path, content, message):
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(PromptError) as caught:
        load_prompt_sets([str(tmp_path / "mine.yaml")])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["opne"], "Prompt set 'opne' is unknown (did you mean 'open'?); `valuedata prompts` "),
        (["org/unknown"], "Prompt set 'org/unknown' is unknown ("),
        (["mine=here"], "Prompt set 'mine=here' is unknown ("),
        (["what is this?"], "Prompt set 'what is this?' is unknown ("),
        (["qa", "qa"], "Prompt set 'qa' is given 2 times; give each once."),
        ([], "No prompt set is named; give one, or leave the option out for all."),
        (["not-there.yaml"], "Prompt file not-there.yaml cannot be read (No such file"),
    ],
)
def test_names_that_are_refused(names, message):
    with pytest.raises(PromptError) as caught:
        load_prompt_sets(names)
    assert str(caught.value).startswith(message)
