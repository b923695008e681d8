"""Any conversation, written in any raw format, comes back as the same pair."""

import re

from hypothesis import given
from hypothesis import strategies as st

from valuedata.intake.formats import FORMATS, convert_rows, detect_format
from valuedata.intake.pairs import ParsedPair

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TURN_TEXT = TEXT.map(str.strip).filter(lambda text: not re.search(r"\n\n(Human|Assistant):", text))
STEER_TEXT = TEXT.filter(lambda text: text and "<extra_id_1>" not in text)
RESPONSES = {"user": "Human", "assistant": "Assistant"}
SHAREGPT_NAMES = {"system": "system", "user": "human", "assistant": "gpt"}


@st.composite
def conversations(draw, text=TEXT, *, system=True, max_exchanges=3):
    """A prompt of alternating turns that ends with the user's, and two replies."""
    prompt = []
    if system and draw(st.booleans()):
        prompt.append({"role": "system", "content": draw(text)})
    for _ in range(draw(st.integers(0, max_exchanges))):
        prompt.append({"role": "user", "content": draw(text)})
        prompt.append({"role": "assistant", "content": draw(text)})
    prompt.append({"role": "user", "content": draw(text)})
    replies = [[{"role": "assistant", "content": draw(text)}] for _ in range(2)]
    return prompt, *replies


def assert_comes_back(name, conversation, *rows):
    assert detect_format(rows[0], None, "x").name == name
    pair = next(convert_rows(enumerate(rows), FORMATS[name]))
    assert isinstance(pair, ParsedPair)
    assert (pair.prompt, pair.chosen, pair.rejected) == conversation


@given(conversations(TURN_TEXT, system=False))
def test_hh_round_trip(conversation):
    prompt, chosen, rejected = conversation
    texts = [
        "".join(f"\n\n{RESPONSES[turn['role']]}: {turn['content']}" for turn in prompt + reply)
        for reply in (chosen, rejected)
    ]
    assert_comes_back("hh", conversation, {"chosen": texts[0], "rejected": texts[1]})


@given(conversations())
def test_trl_messages_round_trip(conversation):
    prompt, chosen, rejected = conversation
    assert_comes_back(
        "trl", conversation, {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    )


@given(conversations(system=False, max_exchanges=0))
def test_trl_strings_round_trip(conversation):
    prompt, chosen, rejected = (messages[0]["content"] for messages in conversation)
    assert_comes_back(
        "trl", conversation, {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    )


@given(conversations())
def test_trl_implicit_round_trip(conversation):
    prompt, chosen, rejected = conversation
    assert_comes_back(
        "trl-implicit", conversation, {"chosen": prompt + chosen, "rejected": prompt + rejected}
    )


@given(conversations())
def test_ultrafeedback_round_trip(conversation):
    prompt, chosen, rejected = conversation
    row = {
        "prompt": prompt[-1]["content"],
        "chosen": prompt + chosen,
        "rejected": prompt + rejected,
        "score_chosen": 2.0,
    }
    assert_comes_back("ultrafeedback", conversation, row)


@given(conversations(system=False, max_exchanges=0), st.integers(0, 1), st.booleans())
def test_pku_round_trip(conversation, better, is_list):
    prompt, chosen, rejected = (messages[0]["content"] for messages in conversation)
    if is_list:
        row = {"prompt": prompt, "response": [chosen, rejected]}
    else:
        texts = (chosen, rejected) if better == 0 else (rejected, chosen)
        row = {
            "prompt": prompt,
            "response_0": texts[0],
            "response_1": texts[1],
            "better_response_id": better,
            "safer_response_id": 1 - better,
        }
    assert_comes_back("pku", conversation, row)


@given(conversations(STEER_TEXT, system=False), st.permutations([0, 1]))
def test_helpsteer2_round_trip(conversation, order):
    prompt, chosen, rejected = conversation
    text = prompt[0]["content"] + "".join(
        f"\n<extra_id_1>{turn['role'].title()}\n{turn['content']}" for turn in prompt[1:]
    )
    rows = [
        {"prompt": text, "response": chosen[0]["content"], "helpfulness": 4},
        {"prompt": text, "response": rejected[0]["content"], "helpfulness": 1},
    ]
    assert_comes_back("helpsteer2", conversation, *(rows[i] for i in order))


@given(conversations())
def test_sharegpt_round_trip(conversation):
    named = [
        [{"from": SHAREGPT_NAMES[turn["role"]], "value": turn["content"]} for turn in messages]
        for messages in conversation
    ]
    row = {"conversations": named[0], "chosen": named[1][0], "rejected": named[2][0]}
    assert_comes_back("sharegpt", conversation, row)
