"""What forecasts are made with; every default of them lives here."""

from dataclasses import dataclass

from valuedata.labelling.scoring.settings import check_n_resamples

__all__ = ["ForecastSettings"]


@dataclass(frozen=True)
class ForecastSettings:
    """How a forecast is made.

    Attributes:
        values: Subsets to forecast; empty for all of the release.
        n_resamples: Bootstrap resamples behind each interval.
        seed: Decides the resamples, and the folds of the nuisance model.

    Raises:
        RecipeError: If there are too few resamples.
    """

    values: tuple[str, ...] = ()
    n_resamples: int = 1_000
    seed: int = 0

    def __post_init__(self) -> None:
        check_n_resamples(self.n_resamples)
