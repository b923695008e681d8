"""train: the command that tunes a model on a subset of a release."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import json_option, run_options
from valuedata.cli.output import echo_json, echo_table
from valuedata.cli.progress import choose_progress

if TYPE_CHECKING:
    from training.masks import Covered
    from training.run import Run
    from training.settings import Stage, TrainingRecipe

__all__ = ["train"]

TINY, SMOKE = "tiny", "smoke-cpu"


@click.command
@click.argument("release")
@click.option(
    "--value",
    metavar="NAME",
    help="Subset to train on.  Without it, the only one of the release.",
)
@click.option(
    "--model",
    required=True,
    metavar="MODEL",
    help="Folder or Hub name ORG/NAME[@REVISION] of a model of transformers, or 'tiny': a model of "
    "random weights made in the run, to try it out offline.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", required=True, help="The run."
)
@click.option(
    "--recipe",
    metavar="NAME|FILE",
    help="Packaged recipe, or YAML file.  Without it, smoke-cpu for the tiny model, and otherwise "
    "METHOD-lora-1gpu-8b.",
)
@click.option(
    "--method",
    type=click.Choice(["sft", "dpo", "sft-dpo"]),
    help="SFT on the rewarded replies, DPO on the pairs, or both.  Without it, the recipe's.",
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
@json_option
@run_options
def train(*, release: str, out: Path, as_json: bool, quiet: bool, **options: Any) -> None:  # noqa: ANN401
    """Tune a model on a subset of a release by SFT or DPO.

    A run that was stopped goes on from its last checkpoint when the same command is given again,
    and ends as if it had not been stopped.  run.json says what was trained on what and how; the
    folder of each training has the metrics of every logged step and the tuned adapter or model.

    Needs the extra "train": pip install 'valuedata[train]'.

    \b
    Examples:
    valuedata train empathy-release --model tiny --out empathy-run
    valuedata train empathy-release --model ORG/NAME --method dpo --out tuned
    valuedata train empathy-release --model tiny --arms value,random:3,swapped --out arms
    """
    import warnings

    from training.arguments import check_installed

    check_installed()
    from transformers.utils.logging import disable_progress_bar

    from training.arms import Trial, parse_arms, share_base, train_arms
    from training.merging import merge_adapter
    from training.run import train as run_training
    from valuedata.hub.pull import open_release

    recipe = _read_recipe(options)
    arms = None if options["arms"] is None else parse_arms(options["arms"])
    opened = open_release(release)
    value = _choose_value(opened.values, options["value"], release)
    base = _read_model(options["model"])
    see_batch = partial(_print_batch, err=as_json) if options["show_batch"] else _print_nothing
    disable_progress_bar()
    with warnings.catch_warnings():
        # trl still sets arguments by the names that transformers is to drop; users can mend neither
        warnings.simplefilter("ignore", FutureWarning)
        if arms is None:
            runs = {value: run_training(opened, value, recipe, out, base, see_batch)}
        else:
            trial = Trial(opened, value, recipe, out, base)
            progress = choose_progress(quiet=quiet)
            runs = train_arms(trial, arms, options["sources"], progress, see_batch)
            base = share_base(trial)
        if options["merge"]:
            for run in runs.values():
                merge_adapter(run, base)
    if as_json:
        found = {name: {"run": str(run.folder), **run.record} for name, run in runs.items()}
        echo_json(found if arms else found[value])
    elif not quiet:
        _show(runs, out)


def _read_recipe(options: dict[str, Any]) -> "TrainingRecipe":
    from training.settings import load_training_recipe
    from valuedata.errors import RecipeError

    changes: dict[str, Any] = {
        name: options[name] for name in ("method", "seed", "device") if options[name] is not None
    }
    if options["full"]:
        changes["full"] = True
    changes |= dict(_read_change(text) for text in options["changes"])
    name = options["recipe"]
    if name is None and options["model"] == TINY:
        name = SMOKE
    elif name is None:
        method = options["method"] or "dpo"
        name = f"{method.rpartition('-')[2]}-lora-1gpu-8b"
    recipe = load_training_recipe(name, changes)
    if options["merge"] and recipe.full:
        raise RecipeError("--merge is for adapters and --full trains none; leave one of them out.")
    return recipe


def _read_change(text: str) -> tuple[str, Any]:
    import yaml

    from valuedata.errors import RecipeError

    key, sign, value = text.partition("=")
    try:
        if key and sign:
            return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        pass
    raise RecipeError(f"--set {text!r} is no setting; write for example --set dpo.beta=0.2.")


def _read_model(text: str) -> Any:  # noqa: ANN401 - a type of a package that loads late
    from training.models import Base

    if Path(text).exists() or "@" not in text:
        return Base(text)
    name, _, revision = text.rpartition("@")
    return Base(name, revision)


def _choose_value(values: Sequence[str], given: str | None, release: str) -> str:
    from valuedata.errors import RecipeError

    if given is not None:
        return given
    if len(values) != 1:
        raise RecipeError(
            f"{release} has several subsets ({', '.join(values)}); name one with --value."
        )
    return values[0]


def _print_nothing(stage: "Stage", sequences: "Sequence[Covered]") -> None: ...


def _print_batch(stage: "Stage", sequences: "Sequence[Covered]", *, err: bool) -> None:
    from training.masks import show_batch

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
    made = next(iter(runs.values())).record["made"]
    if made is not None:
        click.echo(f"The model: {made}.")
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
