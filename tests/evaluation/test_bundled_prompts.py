"""What the bundled prompts hold, by kind, and what they must not hold."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import py3langid
import pytest

from evaluation.prompts.public import load_public_set
from evaluation.prompts.records import KINDS
from evaluation.prompts.sets import list_bundled, load_prompt_sets
from valuedata.intake.known import STARTER_FILE

LEAST = {
    "open": 100,
    "unsafe": 45,
    "safe-look-alike": 45,
    "side-taking": 40,
    "false-premise": 30,
    "pushback": 40,
    "qa": 45,
    "invites-human-claims": 20,
}
SHARED = (
    ("xstest", "xstest"),
    ("harmbench", "unsafe"),
    ("strongreject", "unsafe"),
    ("advbench", "unsafe"),
    ("jailbreakbench", "unsafe"),
    ("coconot", "coconot"),
    ("anthrobench", "anthrobench_gdm"),
    ("r-u-a-robot", "r_u_a_robot"),
    ("sycon", "sycon"),
    ("syco-bench", "syco_bench"),
    ("truthfulqa", "truthfulqa"),
)


def say(prompt):
    """What the user asks, in small letters without punctuation; of a question, without options."""
    text = prompt.key.get("question") or prompt.messages[0]["content"]
    return " ".join(re.findall(r"\w+", text.lower()))


@pytest.fixture(scope="module")
def sets():
    return load_prompt_sets()


@pytest.fixture(scope="module")
def prompts(sets):
    return [prompt for found in sets for prompt in found.prompts]


@pytest.fixture(scope="module")
def families(prompts):
    grouped = defaultdict(list)
    for prompt in prompts:
        grouped[prompt.family].append(prompt)
    return grouped


def choose(families, kind):
    return [group for group in families.values() if group[0].kind == kind]


def test_every_bundled_set_is_loaded_in_order(sets):
    assert tuple(found.name for found in sets) == list_bundled()
    assert {found.licence for found in sets} == {"Apache-2.0"}
    assert {found.source for found in sets} == {"bundled with valuedata"}
    assert all(found.citation.startswith("@misc{valuedata_prompts") for found in sets)
    assert all(not found.left_out for found in sets)


def test_there_are_enough_prompts_of_each_kind(prompts):
    counts = Counter(prompt.kind for prompt in prompts)
    assert set(counts) == set(KINDS) == set(LEAST)
    assert all(counts[kind] >= least for kind, least in LEAST.items())
    assert sum(counts.values()) >= 360


def test_the_page_counts_them(sets):
    page = (Path(__file__).parents[2] / "docs" / "prompts.md").read_text(encoding="utf-8")
    for found in sets:
        n_families = len({prompt.family for prompt in found.prompts})
        assert f"\n| `{found.name}` | {len(found.prompts)} | {n_families} | " in page


def test_ids_and_texts_are_unique(prompts):
    assert len({prompt.prompt_id for prompt in prompts}) == len(prompts)
    assert len({json.dumps(prompt.messages) for prompt in prompts}) == len(prompts)
    assert all(prompt.prompt_id.startswith(prompt.family + "/") for prompt in prompts)


def test_turns_alternate_and_end_with_the_user(prompts):
    for prompt in prompts:
        roles = [turn["role"] for turn in prompt.messages]
        assert roles == (["user", "assistant"] * len(roles))[: len(roles)]
        assert roles[-1] == "user"
        assert all(turn["content"].strip() == turn["content"] != "" for turn in prompt.messages)


def test_moods_are_variants_of_one_plain_request(families):
    groups = choose(families, "open")
    moods = Counter(prompt.key["variant"] for group in groups for prompt in group)
    assert all(group[0].key["variant"] == "neutral" for group in groups)
    assert moods["neutral"] == len(groups)
    assert min(moods[mood] for mood in ("sad", "angry", "anxious", "proud")) >= 15
    assert len({group[0].key["domain"] for group in groups}) >= 20


def test_each_unsafe_request_has_its_look_alike(families):
    groups = choose(families, "unsafe")
    for group in groups:
        assert [prompt.kind for prompt in group] == ["unsafe", "safe-look-alike"]
        assert [prompt.key["safe"] for prompt in group] == [False, True]
        unsafe, safe = (set(say(prompt).split()) for prompt in group)
        assert len(unsafe & safe) >= 3, group[0].family
    assert len({group[0].key["harm"] for group in groups}) >= 10
    assert max(len(prompt.messages[0]["content"]) for group in groups for prompt in group) <= 120


def test_sides_are_swapped(families):
    for group in choose(families, "side-taking"):
        assert [prompt.key["side"] for prompt in group] == [0, 1]
        options = group[0].key["options"]
        assert len(set(options)) == 2
        assert group[1].key["options"] == options
        for prompt in group:
            assert options[prompt.key["side"]] in prompt.messages[0]["content"]
            assert options[1 - prompt.key["side"]] not in prompt.messages[0]["content"]


def test_false_premises_say_what_is_right(families):
    for (prompt,) in choose(families, "false-premise"):
        assert prompt.key["false_claim"] != prompt.key["correction"]


def test_pushback_has_a_neutral_baseline(families):
    for group in choose(families, "pushback"):
        doubt, neutral = group
        assert [prompt.key["is_pushback"] for prompt in group] == [True, False]
        assert doubt.messages[:2] == neutral.messages[:2]
        last = neutral.messages[2]["content"].lower()
        assert not any(
            re.search(rf"\b{re.escape(word.lower())}\b", last)
            for word in doubt.key["right"] + doubt.key["wrong"]
        )


def test_answers_are_spread_evenly_over_four_letters(families):
    questions = [prompt for (prompt,) in choose(families, "qa")]
    letters = Counter(prompt.key["answer"] for prompt in questions)
    assert set(letters) == set("ABCD")
    assert max(letters.values()) - min(letters.values()) <= 1
    for prompt in questions:
        assert len(prompt.key["options"]) == 4
        right = prompt.key["options"]["ABCD".index(prompt.key["answer"])]
        assert f"\n{prompt.key['answer']}. {right}\n" in prompt.messages[0]["content"]


@pytest.mark.parametrize(
    ("family", "right"),
    [
        ("thirteen-twelve", str(13 * 12)),
        ("average", str((4 + 8 + 12) // 3)),
        ("two-to-five", str(2**5)),
        ("binary", str(int("101", 2))),
        ("bus", str(18 - 5 + 9)),
        ("flour", f"{300 * 6 // 4} g"),
        ("perimeter", f"{2 * (7 + 4)} cm"),
        ("train-time", "17:25"),
        ("tomorrow", "Tuesday"),
    ],
)
def test_answers_that_can_be_computed_are_right(families, family, right):
    (prompt,) = families[f"qa/{family}"]
    assert prompt.key["options"]["ABCD".index(prompt.key["answer"])] == right


def test_prompts_are_english(prompts):
    # Of what is as short as a sum, no detector can say much: all texts of a kind are read as one.
    joined = defaultdict(list)
    for prompt in prompts:
        joined[prompt.kind].append(prompt.messages[0]["content"])
    assert {py3langid.classify(" ".join(texts))[0] for texts in joined.values()} == {"en"}


def test_no_prompt_is_in_the_starter_corpus(prompts):
    lines = STARTER_FILE.read_text(encoding="utf-8").splitlines()
    starter = {
        " ".join(re.findall(r"\w+", turn["content"].lower()))
        for line in lines
        for turn in json.loads(line)["prompt"]
    }
    assert not starter & {say(prompt) for prompt in prompts}


@pytest.mark.parametrize(("name", "folder"), SHARED)
def test_no_prompt_is_in_a_public_set(shared_data, prompts, name, folder):
    found = load_public_set(f"{name}={shared_data / 'evals' / folder}")
    assert found is not None
    assert not {say(prompt) for prompt in found.prompts} & {say(prompt) for prompt in prompts}
