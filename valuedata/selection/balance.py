"""Isolation of one value's candidates as a stage of its selection, and what it did to them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from math import ceil
from typing import Any

import numpy as np

from valuedata.accounting import KEPT
from valuedata.effects.differences import Rewarded
from valuedata.effects.features import VALUE
from valuedata.effects.nuisance import separate_sides
from valuedata.effects.settings import ForecastSettings
from valuedata.errors import IsolationError, RecipeError, SelectionError, name_nearest
from valuedata.labelling.markers import MARKERS
from valuedata.labelling.scoring.intervals import Estimate
from valuedata.recipe import Recipe
from valuedata.selection.candidates import Candidates, Limits
from valuedata.selection.distinct import Distinct
from valuedata.selection.isolation import Audit, Isolated, Mode, audit, isolate
from valuedata.selection.side_effects import (
    SECOND_TARGET,
    Measured,
    SideEffects,
    find_directions,
    find_unsafe,
    gather_side_effects,
)
from valuedata.selection.xor import cap_pairs
from valuedata.settings import EMBEDDING, QUALITY, IsolationSettings

__all__ = ["Balanced", "balance", "check_isolation", "describe_balance"]

logger = logging.getLogger(__name__)

DIGITS = 4


@dataclass(frozen=True, eq=False)
class Balanced:
    """What isolation made of candidates, beside what would have been chosen without it.

    Attributes:
        mode: Whether whole pairs were chosen, or weights.
        isolated: What was chosen.
        effects: The side effects held and audited.
        audit: Their means in the plain subset and in the chosen one.
        n_plain: Pairs of the plain subset.
        margins: Mean target margin of the plain subset and of the chosen one.
        separations: How well markers and behaviours tell the sides of each apart.
    """

    mode: Mode
    isolated: Isolated
    effects: SideEffects
    audit: Audit
    n_plain: int
    margins: tuple[float, float]
    separations: tuple[Estimate, Estimate]


def check_isolation(recipe: Recipe, labels: Sequence[str]) -> None:
    """Checks what a recipe asks of isolation, before anything is labelled.

    Args:
        recipe: The recipe.
        labels: Values and behaviours that the extractor labels.

    Raises:
        RecipeError: If nothing of a name can be held, no marker has the name of one held out, a
            value has the name of a marker, or settings contradict each other.
    """
    settings = recipe.isolation
    if settings is None:
        return
    if settings.mode == "weights" and recipe.selection.max_pairs is not None:
        raise RecipeError(
            "Weights keep every pair that they can, so they take no --max-pairs; leave it out, or "
            "give --isolate subset."
        )
    if settings.n_directions == 0 and EMBEDDING in settings.hold:
        raise RecipeError(
            "Recipe key 'isolation.hold' names 'embedding' and 'isolation.n_directions' is 0; give "
            "it some directions, or leave 'embedding' out."
        )
    twice = sorted({*MARKERS, QUALITY, EMBEDDING} & set(labels))
    if twice:
        raise RecipeError(
            f"A value is named {twice[0]!r}, as something else that isolation can hold; give the "
            "value another name, and fit it again."
        )
    _check_names("hold", settings.hold, (*labels, *MARKERS, QUALITY, EMBEDDING))
    _check_names("held_out", settings.held_out, tuple(MARKERS))


def balance(candidates: Distinct, measured: Measured, recipe: Recipe) -> Balanced:
    """Chooses the candidates, or their weights, in which the side effects cancel.

    Args:
        candidates: The m candidates of a value.
        measured: What is known of all labelled pairs.
        recipe: Its isolation, and the caps, which hold as shares of what is chosen.

    Raises:
        IsolationError: If too few candidates hold the tolerance; it carries the frontier.
        SelectionError: If a cap on sources or clusters cannot hold, as there are too few of them.
    """
    settings = recipe.isolation
    assert settings is not None  # noqa: S101 - what has no isolation is not balanced
    subset = Rewarded(candidates.rows, candidates.flipped)
    directions = find_directions(*candidates.vectors, 2 * settings.n_directions)
    effects = gather_side_effects(measured, subset, candidates.value, directions, settings)
    problem = Candidates(
        names=tuple(compress(effects.names, effects.held)),
        differences=effects.differences[:, effects.held],
        margins=candidates.margin.astype(np.float64),
        sources=candidates.sources,
        clusters=candidates.clusters,
        banned=settings.ban_unsafe & find_unsafe(measured, subset, candidates.value),
    )
    limits = _limit(problem, recipe, settings, candidates.value)
    try:
        isolated = isolate(problem, limits, settings.mode, settings.objective)
    except IsolationError as error:
        raise IsolationError(f"{candidates.value}: {error}", error.frontier) from error
    capped = cap_pairs(candidates.margin, candidates.sources, candidates.clusters, recipe.selection)
    plain = capped.reasons == KEPT
    seen = audit(effects.names, effects.differences, plain, isolated)
    _warn_of_worse(candidates.value, seen, effects, settings.tolerance)
    nuisance = np.array([kind != VALUE for kind in measured.kinds])
    parts = (
        Rewarded(subset.rows[plain], subset.flipped[plain]),
        Rewarded(subset.rows[isolated.rows], subset.flipped[isolated.rows], isolated.weights),
    )
    as_forecast = ForecastSettings()
    plain_separation, own_separation = (
        separate_sides(measured.sides, nuisance, part, as_forecast.n_resamples, as_forecast.seed)
        for part in parts
    )
    return Balanced(
        mode=settings.mode,
        isolated=isolated,
        effects=effects,
        audit=seen,
        n_plain=int(plain.sum()),
        margins=(
            float(problem.margins[plain].mean()),
            float(np.average(problem.margins[isolated.rows], weights=isolated.weights)),
        ),
        separations=(plain_separation, own_separation),
    )


def describe_balance(balanced: Balanced, settings: IsolationSettings) -> dict[str, Any]:
    """What isolation did, as JSON types, for the manifest."""
    isolated, effects, seen = balanced.isolated, balanced.effects, balanced.audit
    means = seen.to_json()
    return {
        "mode": settings.mode,
        "objective": settings.objective,
        "tolerance": settings.tolerance,
        "n_candidates": len(isolated.banned),
        "n_banned": int(isolated.banned.sum()),
        "n_plain": balanced.n_plain,
        "n_pairs": len(isolated.rows),
        "effective_size": round(isolated.effective_size, 1),
        "bound": None if isolated.bound is None else round(isolated.bound, DIGITS),
        "margin": dict(zip(("plain", "isolated"), _round(balanced.margins), strict=True)),
        "separation": {
            name: found.to_json()
            for name, found in zip(("plain", "isolated"), balanced.separations, strict=True)
        },
        "effects": [
            {
                "name": name,
                "kind": kind,
                "held": held,
                "plain": None if told["before"] is None else round(told["before"], DIGITS),
                "n_plain": told["n_before"],
                "isolated": None if told["after"] is None else round(told["after"], DIGITS),
                "n_isolated": told["n_after"],
            }
            for name, kind, held, told in zip(
                effects.names, effects.kinds, effects.held.tolist(), means.values(), strict=True
            )
        ],
    }


def _check_names(key: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise RecipeError(
                f"Recipe key 'isolation.{key}' cannot name {name!r}; {name_nearest(name, known)}"
            )


def _limit(problem: Candidates, recipe: Recipe, settings: IsolationSettings, value: str) -> Limits:
    """The limits on candidates; without `max_pairs`, of which caps are shares, there are none."""
    selection = recipe.selection
    n_available = int((~problem.banned).sum())
    if n_available == 0:
        raise SelectionError(
            f"Every one of the {len(problem)} candidate pairs of {value!r} rewards an unsafe reply;"
            " leave out --ban-unsafe or add a --source."
        )
    shares = {"source": 1.0, "cluster": 1.0}
    if selection.max_pairs is not None:
        shares = {
            "source": selection.max_source_share,
            "cluster": selection.max_cluster_share,
        }
    for (name, share), groups in zip(
        shares.items(), (problem.sources, problem.clusters), strict=True
    ):
        n_groups = len(set(groups[~problem.banned].tolist()))
        if share * n_groups < 1:
            raise SelectionError(
                f"With {n_groups} {name}s among the candidate pairs of {value!r}, one must fill "
                f"more than {share:g} of the subset; raise --max-{name}-share to "
                f"{ceil(100 / n_groups) / 100:g}."
            )
    most = selection.max_pairs
    wanted = n_available if most is None else min(n_available, most)
    return Limits(
        tolerance=settings.tolerance,
        min_pairs=max(1, ceil(settings.min_share * wanted)),
        max_pairs=most,
        max_source_share=shares["source"],
        max_cluster_share=shares["cluster"],
        max_weight=settings.max_weight,
    )


def _warn_of_worse(value: str, seen: Audit, effects: SideEffects, tolerance: float) -> None:
    """Says which named differences that were not held grew visibly and beyond the tolerance."""
    columns = (
        effects.names,
        seen.before.tolist(),
        seen.after.tolist(),
        effects.held.tolist(),
        effects.kinds,
    )
    worse = [
        f"{name} {before:+.2f} to {after:+.2f}"
        for name, before, after, held, kind in zip(*columns, strict=True)
        if not held
        and kind not in (EMBEDDING, SECOND_TARGET)
        and round(abs(after), 2) > max(round(abs(before), 2), tolerance)
    ]
    if worse:
        logger.warning(
            "Isolating %s made differences larger that it did not hold: %s.",
            value,
            ", ".join(worse),
        )


def _round(numbers: tuple[float, ...]) -> list[float]:
    return [round(number, DIGITS) for number in numbers]
