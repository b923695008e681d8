"""An estimate with its interval, and the p-values that go with it."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from evaluation.statistics.tails import sign_tail, student_reach, student_tail

__all__ = ["LEVEL", "Flips", "Interval", "leave_undefined"]

Floats = npt.NDArray[np.float64]

LEVEL: Final = 0.95
N_HALVINGS: Final = 60  # of the span of the families' means; no float lies closer


@dataclass(frozen=True)
class Flips:
    """What an interval from flipped signs is made of.

    Attributes:
        sums: Sum over the prompts of each family.
        sizes: Prompts of each family.
    """

    sums: tuple[float, ...]
    sizes: tuple[float, ...]

    def find_tails(self, null: float) -> tuple[float, float]:
        """As `Interval.find_tails`."""
        deviations = np.array(self.sums) - null * np.array(self.sizes)
        return float(sign_tail(-deviations)), float(sign_tail(deviations))

    def find_ends(self, level: float) -> tuple[float, float]:
        """Where the tails fall to half of what the level leaves; infinite where they never do."""
        sums, sizes = np.array(self.sums), np.array(self.sizes)
        means, mean = sums / sizes, float(sums.sum() / sizes.sum())
        beyond = np.ptp(means)
        ends = []
        for side, farthest in enumerate((means.max() + beyond, means.min() - beyond)):
            inside, outside = mean, float(farthest)
            if self.find_tails(outside)[side] > (1 - level) / 2:
                ends.append(np.inf if side == 0 else -np.inf)
                continue
            for _ in range(N_HALVINGS):
                middle = (inside + outside) / 2
                if self.find_tails(middle)[side] > (1 - level) / 2:
                    inside = middle
                else:
                    outside = middle
            ends.append(inside)
        return ends[1], ends[0]


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval; NaN where the data do not define it.

    Attributes:
        estimate: The number.
        low: Lower end.
        high: Upper end.
        se: Standard error.
        df: Degrees of freedom of Student's distribution that goes with it.
        n: Prompts that it rests on.
        n_clusters: Families that it rests on.
        level: How often such an interval should hold the true number.
        method: "t" for Student's interval of the data as they are, "signs" for that of flipped
            signs; another name where something was added to the data.
        middle: Where the interval is centred, if not on the estimate.
        skew: Third central moment of the estimate over its standard error cubed, where allowed for.
        flips: What the ends are taken from in place of Student's distribution.
    """

    estimate: float
    low: float
    high: float
    se: float
    df: float
    n: int
    n_clusters: int
    level: float = LEVEL
    method: str = "t"
    middle: float | None = None
    skew: float = 0.0
    flips: Flips | None = None

    @property
    def centre(self) -> float:
        """What tests are made around; the middle of the interval, where nothing cuts it off."""
        return self.estimate if self.middle is None else self.middle

    def at_level(self, level: float) -> "Interval":
        """The same estimate with the interval of another level."""
        if self.flips is not None and self.se > 0:
            low, high = self.flips.find_ends(level)
        else:
            quantile = float(stdtrit(self.df, (1 + level) / 2))
            low = self.centre - self.se * student_reach(quantile, -self.skew)
            high = self.centre + self.se * student_reach(quantile, self.skew)
        return replace(self, level=level, low=low, high=high)

    def find_tails(self, null: float) -> tuple[float, float]:
        """p-values that the true number is at least `null`, and that it is at most that.

        The error must not be 0; they are NaN where it is undefined.
        """
        if self.flips is not None:
            return self.flips.find_tails(null)
        ratio, skew = np.array((self.centre - null) / self.se), np.array(self.skew)
        return (
            float(student_tail(ratio, self.df, skew)),
            float(student_tail(-ratio, self.df, -skew)),
        )

    def cut(self, lowest: float, highest: float) -> "Interval":
        """The same with no end beyond a scale."""
        low, high = np.clip([self.low, self.high], lowest, highest)
        return replace(self, low=float(low), high=float(high))


def leave_undefined(estimate: float, n: int, n_clusters: int, level: float) -> Interval:
    """An estimate that the data give no error of."""
    return Interval(estimate, np.nan, np.nan, np.nan, np.nan, n, n_clusters, level)
