"""What scores and agreements are measured with; every default of them lives here."""

from dataclasses import dataclass

from valuedata.errors import RecipeError

__all__ = ["MIN_RESAMPLES", "ScoreSettings", "check_n_resamples"]

MIN_RESAMPLES = 100  # with fewer, the ends of a 95 % interval are two or three draws


@dataclass(frozen=True)
class ScoreSettings:
    """How labels are measured.

    Attributes:
        names: Values and behaviours to measure; empty for all that the labels have.
        excluded_sources: Labelled pairs of these sources are left out.
        n_resamples: Bootstrap resamples behind each interval.
        seed: Decides the resamples.

    Raises:
        RecipeError: If there are too few resamples.
    """

    names: tuple[str, ...] = ()
    excluded_sources: tuple[str, ...] = ()
    n_resamples: int = 1_000
    seed: int = 0

    def __post_init__(self) -> None:
        check_n_resamples(self.n_resamples)


def check_n_resamples(n_resamples: int) -> None:
    """Refuses fewer resamples than an interval needs.

    Raises:
        RecipeError: If there are too few.
    """
    if n_resamples < MIN_RESAMPLES:
        raise RecipeError(
            f"{n_resamples} resamples are too few for an interval; give at least {MIN_RESAMPLES}."
        )
