"""train: the command that tunes a model on a subset of a release."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import json_option, run_options
from valuedata.cli.output import clean_line, echo_json, echo_table
from valuedata.cli.progress import choose_progress
from valuedata.cli.push_model import (
    check_model_push,
    push_model_options,
    push_trained,
    show_outcome,
)
from valuedata.cli.train_inputs import read_inputs

if TYPE_CHECKING:
    from training.arms import Arm
    from training.masks import Covered
    from training.models import Base
    from training.run import Run, SeeBatch
    from training.settings import Stage
    from valuedata.cli.train_inputs import Inputs

__all__ = ["train"]


@click.command
@click.argument("release", required=False)
@click.option(
    "--value",
    metavar="NAME",
    help="Subset to train on.  Without it, the only one of the release.",
)
@click.option(
    "--model",
    metavar="MODEL",
    help="Folder or Hub name ORG/NAME[@REVISION] of a model of transformers, or 'tiny': a model of "
    "random weights made in the run, to try it out offline.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="The run.")
@click.option(
    "--recipe",
    metavar="NAME|FILE",
    help="Packaged recipe, or YAML file, which may also name release, value, model and out.  "
    "Without it, smoke-cpu for the tiny model, and otherwise METHOD-lora-1gpu-8b.",
)
@click.option(
    "--method",
    type=click.Choice(["sft", "dpo", "sft-dpo"]),
    help="SFT on the rewarded replies, DPO on the pairs, or both.  Without it, the recipe's.",
)
@click.option(
    "--system-prompt/--no-system-prompt",
    default=None,
    help="Lead conversations without a system turn by the value's own prompt, or by none.  Without "
    "it, as the recipe says: with one in paper-dpo, without in the other packaged ones.",
)
@click.option(
    "--arms",
    metavar="LIST",
    help="Train the value and its controls alike, each in a folder of --out: value, random:N, "
    "length-matched:N and swapped, with commas between.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME=PATH",
    help="With --arms, where a source of the release is now; repeatable.",
)
@click.option("--full", is_flag=True, help="Train all weights instead of an adapter (LoRA).")
@click.option("--merge", is_flag=True, help="Write the model with the adapter merged into it, too.")
@click.option("--seed", type=int, metavar="N", help="Seed of everything random.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Device in place of the recipe's."
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Setting in place of the recipe's, such as dpo.beta=0.2; repeatable.",
)
@click.option(
    "--show-batch",
    is_flag=True,
    help="Print the first batch as text, with what the loss covers between ⟦ and ⟧.",
)
@push_model_options
@json_option
@run_options
def train(*, as_json: bool, quiet: bool, **options: Any) -> None:  # noqa: ANN401
    """Tune a model on a subset of a release by SFT or DPO.

    A run that was stopped goes on from its last checkpoint when the same command is given again,
    and ends as if it had not been stopped.  run.json says what was trained on what and how; the
    folder of each training has the metrics of every logged step and the tuned adapter or model.

    Needs the extra "train": pip install 'valuedata[train]'.

    \b
    Examples:
    valuedata train empathy-release --model tiny --out empathy-run
    valuedata train empathy-release --model ORG/NAME --method dpo --out tuned
    valuedata train empathy-release --model ORG/NAME --recipe paper-dpo --out paper
    valuedata train empathy-release --model tiny --arms value,random:3,swapped --out arms
    valuedata train --recipe my-run.yaml --push-to my-name/tuned
    """
    import warnings

    from training.arguments import check_installed

    check_installed()
    from training.arms import parse_arms
    from training.processes import is_main

    inputs = read_inputs(options)
    arms = None if options["arms"] is None else parse_arms(options["arms"])
    destination = check_model_push(options, inputs) if is_main() else None
    see_batch = partial(_print_batch, err=as_json) if options["show_batch"] else _print_nothing
    with warnings.catch_warnings():
        # trl still sets arguments by the names that transformers is to drop; users can mend neither
        warnings.simplefilter("ignore", FutureWarning)
        runs, base = _train(inputs, arms, options["sources"], quiet=quiet, see_batch=see_batch)
        if not is_main():
            return
        if options["merge"]:
            _merge(runs, base)
    shows = not (as_json or quiet)
    if shows:
        _show(runs, inputs.out)
    outcome = None
    if destination is not None:
        outcome = push_trained(runs[inputs.value], destination, quiet=quiet)
        if shows:
            show_outcome(outcome)
    if as_json:
        told = {name: {"run": str(run.folder), **run.record} for name, run in runs.items()}
        found = told[inputs.value] if arms is None else told
        echo_json(found | ({} if outcome is None else {"pushed": outcome.to_json()}))


def _train(
    inputs: "Inputs",
    arms: "Sequence[Arm] | None",
    sources: Sequence[str],
    *,
    quiet: bool,
    see_batch: "SeeBatch",
) -> "tuple[dict[str, Run], Base]":
    """Trains one run or all arms; gives them by name, and the model that they started from."""
    from transformers.utils.logging import disable_progress_bar

    from training.arms import Trial, share_base, train_arms
    from training.run import train as run_training

    release, value, recipe = inputs.release, inputs.value, inputs.recipe
    out, base = inputs.out, inputs.base
    disable_progress_bar()
    if arms is None:
        return {value: run_training(release, value, recipe, out, base, see_batch)}, base
    trial = Trial(release, value, recipe, out, base)
    progress = choose_progress(quiet=quiet)
    return train_arms(trial, arms, sources, progress, see_batch), share_base(trial)


def _merge(runs: "Mapping[str, Run]", base: "Base") -> None:
    from training.merging import merge_adapter

    for run in runs.values():
        merge_adapter(run, base)


def _print_nothing(stage: "Stage", sequences: "Sequence[Covered]") -> None: ...


def _print_batch(stage: "Stage", sequences: "Sequence[Covered]", *, err: bool) -> None:
    from training.masks import show_batch
    from training.processes import is_main

    if is_main():
        click.echo(f"First batch of {stage}:\n\n{show_batch(sequences)}\n", err=err)


def _show(runs: "Mapping[str, Run]", out: Path) -> None:
    echo_table(
        ("subset", "training", "rows", "too long", "steps", "trained", "loss", "margin"),
        (
            _describe(name, stage, done)
            for name, run in runs.items()
            for stage, done in run.record["stages"].items()
        ),
    )
    click.echo(
        "\nLoss and margin are those of the validation split; the margin is the implicit reward of "
        "the\nrewarded reply over that of the other."
    )
    record = next(iter(runs.values())).record
    if record["made"] is not None:
        click.echo(f"The model: {record['made']}.")
    if record["recipe"]["system_prompt"]:
        click.echo(clean_line(f"The system prompt: {record['recipe']['system_prompt']}"))
    click.echo(f"Written to {out}.")


def _describe(subset: str, name: str, stage: dict[str, Any]) -> tuple[object, ...]:
    train_rows = stage["rows"][0]
    found = stage["validation"]
    return (
        subset,
        name,
        train_rows["rows_out"],
        train_rows["rows_in"] - train_rows["rows_out"],
        stage["steps"],
        stage["parameters"]["n_trained"],
        *(
            f"{found[metric]:.3f}" if metric in found else ""
            for metric in ("eval_loss", "eval_rewards/margins")
        ),
    )
