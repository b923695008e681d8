import hashlib

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from valuedata.schema import compute_pair_id, gather_rows, list_sources, make_pair

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


@pytest.mark.parametrize("n_rows", [0, 1, 2_500])
def test_selected_rows_are_gathered_into_one_chunk(n_rows: int) -> None:
    """More chunks would alter the pages of a Parquet file, and so its bytes."""
    pairs = Dataset.from_dict({"source": [f"s{row}" for row in range(3_000)]})
    rows = [(row * 7) % 3_000 for row in range(n_rows)]
    expected = [f"s{row}" for row in rows]
    table = gather_rows(pairs.select(rows))
    assert table["source"].num_chunks == min(n_rows, 1)
    assert table["source"].to_pylist() == expected
    assert list_sources(pairs.select(rows)).tolist() == expected
