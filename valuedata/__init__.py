"""Value-specific subsets of preference data, with the life of every pair.

Everything public is here and is loaded on first use, so that importing the package costs nothing.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valuedata.controls import build_controls
    from valuedata.effects.settings import ForecastSettings
    from valuedata.errors import (
        BadRowsError,
        FormatError,
        HubError,
        HubUnreachableError,
        LabelError,
        RecipeError,
        ReleaseError,
        SelectionError,
        SourceError,
        UnknownValueError,
        ValuedataError,
    )
    from valuedata.hub.pull import open_release, pull
    from valuedata.hub.push import Pushed, push
    from valuedata.hub.settings import PushSettings
    from valuedata.labelling.scoring.agreement import Agreement
    from valuedata.labelling.scoring.scoring import Scores, compare, score
    from valuedata.labelling.scoring.settings import ScoreSettings
    from valuedata.pipeline import Survey, build, label, survey
    from valuedata.pruning import drop_pairs
    from valuedata.recipe import Recipe, load_recipe, make_recipe
    from valuedata.release.folder import Release, load_release
    from valuedata.release.forecast import Forecast, forecast
    from valuedata.release.trace import trace

    __version__: str

__all__ = [
    "Agreement",
    "BadRowsError",
    "Forecast",
    "ForecastSettings",
    "FormatError",
    "HubError",
    "HubUnreachableError",
    "LabelError",
    "PushSettings",
    "Pushed",
    "Recipe",
    "RecipeError",
    "Release",
    "ReleaseError",
    "ScoreSettings",
    "Scores",
    "SelectionError",
    "SourceError",
    "Survey",
    "UnknownValueError",
    "ValuedataError",
    "__version__",
    "build",
    "build_controls",
    "compare",
    "drop_pairs",
    "forecast",
    "label",
    "load_recipe",
    "load_release",
    "make_recipe",
    "open_release",
    "pull",
    "push",
    "score",
    "survey",
    "trace",
]

_HOMES = {
    "valuedata.controls": {"build_controls"},
    "valuedata.effects.settings": {"ForecastSettings"},
    "valuedata.hub.pull": {"open_release", "pull"},
    "valuedata.hub.push": {"Pushed", "push"},
    "valuedata.hub.settings": {"PushSettings"},
    "valuedata.labelling.scoring.agreement": {"Agreement"},
    "valuedata.labelling.scoring.settings": {"ScoreSettings"},
    "valuedata.labelling.scoring.scoring": {"Scores", "compare", "score"},
    "valuedata.pipeline": {"Survey", "build", "label", "survey"},
    "valuedata.pruning": {"drop_pairs"},
    "valuedata.recipe": {"Recipe", "load_recipe", "make_recipe"},
    "valuedata.release.folder": {"Release", "load_release"},
    "valuedata.release.trace": {"trace"},
    "valuedata.release.forecast": {"Forecast", "forecast"},
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        return version("valuedata")
    if name not in __all__:
        raise AttributeError(f"module 'valuedata' has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names), "valuedata.errors")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
