"""The data's own matrix: how far each value differs between the sides of each subset."""

from collections.abc import Mapping, Sequence

from evaluation.crosstalk.runs import EvaluatedRun
from valuedata.errors import EvaluationError
from valuedata.release.folder import Release
from valuedata.release.forecast import read_forecast

__all__ = ["Data", "read_data"]

Data = dict[str, Mapping[str, float | None]]
"""Induced value to the standardised difference of every value in its subset."""


def read_data(
    releases: Sequence[Release], runs: Sequence[EvaluatedRun]
) -> tuple[Data | None, tuple[str, ...]]:
    """Finds the subset of each induced value in the forecasts of releases.

    Args:
        releases: Where the subsets are.
        runs: Whose values were induced.

    Returns:
        The data, None without a release; and what a reader must know of them.

    Raises:
        EvaluationError: If a release has no forecast, or a value is in none of them or in several.
    """
    if not releases:
        return None, ()
    found: Data = {}
    hashes: dict[str, str] = {}
    for release in releases:
        for value, row in _read_crosstalk(release).items():
            if value in found:
                raise EvaluationError(
                    f"Two releases have a subset of {value!r}; give the one that it was trained on."
                )
            found[value] = row
            hashes[value] = release.content_hash
    notes = []
    for run in runs:
        if run.value not in found:
            raise EvaluationError(
                f"No --release has the subset of {run.value!r}, which {run.folder} induced; add "
                "the release that it was trained on."
            )
        if run.trained_on not in (None, hashes[run.value]):
            notes.append(
                f"{run.folder} was trained on another release of {run.value!r} than the one given "
                "(their content hashes differ)."
            )
    return {run.value: found[run.value] for run in runs}, tuple(notes)


def _read_crosstalk(release: Release) -> Data:
    forecast = read_forecast(release)
    if forecast is None:
        raise EvaluationError(
            f"Release {release.folder} holds no forecast; build it again, or leave it out."
        )
    return dict(forecast["crosstalk"])
