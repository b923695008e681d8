"""Labels check their shapes and say what is expressed."""

import numpy as np
import pytest

from valuedata.errors import UnknownValueError
from valuedata.labelling.labels import Labels


def make(chosen=((0.9, 0.2), (0.5, 0.4)), rejected=((0.1, 0.3), (0.7, 0.8)), **changes):
    arrays = {"chosen": chosen, "rejected": rejected, "thresholds": (0.5, 0.3)} | changes
    names = arrays.pop("names", ("empathy", "humor"))
    return Labels(names, **{side: np.asarray(a, np.float32) for side, a in arrays.items()})


def test_a_name_is_expressed_from_its_threshold_on():
    labels = make()
    assert labels.expressed("chosen").tolist() == [[True, False], [True, True]]
    assert labels.expressed("rejected").tolist() == [[False, True], [True, True]]


def test_columns_go_by_name():
    assert make().column("humor") == 1
    with pytest.raises(UnknownValueError, match="did you mean 'humor'"):
        make().column("humour")


def test_rows_are_taken_in_the_order_given():
    taken = make().take([1, 0, 1])
    assert len(taken) == 3
    assert taken.rejected[:, 0].tolist() == pytest.approx([0.7, 0.1, 0.7])
    assert len(make().take([])) == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"names": ("empathy", "empathy")}, "repeat"),
        ({"names": ("empathy",)}, "1 names but thresholds"),
        ({"thresholds": (0.5,)}, "thresholds of shape"),
        ({"rejected": ((0.1, 0.3),)}, "2 names but chosen"),
        ({"chosen": ((1.5, 0.0), (0.0, 0.0))}, r"must lie in \[0, 1\]"),
        ({"chosen": ((np.nan, 0.0), (0.0, 0.0))}, r"must lie in \[0, 1\]"),
    ],
)
def test_what_disagrees_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**changes)


def test_other_dtypes_are_refused():
    numbers = np.zeros((1, 1))
    with pytest.raises(ValueError, match="chosen is float64"):
        Labels(("empathy",), numbers, numbers, np.zeros(1, np.float32))


def test_a_reply_without_a_label_has_no_probability():
    numbers = np.array([[0.5], [np.nan]], dtype=np.float32)
    sure = np.array([[0.5], [1.0]], dtype=np.float32)
    half = np.array([0.5], dtype=np.float32)
    failures = np.array([["", ""], ["timed out", ""]], dtype=object)
    labels = Labels(("humor",), numbers, sure, half, failures)
    assert labels.expressed("chosen").tolist() == [[True], [False]]
    assert labels.judge().reasons.tolist() == ["", "label failed: timed out"]
    assert labels.take([1]).failures.tolist() == [["timed out", ""]]
    assert Labels(("humor",), sure, sure, half).judge() is None
    with pytest.raises(ValueError, match="must be NaN, but in chosen one is not"):
        Labels(("humor",), sure, sure, half, failures)
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\], but chosen does not"):
        Labels(("humor",), numbers, sure, half)
    with pytest.raises(ValueError, match=r"2 rows but failures of shape \(1, 2\)"):
        Labels(("humor",), sure, sure, half, failures[:1])
