"""The matrix and its regression, worked out by hand or by scipy."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import false_discovery_control, linregress, ttest_1samp

from evaluation.crosstalk.matrix import Crosstalk, Induction, measure_crosstalk
from evaluation.crosstalk.regression import explain
from evaluation.statistics.differences import find_p_value

VALUES = ("empathy", "honesty", "humor", "privacy")
N = 20
RNG = np.random.default_rng(7)
LEVELS = {
    "empathy": (0.6, 0.3, 0.2, 0.2),
    "honesty": (0.2, 0.5, 0.1, 0.2),
    "humor": (0.3, 0.2, 0.7, 0.2),
}
CONTROLS = (0.2, 0.2, 0.22)
DATA = {
    "empathy": {"empathy": 1.5, "honesty": 0.4, "humor": 0.1, "privacy": 0.0},
    "honesty": {"empathy": 0.1, "honesty": 1.1, "humor": -0.3, "privacy": 0.1},
    "humor": {"empathy": 0.3, "honesty": -0.1, "humor": 1.9, "privacy": None},
}


def draw(levels: tuple[float, ...]) -> np.ndarray:
    """(v, n, 1) scores around levels."""
    return np.array(levels)[:, None, None] + RNG.uniform(-0.1, 0.1, size=(len(levels), N, 1))


INDUCTIONS = [
    Induction(
        value, np.arange(N), draw(levels), np.stack([draw((level,) * 4) for level in CONTROLS])
    )
    for value, levels in LEVELS.items()
]


@pytest.fixture(scope="module")
def found() -> Crosstalk:
    return measure_crosstalk(INDUCTIONS, VALUES, DATA)


def test_a_cell_is_tuned_minus_the_mean_of_the_controls(found: Crosstalk) -> None:
    for i, one in enumerate(INDUCTIONS):
        for j in range(len(VALUES)):
            gaps = one.tuned[j, :, 0] - one.controls[:, j, :, 0].mean(axis=0)
            cell = found.cells[i][j]
            test = ttest_1samp(gaps, 0.0)
            assert cell.change.estimate == pytest.approx(gaps.mean())
            assert cell.change.se == pytest.approx(gaps.mean() / test.statistic)
            low, high = test.confidence_interval(0.95)
            reach = low - cell.change.low, cell.change.high - high  # one end heeds the skew
            assert min(reach) == pytest.approx(0)
            assert max(reach) > 0
            assert cell.p >= test.pvalue * (1 - 1e-9)
            assert cell.tuned - cell.control == pytest.approx(gaps.mean())
            assert (cell.induced, cell.value) == (one.value, VALUES[j])


def test_false_discoveries_are_held_over_the_whole_matrix(found: Crosstalk) -> None:
    cells = [cell for row in found.cells for cell in row]
    expected = false_discovery_control([cell.p for cell in cells])
    assert [cell.q for cell in cells] == pytest.approx(expected.tolist())
    assert [cell.is_found for cell in cells] == [
        q <= 0.05 and cell.rank == 1 for q, cell in zip(expected, cells, strict=True)
    ]
    assert found.cells[0][0].is_found
    assert found.cells[0][0].rank == 1
    assert found.cells[0][0].is_target


def test_a_spread_takes_three_controls() -> None:
    some = Induction("empathy", np.arange(N), INDUCTIONS[0].tuned, INDUCTIONS[0].controls[:2])
    row = measure_crosstalk([some], VALUES).cells[0]
    assert all(cell.rank is None for cell in row)
    assert row[0].is_found


def test_an_arm_as_far_as_a_control_is_not_ranked_first() -> None:
    """Off the mean of the others lie the controls 0.23, 0.23 and 0.30, the tuned arm 0.17."""
    controls = np.full((3, 1, 4, 1), 0.2)
    controls[2] = 0.6
    one = Induction("empathy", np.arange(4), np.full((1, 4, 1), 0.5), controls)
    assert measure_crosstalk([one], ["empathy"]).cells[0][0].rank == 4


def test_what_nobody_could_judge_is_undefined() -> None:
    empty = Induction(
        "empathy", np.arange(3), np.full((1, 3, 2), np.nan), np.full((3, 1, 3, 2), 0.5)
    )
    cell = measure_crosstalk([empty], ["empathy"]).cells[0][0].to_json()
    assert cell["change"] is None
    assert cell["q"] is None
    assert cell["is_found"] is False
    assert cell["rank"] is None


def test_the_regression_is_that_of_the_cells_beside_the_targets(found: Crosstalk) -> None:
    cells = [
        cell
        for row in found.cells
        for cell in row
        if not cell.is_target and DATA[cell.induced][cell.value] is not None
    ]
    assert len(cells) == 8
    x = [DATA[cell.induced][cell.value] for cell in cells]
    y = [cell.change.estimate for cell in cells]
    line = linregress(x, y)
    explained = found.explained
    assert explained is not None
    assert explained.n_cells == 8
    assert explained.slope.estimate == pytest.approx(line.slope)
    assert explained.intercept == pytest.approx(line.intercept)
    assert explained.r_squared == pytest.approx(line.rvalue**2)
    assert explained.slope.n_clusters == 3
    assert explained.slope.low < line.slope < explained.slope.high
    errors = np.array([cell.change.se for cell in cells])
    assert explained.noise == pytest.approx(np.mean(errors**2) / np.var(y, ddof=1))
    for cell in cells:
        expected = line.intercept + line.slope * DATA[cell.induced][cell.value]
        assert cell.predicted == pytest.approx(expected)


def test_cells_beyond_the_data_are_tested_against_the_line(found: Crosstalk) -> None:
    cells = [cell for row in found.cells for cell in row if not np.isnan(cell.predicted)]
    tests = []
    for cell in cells:
        one = INDUCTIONS[found.induced.index(cell.induced)]
        j = VALUES.index(cell.value)
        gaps = one.tuned[j, :, 0] - one.controls[:, j, :, 0].mean(axis=0)
        known = ttest_1samp(gaps, cell.predicted)
        ratio = (cell.change.estimate - cell.predicted) / cell.change.se
        assert ratio == pytest.approx(known.statistic)
        tests.append(find_p_value(cell.change, cell.predicted))
        assert tests[-1] >= known.pvalue * (1 - 1e-9)
    expected = false_discovery_control(tests)
    assert [cell.q_beyond for cell in cells] == pytest.approx(expected.tolist())
    shown = cells[0].to_json()
    assert shown["beyond_data"] == pytest.approx(
        cells[0].change.estimate - cells[0].predicted, abs=1e-6
    )
    assert shown["is_beyond_data"] == (expected[0] <= 0.05 and cells[0].rank_beyond == 1)


def test_a_change_as_large_as_a_control_s_is_not_found() -> None:
    """By prompts it is sure, but one control arm lies farther from the other two."""
    controls = np.stack([np.full((1, N, 1), level) for level in (0.3, 0.3, 0.6)])
    steps = np.where(np.arange(N) % 2, 0.01, -0.01)
    one = Induction("empathy", np.arange(N), (0.5 + steps)[None, :, None], controls)
    (cell,) = measure_crosstalk([one], ["empathy"]).cells[0]
    assert cell.change.estimate == pytest.approx(0.1)
    assert cell.q < 0.001
    assert cell.rank == 4  # 0.1 off the mean of the controls, which are 0.17, 0.17 and 0.23 off
    assert not cell.is_found


def test_what_goes_beyond_the_data_is_ranked_among_the_controls(found: Crosstalk) -> None:
    for row, one in zip(found.cells, INDUCTIONS, strict=True):
        for j, cell in enumerate(row):
            if np.isnan(cell.predicted):
                assert cell.rank_beyond is None
                continue
            left = one.tuned[j].mean() - cell.predicted
            arms = [*one.controls[:, j].mean(axis=(1, 2)), left]
            gaps = [abs(arm - (sum(arms) - arm) / 3) for arm in arms]
            assert cell.rank_beyond == 1 + sum(gap >= gaps[-1] for gap in gaps[:-1])


def test_orders_of_the_rows_take_their_own_columns_along() -> None:
    """All six orders of three rows by hand, with one column that no row is the target of."""
    measured = np.array([[9.0, 0.3, 0.1, 0.0], [0.2, 9.0, -0.2, 0.1], [0.1, 0.0, 9.0, 0.4]])
    data = np.array([[9.0, 0.5, 0.3, 0.1], [0.1, 9.0, -0.1, 0.3], [0.2, 0.1, 9.0, 0.2]])
    beside = ~np.eye(3, 4, dtype=bool)
    sizes = []
    for order in permutations(range(3)):
        moved = np.empty_like(data)
        for i in range(3):
            for j in range(4):
                moved[i, j] = data[order[i], order[j] if j < 3 else j]
        sizes.append(abs(np.corrcoef(measured[beside], moved[beside])[0, 1]))
    expected = sum(size >= sizes[0] - 1e-9 for size in sizes) / 6
    found = explain(measured, np.full((3, 4), 0.01), data, np.arange(3))
    assert found.n_orders == 6
    assert found.p == pytest.approx(expected)


def test_data_that_explain_all_are_the_best_of_all_orders() -> None:
    data = np.array([[0.0, 0.1, 0.7], [0.4, 0.0, 0.2], [0.9, 0.3, 0.0]])
    found = explain(0.1 + 0.5 * data, np.zeros((3, 3)), data, np.arange(3))
    assert found.slope.estimate == pytest.approx(0.5)
    assert found.intercept == pytest.approx(0.1)
    assert found.r_squared == pytest.approx(1.0)
    assert found.noise == 0.0
    assert found.p == pytest.approx(1 / 6)
    assert found.to_json()["n_orders"] == 6


def test_of_many_orders_some_are_drawn_the_same_each_time() -> None:
    rng = np.random.default_rng(3)
    data, measured = rng.normal(size=(2, 8, 8))
    first, again = (
        explain(measured, np.zeros((8, 8)), data, np.arange(8), seed) for seed in (5, 5)
    )
    assert first.n_orders == 10_000  # of 40,320
    assert first.p == again.p
    assert 1e-4 <= first.p <= 1


def test_random_matrices_are_found_as_often_as_they_should() -> None:
    """5 rows have 120 orders; 300 matrices without an association give p <= 0.05 about 15 times."""
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(300):
        data, measured = rng.normal(size=(2, 5, 6))
        hits += explain(measured, np.zeros((5, 6)), data, np.arange(5)).p <= 0.05
    assert 6 <= hits <= 25


def test_one_run_has_a_line_but_no_error_of_it() -> None:
    found = measure_crosstalk(INDUCTIONS[:1], VALUES, DATA)
    explained = found.explained
    assert explained is not None
    content = explained.to_json()
    assert content["slope"] is not None
    assert content["low"] is None
    assert content["p"] is None
    assert content["n_orders"] == 0


def test_data_that_do_not_differ_explain_nothing() -> None:
    data = {"empathy": dict.fromkeys(VALUES, 0.2)}
    found = measure_crosstalk(INDUCTIONS[:1], VALUES, data)
    content = found.to_json()
    assert content["explained"]["slope"] is None
    assert content["explained"]["n_cells"] == 3
    assert content["cells"]["empathy"]["honesty"]["predicted"] is None
    assert content["cells"]["empathy"]["honesty"]["data"] == 0.2


def test_changes_that_do_not_differ_have_no_share_explained() -> None:
    data = np.array([[0.0, 0.1, 0.7], [0.4, 0.0, 0.2]])
    found = explain(np.full((2, 3), 0.1), np.zeros((2, 3)), data, np.arange(2))
    assert np.isnan(found.r_squared)
    assert np.isnan(found.noise)
    assert np.isnan(found.p)


def test_without_data_there_is_no_regression() -> None:
    content = measure_crosstalk(INDUCTIONS, VALUES).to_json()
    assert content["explained"] is None
    assert content["induced"] == ["empathy", "honesty", "humor"]
    assert content["values"] == list(VALUES)
    cell = content["cells"]["humor"]["humor"]
    assert cell["data"] is None
    assert cell["is_found"] is True
    assert cell["n_families"] == N
