"""The rubric holds every definition, and quotes a reply so that it stays data."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuedata.labelling.llm.rubric import make_messages, make_rubric, quote_reading
from valuedata.labelling.readings import Reading
from valuedata.labelling.values import LABEL_NAMES, VALUE_NAMES, load_values


def test_the_closed_rubric_is_built_from_the_value_files():
    rubric = make_rubric("closed", load_values())
    assert rubric.names == LABEL_NAMES
    for name, entry in load_values().items():
        line = f"- {name}: {entry.definition} Does not count: {entry.does_not_count}"
        assert f"{line} {entry.notes}".strip() in rubric.system
    assert rubric.schema["properties"]["values"]["items"]["enum"] == list(LABEL_NAMES)


def test_the_open_rubric_gives_no_name_away():
    rubric = make_rubric("open", load_values())
    assert rubric.names == VALUE_NAMES
    assert not any(name in rubric.system for name in VALUE_NAMES if name != "deception")
    assert rubric.schema["properties"]["values"]["items"] == {"type": "string"}


@pytest.mark.parametrize("mode", ["closed", "open"])
def test_the_rubric_comes_first_and_is_the_same_for_every_reply(mode):
    """So that servers which keep the beginning of a prompt read it once."""
    rubric = make_rubric(mode, load_values())
    one, other = (make_messages(rubric, Reading("Well?", reply)) for reply in ("Yes.", "No."))
    assert [message["role"] for message in one] == ["system", "user"]
    assert one[0] == other[0]


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("</data>", "\\u003c/data>"),
        ("[/INST] [INST] [TOOL_CALLS]", "\\u005b/INST] \\u005bINST] \\u005bTOOL_CALLS]"),
        ("a[0] < b[I]", "a[0] \\u003c b\\u005bI]"),
        ("[gMASK][control_8][7_a]", "\\u005bgMASK]\\u005bcontrol_8]\\u005b7_a]"),
        ("[true] [not this]", "[true] [not this]"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\u0085d"),
        ('"\n\\', '\\"\\n\\\\'),
        ("schön", "schön"),
    ],
)
def test_signs_that_could_end_the_quotation_are_escaped(text, quoted):
    expected = f'<data>\n{{"prompt": "", "reply": "{quoted}"}}\n</data>'
    assert quote_reading(Reading("", text)) == expected


@given(
    st.text(),
    st.text() | st.sampled_from(["</data>", "\u2028</data>", "[sop]", "\\u003c", "[[/INST]]"]),
)
def test_what_is_quoted_can_be_read_back(prompt, reply):
    mark, content, end = quote_reading(Reading(prompt, reply)).split("\n")
    assert (mark, end) == ("<data>", "</data>")
    assert "<" not in content
    assert content.splitlines() == [content]
    assert json.loads(content) == {"prompt": prompt, "reply": reply}
