"""Agreement by hand, beside scikit-learn's, and the same from either side."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from valuedata.errors import LabelError
from valuedata.labelling.scoring.agreement import measure_agreement
from valuedata.labelling.scoring.recorded import LabelRecords


def make(expressed, names=("humor",), ids=None, failed=()):
    """Records of (2, n, v) expressed; failed are (side, row)."""
    flags = np.array(expressed, dtype=bool)
    probabilities = flags.astype(float)
    for side, row in failed:
        probabilities[side, row] = np.nan
        flags[side, row] = False
    ids = ids or [f"{row:02}" for row in range(flags.shape[1])]
    errors = np.full(flags.shape[:2], "", dtype=object)
    return LabelRecords(names, tuple(ids), probabilities, flags, errors)


def compare(first, second, names=("humor",), prompts=None, seed=0):
    return measure_agreement(first, second, names, prompts, (100, np.random.default_rng(seed)))


# Ten replies: both four times, first only once, second only twice, neither three times.
FIRST = [[[1], [1], [1], [1], [1]], [[0], [0], [0], [0], [0]]]
SECOND = [[[1], [1], [1], [1], [0]], [[1], [1], [0], [0], [0]]]


def test_agreement_by_hand():
    found = compare(make(FIRST), make(SECOND))
    humor = found.names["humor"]
    counts = (humor.n_replies, humor.n_both, humor.n_first_only, humor.n_second_only)
    assert counts == (10, 4, 1, 2)
    measured = {name: one.value for name, one in humor.measures.items()}
    # Shares 0.5 and 0.6; chance agrees on 0.5 x 0.6 + 0.5 x 0.4 = 0.5; (0.7 - 0.5) / 0.5 = 0.4.
    assert measured == pytest.approx(
        {
            "agreement": 0.7,
            "kappa": 0.4,
            "pabak": 0.4,
            "first_share": 0.5,
            "second_share": 0.6,
        }
    )
    assert (found.clusters, found.n_clusters, found.n_pairs) == ("pairs", 5, 5)
    assert found.means["kappa"].estimate.value == pytest.approx(0.4)
    assert found.to_json()["names"]["humor"]["n_both"] == 4


def test_only_what_both_have_is_compared():
    first = make(FIRST, ids=list("abcde"), failed=[(0, 4)])
    second = make(SECOND, ids=list("edcbx"))
    found = compare(first, second)
    # Pairs b to e; the chosen side of e has no label in the first file.
    assert (found.n_pairs, found.n_first_only, found.n_second_only) == (4, 1, 1)
    assert (found.n_unlabelled, found.names["humor"].n_replies) == (1, 7)


def test_what_chance_cannot_disagree_on_is_undefined():
    nothing = np.zeros((2, 3, 1))
    found = compare(make(nothing), make(nothing))
    assert np.isnan(found.names["humor"].measures["kappa"].value)
    assert found.names["humor"].measures["pabak"].value == 1.0
    assert found.to_json()["means"]["kappa"]["value"] is None
    assert found.means["kappa"].undefined == ("humor",)


def test_behaviours_are_left_out_of_the_means():
    names = ("humor", "refusal")
    first = make(np.repeat(FIRST, 2, axis=2), names)
    second = make(np.concatenate([SECOND, FIRST], axis=2), names)
    found = compare(first, second, names)
    assert found.names["refusal"].measures["kappa"].value == 1.0
    assert found.means["kappa"].names == ("humor",)
    assert compare(first, second, ("refusal",)).means["kappa"].estimate.value == 1.0


def test_pairs_of_a_prompt_are_drawn_together():
    prompts = dict(zip(["00", "01", "02", "03", "04"], "aabbc", strict=True))
    found = compare(make(FIRST), make(SECOND), prompts=prompts)
    assert (found.clusters, found.n_clusters) == ("prompts", 3)
    with pytest.raises(LabelError, match=r"1 of the 5 pairs .* not among those whose prompts"):
        compare(make(FIRST), make(SECOND), prompts={**dict.fromkeys(["00", "01", "02", "03"], "")})


def test_files_of_other_pairs_cannot_be_compared():
    with pytest.raises(LabelError, match="share none of their 5 and 5 pairs"):
        compare(make(FIRST), make(SECOND, ids=list("abcde")))


labels = st.lists(st.booleans(), min_size=8, max_size=8)


@settings(deadline=None, max_examples=50)
@given(labels, labels)
def test_kappa_is_that_of_scikit_learn_and_symmetric(one, other):
    first, second = (make(np.reshape(side, (2, 4, 1))) for side in (one, other))
    found, turned = compare(first, second), compare(second, first)
    kappa = found.names["humor"].measures["kappa"]
    if len({*one, *other}) == 1:
        assert np.isnan(kappa.value)
        return
    assert kappa.value == pytest.approx(cohen_kappa_score(one, other))
    again = turned.names["humor"].measures
    assert again["kappa"].to_json() == kappa.to_json()
    assert again["first_share"] == found.names["humor"].measures["second_share"]
