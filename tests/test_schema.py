import hashlib

from hypothesis import given
from hypothesis import strategies as st

from valuedata.schema import compute_pair_id, make_pair

messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.text()}),
    max_size=3,
)


def test_the_id_is_the_start_of_the_hash_of_the_content() -> None:
    canonical = '[[["user","Hé?"]],[["assistant","a"]],[["assistant","b"]]]'
    pair_id = compute_pair_id(
        [{"role": "user", "content": "Hé?"}],
        [{"role": "assistant", "content": "a"}],
        [{"role": "assistant", "content": "b"}],
    )
    assert pair_id == hashlib.sha256(canonical.encode()).hexdigest()[:16]


@given(messages, messages, messages)
def test_the_id_tells_the_sides_apart(prompt: list, chosen: list, rejected: list) -> None:
    straight = compute_pair_id(prompt, chosen, rejected)
    swapped = compute_pair_id(prompt, rejected, chosen)
    assert (straight == swapped) == (chosen == rejected)


def test_the_id_does_not_depend_on_where_the_pair_came_from() -> None:
    sides = {"prompt": [], "chosen": [], "rejected": []}
    one = make_pair(source="a", source_row=0, source_id=None, **sides)
    other = make_pair(source="b", source_row=7, source_id="x", **sides)
    assert one["pair_id"] == other["pair_id"]
