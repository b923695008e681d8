"""train --push-to: what is asked before a training rather than after it, and the push."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.hub import be_quiet, confirm_harm
from valuedata.cli.output import clean_line, echo_table
from valuedata.errors import HubError, RecipeError

if TYPE_CHECKING:
    from training.run import Run
    from valuedata.cli.train_inputs import Inputs
    from valuedata.hub.model import ModelPlan

__all__ = [
    "ModelDestination",
    "PushOutcome",
    "check_model_push",
    "push_model_options",
    "push_trained",
    "show_outcome",
]

Command = Callable[..., object]
HASH_WIDTH = 12


@dataclass(frozen=True)
class ModelDestination:
    """Where a model that is trained goes.

    Attributes:
        name: ORG/NAME of the model.
        public: Publish it.
        dry_run: Only say what would go where.
        merged: Push the merged model in place of the adapter.
        harmful: The value that it is trained for, where that does harm.
        replace: Put it in the place of another model.
    """

    name: str
    public: bool
    dry_run: bool
    merged: bool
    harmful: str | None
    replace: bool


@dataclass(frozen=True)
class PushOutcome:
    """What a push did, or would do.

    Attributes:
        plan: What has changed.
        commit: Commit that holds the model; None where nothing was written.
        url: Page of the model; None where nothing was written.
    """

    plan: "ModelPlan"
    commit: str | None = None
    url: str | None = None

    def to_json(self) -> dict[str, Any]:
        """What a script is told, as JSON types."""
        return {
            "name": self.plan.name,
            "audience": self.plan.audience,
            "new": [item.path for item in self.plan.new],
            "changed": [item.path for item in self.plan.changed],
            "unchanged": [item.path for item in self.plan.unchanged],
            "deleted": list(self.plan.deleted),
            "commit": self.commit,
            "url": self.url,
        }


def push_model_options(command: Command) -> Command:
    """Adds --push-to and how a model is pushed."""
    for option in (
        click.option("--yes", is_flag=True, help="With --push-to, ask nothing, for scripts."),
        click.option(
            "--dry-run",
            is_flag=True,
            help="With --push-to, train, then say what would go where, and show the card; nothing "
            "is written on the Hub.",
        ),
        click.option(
            "--replace",
            is_flag=True,
            help="With --push-to, put the model in the place of another one of that name, whose "
            "files are deleted; its commits stay.",
        ),
        click.option(
            "--public",
            is_flag=True,
            help="With --push-to, publish the model.  Without it, it is private.",
        ),
        click.option(
            "--push-to",
            metavar="ORG/NAME",
            help="Put the tuned model on the Hugging Face Hub: weights, card, run.json, metrics "
            "and figure in one commit.",
        ),
    ):
        command = option(command)
    return command


def check_model_push(options: dict[str, Any], inputs: "Inputs") -> ModelDestination | None:
    """Refuses before a training what would be refused after it, and asks what would be asked.

    Args:
        options: The command's.
        inputs: What is to be trained on what.

    Returns:
        Where the model goes; None where it stays here.

    Raises:
        RecipeError: If options do not go together.
        ReleaseError: If the release has no such subset.
        HubError: If the name or the token is wrong, another model has the name, nobody could load
            the model, or the answer is no.
    """
    name = options["push_to"]
    if name is None:
        if any(options[key] for key in ("public", "replace", "dry_run", "yes")):
            raise RecipeError(
                "--public, --replace, --dry-run and --yes say how a model is pushed; give "
                "--push-to, too, or leave them away."
            )
        return None
    if options["arms"] is not None:
        raise RecipeError(
            "--push-to takes one model and --arms trains several; leave one of them out."
        )
    inputs.release.files(inputs.value, "train")
    from valuedata.hub.connection import check_login, connect
    from valuedata.hub.model import check_model_name
    from valuedata.hub.model_content import check_base, name_base
    from valuedata.hub.model_place import check_place

    check_model_name(name)
    if not (options["merge"] or inputs.recipe.full):
        check_base(inputs.base.name)
    check_login(connect())
    identity = {
        "release": inputs.release.content_hash,
        "value": inputs.value,
        "method": inputs.recipe.method,
        "base": name_base(inputs.base.name),
    }
    check_place(
        name,
        identity,
        stages=inputs.recipe.stages,
        public=options["public"],
        replace=options["replace"],
    )
    harmful = _find_harmful(inputs)
    if harmful is not None and not (options["yes"] or options["dry_run"]):
        confirm_harm([harmful], name, "Nothing was trained or pushed")
    return ModelDestination(
        name,
        options["public"],
        options["dry_run"],
        merged=options["merge"],
        harmful=harmful,
        replace=options["replace"],
    )


def _find_harmful(inputs: "Inputs") -> str | None:
    """The value that is trained, or that a control was drawn for, where that does harm."""
    control = inputs.release.manifest["values"][inputs.value].get("control")
    value = control["value"] if control else inputs.value
    return value if value in inputs.release.harmful else None


def push_trained(run: "Run", destination: ModelDestination, *, quiet: bool) -> PushOutcome:
    """Pushes the model of a run that has ended.

    Args:
        run: The run.
        destination: Where its model goes.
        quiet: Print only warnings and errors.

    Raises:
        HubError: If it could not be pushed; the run is whole all the same.
    """
    from training.merging import MERGED
    from training.run import locate_weights
    from valuedata.hub.model import plan_model, push_model
    from valuedata.hub.model_content import prepare_model
    from valuedata.hub.model_place import find_licence

    be_quiet(quiet=quiet)
    weights = run.folder / MERGED if destination.merged else locate_weights(run)
    try:
        model = run.record["model"]
        licence = None
        if run.record["made"] is None and not Path(model["name"]).exists():
            licence = find_licence(model["name"], model["revision"])
        plan = plan_model(
            prepare_model(run.folder, weights, licence),
            destination.name,
            harmful=destination.harmful,
            public=destination.public,
            replace=destination.replace,
        )
        if destination.dry_run:
            return PushOutcome(plan)
        pushed = push_model(plan)
    except HubError as error:
        raise HubError(
            f"{str(error).rstrip('.')}; the run in {run.folder} is whole, and the same command "
            "goes on from there."
        ) from error
    return PushOutcome(plan, pushed.commit, pushed.url)


def show_outcome(outcome: PushOutcome) -> None:
    """Prints what a push did, or would do."""
    plan = outcome.plan
    states = (("new", plan.new), ("changed", plan.changed), ("unchanged", plan.unchanged))
    counts = ", ".join(f"{len(items)} {state}" for state, items in states)
    if plan.deleted:
        counts += f", {len(plan.deleted)} deleted"
    if outcome.commit is not None:
        click.echo(f"\nFiles: {counts}; commit {outcome.commit[:HASH_WIDTH]}")
        click.echo(f"{outcome.url} ({plan.audience})")
        return
    click.echo(f"\n{plan.name} ({plan.audience})\n")
    echo_table(
        ("file", "bytes", "what"),
        (
            *((item.path, item.size, state) for state, items in states for item in items),
            *((path, "", "deleted") for path in plan.deleted),
        ),
    )
    click.echo(f"\nFiles: {counts}; nothing was written on the Hub.  The card:\n")
    for line in plan.content.card.splitlines():
        click.echo(clean_line(line))
