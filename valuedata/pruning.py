"""A release written anew, without the pairs that push an effect most."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import concatenate_datasets

from valuedata.accounting import StageReport
from valuedata.errors import RecipeError
from valuedata.recipe import make_recipe
from valuedata.release.decisions import DROP, KEEP, quote_prompt
from valuedata.release.derived import check_derivable, name_origin
from valuedata.release.folder import Release, load_release, verify_release
from valuedata.release.forecast import FORECAST_FILE
from valuedata.release.recall import read_members
from valuedata.release.splits import write_split
from valuedata.release.staging import stage_release
from valuedata.release.subsets import count_subset
from valuedata.release.trace import Trace, quote_pairs
from valuedata.selection.leaks import count_leaks
from valuedata.stages import finish_release

__all__ = ["drop_pairs"]

logger = logging.getLogger(__name__)

STAGE = "trace"
SEALED = ("format_version", "content_hash", "files")
"""Keys of the manifest that are written anew with it."""
RENDERED = ("README.md", "figures/", FORECAST_FILE)

Place = tuple[str, int]
"""Source and row in it."""


def drop_pairs(
    release: Release,
    out: Path | str,
    found: Sequence[Trace],
    *,
    worst: int | None = None,
    above: float | None = None,
) -> Release:
    """Writes a release anew without the pairs that push an effect most.

    Its decisions.parquet has the same rows, and tells of the dropped ones at the stage "trace".

    Args:
        release: The release; it stays as it is.
        out: Folder of the new one; an earlier release there is replaced.
        found: What `trace` says of one effect and the subsets to drop from.
        worst: How many pairs to drop from each of these subsets.
        above: In place of that, drop pairs whose difference is larger.

    Raises:
        RecipeError: If fewer pairs push the effect, or none by so much, or none would be left.
        ReleaseError: If the release is damaged or holds controls, or `out` cannot be written.
    """
    out = Path(out)
    check_derivable(release, out)
    verify_release(release)
    n_dropped = _count_dropped(found, worst, above)
    reason = f"pushes {found[0].effect}"
    dropped = {
        one.value: one.members.rows[:n] for one, n in zip(found, n_dropped, strict=True) if n
    }
    prompts = {
        (pair["source"], pair["source_row"]): pair["prompt"]
        for one, n in zip(found, n_dropped, strict=True)
        for pair in quote_pairs(release, one, n)
    }
    decisions = _edit_decisions(release.decisions, dropped, reason, prompts)
    rule = {"drop": worst} if above is None else {"drop_above": above}
    with stage_release(out) as staging:
        _copy_others(release, staging, dropped)
        for value, rows in dropped.items():
            _write_rest(release, staging, value, _list_places(release.decisions, rows))
        pq.write_table(decisions, staging / "decisions.parquet")
        content = {key: told for key, told in release.manifest.items() if key not in SEALED}
        content["values"] = {
            value: _describe(decisions, value, told, len(dropped[value]), reason)
            if value in dropped
            else told
            for value, told in content["values"].items()
        }
        content["splits"] = content["splits"] | _count_leaks(release, decisions)
        entry = {
            "effect": found[0].effect,
            **rule,
            "dropped": {value: len(rows) for value, rows in dropped.items()},
            "of": name_origin(release),
            "valuedata_version": version("valuedata"),
        }
        content["traces"] = [*content.get("traces", []), entry]
        finish_release(staging, content)
    return load_release(out)


def _count_dropped(
    found: Sequence[Trace], worst: int | None, above: float | None
) -> tuple[int, ...]:
    """How many pairs to drop from each subset."""
    if (worst is None) == (above is None):
        raise ValueError("Give one of worst and above.")
    if above is None:
        assert worst is not None  # noqa: S101 - told apart above
        for one in found:
            _check_worst(one, worst)
        n_dropped = [worst for _ in found]
    else:
        n_dropped = [int((one.differences > above).sum()) for one in found]
        if not any(n_dropped):
            most = max(float(one.differences[0]) for one in found)
            raise RecipeError(
                f"No pair pushes {found[0].effect!r} by more than {above:g} (the most is "
                f"{most:.4f}); give a smaller --drop-above."
            )
    for one, n in zip(found, n_dropped, strict=True):
        if n == len(one.members.rows):
            raise RecipeError(
                f"That drops every pair of {one.value!r}; drop fewer, or leave the value out."
            )
    return tuple(n_dropped)


def _check_worst(found: Trace, worst: int) -> None:
    if worst > found.n_pushing:
        raise RecipeError(
            f"Only {found.n_pushing} of {len(found.members.rows)} pairs of {found.value!r} push "
            f"{found.effect!r}; give --drop with at most as many, or another effect."
        )


def _list_places(decisions: pa.Table, rows: npt.NDArray[np.int64]) -> set[Place]:
    told = decisions.select(["source", "source_row"]).take(pa.array(rows))
    return set(zip(told["source"].to_pylist(), told["source_row"].to_pylist(), strict=True))


def _copy_others(
    release: Release, staging: Path, dropped: Mapping[str, npt.NDArray[np.int64]]
) -> None:
    """Copies every file that stays as it is: other subsets, and what belongs to no value."""
    changed = (*RENDERED, "decisions.parquet", *(f"data/{value}/" for value in dropped))
    for path in release.manifest["files"]:
        if not path.startswith(changed):
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(release.folder / path, staging / path)


def _write_rest(release: Release, staging: Path, value: str, gone: set[Place]) -> None:
    for split in release.manifest["values"][value]["splits"]:
        rows = release.load(value, split)
        places = zip(rows["source"], rows["source_row"], strict=True)
        kept = [row for row, place in enumerate(places) if place not in gone]
        if kept:
            write_split(staging / "data" / value, split, rows.select(kept))


def _edit_decisions(
    decisions: pa.Table,
    dropped: Mapping[str, npt.NDArray[np.int64]],
    reason: str,
    prompts: Mapping[Place, Sequence[Mapping[str, str]]],
) -> pa.Table:
    """Tells of the dropped pairs at the stage "trace"; every row stays."""
    subsets = decisions["subsets"].combine_chunks()
    fates = subsets.flatten()
    owners = pc.list_parent_indices(subsets).to_numpy()
    fields = {field.name: pc.struct_field(fates, field.name) for field in fates.type}
    names = fields["value"].to_numpy(zero_copy_only=False)
    hit = np.zeros(len(fates), dtype=bool)
    for value, rows in dropped.items():
        hit |= (names == value) & np.isin(owners, rows)
    was_kept = fields["outcome"].to_numpy(zero_copy_only=False) == KEEP
    gone = np.zeros(len(decisions), dtype=bool)
    gone[owners[hit]] = True
    gone[owners[was_kept & ~hit]] = False  # still in the subset of another value
    told = {"outcome": DROP, "stage": STAGE, "reason": reason}
    for name, text in {**told, "split": None, "weight": None}.items():
        fields[name] = _replace(fields[name], hit, text)
    edited = pa.StructArray.from_arrays(list(fields.values()), fields=list(fates.type))
    offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(subsets).to_numpy())])
    columns = {name: decisions[name] for name in decisions.column_names}
    columns["subsets"] = pa.ListArray.from_arrays(offsets.astype(np.int32), edited)
    for name, text in told.items():
        columns[name] = _replace(columns[name], gone, text)
    excerpts = columns["excerpt"].to_pylist()
    for row in np.flatnonzero(gone).tolist():
        one = decisions.slice(row, 1)
        place = (one["source"][0].as_py(), one["source_row"][0].as_py())
        excerpts[row] = quote_prompt(prompts[place], one["flags"][0].as_py())
    columns["excerpt"] = pa.array(excerpts, pa.string())
    return pa.table(columns, schema=decisions.schema)


def _replace(
    column: pa.ChunkedArray, mask: npt.NDArray[np.bool_], value: str | None
) -> pa.ChunkedArray:
    return pc.if_else(pa.array(mask), pa.scalar(value, column.type), column)


def _describe(
    decisions: pa.Table, value: str, told: Mapping[str, Any], n_dropped: int, reason: str
) -> dict[str, Any]:
    """What the manifest says of a subset that lost pairs; it is no longer isolated."""
    if "isolation" in told:
        logger.warning(
            "The subset of %s was isolated, and without these pairs its side effects need not "
            "cancel; see `valuedata forecast`.",
            value,
        )
    members = read_members(decisions, value)
    sources = decisions["source"].to_numpy(zero_copy_only=False)
    n_left = len(members.rows)
    report = StageReport(STAGE, n_left + n_dropped, n_left, {reason: n_dropped})
    return {
        **{key: found for key, found in told.items() if key != "isolation"},
        **count_subset(members, sources, list(told["splits"])),
        "stages": [*told["stages"], report.to_json()],
    }


def _count_leaks(release: Release, decisions: pa.Table) -> dict[str, int]:
    """Counts prompts in more than one split, over what is left of all subsets."""
    left, splits = [], []
    for value in release.values:
        places = _list_places(decisions, read_members(decisions, value).rows)
        for split in release.manifest["values"][value]["splits"]:
            rows = release.load(value, split)
            identities = zip(rows["source"], rows["source_row"], strict=True)
            kept = [row for row, place in enumerate(identities) if place in places]
            left.append(rows.select_columns("prompt").select(kept))
            splits += [split] * len(kept)
    recipe = make_recipe(release.manifest["recipe"])
    return count_leaks(concatenate_datasets(left), recipe, np.array(splits, dtype=object))
