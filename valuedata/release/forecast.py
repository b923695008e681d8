"""What training on the subsets of a release will also push, seen before training."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from valuedata.effects.differences import Difference, Rewarded, measure_differences
from valuedata.effects.discovery import FALSE_DISCOVERY_RATE, adjust
from valuedata.effects.features import MARKER, VALUE
from valuedata.effects.nuisance import separate_sides
from valuedata.effects.settings import ForecastSettings
from valuedata.errors import ReleaseError
from valuedata.labelling.scoring.intervals import Estimate
from valuedata.progress import Progress, show_nothing
from valuedata.release.derived import choose_subsets
from valuedata.release.features import Features, read_features
from valuedata.release.folder import Release, load_release

__all__ = [
    "FORECAST_FILE",
    "Effect",
    "Forecast",
    "ValueForecast",
    "forecast",
    "list_largest",
    "read_forecast",
    "write_forecast",
]

FORECAST_FILE: Final = "forecast.json"
DIGITS_OF_P = 3


@dataclass(frozen=True)
class Effect:
    """How a feature of the rewarded replies of a subset differs from that of the others.

    Attributes:
        name: Name of the feature.
        kind: "value", "behaviour" or "marker".
        difference: Standardised mean difference, rewarded minus other.
        in_source: The same of the whole source, chosen minus rejected.
        p: p-value of no difference; NaN where undefined.
        q: The smallest false discovery rate at which it is found among the features other than
            the target; NaN for the target, and where undefined.
    """

    name: str
    kind: str
    difference: Estimate
    in_source: Estimate
    p: float
    q: float

    @property
    def is_found(self) -> bool:
        """Whether the difference is one at the false discovery rate held."""
        return self.q <= FALSE_DISCOVERY_RATE

    def to_json(self) -> dict[str, Any]:
        """The numbers as JSON types; None where undefined."""
        return {
            "name": self.name,
            "kind": self.kind,
            "difference": self.difference.to_json(),
            "in_source": self.in_source.to_json(),
            "p": _round_p(self.p),
            "q": _round_p(self.q),
            "is_found": self.is_found,
        }


@dataclass(frozen=True)
class ValueForecast:
    """What the subset of one value pushes.

    Attributes:
        value: Name of the subset.
        n_pairs: Its pairs, of all splits.
        n_prompts: Their prompts; near-duplicate ones are one.
        effects: Of every value, behaviour and marker, in their order.
        separation: Area under the ROC curve with which the markers and behaviours tell rewarded
            from other, on prompts not learned from; 0.5 is clean.
    """

    value: str
    n_pairs: int
    n_prompts: int
    effects: tuple[Effect, ...]
    separation: Estimate

    @property
    def target(self) -> Effect | None:
        """The effect of the value itself; None where nothing of the subset's name is labelled."""
        return next((effect for effect in self.effects if self._is_target(effect)), None)

    @property
    def others(self) -> tuple[Effect, ...]:
        """The effects of all else."""
        return tuple(effect for effect in self.effects if not self._is_target(effect))

    def _is_target(self, effect: Effect) -> bool:
        return effect.kind == VALUE and effect.name == self.value

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "n_pairs": self.n_pairs,
            "n_prompts": self.n_prompts,
            "n_tested": sum(not np.isnan(effect.q) for effect in self.others),
            "n_found": sum(effect.is_found for effect in self.others),
            "separation": self.separation.to_json(),
            "target": None if self.target is None else self.target.to_json(),
            "others": [effect.to_json() for effect in self.others],
        }


@dataclass(frozen=True)
class Forecast:
    """What the subsets of a release push.

    Attributes:
        n_pairs: Labelled pairs of the whole source.
        n_prompts: Their prompts; near-duplicate ones are one.
        settings: What it was made with.
        values: One for each subset.
    """

    n_pairs: int
    n_prompts: int
    settings: ForecastSettings
    values: tuple[ValueForecast, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types, with the crosstalk: subset to value or behaviour to effect."""
        return {
            "n_pairs": self.n_pairs,
            "n_prompts": self.n_prompts,
            "n_resamples": self.settings.n_resamples,
            "seed": self.settings.seed,
            "false_discovery_rate": FALSE_DISCOVERY_RATE,
            "values": {found.value: found.to_json() for found in self.values},
            "crosstalk": {
                found.value: {
                    effect.name: effect.difference.to_json()["value"]
                    for effect in found.effects
                    if effect.kind != MARKER
                }
                for found in self.values
            },
        }


def forecast(
    release: Release,
    settings: ForecastSettings | None = None,
    progress: Progress = show_nothing,
) -> Forecast:
    """Measures what training on the subsets of a release will also push.

    Args:
        release: The release.
        settings: Which subsets, and how. What is said of a subset does not depend on the others.
        progress: Shows how many subsets are done.

    Raises:
        ReleaseError: If the release has no such subset, its build wrote no markers, or its files
            are damaged.
    """
    settings = settings or ForecastSettings()
    values = choose_subsets(release, settings.values)
    features = read_features(release)
    sides, n_pairs = features.sides, len(features.sides.groups)
    source = Rewarded(np.arange(n_pairs), np.zeros(n_pairs, dtype=bool))
    subsets = [features.subsets[value] for value in values]
    with progress("Forecasting", len(values) + 1) as advance:
        rng = np.random.default_rng(settings.seed)
        measured = measure_differences(sides, [source, *subsets], settings.n_resamples, rng)
        advance(1)
        nuisance = np.array([kind != VALUE for kind in features.kinds])
        found = []
        for value, differences in zip(values, measured[1:], strict=True):
            subset = features.subsets[value]
            found.append(
                ValueForecast(
                    value=value,
                    n_pairs=len(subset.rows),
                    n_prompts=len(np.unique(sides.groups[subset.rows])),
                    effects=_make_effects(value, features, differences, measured[0]),
                    separation=separate_sides(
                        sides, nuisance, subset, settings.n_resamples, settings.seed
                    ),
                )
            )
            advance(1)
    return Forecast(n_pairs, sides.n_groups, settings, tuple(found))


def write_forecast(folder: Path, progress: Progress = show_nothing) -> None:
    """Forecasts a release that is being written, and writes forecast.json into it.

    Raises:
        ReleaseError: If the folder holds no manifest or no markers.
    """
    content = forecast(load_release(folder), progress=progress).to_json()
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (folder / FORECAST_FILE).write_text(text, encoding="utf-8")


def read_forecast(release: Release) -> dict[str, Any] | None:
    """Reads the forecast that stands in a release; None where its build wrote none.

    Raises:
        ReleaseError: If it is missing or damaged.
    """
    if FORECAST_FILE not in release.manifest["files"]:
        return None
    try:
        content: dict[str, Any] = json.loads(
            (release.folder / FORECAST_FILE).read_text(encoding="utf-8")
        )
    except (OSError, ValueError) as error:
        raise ReleaseError(
            f"Release {release.folder} is damaged: {FORECAST_FILE} cannot be read; build or "
            "download it again."
        ) from error
    return content


def list_largest(found: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """The largest differences found in a subset beside its target, by size.

    Args:
        found: What `ValueForecast.to_json` gives.
        limit: How many at most.
    """
    effects = [effect for effect in found["others"] if effect["is_found"]]
    return sorted(effects, key=lambda effect: -abs(effect["difference"]["value"]))[:limit]


def _make_effects(
    value: str,
    features: Features,
    differences: tuple[Difference, ...],
    in_source: tuple[Difference, ...],
) -> tuple[Effect, ...]:
    tested = [
        np.nan if (kind, name) == (VALUE, value) else difference.p
        for kind, name, difference in zip(
            features.kinds, features.sides.names, differences, strict=True
        )
    ]
    columns = (
        features.sides.names,
        features.kinds,
        [difference.estimate for difference in differences],
        [difference.estimate for difference in in_source],
        [difference.p for difference in differences],
        adjust(np.array(tested)).tolist(),
    )
    return tuple(Effect(*row) for row in zip(*columns, strict=True))


def _round_p(p: float) -> float | None:
    return None if np.isnan(p) else float(f"{p:.{DIGITS_OF_P}g}")
