"""How large a difference is, in units that do not depend on the measure's own scale."""

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

__all__ = ["cohens_h", "hedges_g", "odds_ratio"]

Floats = npt.NDArray[np.float64]


def hedges_g(tuned: Floats, base: Floats) -> float:
    """The mean difference in standard deviations of the arms.

    Args:
        tuned: (n,) scores of the tuned arm.
        base: (n,) scores of the base on the same prompts.

    Returns:
        (mean tuned - mean base) / sqrt((var tuned + var base) / 2), times the factor for few
        prompts; NaN where neither arm varies or there are fewer than two prompts.

    Source: d_av of Lakens 2013, "Calculating and Reporting Effect Sizes", equation 10, which the
    correlation of the arms does not inflate; the exact factor with n - 1 degrees of freedom,
    Hedges 1981, "Distribution Theory for Glass's Estimator of Effect Size".
    """
    n = len(tuned)
    if n < 2:
        return np.nan
    spread = np.sqrt((tuned.var(ddof=1) + base.var(ddof=1)) / 2)
    if spread == 0:
        return np.nan
    df = n - 1
    factor = np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2) if df > 1 else 0.0
    return float(factor * (tuned.mean() - base.mean()) / spread)


def cohens_h(tuned: float, base: float) -> float:
    """The difference of two shares on the scale on which a share's error is the same everywhere.

    Source: Cohen 1988, "Statistical Power Analysis", chapter 6: 2 asin sqrt p.
    """
    return float(2 * (np.arcsin(np.sqrt(tuned)) - np.arcsin(np.sqrt(base))))


def odds_ratio(n_only_tuned: int, n_only_base: int) -> float:
    """How many prompts change to yes for each that changes to no, half a prompt added to both.

    Source: the conditional odds ratio of matched pairs, Agresti 2013, "Categorical Data Analysis",
    chapter 11; the halves, Haldane 1956.
    """
    return (n_only_tuned + 0.5) / (n_only_base + 0.5)
