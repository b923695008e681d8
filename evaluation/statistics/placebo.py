"""What training on anything at all does: control arms as a placebo distribution."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

__all__ = ["MIN_CONTROLS", "Placebo", "rank_among_controls"]

MIN_CONTROLS: Final = 3  # of two, the spread is one difference
ROUNDING: Final = 1e-9  # of the largest effect; two that are closer are one


@dataclass(frozen=True)
class Placebo:
    """Where the effect of a tuned arm lies among the effects of the control arms.

    Attributes:
        effect: Of the tuned arm against the base, or the controls' mean where there is no base.
        control_mean: Mean effect of the controls.
        control_sd: Their standard deviation; NaN with fewer than two.
        n_controls: How many there are.
        rank: 1 where the effect is the farthest from the controls' mean among all arms; a tie
            counts against it.
        z: Standard errors of a new control by which the effect lies off their mean; NaN where
            there are too few controls or they do not differ.
        p_rank: Chance of such a rank if the tuned arm were one more control.
        p: Of z, from Student's distribution with n_controls - 1 degrees of freedom.
        note: Why z and p are missing; empty where they are there.
    """

    effect: float
    control_mean: float
    control_sd: float
    n_controls: int
    rank: int
    z: float
    p_rank: float
    p: float
    note: str


def rank_among_controls(effect: float, controls: npt.NDArray[np.float64]) -> Placebo | None:
    """Compares the effect of a tuned arm with those of arms trained on controls.

    Args:
        effect: Of the tuned arm.
        controls: (k,) effects of the control arms, by the same measure on the same prompts.

    Returns:
        None where an effect is undefined (NaN), for then no arm has a rank.

    Source: permutation inference over placebo units, Abadie, Diamond and Hainmueller 2010,
    "Synthetic Control Methods for Comparative Case Studies"; z as the prediction of one more
    observation, Crawford and Howell 1998, "Comparing an Individual's Test Score Against Norms".
    """
    if np.isnan([effect, *controls]).any():
        return None
    k = len(controls)
    if k == 0:
        return Placebo(effect, np.nan, np.nan, 0, 1, np.nan, 1.0, np.nan, "there is no control arm")
    # Each arm is taken off the mean of the others, so that no arm has a part in its own norm.
    arms = np.append(controls, effect)
    gaps = np.abs(arms - (arms.sum() - arms) / k)
    slack = ROUNDING * np.abs(arms).max()
    rank = 1 + int(np.sum(gaps[:-1] >= gaps[-1] - slack))
    mean = float(controls.mean())
    spread = float(controls.std(ddof=1)) if k > 1 else np.nan
    note, z, p = "", np.nan, np.nan
    if k < MIN_CONTROLS:
        arms_there = "1 control arm" if k == 1 else f"{k} control arms"
        note = f"{arms_there}, fewer than the {MIN_CONTROLS} that a spread takes"
    elif np.ptp(controls) <= slack:
        note = "all control arms have the same effect"
    else:
        z = (effect - mean) / (spread * np.sqrt(1 + 1 / k))
        p = float(2 * stdtr(k - 1, -abs(z)))
    return Placebo(effect, mean, spread, k, rank, float(z), rank / (k + 1), p, note)
