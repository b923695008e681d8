"""Values, behaviours and markers of both replies of labelled pairs, side by side."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from valuedata.effects.differences import Sides
from valuedata.labelling.labels import Labels
from valuedata.labelling.values import BEHAVIOUR_NAMES

__all__ = ["BEHAVIOUR", "MARKER", "VALUE", "join_features"]

VALUE: Final = "value"
BEHAVIOUR: Final = "behaviour"
MARKER: Final = "marker"

Floats = npt.NDArray[np.float32]


def join_features(
    labels: Labels,
    styles: Sequence[str],
    markers: Sequence[Floats],
    groups: npt.NDArray[np.int64],
) -> tuple[Sides, tuple[str, ...]]:
    """Puts the probabilities and the markers of n labelled pairs together.

    Args:
        labels: Their labels.
        styles: Names of the s markers.
        markers: Two (n, s) float32 arrays: of the chosen and of the rejected replies.
        groups: (n,) int64; pairs with the same or a near-duplicate prompt share one.

    Returns:
        The sides, and for each of their features "value", "behaviour" or "marker".
    """
    chosen, rejected = (
        np.concatenate([told, measured], axis=1, dtype=np.float64)
        for told, measured in zip((labels.chosen, labels.rejected), markers, strict=True)
    )
    numbered: npt.NDArray[np.int64] = np.unique(groups, return_inverse=True)[1]
    kinds = [BEHAVIOUR if name in BEHAVIOUR_NAMES else VALUE for name in labels.names]
    return (
        Sides((*labels.names, *styles), chosen, rejected, numbered),
        (*kinds, *(MARKER for _ in styles)),
    )
