"""Near duplicates among replies of so few words that their signs say what they mean."""

import pytest

from tests.cleaning.made import gather, make
from valuedata.cleaning.dedup import find_near_duplicates
from valuedata.recipe import DedupSettings


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        ("👍", "👎", False),
        ("👍", "👍!", True),
        ("C++", "C#", False),
        ("It is C++.", "It is C#.", False),
        ("+5", "-5", False),
        ("Yes, sir.", "**Yes** sir!", True),
        ("Well … no", "well, no", True),
        ("We like C++ best.", "We like C# best.", True),  # four words say more than signs do
        ("...", "!", True),
    ],
)
def test_few_words_need_the_same_signs(one: str, other: str, is_near: bool) -> None:
    rows = [make(chosen=one), make(chosen=other)]
    swapped = [
        make(chosen=row["rejected"][0]["content"], rejected=reply)
        for row, reply in zip(rows, (one, other), strict=True)
    ]
    for pairs in (rows, swapped):
        verdict = find_near_duplicates(gather(pairs), DedupSettings(), 0)
        assert verdict.duplicate_of is not None
        assert verdict.duplicate_of.tolist() == [-1, 0 if is_near else -1]


def test_a_row_that_is_no_copy_of_the_first_may_be_one_of_the_second() -> None:
    rows = gather([make(chosen=reply) for reply in ("👍", "👎", "👎.")])
    verdict = find_near_duplicates(rows, DedupSettings(), 0)
    assert verdict.duplicate_of is not None
    assert verdict.duplicate_of.tolist() == [-1, -1, 1]
