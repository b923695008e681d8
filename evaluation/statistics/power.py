"""What a study can find, before it is run."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import nctdtr, stdtrit

__all__ = ["find_design_effect", "minimum_detectable_difference"]


def find_design_effect(prompts_a_family: float, correlation: float) -> float:
    """By how much the families' correlation multiplies the variance of a mean.

    Args:
        prompts_a_family: Prompts of each family.
        correlation: Of the differences within a family, 0 to 1.

    Source: 1 + (m - 1) rho, Kish 1965, "Survey Sampling".
    """
    return 1 + (prompts_a_family - 1) * correlation


def minimum_detectable_difference(
    n_clusters: int,
    spread: float,
    *,
    prompts_a_family: float = 1.0,
    correlation: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """The smallest true mean difference that a two-sided test finds as often as asked.

    Args:
        n_clusters: Families of prompts.
        spread: Standard deviation of the paired difference between prompts; a pilot or an earlier
            run gives it. With K samples a prompt it is that of the mean over them.
        prompts_a_family: Prompts of each family.
        correlation: Of the differences within a family.
        alpha: Of the test, after division among the primary measures.
        power: How often it should be found.

    Returns:
        In the unit of `spread`; infinite with fewer than two families.

    Source: Miller 2024, arXiv 2411.00640, on power, with the noncentral t distribution in place
    of the normal one.
    """
    if n_clusters < 2:
        return np.inf
    df = n_clusters - 1
    critical = stdtrit(df, 1 - alpha / 2)

    def miss(shift: float) -> float:
        other = np.nan_to_num(nctdtr(df, shift, -critical))  # scipy has NaN where it is below 1e-15
        return float(1 - nctdtr(df, shift, critical) + other) - power

    farthest = 1.0
    while miss(farthest) < 0:
        farthest *= 2
    shift = brentq(miss, 0.0, farthest, xtol=1e-12)
    effect = find_design_effect(prompts_a_family, correlation)
    return float(shift * spread * np.sqrt(effect / (n_clusters * prompts_a_family)))
