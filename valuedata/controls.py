"""The control arms of a release, drawn from the pairs that its build had to choose from."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from valuedata.accounting import KEPT, Step, Verdict
from valuedata.errors import RecipeError
from valuedata.pool import Pool, find_sources, recall_pool
from valuedata.progress import Progress, show_nothing
from valuedata.recipe import Recipe, make_recipe
from valuedata.release.decisions import Trail
from valuedata.release.derived import check_derivable, choose_subsets, name_origin
from valuedata.release.folder import Release, load_release, verify_release
from valuedata.release.manifest import list_versions
from valuedata.release.markers import MARKERS_FILE
from valuedata.release.recall import read_members, read_splits
from valuedata.release.staging import stage_release
from valuedata.release.subsets import count_subset, list_members
from valuedata.schema import list_sources
from valuedata.selection.controls import (
    Control,
    deal_weights,
    draw_control,
    make_strata,
    measure_distance,
)
from valuedata.selection.leaks import count_leaks
from valuedata.selection.splits import SPLITS
from valuedata.stages import finish_release, read_sources, write_pairs

__all__ = ["build_controls"]

RANDOM, MATCHED, SWAPPED = "random", "length-matched", "swapped"
REASONS: Final = {
    RANDOM: "not drawn",
    MATCHED: "not drawn",
    SWAPPED: "not in the subset",
}
COPIED = ("recipe", "sources", "labels", "markers", "survey", "stages", "flags")
"""Keys of the manifest that say the same of the controls as of their release."""


@dataclass(frozen=True)
class Arm:
    """One control arm of one value.

    Attributes:
        name: Name of its config.
        kind: "random", "length-matched" or "swapped".
        value: The value that it is a control of.
        seed: Seed of the draw; None where nothing is drawn.
        n_strata: Strata of length differences drawn within; None where there are none.
        control: Its pairs.
        subset: The pairs of the value.
        cluster: (k,) names of the clusters of its pairs; None for pairs never clustered.
        weight: (k,) float64 of its pairs; None where all count the same.
    """

    name: str
    kind: str
    value: str
    seed: int | None
    n_strata: int | None
    control: Control
    subset: Control
    cluster: npt.NDArray[np.object_]
    weight: npt.NDArray[np.float64] | None = None


def build_controls(
    release: Release,
    out: Path | str,
    seeds: Sequence[int],
    *,
    values: Sequence[str] = (),
    sources: Sequence[str] = (),
    progress: Progress = show_nothing,
) -> Release:
    """Builds the control arms of a release: random, length-matched and swapped.

    The random and the length-matched arms of a value have, in each split, as many pairs and as many
    flipped ones as its subset; the swapped arm has its pairs with the replies exchanged.

    Args:
        release: The release, whose build chose from the same pairs.
        out: Folder of the controls; an earlier release there is replaced.
        seeds: Seeds of the random and the length-matched arms, all different.
        values: Subsets to build controls of; all of the release where none is named.
        sources: Where sources of the release are now, as NAME=PATH; the others are read from where
            its recipe says.
        progress: Shows how far each stage is.

    Returns:
        A release with one config an arm: "random-<seed>", "length-matched-<seed>" and "swapped",
        behind the name of the value and a hyphen where there are several values.

    Raises:
        ValuedataError: Whatever the user can mend, such as sources that are not what they were;
            nothing is written then.
    """
    out = Path(out)
    check_derivable(release, out)
    names = choose_subsets(release, values)
    if len(set(seeds)) < len(seeds):
        raise RecipeError(f"Seeds {' '.join(map(str, seeds))} repeat one; give different ones.")
    verify_release(release)
    recipe = make_recipe(release.manifest["recipe"])
    found = find_sources(release, recipe, sources)
    with stage_release(out) as staging:
        with TemporaryDirectory(dir=staging, prefix=".work-") as work:
            intake = read_sources(recipe, found, Path(work), progress)
            pool = recall_pool(release, recipe, intake, progress)
            arms = [
                arm
                for value in names
                for arm in _make_arms(pool, value, seeds, f"{value}-" * (len(names) > 1))
            ]
            trails = [_lead(pool, arm) for arm in arms]
            write_pairs(staging, intake, pool.cleaned, pool.labels, trails, progress)
            if MARKERS_FILE in release.manifest["files"]:  # of the same labelled pairs
                shutil.copyfile(release.folder / MARKERS_FILE, staging / MARKERS_FILE)
            all_sources = list_sources(intake.pairs)
            described = {
                arm.name: {
                    "control": _describe(pool, arm)
                    | {"system_prompt": _find_prompt(release, arm.value)},
                    **count_subset(list_members(trail), all_sources, SPLITS),
                    "stages": [step.verdict.report.to_json() for step in trail.steps],
                }
                for arm, trail in zip(arms, trails, strict=True)
            }
            leaks = _count_leaks(release, recipe, pool, trails)
        content = {
            "valuedata_version": version("valuedata"),
            **{key: release.manifest[key] for key in COPIED if key in release.manifest},
            "values": described,
            "splits": {"names": list(SPLITS)} | leaks,
            "versions": list_versions(),
            "controls": {"of": name_origin(release), "values": list(names), "seeds": list(seeds)},
        }
        finish_release(staging, content, progress)
    return load_release(out)


def _make_arms(pool: Pool, value: str, seeds: Sequence[int], prefix: str) -> Iterator[Arm]:
    members = read_members(pool.table, value)
    subset = Control(members.rows, members.flipped)
    splits = np.array([SPLITS.index(name) for name in pool.split], dtype=np.int64)
    strata = make_strata(pool.lengths, subset.rows)
    n_strata = int(strata.max()) + 1
    matched = np.where(strata < 0, -1, splits * n_strata + strata)
    for kind, cells in ((RANDOM, splits), (MATCHED, matched)):
        for seed in seeds:
            # by name, so that neither other seeds nor other values change a draw
            rng = np.random.default_rng([seed, *f"{value} {kind}".encode()])
            control = draw_control(cells, subset, rng)
            weight = members.weight
            if weight is not None:
                weight = deal_weights(cells, subset, weight, control, rng)
            yield Arm(
                name=f"{prefix}{kind}-{seed}",
                kind=kind,
                value=value,
                seed=seed,
                n_strata=n_strata if kind == MATCHED else None,
                control=control,
                subset=subset,
                cluster=np.full(len(control.rows), None, dtype=object),
                weight=weight,
            )
    yield Arm(
        name=f"{prefix}{SWAPPED}",
        kind=SWAPPED,
        value=value,
        seed=None,
        n_strata=None,
        control=Control(subset.rows, ~subset.flipped),
        subset=subset,
        cluster=members.cluster,
        weight=members.weight,
    )


def _lead(pool: Pool, arm: Arm) -> Trail:
    """Tells the way of the candidates into an arm, in rows of the intake."""
    labelled, labels = pool.cleaned.rows, pool.labels
    rows = labelled[arm.control.rows]
    n_rows, column = len(pool.intake.pairs), labels.column(arm.value)
    reasons = np.full(len(labelled), REASONS[arm.kind], dtype=object)
    reasons[arm.control.rows] = KEPT
    everything = np.full(len(labelled), KEPT, dtype=object)
    flipped = np.zeros(n_rows, dtype=bool)
    flipped[rows] = arm.control.flipped
    margin = np.full(n_rows, np.nan, dtype=np.float32)
    margin[labelled] = labels.chosen[:, column] - labels.rejected[:, column]
    margin[flipped] *= -1
    cluster, split = (np.full(n_rows, None, dtype=object) for _ in range(2))
    cluster[rows], split[rows] = arm.cluster, pool.split[arm.control.rows]
    weight = None
    if arm.weight is not None:
        weight = np.full(n_rows, np.nan)
        weight[rows] = arm.weight
    steps = [
        Step(labelled, Verdict("candidates", everything)),
        Step(labelled, Verdict(arm.kind, reasons)),
    ]
    return Trail(arm.name, steps, flipped, margin, cluster, split, weight)


def _describe(pool: Pool, arm: Arm) -> dict[str, Any]:
    """How an arm was made and how it differs from the subset, as JSON types."""

    def orient(pairs: Control) -> npt.NDArray[np.int64]:
        found = pool.lengths[pairs.rows]
        return np.where(pairs.flipped, -found, found)

    lengths = {"subset": orient(arm.subset), "control": orient(arm.control)}
    column = pool.labels.column(arm.value)
    chosen = pool.labels.expressed("chosen")[:, column]
    rejected = pool.labels.expressed("rejected")[:, column]
    one_sided = chosen[arm.control.rows] != rejected[arm.control.rows]
    in_rewarded = np.where(
        arm.control.flipped, rejected[arm.control.rows], chosen[arm.control.rows]
    )
    return {
        "kind": arm.kind,
        "value": arm.value,
        "seed": arm.seed,
        "n_strata": arm.n_strata,
        "n_candidates": len(pool.table),
        "n_shared": len(np.intersect1d(arm.control.rows, arm.subset.rows)),
        "value_in_rewarded_only": int((one_sided & in_rewarded).sum()),
        "value_in_other_only": int((one_sided & ~in_rewarded).sum()),
        "length_difference": {
            whose: {
                "mean": round(float(found.mean()), 1),
                "median": round(float(np.median(found)), 1),
            }
            for whose, found in lengths.items()
        }
        | {"distance": round(measure_distance(*lengths.values()), 4)},
    }


def _find_prompt(release: Release, value: str) -> str | None:
    """The system prompt that a release has for a value, which its controls are trained with."""
    definition: dict[str, Any] = release.manifest["values"][value].get("definition", {})
    return definition.get("system_prompt")


def _count_leaks(
    release: Release, recipe: Recipe, pool: Pool, trails: Sequence[Trail]
) -> dict[str, int]:
    """Counts prompts in more than one split over the controls and their release together."""
    split = read_splits(pool.table, release.values)
    for trail in trails:
        found = trail.split[pool.cleaned.rows]
        split = np.where(found == None, split, found)  # noqa: E711 - elementwise
    return count_leaks(pool.cleaned.pairs, recipe, split)
