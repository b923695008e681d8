import numpy as np
import pytest

from valuedata.accounting import StageReport, Verdict


def test_a_report_that_loses_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="10 in, 7 out, 2 dropped"):
        StageReport("quality", 10, 7, {"empty turn": 2})


def test_a_verdict_counts_its_reasons_most_frequent_first() -> None:
    verdict = Verdict("quality", np.array(["", "b", "a", "b", ""], dtype=object))
    assert verdict.kept.tolist() == [0, 4]
    assert verdict.report == StageReport("quality", 5, 2, {"b": 2, "a": 1})
    assert list(verdict.report.dropped) == ["b", "a"]
    assert verdict.report.to_json() == {
        "stage": "quality",
        "rows_in": 5,
        "rows_out": 2,
        "dropped": {"b": 2, "a": 1},
        "notes": {},
    }
