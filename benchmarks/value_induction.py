"""Does DPO on a value's subset raise the value in what a model writes, more than DPO on controls?

    python -m benchmarks.value_induction hh-rlhf=PATH --work FOLDER --out FILE.json

A small chat model is made and trained from nothing on all replies of the source, rewarded or not;
then all its weights are tuned by DPO on the subset of each value and on its controls, alike
(`training.arms`): random ones of the same size, ones whose replies differ in length as the subset's
do, and the subset with its replies exchanged. Every model answers the same prompts, which no
training saw, and the packaged classifier labels the answers. What is asked for is the share of
answers with the value, value arm minus the mean of the arms of a control. Intervals draw whole
prompts; they do not hold what another seed of the training would change, for which the two draws of
a control stand side by side.

The classifier built the subsets, too, and labels text unlike what it has learned from: a model of
this size hardly writes sentences. So this says whether training moves what the classifier sees, and
nothing of large models. Each part that is done stays in FOLDER, so a stopped run goes on.
"""

import argparse
import json
import logging
import os
import platform
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from datasets import Dataset, concatenate_datasets

from training.arms import Trial, parse_arms, train_arms
from training.base import make_model
from training.models import Base
from training.settings import TrainingRecipe, make_training_recipe
from valuedata.controls import build_controls
from valuedata.intake.collect import read_pairs
from valuedata.intake.naming import resolve_source
from valuedata.labelling.classifier import load_extractor
from valuedata.labelling.labels import Labels
from valuedata.labelling.scoring.intervals import estimate
from valuedata.pipeline import build
from valuedata.recipe import LabelSettings, make_recipe
from valuedata.release.folder import Release, load_release

logger = logging.getLogger(__name__)

N_DRAWS: Final = 2
DRAWN: Final = ("random", "length-matched")
SWAPPED: Final = "swapped"
CONTROLS: Final = (*DRAWN, SWAPPED)
N_SAMPLES: Final = 2
"""Answers of each model to each prompt; the labels of a pair hold two."""
N_RESAMPLES: Final = 10_000
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Attributes:
        hidden: Width of the model.
        layers: Its layers.
        vocabulary: Its tokens.
        base_steps: Steps of its first training, of 16 conversations.
        max_length: Most tokens of a conversation; longer ones are left out everywhere.
        max_pairs: Most pairs of a subset.
        epochs: Times that DPO reads its pairs.
        learning_rate: Learning rate of DPO.
        n_prompts: Prompts that are answered.
        answer_length: Most tokens of an answer.
    """

    hidden: int
    layers: int
    vocabulary: int
    base_steps: int
    max_length: int
    max_pairs: int
    epochs: int
    learning_rate: float
    n_prompts: int
    answer_length: int


def make_tuning(size: Size, seed: int) -> TrainingRecipe:
    """The recipe of every arm, and of the model below them."""
    return make_training_recipe(
        {
            "method": "dpo",
            "device": "cpu",
            "full": True,
            "seed": seed,
            "tiny": {
                "hidden": size.hidden,
                "layers": size.layers,
                "heads": 4,
                "vocabulary": size.vocabulary,
                "steps": size.base_steps,
                "batch_size": 16,
                "max_length": size.max_length,
                "learning_rate": 2e-3,
            },
            "dpo": {
                "num_train_epochs": size.epochs,
                "max_length": size.max_length,
                "per_device_train_batch_size": 8,
                "per_device_eval_batch_size": 8,
                "learning_rate": size.learning_rate,
                "lr_scheduler_type": "constant",
                "beta": 0.1,
                "precompute_ref_log_probs": True,
                "logging_steps": 5,
                "eval_strategy": "epoch",
                "save_strategy": "epoch",
                "save_total_limit": 1,
            },
        }
    )


def prepare_data(
    source: str, values: Sequence[str], work: Path, max_pairs: int
) -> tuple[Release, Dataset]:
    """The release of the values with their controls drawn, and every pair of the source."""
    folder = work / "release"
    if not (folder / "manifest.json").exists():
        settings = {"values": list(values), "sources": [source]}
        build(make_recipe(settings | {"selection": {"max_pairs": max_pairs}}), folder)
    release = load_release(folder)
    for value in values:
        controls = work / value / "controls"
        if not (controls / "manifest.json").exists():
            controls.parent.mkdir(parents=True, exist_ok=True)
            build_controls(release, controls, range(N_DRAWS), values=[value], sources=[source])
    with TemporaryDirectory(dir=work) as place:
        pairs = read_pairs([resolve_source(source)], Path(place), 0.05).pairs
        return release, Dataset.from_list(
            pairs.select_columns(["prompt", "chosen", "rejected"]).to_list()
        )


def list_prompts(release: Release) -> Iterator[str]:
    """Every prompt of a release, in every split."""
    for value in release.values:
        for split in ("train", "validation", "test"):
            if split in release.manifest["values"][value]["splits"]:
                yield from map(json.dumps, release.load(value, split)["prompt"])


def choose_prompts(pairs: Dataset, seen: set[str], n_prompts: int, seed: int) -> list[Any]:
    """Draws distinct prompts of one turn that no training sees."""
    single = {
        json.dumps(prompt): prompt
        for prompt in pairs["prompt"]
        if len(prompt) == 1 and len(prompt[0]["content"]) <= 300
    }
    free = sorted(set(single) - seen)
    drawn = np.random.default_rng(seed).permutation(len(free))[:n_prompts]
    return [single[free[row]] for row in sorted(drawn)]


def train_base(pairs: Dataset, held_out: set[str], recipe: TrainingRecipe, folder: Path) -> None:
    """Trains the model that all arms start from on both replies of every other pair."""
    kept = [row for row, prompt in enumerate(pairs["prompt"]) if json.dumps(prompt) not in held_out]
    left = pairs.select(kept)
    sides = [
        left.select_columns(["prompt", side]).rename_column(side, "completion")
        for side in ("chosen", "rejected")
    ]
    texts = (turn["content"] for row in left for turns in row.values() for turn in turns)
    make_model(folder, texts, concatenate_datasets(sides).shuffle(recipe.seed), recipe, "the base")


def answer(folder: Path, prompts: Sequence[Any], length: int, seed: int) -> list[list[str]]:
    """Lets a model answer each prompt `N_SAMPLES` times, at a temperature of 0.7."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    torch.manual_seed(seed)
    found = []
    for start in range(0, len(prompts), 50):
        batch = tokenizer.apply_chat_template(
            prompts[start : start + 50],
            add_generation_prompt=True,
            padding=True,
            return_tensors="pt",
            return_dict=True,
        )
        batch.pop("token_type_ids", None)
        with torch.no_grad():
            made = model.generate(
                **batch,
                do_sample=True,
                temperature=0.7,
                max_new_tokens=length,
                num_return_sequences=N_SAMPLES,
            )
        texts = tokenizer.batch_decode(
            made[:, batch["input_ids"].shape[1] :], skip_special_tokens=True
        )
        found += [texts[row : row + N_SAMPLES] for row in range(0, len(texts), N_SAMPLES)]
    return found


def read_answers(
    model: Path, file: Path, prompts: Sequence[Any], length: int, seed: int
) -> list[list[str]]:
    """The answers of a model, made where they are not there yet."""
    if not file.exists():
        answers = answer(model, prompts, length, seed)
        partial = file.with_suffix(".partial")
        partial.write_text("".join(json.dumps(pair) + "\n" for pair in answers), encoding="utf-8")
        partial.replace(file)
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def label(prompts: Sequence[Any], answers: Sequence[Sequence[str]]) -> Labels:
    """Labels both answers to each prompt by the packaged classifier."""
    sides = [[{"role": "assistant", "content": pair[k]}] for pair in answers for k in (0, 1)]
    rows = {"prompt": list(prompts), "chosen": sides[::2], "rejected": sides[1::2]}
    return load_extractor(LabelSettings()).label(Dataset.from_dict(rows))


def share_of(labels: Labels, value: str) -> Floats:
    """(n,) share of the answers to each prompt that express a value."""
    column = labels.names.index(value)
    sides = [labels.expressed(side)[:, column] for side in ("chosen", "rejected")]
    return np.mean(sides, axis=0, dtype=np.float64)


def compare(labels: Mapping[str, Labels], value: str, seed: int) -> dict[str, Any]:
    """The share of a value in the answers of each arm, and what separates them."""
    shares = {name: share_of(found, value) for name, found in labels.items()}
    kinds = {kind: [name for name in shares if name.startswith(kind)] for kind in CONTROLS}
    compared = {
        f"value minus {kind}": shares["value"] - np.mean([shares[name] for name in names], axis=0)
        for kind, names in kinds.items()
    }
    compared |= {
        f"{name} minus base": share - shares["base"]
        for name, share in shares.items()
        if name != "base"
    }
    rows = np.array([*shares.values(), *compared.values()])

    def measure(counts: Floats) -> Mapping[str, Floats]:
        return {"mean": counts @ rows.T / rows.shape[1]}

    found = estimate(measure, rows.shape[1], N_RESAMPLES, np.random.default_rng(seed))["mean"]
    told = [one.to_json() for one in found]
    return {
        "share": dict(zip(shares, told[: len(shares)], strict=True)),
        "difference": dict(zip(compared, told[len(shares) :], strict=True)),
    }


def measure_value(
    trial: Trial, source: str, values: Sequence[str], prompts: Sequence[Any], length: int
) -> dict[str, Any]:
    """Trains the arms of a value and says what share of their answers has each value."""
    arms = parse_arms(",".join(["value", *(f"{kind}:{N_DRAWS}" for kind in DRAWN), SWAPPED]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of trl, as in the command line
        runs = train_arms(trial, arms, [source])
    models = {"base": Path(trial.base.name)}
    models |= {name: run.folder / "dpo" / "model" for name, run in runs.items()}
    answers = {
        name: read_answers(
            model, trial.out / f"answers-{name}.jsonl", prompts, length, trial.recipe.seed
        )
        for name, model in models.items()
    }
    labels = {name: label(prompts, found) for name, found in answers.items()}
    stages = {name: run.record["stages"]["dpo"] for name, run in runs.items()}
    return {
        "n_pairs": {name: stage["rows"][0]["rows_out"] for name, stage in stages.items()},
        "n_too_long": {
            name: stage["rows"][0]["rows_in"] - stage["rows"][0]["rows_out"]
            for name, stage in stages.items()
        },
        "steps": {name: stage["steps"] for name, stage in stages.items()},
        "validation_margin": {
            name: stage["validation"]["eval_rewards/margins"] for name, stage in stages.items()
        },
        "mean_words": {
            name: round(float(np.mean([len(text.split()) for pair in found for text in pair])), 2)
            for name, found in answers.items()
        },
        "labelled": {value: compare(labels, value, trial.recipe.seed) for value in values},
    }


def main() -> None:
    """Trains, lets answer, labels, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="NAME=PATH of a source that `valuedata build` knows")
    parser.add_argument("--value", action="append", required=True, help="twice, for two values")
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps what is done")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    parser.add_argument("--seed", type=int, default=0)
    for name, default in SIZES.items():
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=type(default), default=default, help=f"{default} at first")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    size = Size(**{name: getattr(given, name) for name in SIZES})
    given.work.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    recipe = make_tuning(size, given.seed)
    release, pairs = prepare_data(given.source, given.value, given.work, size.max_pairs)
    seen = set(list_prompts(release))
    for value in given.value:
        seen |= set(list_prompts(load_release(given.work / value / "controls")))
    prompts = choose_prompts(pairs, seen, size.n_prompts, given.seed)
    logger.info("%d pairs, %d prompts to answer", len(pairs), len(prompts))
    base = given.work / "base"
    if not base.is_dir():
        train_base(pairs, {json.dumps(prompt) for prompt in prompts}, recipe, base)
    from transformers import AutoModelForCausalLM

    logger.info("The base is trained after %.0f s", time.perf_counter() - start)
    result = {
        "source": given.source.partition("=")[0],
        "content_hash": release.content_hash,
        "size": asdict(size),
        "seed": given.seed,
        "n_parameters": AutoModelForCausalLM.from_pretrained(base).num_parameters(),
        "n_prompts": len(prompts),
        "answers_a_prompt": N_SAMPLES,
        "values": {},
    }
    for value in given.value:
        trial = Trial(release, value, recipe, given.work / value, Base(str(base)))
        result["values"][value] = measure_value(
            trial, given.source, given.value, prompts, size.answer_length
        )
        logger.info("%s: %s", value, json.dumps(result["values"][value]["labelled"][value]))
    result["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "seconds_of_the_last_start": round(time.perf_counter() - start),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


SIZES: Final[Mapping[str, int | float]] = asdict(
    Size(
        hidden=96,
        layers=3,
        vocabulary=3_000,
        base_steps=400,
        max_length=192,
        max_pairs=250,
        epochs=1,
        learning_rate=2e-4,
        n_prompts=200,
        answer_length=40,
    )
)
"""A size that took 22 minutes on a busy machine, with one thread and the labels in the cache."""


if __name__ == "__main__":
    main()
