"""What a run leaves behind: run.json, the metrics of every step, and whether it is whole."""

import hashlib
import json
import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from training.arguments import choose_device
from training.models import Base, hash_template
from training.processes import count_processes
from training.settings import TrainingRecipe
from valuedata.errors import TrainingError
from valuedata.release.folder import Release
from valuedata.release.forecast import list_largest, read_forecast

__all__ = [
    "COMPLETE",
    "drop_clocks",
    "hash_subset",
    "identify",
    "is_complete",
    "make_metrics_callback",
    "note_refusal",
    "open_run",
    "read_record",
    "write_record",
]

logger = logging.getLogger(__name__)

RECORD: Final = "run.json"
METRICS: Final = "metrics.jsonl"
COMPLETE: Final = "complete"
REFUSED: Final = "refused"
PACKAGES: Final = ("valuedata", "torch", "transformers", "trl", "peft", "datasets", "tokenizers")
SUMMARY: Final = "train_runtime"
"""Metric of the line that transformers adds at the end of a training."""
IDENTITY: Final = ("model", "recipe", "template_hash", "device", "versions", "processes")
"""Keys of run.json that must be the same, beside the subset, where a run goes on."""
DIFFERENCE: Final = ("value", "low", "high")
N_SIDE_EFFECTS: Final = 10
CLOCKS: Final = ("runtime", "preparation_time", "per_second", "num_tokens")
"""Ends of the names of metrics that differ between two equal runs.

trl counts the tokens from zero again when a run goes on.
"""


def identify(release: Release, value: str, base: Base, recipe: TrainingRecipe) -> dict[str, Any]:
    """Says which run it is, as JSON types.

    Args:
        release: The release.
        value: Name of the subset.
        base: The model.
        recipe: The recipe.

    Raises:
        TrainingError: If its chat template cannot be read, or CUDA is asked for and absent.
    """
    return {
        "release": {
            "content_hash": release.content_hash,
            "value": value,
            "subset_hash": hash_subset(release, value),
        },
        "model": {"name": base.name, "revision": base.revision},
        "recipe": recipe.model_dump(mode="json"),
        "template_hash": hash_template(recipe),
        "device": choose_device(recipe),
        "versions": {name: version(name) for name in PACKAGES},
        "processes": count_processes(),
        "sources": [
            {key: source.get(key) for key in ("name", "licence")}
            for source in release.manifest["sources"]
        ],
        "control": _read_control(release, value),
        "forecast": _read_side_effects(release, value),
        "made": None,
    }


def _read_control(release: Release, value: str) -> dict[str, Any] | None:
    """How a control was drawn, and of which value; None for the subset of a value."""
    control = release.manifest["values"][value].get("control")
    return control and {key: control[key] for key in ("kind", "value", "seed")}


def _read_side_effects(release: Release, value: str) -> list[dict[str, Any]] | None:
    """The largest differences that the release's forecast found; None where it has none."""
    content = read_forecast(release)
    if content is None or value not in content["values"]:
        return None
    return [
        {"name": effect["name"], **{key: effect["difference"][key] for key in DIFFERENCE}}
        for effect in list_largest(content["values"][value], N_SIDE_EFFECTS)
    ]


def hash_subset(release: Release, value: str) -> str:
    """SHA-256 over the hashes of the files of one subset, which other subsets do not change."""
    folder = f"data/{value}/"
    files = release.manifest["files"]
    lines = [f"{path} {files[path]['sha256']}\n" for path in sorted(files) if folder in path]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def open_run(out: Path, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Begins a run in a folder, or goes on with the same one; a refused one is replaced.

    Args:
        out: The folder.
        identity: Which run it is.

    Returns:
        What run.json holds.

    Raises:
        TrainingError: If the folder holds another run or something else, or cannot be written.
    """
    if (out / RECORD).is_file():
        found = read_record(out)
        differing = [key for key in IDENTITY if found.get(key) != identity[key]]
        if found.get("release", {}).get("subset_hash") != identity["release"]["subset_hash"]:
            differing.insert(0, "release")
        if not differing:
            return {key: told for key, told in found.items() if key != REFUSED}
        if not found.get(REFUSED):
            raise TrainingError(
                f"{out} holds another run (its {' and '.join(differing)} differ); give another "
                "--out, or remove it."
            )
        logger.info("%s holds a run whose recipe was refused; this one takes its place", out)
    elif out.is_dir() and any(out.iterdir()):
        raise TrainingError(f"{out} holds something else than a run; give another --out.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        return write_record(out, {COMPLETE: False, **identity, "stages": {}})
    except OSError as error:
        raise TrainingError(
            f"{out} cannot be written ({error.strerror}); give another --out."
        ) from error


def note_refusal(out: Path, record: Mapping[str, Any]) -> None:
    """Notes that a recipe was refused before its first training, so that another takes its place.

    Args:
        out: Folder of the run.
        record: What run.json holds.
    """
    if not record["stages"]:
        write_record(out, {**record, REFUSED: True})


def is_complete(record: Mapping[str, Any]) -> bool:
    """Whether a run has ended."""
    return bool(record[COMPLETE])


def read_record(out: Path) -> dict[str, Any]:
    """Reads run.json.

    Raises:
        TrainingError: If there is none, or it cannot be read.
    """
    try:
        content = json.loads((out / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{out} holds no run that can be read; give a folder that `valuedata train` wrote."
        ) from error
    if not isinstance(content, dict):
        raise TrainingError(f"{out / RECORD} is damaged; train again into another --out.")
    return content


def write_record(out: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Writes run.json in one move and gives its content."""
    partial = out / f".{RECORD}"
    partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(out / RECORD)
    return dict(content)


def make_metrics_callback(folder: Path) -> Any:  # noqa: ANN401
    """A callback of transformers that writes every logged metric to metrics.jsonl.

    What a checkpoint remembers is written anew when a run goes on, so that lines of steps that are
    taken again are not there twice. What differs between two equal runs is left out: times, and
    the mean loss at the end, which transformers takes over the steps since the last start alone.

    Args:
        folder: Where the file goes.
    """
    from transformers import TrainerCallback

    path = folder / METRICS

    class MetricsFile(TrainerCallback):  # type: ignore[misc] # transformers has no types here
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
            if state.is_world_process_zero:
                lines = [_format(line) for line in state.log_history]
                path.write_text("".join(lines), encoding="utf-8")

        def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
            if state.is_world_process_zero:
                with path.open("a", encoding="utf-8") as file:
                    file.write(_format(state.log_history[-1]))

    return MetricsFile()


def drop_clocks(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics without those that differ between two equal runs."""
    return {name: value for name, value in metrics.items() if not name.endswith(CLOCKS)}


def _format(metrics: Mapping[str, Any]) -> str:
    if SUMMARY in metrics:
        return ""
    return json.dumps(drop_clocks(metrics), sort_keys=True) + "\n"
