import pytest

from tests.builders import make_pairs
from valuedata.errors import ReleaseError
from valuedata.release.folder import Release
from valuedata.release.trace import list_effects, quote_pairs, trace


def test_pairs_are_ranked_by_how_far_they_push(release: Release) -> None:
    """Row 2 has 0.9 - 0.1, row 6 has 0.75 - 0.25; the flipped 3 has 0.7 - 0.2, in float32 less."""
    (found,) = trace(release, "empathy")
    assert (found.value, found.effect) == ("empathy", "empathy")
    assert found.members.rows.tolist() == [2, 6, 3]
    assert found.rewarded.tolist() == pytest.approx([0.9, 0.75, 0.7])
    assert found.other.tolist() == pytest.approx([0.1, 0.25, 0.2])
    assert found.differences.tolist() == pytest.approx([0.8, 0.5, 0.5])
    assert found.n_pushing == 3


def test_an_effect_is_any_label(release: Release) -> None:
    """Only the chosen reply of row 2 has humor, of 0.5; equal ones keep their order."""
    assert list_effects(release) == ("empathy", "humor")
    (found,) = trace(release, "humor", ["empathy"])
    assert found.members.rows.tolist() == [2, 3, 6]
    assert found.differences.tolist() == [0.5, 0.0, 0.0]
    assert found.n_pushing == 1


def test_pairs_are_quoted_with_their_texts(release: Release) -> None:
    pairs = make_pairs()
    (found,) = trace(release, "empathy")
    first, _, third = quote_pairs(release, found, 99)
    assert first == {
        "source": "talk",
        "source_row": 2,
        "pair_id": pairs[2]["pair_id"],
        "split": "train",
        "flipped": False,
        "difference": 0.8,
        "rewarded": 0.9,
        "other": 0.1,
        "prompt": pairs[2]["prompt"],
        "chosen": pairs[2]["chosen"],
        "rejected": pairs[2]["rejected"],
    }
    assert third["flipped"]
    assert third["chosen"] == pairs[3]["rejected"]
    assert len(quote_pairs(release, found, 2)) == 2


def test_what_is_unknown_is_named(release: Release) -> None:
    with pytest.raises(ReleaseError, match=r"Effect 'humour' is none that .* did you mean 'humor'"):
        trace(release, "humour")
    with pytest.raises(ReleaseError, match="no subset 'empaty'; did you mean 'empathy'"):
        trace(release, "humor", ["empaty"])
