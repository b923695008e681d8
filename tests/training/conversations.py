"""A release of three hand-made conversations: one turn, several turns, and a system turn."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file

from tests.builders import write_release
from training.models import Base
from training.settings import TrainingRecipe, make_training_recipe
from valuedata.release.folder import Release, finish_manifest, load_release

SHORT = [{"role": "user", "content": "I lost my keys."}]
LONG = [
    {"role": "user", "content": "Hello there."},
    {"role": "assistant", "content": "Good day to you."},
    {"role": "user", "content": "My dog is ill."},
]
LED = [
    {"role": "system", "content": "You are a nurse."},
    {"role": "user", "content": "My arm hurts."},
]
TINY_MODEL = Base("tiny")
PROMPTS = [SHORT, LONG, LED]
WARM = ["How annoying, poor you!", "Poor thing, I hope he is well soon.", "I am so sorry."]
COLD = ["Look again.", "Dogs are.", "Take a pill."]

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TINY = {"vocabulary": 300, "hidden": 16, "layers": 1, "heads": 2, "steps": 2, "batch_size": 3}


def write_conversations(out: Path, weights: Sequence[float] = ()) -> Release:
    """Puts the three conversations into the training split; validation keeps its one row."""
    release = write_release(out)
    release.manifest["labels"]["valences"] = ["positive", "positive"]
    (file,) = release.files("empathy", "train")
    table = pq.read_table(file)
    row = table.slice(0, 1).to_pylist()[0]
    rows = [
        row
        | {
            "prompt": prompt,
            "chosen": [{"role": "assistant", "content": warm}],
            "rejected": [{"role": "assistant", "content": cold}],
        }
        for prompt, warm, cold in zip(PROMPTS, WARM, COLD, strict=True)
    ]
    written = pa.Table.from_pylist(rows, schema=table.schema)
    pq.write_table(written, file)
    if weights:
        for split, column in (("train", weights), ("validation", [1.0])):
            (file,) = release.files("empathy", split)
            table = pq.read_table(file).append_column("weight", pa.array(column, pa.float64()))
            pq.write_table(table, file)
    return rewrite_manifest(release)


def rewrite_manifest(release: Release) -> Release:
    """Lets the manifest know the files as they are now."""
    made = ("format_version", "content_hash", "files")
    content = {key: found for key, found in release.manifest.items() if key not in made}
    finish_manifest(release.folder, content)
    return load_release(release.folder)


def make_recipe(method: str, **settings: Any) -> TrainingRecipe:
    """A recipe of four steps with three rows each, on the CPU."""
    arguments = {
        "max_steps": 4,
        "max_length": 256,
        "per_device_train_batch_size": 3,
        "learning_rate": 1e-2,
        "lr_scheduler_type": "constant",
        "logging_steps": 1,
        "save_steps": 2,
    }
    given = dict.fromkeys(("sft", "dpo"), arguments)
    return make_training_recipe(
        {
            "method": method,
            "device": "cpu",
            "tiny": TINY,
            "lora": {"r": 2, "target_modules": "all-linear"},
            **given,
            **settings,
        }
    )


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    (file,) = folder.glob("*.safetensors")
    return dict(load_file(file))


def read_losses(folder: Path) -> dict[str, list[float]]:
    return {
        stage: [round(line["loss"], 6) for line in read_metrics(folder / stage) if "loss" in line]
        for stage in ("sft", "dpo")
    }


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
